/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/format.h"
#include "cli/operands.h"
#include "cli/run_options.h"
#include "engine/audit.h"

typedef struct AuditOptions {
        const char *format;
} AuditOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", AuditOptions, format, "FORMAT",
                   "Print as json, as a table, or by a Go template"),
        {},
};

static const Column columns[] = {
        { "CHECK", "Check", false },
        { "VERDICT", "Verdict", false },
        { "FOUND", "Found", false },
        {},
};

static int print_report(const AuditReport *report, const char *format, Err *err) {
        json_t *rows = json_array();
        int r = rows ? 0 : -1;

        for (size_t i = 0; i < report->n_findings && r >= 0; i++) {
                const AuditFinding *f = &report->findings[i];

                r = json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "Check", f->check,
                                                          "Verdict", audit_verdict_name(f->verdict),
                                                          "Found", f->found));
        }
        r = r < 0 ? fail(err, ENOMEM, "cannot print the audit")
                  : format_rows(columns, rows, format, err);
        json_decref(rows);
        return r;
}

static int audit(Container *c, const char *format, Err *err) {
        AuditReport report = {};
        int r, open = 0;

        r = container_audit(c, &report, err);
        if (r >= 0)
                r = print_report(&report, format, err);
        for (size_t i = 0; i < report.n_findings; i++)
                open += report.findings[i].verdict == AUDIT_OPEN;
        audit_report_clear(&report);
        if (r < 0)
                return r;
        if (open > 0) {
                fflush(stdout);
                return refuse(err, EACCES, "%d way%s out of container '%s' %s open", open,
                              open == 1 ? "" : "s", c->name, open == 1 ? "is" : "are");
        }
        return 0;
}

/* What anybody gets who says nothing but what to run. */
static int audit_fresh(const Home *home, const char *format, Err *err) {
        /* It goes by itself if this command is killed. */
        char *args[] = { (char *) "@host", (char *) "sleep", (char *) "600", NULL };
        const RunOptions defaults = { .detach = true, .remove = true };
        autoptr(Container) c = NULL;
        autoptr(Container) running = NULL;
        int r;

        r = run_create(home, &defaults, args, &c, err);
        if (r < 0)
                return r;
        r = container_start(c, NULL, NULL, err);
        if (r >= 0)
                r = container_load(home, c->id, &running, err);
        if (r >= 0)
                r = audit(running, format, err);
        (void) container_remove(c, true, true, NULL);
        return r;
}

static int cmd_audit(const CommandInput *in, Err *err) {
        const AuditOptions *o = in->options;
        autoptr(Container) c = NULL;
        int r;

        if (in->n_args == 0)
                return audit_fresh(in->home, o->format, err);
        r = container_load(in->home, in->args[0], &c, err);
        return r < 0 ? r : audit(c, o->format, err);
}

COMMAND(audit) = {
        .name = "audit",
        .group = "System",
        .synopsis = "[OPTION...] [CONTAINER]",
        .summary = "Try from inside what a container can really do",
        .options = options,
        .options_size = sizeof(AuditOptions),
        .min_args = 0,
        .max_args = 1,
        .completes = "container",
        .run = cmd_audit,
};
