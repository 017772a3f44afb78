/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/interrupt.h"
#include "cli/lab_marks.h"
#include "cli/lab_measure.h"
#include "cli/lab_output.h"
#include "measure/plan.h"
#include "topology/read.h"

#define DEFAULT_FILE "report.html"
#define FILE_MAX     ((size_t) 512 << 20)
#define STOPPED      130

typedef struct ReportOptions {
        MeasureOptions measure; /* first: what lab_measure_write_files() reads */
        const char *output, *title;
        bool quiet;
} ReportOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('o', "output", ReportOptions, output, "FILE", "The page (report.html)", "file"),
        OPT_FLAG('q', "quiet", ReportOptions, quiet, "Print nothing"),
        OPT_INT('r', "repeat", ReportOptions, measure.repeat, "N", "Measure N times (3)"),
        OPT_STRING(0, "title", ReportOptions, title, "TEXT",
                   "Heading of the page (the lab's name)"),
        OPT_GROUP("Also"),
        OPT_STRING('s', "save", ReportOptions, measure.save, "FILE", "Write all of it as JSON",
                   "file"),
        OPT_STRING(0, "csv", ReportOptions, measure.csv, "FILE", "Write the figures as CSV",
                   "file"),
        OPT_STRING(0, "series", ReportOptions, measure.series, "FILE",
                   "Write all single values as CSV", "file"),
        OPT_STRING(0, "flent", ReportOptions, measure.flent, "FILE",
                   "Write for flent, FILE.flent.gz for each run", "file"),
        {},
};

/* ---- from files ---- */

static int read_files(char *const *files, Report *report, Err *err) {
        int r = 0;

        strv_foreach(file, files) {
                autofree char *text = NULL;
                size_t size;

                if (r < 0)
                        break;
                r = file_read(AT_FDCWD, *file, FILE_MAX, &text, &size);
                r = r < 0 ? fail(err, r, "cannot read '%s'", *file)
                          : report_read(report, text, size, *file, err);
        }
        return r;
}

/* ---- from a lab ---- */

/* The measurements as the file says them now; see cmd_lab_test.c. */
static int take_measurements(Lab *lab, const char *operand, Err *err) {
        const char *file = operand && strchr(operand, '.') ? operand : lab->state.source;
        autoptr(Topology) now = NULL;
        Topology *t = lab->topology;
        Step *steps = t->measurements;
        size_t n = t->n_measurements;
        int r;

        if (!file || file_access(AT_FDCWD, file, R_OK) < 0)
                return 0;
        r = topology_read(file, NULL, &now, err);
        if (r < 0)
                return r;
        t->measurements = now->measurements;
        t->n_measurements = now->n_measurements;
        now->measurements = steps;
        now->n_measurements = n;
        return str_set(&t->file, file) < 0 ? fail(err, ENOMEM, "cannot read the measurements") : 0;
}

static int measure_and_draw(Lab *lab, const CheckList *list, int repeat, int stop, Report *report,
                            Err *err) {
        autolinkmarks before = {}, after = {};
        int64_t begun = monotonic_ns();
        autostr drawing = {};
        int r = link_marks_take(lab, false, &before, err);

        if (r >= 0)
                r = lab_measure_all(lab, list, repeat, stop, report, err);
        if (r >= 0)
                r = link_marks_take(lab, false, &after, err);
        if (r < 0)
                return r;
        r = link_marks_draw(lab, &before, &after, (double) (monotonic_ns() - begun) / 1e9,
                            &drawing);
        report->drawing = r >= 0 ? str_take(&drawing) : NULL;
        return report->drawing ? 0 : fail(err, ENOMEM, "cannot draw the lab");
}

static int measure_lab(const CommandInput *in, const ReportOptions *o, int stop, Report *report,
                       Err *err) {
        const char *operand = in->n_args > 0 ? in->args[0] : NULL;
        int repeat = lab_measure_repeats(o->measure.repeat, REPEATS_WANTED, err), r = repeat;
        autoptr(Lab) lab = NULL;
        autochecks list = {};

        if (r >= 0)
                r = lab_operand_open(in->home, operand, &lab, err);
        if (r >= 0)
                r = take_measurements(lab, operand, err);
        if (r >= 0)
                r = plan_read(lab->topology, lab->topology->measurements,
                              lab->topology->n_measurements, &list, err);
        if (r < 0)
                return r;
        if (list.n == 0)
                return err_hint(err, refuse(err, ENOENT, "lab '%s' has no measurements", lab->name),
                                "they stand in its file below 'measurements:'; or name files that "
                                "'isola lab measure … --save' has written");
        if (str_set(&report->title, lab->name) < 0)
                return fail(err, ENOMEM, "cannot make a report");
        return measure_and_draw(lab, &list, repeat, stop, report, err);
}

/* ---- both ---- */

static int say(const Report *report, const char *path, Err *err) {
        autostrv sentences = NULL;
        autostr text = {};

        if (report_soundness(report, &sentences) < 0)
                return fail(err, ENOMEM, "cannot make a report");
        str_printf(&text, "%s: %zu run%s\n", path, report->n_records,
                   report->n_records == 1 ? "" : "s");
        strv_foreach(s, sentences)
                str_printf(&text, "caution: %s\n", *s);
        return lab_print(&text, err);
}

static int cmd_lab_report(const CommandInput *in, Err *err) {
        const ReportOptions *o = in->options;
        const char *path = o->output ? o->output : DEFAULT_FILE;
        MeasureOptions files = o->measure;
        autoclose int stop = interrupt_open();
        autoreport report = {};
        int r = stop < 0 ? fail(err, stop, "cannot take signals") : 0;

        files.html = path;
        if (r >= 0 && report_begin(&report, "isola") < 0)
                r = fail(err, ENOMEM, "cannot make a report");
        if (r >= 0)
                r = in->n_args > 0 && str_ends_with(in->args[0], ".json")
                            ? read_files(in->args, &report, err)
                    : in->n_args > 1 ? refuse(err, EINVAL,
                                              "a report is of one lab, or of files that end in "
                                              "'.json'")
                                     : measure_lab(in, o, stop, &report, err);
        if (r >= 0 && o->title && str_set(&report.title, o->title) < 0)
                r = fail(err, ENOMEM, "cannot make a report");
        if (r >= 0)
                r = lab_measure_write_files(&report, &files, err);
        if (r >= 0 && !o->quiet)
                r = say(&report, path, err);
        return r < 0 ? r : probe_is_stopped(stop) ? STOPPED : 0;
}

COMMAND(lab_report) = {
        .name = "lab report",
        .group = "Labs",
        .synopsis = "[OPTION...] [LAB|FILE.json...]",
        .summary = "Carry out a lab's measurements and write a page about them",
        .options = options,
        .options_size = sizeof(ReportOptions),
        .max_args = ARGS_ANY,
        .completes = "lab",
        .run = cmd_lab_report,
};
