/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reports: records put together
 *
 * Records of one kind, lab, label and settings are repetitions of each other and make a
 * group; groups of one kind are compared.  A report says what its figures do not support:
 * too few repetitions, differences within the spread, a host that was busy, an emulator
 * that was late.
 */

#include "base/str.h"
#include "measure/host.h"
#include "measure/record.h"

#define REPEATS_WANTED 3

typedef struct Report {
        char *title, *created; /* RFC 3339 */
        char *drawing;         /* an SVG element of the topology; or NULL */
        Host host;
        char **cautions; /* about all of it: records of several machines */
        Record *records;
        size_t n_records;
} Report;

void report_clear(Report *r);
#define autoreport __attribute__((__cleanup__(report_clear))) Report
/* An empty one of this machine, now; -ENOMEM. */
int report_begin(Report *r, const char *title);
/* Takes over all that @record owns; -ENOMEM. */
int report_add(Report *r, Record *record);

typedef struct Group {
        char *name; /* the label; of several with one label, also the settings that not all share */
        const Record **members;
        size_t n;
} Group;

/* All groups of a kind, in the order of their first records; free with group_list_free(). */
int report_groups(const Report *r, const char *kind, Group **ret, size_t *ret_n);
void group_list_free(Group *groups, size_t n);
/* Kinds that occur, in the order in which they do; the caller's strv of borrowed-free copies. */
int report_kinds(const Report *r, char ***ret);
/* A figure's value in each repetition that has it; the caller's, with its count. */
double *group_values(const Group *g, const char *figure, size_t *ret_n);

/* Sentences on what the report does not support; the caller's list.  -ENOMEM. */
int report_soundness(const Report *r, char ***ret);

/* One page without anything from elsewhere, well-formed as XML too. */
int report_html(const Report *r, Str *out);
/* JSON with all that there is; report_read() reads it. */
int report_json(const Report *r, Str *out);
/* One line for each figure of each record (RFC 4180). */
void report_csv(const Report *r, Str *out);
/* One line for each value of each series. */
void report_series_csv(const Report *r, Str *out);
/* One record as flent reads it (version 3 of its format), not compressed.  -ENODATA for a record
 * without series, -ERANGE for one of more than a week. */
int report_flent(const Report *r, const Record *record, Str *out);
/* gzip (RFC 1952); the caller's. */
int gzip_text(const char *text, size_t size, char **ret, size_t *ret_size);

/* Adds the records of a JSON report, and says in its cautions if they are of another machine.  The
 * first one gives @r its host and title.  -EINVAL with a sentence that names @place. */
int report_read(Report *r, const char *text, size_t size, const char *place, Err *err);
