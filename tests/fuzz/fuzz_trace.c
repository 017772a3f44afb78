/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Traces and patterns of losses: what is one can be sent by, and time never goes back. */

#include "fuzz.h"
#include "wire/pattern.h"
#include "wire/trace.h"

static void use(const Trace *t) {
        TraceCursor cursor = { .origin_ns = 1000 };
        int64_t now = 1000;

        must(t->n > 0 && t->period_ns > 0);
        for (uint32_t i = 0; i < 50; i++) {
                int64_t sent = trace_send(t, &cursor, now, i * i * 27 + 1);

                must(sent >= now || now >= TIME_FAR / 2);
                must(sent <= TIME_FAR);
                now = i % 5 ? sent : sent + t->period_ns / 3;
                if (t->rows)
                        must(trace_row(t, 1000, now) >= t->rows &&
                             trace_row(t, 1000, now) < t->rows + t->n);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *text = (const char *) data;
        autoptr(Trace) trace = NULL;
        autoptr(Pattern) pattern = NULL;
        autoerr err = {}, other = {};
        int r = trace_parse(text, size, "trace", &trace, &err);

        must_agree(r, &err);
        if (r >= 0)
                use(trace);
        r = pattern_parse(text, size, "pattern", &pattern, &other);
        must_agree(r, &other);
        if (r >= 0) {
                uint64_t lost = 0;

                for (uint64_t k = 0; k < pattern->n; k++)
                        lost += pattern_is_lost(pattern, k);
                must(lost == pattern->n_lost);
        }
        return 0;
}
