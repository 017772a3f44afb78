/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "lab/doctor.h"

#define NODES     100
#define NODES_MAX 1000000

typedef struct DoctorOptions {
        const char *format;
        int nodes;
} DoctorOptions;

static const Option options[] COMMAND_DATA = {
        OPT_INT('n', "nodes", DoctorOptions, nodes, "N", "Look whether N nodes are possible (100)"),
        OPT_STRING(0, "format", DoctorOptions, format, "FORMAT",
                   "Print as json, as a table, or by a Go template"),
        {},
};

static const Column columns[] = {
        { "GROUP", "Group", false },
        { "FEATURE", "Feature", false },
        { "STATUS", "Status", false },
        { "DETAIL", "Detail", false },
        { "WITHOUT IT", "Without", false },
        { "REMEDY", "Remedy", false },
        {},
};

static int print_rows(const Diagnosis *d, const char *format, Err *err) {
        json_t *rows = json_array();
        int r = rows ? 0 : -ENOMEM;

        for (size_t i = 0; i < d->n_findings && r >= 0; i++) {
                const Finding *f = &d->findings[i];
                json_t *row =
                        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Group", f->group, "Feature",
                                  f->name, "Status", finding_status_names[f->status], "Detail",
                                  f->detail, "Without", f->without, "Remedy", f->remedy);

                r = row && json_array_append_new(rows, row) == 0 ? 0 : -ENOMEM;
        }
        r = r < 0 ? fail(err, r, "cannot show what was found")
                  : format_rows(columns, rows, format, err);
        json_decref(rows);
        return r;
}

/* What is missing has three lines: what, what happens without it, and what to do. */
static int print_text(const Diagnosis *d, Err *err) {
        autofree char *safe = NULL;
        const char *group = NULL;
        autostr s = {};

        for (size_t i = 0; i < d->n_findings; i++) {
                const Finding *f = &d->findings[i];

                if (!group || !str_equal(group, f->group))
                        str_printf(&s, "%s%s\n", group ? "\n" : "", f->group);
                group = f->group;
                str_printf(&s, "  %-8s %s%s%s\n", finding_status_names[f->status], f->name,
                           *f->detail ? ": " : "", f->detail);
                if (*f->without)
                        str_printf(&s, "           %s\n", f->without);
                if (*f->remedy)
                        str_printf(&s, "           remedy: %s\n", f->remedy);
        }
        safe = s.failed ? NULL : str_printable_lines(s.text);
        if (!safe)
                return fail(err, ENOMEM, "cannot show what was found");
        (void) fputs(safe, stdout);
        return 0;
}

static int cmd_lab_doctor(const CommandInput *in, Err *err) {
        const DoctorOptions *o = in->options;
        int nodes = o->nodes == 0 ? NODES : o->nodes, r;
        autodiagnosis d = {};

        if (nodes < 1 || nodes > NODES_MAX)
                return refuse(err, EINVAL, "a lab has 1 to %d nodes, not %d", NODES_MAX, nodes);
        r = doctor_examine(in->home->data_fd, (unsigned) nodes, &d);
        if (r < 0)
                return fail(err, r, "cannot examine this machine");
        r = o->format ? print_rows(&d, o->format, err) : print_text(&d, err);
        if (r < 0)
                return r;
        (void) fflush(stdout);
        if (d.hopeless)
                return refuse(err, EOPNOTSUPP, "this machine can have no labs");
        return d.low && o->nodes > 0
                       ? refuse(err, ENOSPC, "this machine can have no lab of %d nodes", nodes)
                       : 0;
}

COMMAND(lab_doctor) = {
        .name = "lab doctor",
        .group = "Labs",
        .synopsis = "[OPTION...]",
        .summary = "Show what this machine can and cannot do for labs, and remedies",
        .options = options,
        .options_size = sizeof(DoctorOptions),
        .run = cmd_lab_doctor,
};
