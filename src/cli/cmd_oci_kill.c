/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <signal.h>

#include "base/signal_name.h"
#include "base/str.h"
#include "cli/oci.h"

typedef struct OciKillOptions {
        bool all;
} OciKillOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", OciKillOptions, all, "Signal all of its processes"),
        {},
};

/* Unlike kill(1)'s, number 0 is one: it asks whether the container lives. */
static int read_signal(const char *text, int *ret, Err *err) {
        if (!text || parse_int(text, 0, SIGRTMAX, ret) == 0)
                return 0;
        *ret = signal_parse(text);
        return *ret < 0 ? refuse(err, EINVAL, "'%s' is not a signal", text) : 0;
}

static int cmd_oci_kill(const CommandInput *in, Err *err) {
        const OciKillOptions *o = in->options;
        autoptr(OciContainer) c = NULL;
        int signal = SIGTERM, r;

        r = read_signal(in->args[1], &signal, err);
        if (r >= 0)
                r = oci_operand(in, &c, err);
        return r < 0 ? r : oci_kill(c, signal, o->all, err);
}

COMMAND(oci_kill) = {
        .name = "oci kill",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID [SIGNAL]",
        .summary = "Send a signal to a container's process (SIGTERM)",
        .options = options,
        .options_size = sizeof(OciKillOptions),
        .min_args = 1,
        .max_args = 2,
        .no_home = true,
        .run = cmd_oci_kill,
};
