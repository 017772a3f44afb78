/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "cli/oci.h"

/* Understood, so that what is refused is the verb. */
typedef struct OciCheckpointOptions {
        const char *value;
        bool flag;
} OciCheckpointOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "image-path", OciCheckpointOptions, value, "VALUE", NULL),
        OPT_STRING(0, "work-path", OciCheckpointOptions, value, "VALUE", NULL),
        OPT_STRING(0, "parent-path", OciCheckpointOptions, value, "VALUE", NULL),
        OPT_STRING(0, "manage-cgroups-mode", OciCheckpointOptions, value, "VALUE", NULL),
        OPT_STRING(0, "page-server", OciCheckpointOptions, value, "VALUE", NULL),
        OPT_STRING(0, "status-fd", OciCheckpointOptions, value, "VALUE", NULL),
        OPT_FLAG(0, "leave-running", OciCheckpointOptions, flag, NULL),
        OPT_FLAG(0, "tcp-established", OciCheckpointOptions, flag, NULL),
        OPT_FLAG(0, "tcp-skip-in-flight", OciCheckpointOptions, flag, NULL),
        OPT_FLAG(0, "ext-unix-sk", OciCheckpointOptions, flag, NULL),
        OPT_FLAG(0, "shell-job", OciCheckpointOptions, flag, NULL),
        OPT_FLAG(0, "file-locks", OciCheckpointOptions, flag, NULL),
        OPT_FLAG(0, "pre-dump", OciCheckpointOptions, flag, NULL),
        OPT_FLAG(0, "lazy-pages", OciCheckpointOptions, flag, NULL),
        OPT_FLAG(0, "auto-dedup", OciCheckpointOptions, flag, NULL),
        {},
};

static int cmd_oci_checkpoint(const CommandInput *in, Err *err) {
        return err_hint(err, refuse(err, EOPNOTSUPP, "containers cannot be checkpointed"),
                        "isola does not work with CRIU yet");
}

COMMAND(oci_checkpoint) = {
        .name = "oci checkpoint",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID",
        .summary = "Refused: isola does not work with CRIU yet",
        .options = options,
        .options_size = sizeof(OciCheckpointOptions),
        .min_args = 0,
        .max_args = ARGS_ANY,
        .no_home = true,
        .run = cmd_oci_checkpoint,
};
