/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A build as JSON: one SolveStatus a line. */

#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "builder/display_internal.h"

/* RFC 4648; new. */
static char *base64(const char *bytes, size_t n) {
        static const char letters[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const unsigned char *u = (const unsigned char *) bytes;
        autostr text = {};

        for (size_t i = 0; i < n; i += 3) {
                unsigned group = (unsigned) u[i] << 16 | (i + 1 < n ? u[i + 1] : 0u) << 8 |
                                 (i + 2 < n ? u[i + 2] : 0u);

                str_put_char(&text, letters[group >> 18]);
                str_put_char(&text, letters[group >> 12 & 63]);
                str_put_char(&text, i + 1 < n ? letters[group >> 6 & 63] : '=');
                str_put_char(&text, i + 2 < n ? letters[group & 63] : '=');
        }
        return str_take(&text);
}

/* A vertex is known by a digest: of its place and words, and of when it began. */
static void vertex_digest(const DisplayStep *step, char ret[DIGEST_LENGTH + 1]) {
        autofree char *text =
                str_format("%s %s %lld", step->label, step->text, (long long) step->began_ns);

        digest_of(text ? text : "", text ? strlen(text) : 0, ret);
}

static void put(const Display *d, json_t *document) {
        autofree char *line = document ? json_dumps(document, JSON_COMPACT) : NULL;
        autofree char *text = line ? str_format("%s\n", line) : NULL;

        json_decref(document);
        if (text)
                (void) fd_write_all(d->fd, text, strlen(text));
}

void json_step(const Display *d, const DisplayStep *step, bool ended) {
        autofree char *name = str_format("[%s] %s", step->label, step->text);
        autofree char *began = clock_rfc3339(step->began_ns), *end = NULL;
        char digest[DIGEST_LENGTH + 1];
        json_t *vertex;

        vertex_digest(step, digest);
        vertex = json_pack("{s:s, s:s, s:s}", "digest", digest, "name", name ? name : "", "started",
                           began ? began : "");
        if (vertex && ended) {
                end = clock_rfc3339(step->began_ns + (step->ended_ms - step->began_ms) * 1000000);
                (void) json_object_set_new(vertex, "completed", json_string(end ? end : ""));
                if (step->cached)
                        (void) json_object_set_new(vertex, "cached", json_true());
                if (step->error)
                        (void) json_object_set_new(vertex, "error", json_string(step->error));
        }
        put(d, json_pack("{s:[o]}", "vertexes", vertex));
}

void json_output(const Display *d, const DisplayStep *step, bool error, const char *bytes,
                 size_t n) {
        autofree char *now = clock_rfc3339(clock_now_ns()), *data = base64(bytes, n);
        char digest[DIGEST_LENGTH + 1];

        vertex_digest(step, digest);
        if (now && data)
                put(d, json_pack("{s:[{s:s, s:i, s:s, s:s}]}", "logs", "vertex", digest, "stream",
                                 error ? 2 : 1, "data", data, "timestamp", now));
}
