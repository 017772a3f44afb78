/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the verbs `lab measure …` and `lab report` have in common. */

#include "cli/command.h"
#include "cli/lab_operand.h"
#include "measure/check.h"
#include "measure/report.h"

/* Every verb's options; a table says which of them it has.  Texts are settings of measure/plan.h,
 * NULL where not given. */
typedef struct MeasureOptions {
        const char *lab, *format, *save, *csv, *series, *html, *flent;
        int repeat;
        bool ipv4, ipv6, reverse;
        const char *count, *interval, *size, *timeout, *duration, *flows, *congestion, *rate, *idle,
                *sizes, *resolution, *tolerance;
} MeasureOptions;

#define MEASURE_TEXT(s, n, m, v, h) OPT_STRING(s, n, MeasureOptions, m, v, h)
#define MEASURE_FAMILY                                            \
        OPT_FLAG('4', "ipv4", MeasureOptions, ipv4, "Over IPv4"), \
                OPT_FLAG('6', "ipv6", MeasureOptions, ipv6, "Over IPv6")
#define MEASURE_REVERSE OPT_FLAG('R', "reverse", MeasureOptions, reverse, "TO sends to FROM")
#define MEASURE_RESULTS_ONLY                                                                   \
        OPT_GROUP("Repetitions and results"),                                                  \
                OPT_INT('r', "repeat", MeasureOptions, repeat, "N", "Measure N times (1)"),    \
                OPT_STRING(0, "format", MeasureOptions, format, "FORMAT",                      \
                           "Print as text, json or csv (text)", "text|json|csv"),              \
                OPT_STRING('s', "save", MeasureOptions, save, "FILE",                          \
                           "Write all of it as JSON, for lab report", "file"),                 \
                OPT_STRING(0, "html", MeasureOptions, html, "FILE", "Write a page with plots", \
                           "file"),                                                            \
                OPT_STRING(0, "csv", MeasureOptions, csv, "FILE", "Write the figures as CSV",  \
                           "file"),                                                            \
                OPT_STRING(0, "series", MeasureOptions, series, "FILE",                        \
                           "Write all single values as CSV", "file"),                          \
                OPT_STRING(0, "flent", MeasureOptions, flent, "FILE",                          \
                           "Write for flent, FILE.flent.gz for each repetition", "file")
#define MEASURE_RESULTS MEASURE_RESULTS_ONLY, OPT_LAB(MeasureOptions, lab)
/* Measures by the command line: FROM TO, or nodes for a matrix.  Return: exit code. */
int lab_measure(const CommandInput *in, const char *kind, Err *err);

/* Carries a list out, each entry @repeat times, round after round, so that what the host does
 * meanwhile meets all alike.  Ends early once @stop is readable. */
int lab_measure_all(Lab *lab, const CheckList *list, int repeat, int stop, Report *report,
                    Err *err);

/* How many times: @repeat, or @otherwise for 0; -EINVAL with a sentence. */
int lab_measure_repeats(int repeat, int otherwise, Err *err);

int lab_measure_check_format(const char *format, Err *err);

/* Writes the files that options ask for. */
int lab_measure_write_files(const Report *report, const MeasureOptions *o, Err *err);
/* The same, and prints the results. */
int lab_measure_write(const Report *report, const MeasureOptions *o, Err *err);
/* Replaces a file by a text. */
int lab_measure_write_file(const char *path, const char *text, size_t size, Err *err);
