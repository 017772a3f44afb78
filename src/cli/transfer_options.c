/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/transfer_options.h"

#define ID_SHOWN  12
#define BAR_WIDTH 24
#define REDRAW_MS 100
#define WIDTH_MIN 40

int transfer_place(const TransferOptions *options, PlaceOptions *ret, Err *err) {
        bool verify = true;

        if (options->tls_verify && parse_bool(options->tls_verify, &verify) < 0)
                return refuse(err, EINVAL, "--tls-verify is true or false, not '%s'",
                              options->tls_verify);
        *ret = (PlaceOptions){ .authfile = options->authfile,
                               .credentials = options->credentials,
                               .cacert = options->cacert,
                               .cert_dir = options->cert_dir,
                               .insecure = !verify };
        return 0;
}

void progress_init(Progress *progress, FILE *out, bool quiet) {
        *progress = (Progress){ .out = out,
                                .quiet = quiet,
                                .terminal = isatty(fileno(out)),
                                .exists = "Already exists" };
}

void progress_clear(Progress *progress) {
        free(progress->told);
        progress->told = NULL;
}

void progress_say(Progress *progress, const char *text) {
        if (progress->quiet)
                return;
        fprintf(progress->out, "%s\n", text);
        fflush(progress->out);
}

static void say(void *context, const char *what) {
        progress_say(context, what);
}

static const char *short_id(const Blob *b) {
        return *b->digest ? digest_hex(b->digest) : "????????????";
}

static size_t columns(const Progress *p) {
        struct winsize size = {};

        return ioctl(fileno(p->out), TIOCGWINSZ, &size) == 0 && size.ws_col > WIDTH_MIN
                       ? size.ws_col
                       : 80;
}

static void draw_bar(Str *line, const Blob *b) {
        int64_t done = b->size > 0 ? b->arrived * BAR_WIDTH / b->size : BAR_WIDTH;
        autofree char *have = size_words((uint64_t) b->arrived);
        autofree char *all = size_words((uint64_t) b->size);

        str_put_char(line, '[');
        for (int64_t i = 0; i < BAR_WIDTH; i++)
                str_put_char(line, i < done ? '=' : i == done ? '>' : ' ');
        str_printf(line, "] %s/%s", have ? have : "?", all ? all : "?");
}

static const char *state_of(const Progress *p, const Blob *b) {
        return b->there      ? p->exists
               : b->finished ? p->verb
               : b->waiting  ? "Waiting for another transfer of it"
               : b->diff_id && b->arrived == b->size && b->size ? "Extracting"
                                                                : NULL;
}

/* "12.3MB/s, 4s left" of all that is still to come. */
static void draw_total(const Progress *p, const Blob *blobs, size_t n, Str *line) {
        int64_t have = 0, all = 0, ms = clock_monotonic_ms() - p->began_ms, rate;
        autofree char *words = NULL;

        for (size_t i = 0; i < n; i++) {
                have += blobs[i].there ? 0 : blobs[i].arrived;
                all += blobs[i].there ? 0 : blobs[i].size;
        }
        rate = ms > 0 ? (have - p->began_bytes) * 1000 / ms : 0;
        words = size_words(rate > 0 ? (uint64_t) rate : 0);
        str_printf(line, "%s/s", words ? words : "?");
        if (rate > 0 && have < all)
                str_printf(line, ", %llds left", (long long) ((all - have + rate - 1) / rate));
}

static void put_line(Progress *p, Str *line, size_t width) {
        if (!line->failed && line->text)
                fprintf(p->out, "\r%.*s\033[K\n", (int) width, line->text);
        str_clear(line);
        p->lines++;
}

static void draw(Progress *p, const Blob *blobs, size_t n) {
        size_t width = columns(p) - 1;
        autostr line = {};

        if (p->lines)
                fprintf(p->out, "\033[%zuA", p->lines);
        p->lines = 0;
        for (size_t i = 0; i < n; i++) {
                const char *state = state_of(p, &blobs[i]);

                str_printf(&line, "%.*s: ", ID_SHOWN, short_id(&blobs[i]));
                if (state)
                        str_put(&line, state);
                else
                        draw_bar(&line, &blobs[i]);
                put_line(p, &line, width);
        }
        draw_total(p, blobs, n, &line);
        put_line(p, &line, width);
        fflush(p->out);
}

/* A new set of blobs begins when none of the last one is left. */
static void begin(Progress *p, const Blob *blobs, size_t n) {
        if (p->told && p->n_told == n)
                return;
        free(p->told);
        p->told = calloc(n + 1, sizeof *p->told);
        p->n_told = n;
        p->lines = 0;
        p->began_ms = clock_monotonic_ms();
        p->began_bytes = 0;
        for (size_t i = 0; i < n; i++)
                p->began_bytes += blobs[i].arrived; /* of an earlier try */
}

static void show(void *context, const Blob *blobs, size_t n) {
        Progress *p = context;
        int64_t now = clock_monotonic_ms();

        if (p->quiet)
                return;
        begin(p, blobs, n);
        if (p->terminal) {
                if (now - p->drawn_ms >= REDRAW_MS) {
                        draw(p, blobs, n);
                        p->drawn_ms = now;
                }
                return;
        }
        for (size_t i = 0; i < n && p->told; i++) {
                if (!blobs[i].finished || p->told[i])
                        continue;
                p->told[i] = true;
                fprintf(p->out, "%.*s: %s\n", ID_SHOWN, short_id(&blobs[i]),
                        state_of(p, &blobs[i]));
                fflush(p->out);
        }
}

static void finish(void *context, const Blob *blobs, size_t n) {
        Progress *p = context;

        if (p->quiet)
                return;
        p->drawn_ms = 0;
        show(p, blobs, n);
        progress_clear(p);
}

void progress_watch(Progress *progress, Watcher *ret, const char *verb) {
        progress->verb = verb;
        *ret = (Watcher){ .begins = say, .blobs = show, .done = finish, .context = progress };
}
