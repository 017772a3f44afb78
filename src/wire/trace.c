/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "topology/quality.h"
#include "wire/trace.h"

#define FILE_MAX      (64 << 20)
#define NS_PER_MS     1000000LL
#define NS_PER_SECOND 1000000000LL
#define LENGTH_MAX    (30 * 86400 * NS_PER_SECOND)
#define COLUMNS_MAX   4

Trace *trace_free(Trace *t) {
        if (t) {
                free(t->opportunities_ns);
                free(t->rows);
        }
        free(t);
        return NULL;
}

/* ---- reading ---- */

typedef struct Reader {
        const char *file;
        int line;
        const char *columns[COLUMNS_MAX + 1]; /* "time", "rate", … */
        size_t n_columns;
        size_t room; /* in the array that grows */
        Err *err;
} Reader;

static int bad(const Reader *r, const char *text, const char *hint) {
        return err_hint(r->err,
                        refuse(r->err, EINVAL, "%s:%d: '%s' does not belong into a trace", r->file,
                               r->line, text),
                        "%s", hint);
}

/* Room for one more of @size each, twice as much each time. */
static void *grow(Reader *r, void **array, size_t n, size_t size) {
        if (n == r->room) {
                size_t room = r->room ? 2 * r->room : 1024;
                void *more = reallocarray(*array, room, size);

                if (!more)
                        return NULL;
                *array = more;
                r->room = room;
        }
        return (char *) *array + n * size;
}

static int add_opportunity(Reader *r, Trace *t, const char *text) {
        uint64_t ms;
        int64_t *at;

        if (parse_u64(text, &ms) < 0 || ms > LENGTH_MAX / NS_PER_MS ||
            (t->n > 0 && (int64_t) ms * NS_PER_MS < t->opportunities_ns[t->n - 1]))
                return bad(r, text, "milliseconds, one number in each line, in ascending order");
        at = grow(r, (void **) &t->opportunities_ns, t->n, sizeof *at);
        if (!at)
                return fail(r->err, ENOMEM, "cannot read the trace '%s'", r->file);
        *at = (int64_t) ms * NS_PER_MS;
        t->n++;
        return 0;
}

static int name_columns(Reader *r, const char *const *names) {
        static const char *const known[] = { "time", "rate", "delay", "loss", NULL };
        bool has_rate = false;

        strv_foreach(name, names) {
                if (!strv_has((char *const *) known, *name) || r->n_columns == COLUMNS_MAX)
                        return bad(r, *name, "the columns are time, rate, delay and loss");
                has_rate |= str_equal(*name, "rate");
                for (size_t i = 0; known[i]; i++)
                        if (str_equal(known[i], *name))
                                r->columns[r->n_columns++] = known[i];
        }
        if (!str_equal(r->columns[0], "time") || !has_rate)
                return bad(r, names[0], "the first column is time, another one rate");
        return 0;
}

static int add_row(Reader *r, Trace *t, char *const *fields) {
        autoquality quality = {};
        TraceRow *row = grow(r, (void **) &t->rows, t->n, sizeof *row);
        int64_t at;

        if (!row)
                return fail(r->err, ENOMEM, "cannot read the trace '%s'", r->file);
        if (span_parse(fields[0], NS_PER_SECOND, &at) < 0 || at < 0 || at > LENGTH_MAX ||
            (t->n > 0 && at <= t->rows[t->n - 1].at_ns))
                return bad(r, fields[0], "times in ascending order, seconds or spans as '100ms'");
        for (size_t i = 1; i < r->n_columns; i++) {
                int code = fields[i] ? quality_set(&quality, r->columns[i], fields[i], r->err)
                                     : bad(r, fields[i - 1], "every row has the same columns");

                if (code < 0)
                        return fields[i] ? err_prefix(r->err, code, "%s:%d", r->file, r->line)
                                         : code;
                t->has_delay |= str_equal(r->columns[i], "delay");
                t->has_loss |= str_equal(r->columns[i], "loss");
        }
        if (fields[r->n_columns])
                return bad(r, fields[r->n_columns], "every row has the same columns");
        if (quality.loss != LOSS_NONE && quality.loss != LOSS_INDEPENDENT)
                return bad(r, fields[0], "losses in a trace are percentages");
        *row = (TraceRow){ .at_ns = at,
                           .rate_bps = quality.rate_bps,
                           .delay_ns = quality.delay_ns,
                           .loss = quality.loss_p };
        t->n++;
        return 0;
}

static int read_line(Reader *r, Trace *t, char *line) {
        autostrv fields = NULL;
        bool is_csv;

        line[strcspn(line, "#")] = '\0';
        is_csv = strchr(line, ',');
        if (strv_split(line, is_csv ? ",\r" : " \t\r", true, &fields) < 0)
                return fail(r->err, ENOMEM, "cannot read the trace '%s'", r->file);
        strv_foreach(field, fields) {
                char *text = *field + strspn(*field, " \t");

                text[strcspn(text, "\t\r")] = '\0';
                while (str_ends_with(text, " "))
                        text[strlen(text) - 1] = '\0';
                memmove(*field, text, strlen(text) + 1);
        }
        if (!fields)
                return 0;
        if (t->n == 0 && r->n_columns == 0 && is_csv) {
                static const char *const usual[] = { "time", "rate", NULL };
                bool is_header = !strchr("0123456789.", *fields[0]);
                int code = name_columns(r, is_header ? (const char *const *) fields : usual);

                if (code < 0 || is_header)
                        return code;
        }
        if (r->n_columns > 0)
                return add_row(r, t, fields);
        return fields[1] ? bad(r, fields[1], "one number in each line, or a CSV")
                         : add_opportunity(r, t, fields[0]);
}

static int finish(Trace *t, const char *file, Err *err) {
        unsigned __int128 bits = 0;

        if (t->rows && t->n > 0) {
                TraceRow *last = &t->rows[t->n - 1];

                t->period_ns = t->n > 1 ? 2 * last->at_ns - last[-1].at_ns : NS_PER_SECOND;
                t->rows[0].at_ns = 0;
                for (size_t i = 0; i < t->n; i++) {
                        int64_t end = i + 1 < t->n ? t->rows[i + 1].at_ns : t->period_ns;

                        t->work += (unsigned __int128) t->rows[i].rate_bps *
                                   (uint64_t) (end - t->rows[i].at_ns);
                }
                bits = t->work / NS_PER_SECOND;
        } else if (t->n > 0) {
                t->period_ns = t->opportunities_ns[t->n - 1];
                bits = (unsigned __int128) t->n * TRACE_OPPORTUNITY * 8;
        }
        if (t->period_ns == 0 || bits == 0)
                return refuse(err, EINVAL, "%s: nothing is ever delivered in this trace", file);
        t->mean_bps = (uint64_t) (bits * NS_PER_SECOND / (uint64_t) t->period_ns);
        return 0;
}

int trace_parse(const char *text, size_t length, const char *file, Trace **ret, Err *err) {
        autoptr(Trace) t = calloc(1, sizeof *t);
        autofree char *copy = strndup(text, length);
        Reader reader = { .file = file, .err = err };
        char *rest = copy;
        int r;

        if (!t || !copy)
                return fail(err, ENOMEM, "cannot read the trace '%s'", file);
        for (char *line; (line = strsep(&rest, "\n"));) {
                reader.line++;
                r = read_line(&reader, t, line);
                if (r < 0)
                        return r;
        }
        r = finish(t, file, err);
        if (r >= 0)
                *ret = take_ptr(t);
        return r;
}

int trace_read(const char *file, Trace **ret, Err *err) {
        autofree char *text = NULL;
        size_t length;
        int r = file_read(AT_FDCWD, file, FILE_MAX, &text, &length);

        if (r < 0)
                return fail(err, r, "cannot read the trace '%s'", file);
        return trace_parse(text, length, file, ret, err);
}

/* ---- in time ---- */

/* The cycle that a time is in, and how far into it. */
static int64_t into_cycle(const Trace *t, int64_t origin, int64_t at, uint64_t *ret_cycle) {
        int64_t since = at > origin ? at - origin : 0;

        *ret_cycle = (uint64_t) (since / t->period_ns);
        return since % t->period_ns;
}

static int64_t opportunity_at(const Trace *t, const TraceCursor *c) {
        int64_t at = TIME_FAR;

        if (c->cycle < (uint64_t) (TIME_FAR / t->period_ns))
                at = c->origin_ns + (int64_t) c->cycle * t->period_ns +
                     t->opportunities_ns[c->next];
        return at < TIME_FAR ? at : TIME_FAR;
}

/* Puts the cursor at the first opportunity that is not before @at, but never back. */
static void seek(const Trace *t, TraceCursor *c, int64_t at) {
        uint64_t cycle;
        int64_t into = into_cycle(t, c->origin_ns, at, &cycle);
        size_t low = 0, high = t->n;

        /* The last opportunity is at the period's end: that time belongs to the next cycle, too. */
        if (into == 0 && cycle > 0) {
                cycle--;
                into = t->period_ns;
        }
        while (low < high) {
                size_t middle = (low + high) / 2;

                if (t->opportunities_ns[middle] < into)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (cycle > c->cycle || (cycle == c->cycle && low > c->next)) {
                c->cycle = cycle;
                c->next = low;
        }
}

static int64_t send_by_opportunities(const Trace *t, TraceCursor *c, int64_t start,
                                     uint32_t bytes) {
        if (c->at_ns != start)
                c->left = 0;
        if (c->left == 0 && opportunity_at(t, c) < start)
                seek(t, c, start);
        while (c->left < bytes) {
                bytes -= c->left;
                c->at_ns = opportunity_at(t, c);
                c->left = TRACE_OPPORTUNITY;
                if (++c->next == t->n) {
                        c->next = 0;
                        c->cycle++;
                }
        }
        c->left -= bytes;
        return c->at_ns;
}

static size_t find_row(const Trace *t, int64_t into) {
        size_t low = 0, high = t->n;

        while (high - low > 1) {
                size_t middle = (low + high) / 2;

                if (t->rows[middle].at_ns <= into)
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

const TraceRow *trace_row(const Trace *t, int64_t origin_ns, int64_t at) {
        uint64_t cycle;
        int64_t into = into_cycle(t, origin_ns, at, &cycle);

        return &t->rows[find_row(t, into)];
}

/* @work is less than that of a period: it is done within one round. */
static int64_t send_within_period(const Trace *t, int64_t into, int64_t start,
                                  unsigned __int128 work) {
        int64_t at = start;

        for (size_t i = find_row(t, into);; i = (i + 1) % t->n) {
                int64_t end = i + 1 < t->n ? t->rows[i + 1].at_ns : t->period_ns;
                uint64_t rate = t->rows[i].rate_bps;
                unsigned __int128 most = (unsigned __int128) rate * (uint64_t) (end - into);

                if (rate > 0 && most >= work)
                        return at + (int64_t) ((work + rate / 2) / rate);
                work -= most;
                at += end - into;
                into = i + 1 < t->n ? end : 0;
        }
}

static int64_t send_by_rates(const Trace *t, const TraceCursor *c, int64_t start, uint32_t bytes) {
        unsigned __int128 work = (unsigned __int128) bytes * 8 * NS_PER_SECOND, cycles;
        uint64_t cycle;
        int64_t into = into_cycle(t, c->origin_ns, start, &cycle), sent;

        if (work == 0)
                return start;
        cycles = (work - 1) / t->work;
        if (cycles > (uint64_t) (TIME_FAR / t->period_ns) || start > TIME_FAR / 2)
                return TIME_FAR;
        sent = send_within_period(t, into, start + (int64_t) cycles * t->period_ns,
                                  work - cycles * t->work);
        return sent < TIME_FAR ? sent : TIME_FAR;
}

int64_t trace_send(const Trace *t, TraceCursor *cursor, int64_t start, uint32_t bytes) {
        return t->rows ? send_by_rates(t, cursor, start, bytes)
                       : send_by_opportunities(t, cursor, start, bytes);
}
