/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Records: one run of one measurement
 *
 * What every probe gave, in one form: named figures, series, and sentences on why they
 * are to be taken with care.  Reports, files and comparisons are made of records alone,
 * so that those of yesterday, of another machine or another lab can stand beside each
 * other.
 */

#include "measure/cpu.h"
#include "measure/load.h"
#include "measure/matrix.h"
#include "measure/ping.h"
#include "measure/sample.h"
#include "measure/stream.h"
#include "measure/sweep.h"
#include "measure/tcp.h"

struct json_t; /* jansson's */

typedef struct Figure {
        char *name, *unit; /* "rtt median", "ms"; a unit may be "" */
        double value;      /* NAN: there is none */
        bool main;         /* what a measurement of its kind is mostly about */
} Figure;

/* A row of a table that belongs to a record: a sweep's sizes, a matrix's pairs. */
typedef struct RecordRow {
        char **cells;
} RecordRow;

typedef struct Record {
        char *kind;      /* "ping", "owd", "udp", "tcp", "sweep", "load", "matrix", "boot" */
        char *lab;       /* or NULL */
        char *label;     /* what it was measured on, "h1 to h2": repetitions share it */
        int repetition;  /* from 1 */
        char *started;   /* RFC 3339 */
        char **settings; /* KEY=VALUE: how it was measured */
        char **cautions; /* sentences */
        double load_before, busy_share, stolen_share; /* of the host; NAN: not known */
        double seconds;
        Figure *figures;
        size_t n_figures;
        Series *series;
        size_t n_series;
        char **columns; /* of the table, if it has one */
        RecordRow *rows;
        size_t n_rows;
} Record;

void record_clear(Record *r);
#define autorecord __attribute__((__cleanup__(record_clear))) Record

/* Begins one: the time, the host's load.  -ENOMEM. */
int record_begin(Record *r, const char *kind, const char *label);
int record_setting(Record *r, const char *format, ...) printf_like(2, 3);
int record_caution(Record *r, const char *format, ...) printf_like(2, 3);
int record_figure(Record *r, const char *name, const char *unit, double value, bool main);
/* min, median, mean, p95, p99, max, deviation of a series, as "NAME median" …; jitter if asked. */
int record_summary(Record *r, const char *name, const Series *s, bool jitter);
const Figure *record_find(const Record *r, const char *name);
/* Between two marks, with sentences where the host was too busy for its figures to be trusted. */
int record_host(Record *r, const CpuMark *before, const CpuMark *after);

/* Each fills a record that has begun with what a probe saw; series move into it.  -ENOMEM. */
int record_ping(Record *r, PingResult *result);
int record_stream(Record *r, StreamResult *result);
int record_tcp(Record *r, TcpResult *result);
int record_loaded(Record *r, LoadResult *result);
int record_sweep(Record *r, const SweepResult *result);
/* @names: of the stations. */
int record_matrix(Record *r, const MatrixResult *result, char *const *names);

/* "1.234 ms", "97.3 Mbit/s", "—" for none; the caller's; NULL without memory. */
char *figure_words(double value, const char *unit);

/* A JSON object and back, with all values of all series. */
struct json_t *record_json(const Record *r);
/* -EINVAL with a sentence that names @place. */
int record_from_json(const struct json_t *json, const char *place, Record *ret, Err *err);
