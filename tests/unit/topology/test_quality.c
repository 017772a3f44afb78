/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "topology/quality.h"

typedef struct Case {
        const char *key, *value, *words; /* NULL words: refused */
} Case;

static void check(const Case *c) {
        autoquality q = {};
        autofree char *words = NULL;
        autoerr err = {};
        int r = quality_set(&q, c->key, c->value, &err);

        if (!c->words) {
                expect(r == -EINVAL);
                expect(err.message && err.hint);
                return;
        }
        expect(r == 0);
        words = quality_words(&q);
        expect_str(words, c->words);
}

TEST(values_in_words) {
        static const Case cases[] = {
                { "delay", "10ms", "delay=10ms" },
                { "delay", "1500us", "delay=1500us" },
                { "delay", "10", "delay=10ms" },
                { "delay", "-1ms", NULL },
                { "delay", "2h", NULL },
                { "delay", "ten", NULL },
                { "jitter", "0.5ms", "jitter=500us" },
                { "distribution", "normal", "distribution=normal" },
                { "distribution", "uniform", "" },
                { "distribution", "gauss", NULL },
                { "order", "free", "order=free" },
                { "rate", "10mbit", "rate=10mbit" },
                { "rate", "10 Mbit", "rate=10mbit" },
                { "rate", "1.5Gbps", "rate=1500mbit" },
                { "rate", "9600", "rate=9600bit" },
                { "rate", "10 parsecs", NULL },
                { "rate", "-1", NULL },
                { "queue", "100p", "queue=100p" },
                { "queue", "64kb", "queue=65536b" },
                { "queue", "20ms", "queue=20ms" },
                { "queue", "0p", NULL },
                { "queue", "7", NULL },
                { "discipline", "codel", "discipline=codel" },
                { "discipline", "red", NULL },
                { "loss", "1%", "loss=1%" },
                { "loss", "0.001", "loss=0.1%" },
                { "loss", "0%", "" },
                { "loss", "101%", NULL },
                { "loss", "gemodel 1% 10%", "loss=gemodel 1% 10% 100% 0%" },
                { "loss", "gemodel 1% 10% 70% 0.1%", "loss=gemodel 1% 10% 70% 0.1%" },
                { "loss", "gemodel 1%", NULL },
                { "loss", "pattern loss.txt", "loss=pattern loss.txt" },
                { "corrupt", "0.1%", "corrupt=0.1%" },
                { "duplicate", "2", NULL },
                { "reorder", "25%", "reorder=25%" },
                { "trace", "lte.down", "trace=lte.down" },
                { "seed", "42", "seed=42" },
                { "seed", "0", "seed=0" },
                { "seed", "x", NULL },
                { "schedule", "10s delay=20ms loss=1%; 20s loss=gemodel 1% 5%",
                  "schedule=10s delay=20ms loss=1%; 20s loss=gemodel 1% 5%" },
                { "schedule", "10s delay=20ms; 5s loss=1%", NULL },
                { "schedule", "soon delay=20ms", NULL },
                { "schedule", "1s", NULL },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                check(&cases[i]);
}

TEST(unknown_property_has_the_nearest_one) {
        autoquality q = {};
        autoerr err = {};

        expect(quality_set(&q, "dealy", "1ms", &err) == -ENOENT);
        expect_str(err.message, "a link has no property 'dealy'; did you mean 'delay'?");
}

TEST(none_takes_back) {
        autoquality q = {};

        expect(quality_is_plain(&q));
        for (int i = 0; quality_keys[i]; i++) {
                static const char *const values[] = { "1ms",   "1ms",       "pareto", "free",
                                                      "1mbit", "1p",        "codel",  "pattern x",
                                                      "1%",    "1%",        "1%",     "x",
                                                      "7",     "1s loss=1%" };

                expect(quality_set(&q, quality_keys[i], values[i], NULL) == 0);
        }
        expect(!quality_is_plain(&q));
        for (int i = 0; quality_keys[i]; i++)
                expect(quality_set(&q, quality_keys[i], i % 2 ? "none" : "", NULL) == 0);
        expect(quality_is_plain(&q));
        expect(!q.has_seed && !q.loss_pattern && !q.trace && !q.schedule);
}

TEST(copies_are_equal_and_their_own) {
        autoquality q = {}, copy = {};

        expect(quality_set(&q, "schedule", "1s loss=3%", NULL) == 0);
        expect(quality_set(&q, "loss", "0.12345678901234567", NULL) == 0);
        expect(quality_copy(&q, &copy) == 0);
        expect(quality_equal(&q, &copy));
        expect(copy.loss_p == q.loss_p);
        expect(quality_set(&copy, "delay", "1ms", NULL) == 0);
        expect(!quality_equal(&q, &copy));
}

TEST(properties_that_do_not_go_together) {
        static const char *const pairs[][2] = {
                { "queue", "20ms" },          { "discipline", "codel" }, { "jitter", "1ms" },
                { "distribution", "normal" }, { "reorder", "1%" },
        };

        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
                autoquality q = {};
                autoerr err = {};

                expect(quality_set(&q, pairs[i][0], pairs[i][1], NULL) == 0);
                expect(quality_check(&q, &err) == -EINVAL);
                expect(quality_set(&q, "rate", "1mbit", NULL) == 0);
                expect(quality_set(&q, "delay", "1ms", NULL) == 0);
                if (q.distribution)
                        expect(quality_set(&q, "jitter", "1ms", NULL) == 0);
                expect(quality_check(&q, NULL) == 0);
        }
}

TEST(a_line_of_words_is_read_back) {
        static const char *const lines[] = {
                "",
                "delay=10ms",
                "delay=10ms jitter=1ms distribution=pareto rate=1mbit loss=gemodel 1% 10% 100% 0%",
                "loss=pattern a b=c corrupt=1% seed=7",
                "rate=1mbit seed=1 schedule=10s delay=20ms loss=1%; 20s loss=gemodel 1% 5%",
        };

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                autoquality q = {};
                autoerr err = {};
                autofree char *again = NULL;

                expect_well(quality_read_words(&q, lines[i], &err), err);
                again = quality_words(&q);
                expect_str(again, lines[i]);
        }
        expect(quality_read_words(&(Quality){}, "delay", NULL) == -EINVAL);
        expect(quality_read_words(&(Quality){}, "loss=x delay=1ms", NULL) == -EINVAL);
}

TEST(files_are_named_from_a_directory_unless_they_are_absolute) {
        autofree char *trace = quality_rooted("trace", "t.csv", "/lab"),
                      *loss = quality_rooted("loss", "pattern p", "/lab"),
                      *absolute = quality_rooted("loss", "pattern /p", "/lab"),
                      *share = quality_rooted("loss", "1%", "/lab"),
                      *none = quality_rooted("trace", "none", "/lab"),
                      *other = quality_rooted("rate", "1mbit", "/lab");

        expect_str(trace, "/lab/t.csv");
        expect_str(loss, "pattern /lab/p");
        expect_str(absolute, "pattern /p");
        expect_str(share, "1%");
        expect_str(none, "none");
        expect_str(other, "1mbit");
}
