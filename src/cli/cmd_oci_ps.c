/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/oci.h"
#include "cli/ps_table.h"

typedef struct OciPsOptions {
        const char *format;
} OciPsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('f', "format", OciPsOptions, format, "FORMAT", "Print a table or json (table)",
                   "table|json"),
        {},
};

static void print_json(const pid_t *pids, size_t n) {
        printf("[");
        for (size_t i = 0; i < n; i++)
                printf("%s%d", i ? "," : "", pids[i]);
        printf("]\n");
}

static int cmd_oci_ps(const CommandInput *in, Err *err) {
        const OciPsOptions *o = in->options;
        autoptr(OciContainer) c = NULL;
        autoptr(Cgroup) cgroup = NULL;
        autofree pid_t *pids = NULL;
        size_t n;
        int r;

        if (o->format && !str_equal(o->format, "json") && !str_equal(o->format, "table"))
                return refuse(err, EINVAL, "the format is table or json, not '%s'", o->format);
        r = oci_operand(in, &c, err);
        if (r < 0)
                return r;
        if (oci_container_status(c) == OCI_STOPPED)
                return refuse(err, ESRCH,
                              "cannot list the processes of '%s': container not running", c->id);
        if (!c->record.cgroup)
                return refuse(err, ENODEV,
                              "container '%s' has no cgroup that would tell its processes", c->id);
        r = cgroup_open(c->record.cgroup, &cgroup);
        if (r >= 0)
                r = cgroup_pids(cgroup, &pids, &n);
        if (r < 0)
                return fail(err, r, "cannot list the processes of container '%s'", c->id);
        if (str_equal(o->format, "json")) {
                print_json(pids, n);
                return 0;
        }
        r = ps_table_print(pids, n, in->args + 1, err);
        return r == -EIO ? err_hint(err, r, "--format json needs no other program") : r;
}

COMMAND(oci_ps) = {
        .name = "oci ps",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID [PS-OPTION...]",
        .summary = "List the processes of a container",
        .options = options,
        .options_size = sizeof(OciPsOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .options_first = true,
        .no_home = true,
        .run = cmd_oci_ps,
};
