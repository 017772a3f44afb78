/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/lab_checks.h"
#include "cli/lab_operand.h"
#include "lab/nat.h"
#include "topology/address.h"
#include "topology/read.h"

typedef struct TestOptions {
        const char *format, *junit, *tap;
        const char **only;
        bool up, verbose;
} TestOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", TestOptions, format, "FORMAT", "Print as text, junit or tap (text)",
                   "text|junit|tap"),
        OPT_STRING(0, "junit", TestOptions, junit, "FILE", "Also write JUnit's XML to FILE",
                   "file"),
        OPT_LIST(0, "only", TestOptions, only, "PATTERN",
                 "Only tests whose name or kind is like PATTERN"),
        OPT_STRING(0, "tap", TestOptions, tap, "FILE", "Also write TAP to FILE", "file"),
        OPT_FLAG('u', "up", TestOptions, up, "Bring the lab up first, and down afterwards"),
        OPT_FLAG('v', "verbose", TestOptions, verbose, "Show what was seen of those that passed"),
        {},
};

static int check_format(const char *format, Err *err) {
        if (!format || str_equal(format, "text") || str_equal(format, "junit") ||
            str_equal(format, "tap"))
                return 0;
        return err_hint(err, refuse(err, EINVAL, "'%s' is no format of test results", format),
                        "formats are text, junit and tap");
}

static int bring_up(const CommandInput *in, const char *file, Lab **ret, Err *err) {
        autofree char *path = realpath(file, NULL);
        Topology *t = NULL;
        autochecks list = {};
        int r = topology_read(file, NULL, &t, err);

        if (r >= 0)
                r = lab_choose_management(in->home, t, err);
        if (r >= 0)
                r = topology_assign_addresses(t, err);
        if (r >= 0)
                r = check_list_read(t, &list, err);
        if (r >= 0)
                r = lab_up(in->home, t, &(LabOptions){ .source = path ? path : file }, ret, err);
        if (r < 0)
                topology_free(t);
        return r;
}

/* The tests as the file says them now, with its lines; what is up knows those it was made with. */
static int take_tests(Lab *lab, const char *operand, Err *err) {
        const char *file = operand && strchr(operand, '.') ? operand : lab->state.source;
        autoptr(Topology) now = NULL;
        Topology *t = lab->topology;
        Step *tests;
        size_t n;
        int r;

        if (!file || file_access(AT_FDCWD, file, R_OK) < 0)
                return 0;
        r = topology_read(file, NULL, &now, err);
        if (r < 0)
                return r;
        tests = t->tests;
        n = t->n_tests;
        t->tests = now->tests;
        t->n_tests = now->n_tests;
        now->tests = tests;
        now->n_tests = n;
        return str_set(&t->file, file) < 0 ? fail(err, ENOMEM, "cannot read the tests") : 0;
}

static bool is_wanted(const Check *c, const char *const *only) {
        if (!only || !*only)
                return true;
        for (; *only; only++)
                if (str_glob(*only, c->kind->name) || (c->name && str_glob(*only, c->name)))
                        return true;
        return false;
}

typedef struct Results {
        CheckOutcome *list;
        size_t n, bad;
} Results;

static int carry_out(Lab *lab, const CheckList *checks, const TestOptions *o, int stop,
                     Results *ret, Err *err) {
        CheckLab for_lab = lab_checks(lab, stop);

        ret->list = calloc(checks->n + 1, sizeof *ret->list);
        if (!ret->list)
                return fail(err, ENOMEM, "cannot test the lab");
        for (size_t i = 0; i < checks->n; i++) {
                CheckOutcome *outcome = &ret->list[ret->n];

                if (!is_wanted(&checks->list[i], o->only))
                        continue;
                if (check_run(&checks->list[i], &for_lab, outcome) < 0)
                        return fail(err, ENOMEM, "cannot test the lab");
                ret->n++;
                ret->bad += outcome->status != CHECK_PASSED;
        }
        return 0;
}

static int write_results(const Results *r, const Lab *lab, const char *format, const TestOptions *o,
                         const char *path, Err *err) {
        autostr out = {};
        int result;

        if (str_equal(format, "junit"))
                check_write_junit(r->list, r->n, lab->name, lab->topology->file, &out);
        else if (str_equal(format, "tap"))
                check_write_tap(r->list, r->n, &out);
        else
                check_write_text(r->list, r->n, o->verbose, &out);
        if (out.failed)
                return fail(err, ENOMEM, "cannot write the results");
        if (path) {
                result = file_replace(AT_FDCWD, path, out.text, out.length, 0644, false);
                return result < 0 ? fail(err, result, "cannot write '%s'", path) : 0;
        }
        if (isatty(STDOUT_FILENO)) {
                autofree char *safe = str_printable_lines(out.text);

                (void) fputs(safe ? safe : "", stdout);
        } else
                (void) fputs(out.text, stdout);
        return 0;
}

static int test_lab(Lab *lab, const TestOptions *o, int stop, Err *err) {
        autochecks checks = {};
        Results results = {};
        int r = check_list_read(lab->topology, &checks, err);

        if (r >= 0 && checks.n == 0)
                r = err_hint(err, refuse(err, ENOENT, "lab '%s' has no tests", lab->name),
                             "they stand in its file below 'tests:'");
        if (r >= 0)
                r = carry_out(lab, &checks, o, stop, &results, err);
        if (r >= 0 && results.n == 0)
                r = refuse(err, ENOENT, "no test is like what --only says");
        if (r >= 0 && o->junit)
                r = write_results(&results, lab, "junit", o, o->junit, err);
        if (r >= 0 && o->tap)
                r = write_results(&results, lab, "tap", o, o->tap, err);
        if (r >= 0)
                r = write_results(&results, lab, o->format, o, NULL, err);
        if (r >= 0)
                r = results.bad > 0;
        for (size_t i = 0; i < results.n; i++)
                check_outcome_clear(&results.list[i]);
        free(results.list);
        return r;
}

static int cmd_lab_test(const CommandInput *in, Err *err) {
        const TestOptions *o = in->options;
        const char *operand = in->n_args > 0 ? in->args[0] : NULL;
        autoclose int stop = -EBADF;
        autoptr(Lab) lab = NULL;
        int r = check_format(o->format, err), down;

        if (r >= 0)
                r = o->up ? bring_up(in, operand ? operand : ".", &lab, err)
                          : lab_operand_open(in->home, operand, &lab, err);
        if (r < 0)
                return r;
        stop = interrupt_open();
        r = stop < 0 ? fail(err, stop, "cannot take signals") : 0;
        if (r >= 0 && !o->up)
                r = take_tests(lab, operand, err);
        if (r >= 0)
                r = test_lab(lab, o, stop, err);
        if (o->up) {
                down = lab_down(lab, r < 0 ? NULL : err);
                r = r >= 0 && down < 0 ? down : r;
        }
        return r;
}

COMMAND(lab_test) = {
        .name = "lab test",
        .group = "Labs",
        .synopsis = "[OPTION...] [LAB|FILE|DIR]",
        .summary = "Carry out the tests of a lab's file",
        .options = options,
        .options_size = sizeof(TestOptions),
        .max_args = 1,
        .completes = "lab",
        .run = cmd_lab_test,
};
