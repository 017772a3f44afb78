/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "cli/oci.h"

/* Understood, so that what is refused is the verb. */
typedef struct OciRestoreOptions {
        const char *value;
        bool flag;
} OciRestoreOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "image-path", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "work-path", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "bundle", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "config", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "pid-file", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "console-socket", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "manage-cgroups-mode", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "lsm-profile", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "lsm-mount-context", OciRestoreOptions, value, "VALUE", NULL),
        OPT_STRING(0, "preserve-fds", OciRestoreOptions, value, "VALUE", NULL),
        OPT_FLAG(0, "detach", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "tcp-established", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "tcp-close", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "ext-unix-sk", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "shell-job", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "file-locks", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "no-pivot", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "no-subreaper", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "auto-dedup", OciRestoreOptions, flag, NULL),
        OPT_FLAG(0, "lazy-pages", OciRestoreOptions, flag, NULL),
        {},
};

static int cmd_oci_restore(const CommandInput *in, Err *err) {
        return err_hint(err, refuse(err, EOPNOTSUPP, "containers cannot be restored"),
                        "isola does not work with CRIU yet");
}

COMMAND(oci_restore) = {
        .name = "oci restore",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID",
        .summary = "Refused: isola does not work with CRIU yet",
        .options = options,
        .options_size = sizeof(OciRestoreOptions),
        .min_args = 0,
        .max_args = ARGS_ANY,
        .no_home = true,
        .run = cmd_oci_restore,
};
