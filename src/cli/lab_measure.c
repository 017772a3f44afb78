/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/interrupt.h"
#include "cli/lab_checks.h"
#include "cli/lab_marks.h"
#include "cli/lab_measure.h"
#include "measure/plan.h"

#define REPEAT_MAX 1000
#define STOPPED    130 /* as a shell says of SIGINT */

/* ---- the command line as a step ---- */

static int add(Step *step, const char *key, const char *value) {
        return value ? strv_addf(&step->settings, "%s=%s", key, value) : 0;
}

static int add_options(Step *step, const MeasureOptions *o) {
        const char *const pairs[][2] = {
                { "count", o->count },
                { "interval", o->interval },
                { "size", o->size },
                { "timeout", o->timeout },
                { "duration", o->duration },
                { "flows", o->flows },
                { "congestion", o->congestion },
                { "rate", o->rate },
                { "idle", o->idle },
                { "sizes", o->sizes },
                { "resolution", o->resolution },
                { "tolerance", o->tolerance },
                { "direction", o->reverse ? "reverse" : NULL },
                { "family", o->ipv4   ? "ipv4"
                            : o->ipv6 ? "ipv6"
                                      : NULL },
        };
        int r = 0;

        for (size_t i = 0; i < sizeof pairs / sizeof *pairs && r >= 0; i++)
                r = add(step, pairs[i][0], pairs[i][1]);
        return r;
}

static int make_step(const CommandInput *in, const char *kind, Step *step) {
        bool pair = !str_equal(kind, "matrix");
        int r = str_set(&step->kind, kind);

        if (r >= 0 && pair) {
                r = add(step, "from", in->args[0]);
                if (r >= 0)
                        r = add(step, "to", in->args[1]);
        }
        for (int i = 0; r >= 0 && !pair && i < in->n_args; i++)
                r = add(step, "nodes", in->args[i]);
        return r < 0 ? r : add_options(step, in->options);
}

/* ---- measuring ---- */

int lab_measure_repeats(int repeat, int otherwise, Err *err) {
        if (repeat == 0)
                return otherwise;
        if (repeat < 1 || repeat > REPEAT_MAX)
                return refuse(err, EINVAL, "measurements are repeated 1 to %d times, not %d",
                              REPEAT_MAX, repeat);
        return repeat;
}

static int measure_one(Lab *lab, const Check *c, int round, int stop, Report *report, Err *err) {
        CheckLab for_lab = lab_checks(lab, stop);
        autolinkmarks before = {}, after = {};
        autorecord record = {};
        int r = link_marks_take(lab, true, &before, err);

        if (r >= 0)
                r = plan_run(c, &for_lab, round, &record, err);
        if (r >= 0)
                r = link_marks_take(lab, true, &after, err);
        if (r >= 0 && (link_marks_caution(lab, &before, &after, &record) < 0 ||
                       report_add(report, &record) < 0))
                r = fail(err, ENOMEM, "cannot keep what was measured");
        return r;
}

int lab_measure_all(Lab *lab, const CheckList *list, int repeat, int stop, Report *report,
                    Err *err) {
        int r = 0;

        for (int round = 1; round <= repeat && r >= 0; round++)
                for (size_t i = 0; i < list->n && r >= 0 && !probe_is_stopped(stop); i++)
                        r = measure_one(lab, &list->list[i], round, stop, report, err);
        return r == -ECANCELED && probe_is_stopped(stop) ? 0 : r;
}

static int measure_step(Lab *lab, Step *step, const MeasureOptions *o, int stop, Err *err) {
        int repeat = lab_measure_repeats(o->repeat, 1, err), r = repeat;
        autochecks list = {};
        autoreport report = {};

        /* What was typed is in no file. */
        free(lab->topology->file);
        lab->topology->file = NULL;
        if (r >= 0)
                r = plan_read(lab->topology, step, 1, &list, err);
        if (r >= 0 && report_begin(&report, lab->name) < 0)
                r = fail(err, ENOMEM, "cannot measure");
        if (r >= 0)
                r = lab_measure_all(lab, &list, repeat, stop, &report, err);
        if (r >= 0)
                r = lab_measure_write(&report, o, err);
        return r < 0 ? r : probe_is_stopped(stop) ? STOPPED : 0;
}

int lab_measure_check_format(const char *format, Err *err) {
        if (!format || str_equal(format, "text") || str_equal(format, "json") ||
            str_equal(format, "csv"))
                return 0;
        return err_hint(err, refuse(err, EINVAL, "'%s' is no format of results", format),
                        "formats are text, json and csv");
}

int lab_measure(const CommandInput *in, const char *kind, Err *err) {
        const MeasureOptions *o = in->options;
        autoclose int stop = -EBADF;
        autoptr(Lab) lab = NULL;
        Step step = {};
        int r;

        if (o->ipv4 && o->ipv6)
                return refuse(err, EINVAL, "--ipv4 and --ipv6 exclude each other");
        r = lab_measure_check_format(o->format, err);
        if (r >= 0)
                r = lab_operand_open(in->home, o->lab, &lab, err);
        if (r < 0)
                return r;
        stop = interrupt_open();
        r = stop < 0 ? fail(err, stop, "cannot take signals") : 0;
        if (r >= 0 && make_step(in, kind, &step) < 0)
                r = fail(err, ENOMEM, "cannot measure");
        if (r >= 0)
                r = measure_step(lab, &step, o, stop, err);
        free(step.kind);
        strv_free(step.settings);
        return r;
}
