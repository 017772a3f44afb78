/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What each probe saw, as a record. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "measure/record.h"

#define MATRIX_SHOWN 200  /* stations that a table has room for */
#define OFFERED      0.95 /* share of the rate asked for below which the sender was too slow */

/* Several figures at once. */
typedef struct Row {
        const char *name, *unit;
        double value;
        bool main;
} Row;

static int add_rows(Record *r, const Row *rows, size_t n) {
        int result = 0;

        for (size_t i = 0; i < n && result >= 0; i++)
                result = record_figure(r, rows[i].name, rows[i].unit, rows[i].value, rows[i].main);
        return result;
}
#define ADD_ROWS(r, rows) add_rows(r, rows, sizeof(rows) / sizeof *(rows))

/* Moves a series; @prefix, if any, stands in front of its name. */
static int move_series(Record *r, Series *s, const char *prefix) {
        Series *to = s->count ? json_grow(&r->series, &r->n_series, sizeof *to) : NULL;
        char *name;

        if (s->count == 0)
                return 0;
        if (!to)
                return -ENOMEM;
        *to = *s;
        *s = (Series){};
        if (!prefix)
                return 0;
        name = str_format("%s%s", prefix, to->name ? to->name : "");
        if (!name)
                return -ENOMEM;
        free(to->name);
        to->name = name;
        return 0;
}

static int note_stop(Record *r, bool stopped) {
        return stopped ? record_caution(r, "it was stopped before its end") : 0;
}

static int note_few(Record *r, uint64_t n, const char *what) {
        if (n == 0 || n >= 20)
                return 0;
        return record_caution(r, "percentiles of only %llu %s say little", (unsigned long long) n,
                              what);
}

int record_ping(Record *r, PingResult *p) {
        const Row rows[] = {
                { "loss", "%", ping_loss(p) * 100, false },
                { "sent", "", (double) p->sent, false },
                { "received", "", (double) p->received, false },
                { "duplicates", "", (double) p->duplicates, false },
                { "reordered", "", (double) p->reordered, false },
                { "late", "", (double) p->late, false },
        };
        int result = record_summary(r, "rtt", &p->rtt, true);

        if (result >= 0)
                result = ADD_ROWS(r, rows);
        if (result >= 0 && p->error < 0)
                result = record_caution(r, "the last answer was: %s", strerror(-p->error));
        if (result >= 0)
                result = note_few(r, p->rtt.count, "round trips");
        if (result >= 0)
                result = note_stop(r, p->stopped);
        return result < 0 ? result : move_series(r, &p->rtt, NULL);
}

static int note_stream(Record *r, const StreamResult *s) {
        int result = note_stop(r, s->stopped);

        if (result >= 0 && s->overrun > 0)
                result = record_caution(r,
                                        "%llu datagrams arrived, but the receiver was too slow to "
                                        "take them: they are no loss of the network",
                                        (unsigned long long) s->overrun);
        if (result >= 0 && !s->stopped && s->offered_bps < s->asked_bps * OFFERED)
                result = record_caution(r,
                                        "the sender came to %.1f Mbit/s only, not %.1f: what is "
                                        "missing is no loss of the network",
                                        s->offered_bps / 1e6, s->asked_bps / 1e6);
        if (result >= 0 && s->refused > 0)
                result = record_caution(r, "%llu datagrams never left the sender: %s",
                                        (unsigned long long) s->refused, strerror(-s->error));
        return result;
}

int record_stream(Record *r, StreamResult *s) {
        double bits = s->received_bps * s->seconds;
        const Row rows[] = {
                { "loss", "%", stream_loss(s) * 100, true },
                { "throughput", "Mbit/s", s->received_bps / 1e6, true },
                { "offered", "Mbit/s", s->offered_bps / 1e6, false },
                { "sent", "", (double) s->sent, false },
                { "received", "", (double) s->received, false },
                { "duplicates", "", (double) s->duplicates, false },
                { "reordered", "", (double) s->reordered, false },
                { "reordering extent", "", (double) s->extent, false },
                { "cpu per Gbit", "s", cpu_per_gbit(&s->cpu, bits), false },
        };
        int result = record_summary(r, "delay", &s->delay, true);

        if (result >= 0)
                result = ADD_ROWS(r, rows);
        if (result >= 0)
                result = note_stream(r, s);
        if (result >= 0)
                result = move_series(r, &s->delay, NULL);
        return result < 0 ? result : move_series(r, &s->throughput, NULL);
}

static int move_flow(Record *r, TcpFlow *f, size_t number, size_t n) {
        autofree char *prefix = n > 1 ? str_format("flow %zu ", number) : strdup("");
        Series *const all[] = { &f->goodput, &f->window, &f->rtt, &f->resent, &f->delivery };
        int result = prefix ? 0 : -ENOMEM;

        /* Of one flow its goodput is everybody's. */
        for (size_t i = n > 1 ? 0 : 1; i < sizeof all / sizeof *all && result >= 0; i++)
                result = move_series(r, all[i], prefix);
        return result;
}

/* What was used, in the place of what was asked for. */
static int set_congestion(Record *r, const char *name) {
        autofree char *setting = str_format("congestion=%s", name);

        return setting ? strv_env_set(&r->settings, setting) : -ENOMEM;
}

int record_tcp(Record *r, TcpResult *t) {
        const Row rows[] = {
                { "goodput", "Mbit/s", t->goodput_bps / 1e6, true },
                { "retransmits", "segments", (double) t->retransmits, true },
                { "fairness", "", t->n_flows > 1 ? t->fairness : NAN, false },
                { "received", "MB", (double) t->received / 1e6, false },
                { "connect", "ms", t->connect_ms, false },
                { "cpu per Gbit", "s", cpu_per_gbit(&t->cpu, (double) t->received * 8), false },
        };
        int result = ADD_ROWS(r, rows);

        if (result >= 0 && t->congestion[0])
                result = set_congestion(r, t->congestion);
        if (result >= 0)
                result = note_stop(r, t->stopped);
        if (result >= 0)
                result = move_series(r, &t->goodput, NULL);
        for (size_t i = 0; i < t->n_flows && result >= 0; i++)
                result = move_flow(r, &t->flows[i], i + 1, t->n_flows);
        return result;
}

int record_loaded(Record *r, LoadResult *l) {
        Summary idle = {}, loaded = {};
        int result = series_summary(&l->idle.rtt, &idle);
        Row rows[8];
        size_t n = 0;

        if (result >= 0)
                result = series_summary(&l->loaded.rtt, &loaded);
        if (result < 0)
                return result;
        rows[n++] = (Row){ "idle rtt median", "ms", idle.median, true };
        rows[n++] = (Row){ "loaded rtt median", "ms", loaded.median, true };
        rows[n++] = (Row){ "loaded rtt p95", "ms", loaded.p95, false };
        rows[n++] = (Row){ "loaded rtt max", "ms", loaded.max, false };
        rows[n++] = (Row){ "increase", "ms", loaded.median - idle.median, true };
        /* As draft-ietf-ippm-responsiveness counts: round trips a minute. */
        rows[n++] = (Row){ "responsiveness", "round trips/min",
                           loaded.median > 0 ? 60000 / loaded.median : NAN, false };
        rows[n++] = (Row){ "loss under load", "%", ping_loss(&l->loaded) * 100, false };
        result = add_rows(r, rows, n);
        if (result >= 0)
                result = move_series(r, &l->idle.rtt, "idle ");
        if (result >= 0)
                result = move_series(r, &l->loaded.rtt, "loaded ");
        return result < 0 ? result : record_tcp(r, &l->tcp);
}

static int add_row(Record *r, char **cells) {
        RecordRow *row = cells ? json_grow(&r->rows, &r->n_rows, sizeof *row) : NULL;

        if (!row) {
                strv_free(cells);
                return -ENOMEM;
        }
        row->cells = cells;
        return 0;
}

static int sweep_row(Record *r, const SweepPoint *p) {
        autofree char *name = str_format("rate at %d B", p->frame);
        char **cells = NULL;
        int result = name ? record_figure(r, name, "Mbit/s", p->rate_bps / 1e6, true) : -ENOMEM;

        if (result >= 0)
                result = strv_addf(&cells, "%d", p->frame);
        if (result >= 0)
                result = strv_addf(&cells, "%.2f", p->rate_bps / 1e6);
        if (result >= 0)
                result = strv_addf(&cells, "%.0f", p->packets);
        if (result >= 0)
                result = strv_addf(&cells, "%.3f %%", p->loss_above * 100);
        if (result >= 0)
                result = strv_addf(&cells, "%d", p->trials);
        if (result >= 0)
                result = strv_add(&cells, p->sender_limited    ? "the sender could offer no more"
                                          : p->receiver_missed ? "the receiver was too slow"
                                                               : "the network");
        if (result < 0) {
                strv_free(cells);
                return result;
        }
        return add_row(r, cells);
}

int record_sweep(Record *r, const SweepResult *s) {
        static const char *const columns[] = { "frame B", "Mbit/s", "frames/s", "loss above it",
                                               "trials",  "limit",  NULL };
        int result = strv_add_words(&r->columns, columns);
        bool sender = false;

        for (size_t i = 0; i < s->n && result >= 0; i++) {
                result = sweep_row(r, &s->points[i]);
                sender = sender || s->points[i].sender_limited;
        }
        if (result >= 0 && sender)
                result = record_caution(r, "where the sender could offer no more, the network may "
                                           "carry more than is shown");
        return result < 0 ? result : note_stop(r, s->stopped);
}

static int matrix_row(Record *r, const MatrixResult *m, size_t from, char *const *names) {
        char **cells = NULL;
        int result = strv_add(&cells, names[from]);

        for (size_t to = 0; to < m->n && result >= 0; to++) {
                const MatrixCell *c = &m->cells[from * m->n + to];

                if (c->received > 0)
                        result = strv_addf(&cells, "%.3f", c->min_ms);
                else
                        result = strv_add(&cells, from == to ? "" : c->sent ? "✗" : "?");
        }
        if (result < 0) {
                strv_free(cells);
                return result;
        }
        return add_row(r, cells);
}

static int matrix_table(Record *r, const MatrixResult *m, char *const *names) {
        int result = strv_add(&r->columns, "ms");

        for (size_t i = 0; i < m->n && result >= 0; i++)
                result = strv_add(&r->columns, names[i]);
        for (size_t i = 0; i < m->n && result >= 0; i++)
                result = matrix_row(r, m, i, names);
        return result;
}

int record_matrix(Record *r, const MatrixResult *m, char *const *names) {
        double pairs = (double) m->pairs, sent = (double) m->sent;
        const Row rows[] = {
                { "reached", "%", pairs > 0 ? (double) m->reached / pairs * 100 : NAN, true },
                { "pairs", "", pairs, false },
                { "loss", "%", sent > 0 ? (1 - (double) m->received / sent) * 100 : NAN, false },
        };
        autoseries all = {};
        int result = series_name(&all, "rtt", "ms");

        for (size_t i = 0; i < m->n * m->n; i++)
                if (m->cells[i].received > 0)
                        series_add(&all, (double) i, m->cells[i].mean_ms);
        if (result >= 0)
                result = ADD_ROWS(r, rows);
        if (result >= 0)
                result = record_summary(r, "rtt", &all, false);
        if (result >= 0 && m->crowded)
                result =
                        record_caution(r, "the host's neighbour table was full, and was emptied "
                                          "meanwhile: round trips include finding each other anew "
                                          "(net.ipv4.neigh.default.gc_thresh3 is its size, for all "
                                          "network namespaces together)");
        if (result >= 0 && m->n <= MATRIX_SHOWN)
                result = matrix_table(r, m, names);
        if (result >= 0)
                result = note_stop(r, m->stopped);
        return result < 0 ? result : move_series(r, &all, NULL);
}
