/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Fuzzing
 *
 * fuzz_X.c defines LLVMFuzzerTestOneInput(), which gives bytes to one parser and
 * says with must() what has to be true whatever they are.  It is built twice:
 * with driver.c into a test that goes through corpus/X and what is like it, and
 * with -Dfuzz=true with libFuzzer, which `make fuzz` runs.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                                         \
        do {                                                                                    \
                if (!(condition)) {                                                             \
                        fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
                        abort();                                                                \
                }                                                                               \
        } while (0)

/* An error is a code and a sentence, success is neither. */
static inline void must_agree(int r, const Err *err) {
        must((r < 0) == (err->code < 0) && (r >= 0 || r == err->code));
        must(r >= 0 || r == -ENOMEM || err->message);
}

/*
 * Reads a document into the zeroed @value, and holds that what is written of it
 * says the same when it is read again.  Returns what json_parse() does.
 */
static inline int fuzz_document(const JsonType *type, const uint8_t *data, size_t size,
                                void *value) {
        autofree char *text = NULL, *second = NULL;
        autoerr err = {};
        void *again;
        int r;

        r = json_parse(type, (const char *) data, size, "document", value, &err);
        must_agree(r, &err);
        if (r < 0)
                return r;
        again = calloc(1, type->size);
        text = json_text(type, value);
        must(again && text);
        must(json_parse(type, text, strlen(text), "own", again, NULL) >= 0);
        second = json_text(type, again);
        must(second && strcmp(text, second) == 0);
        json_clear(type, again);
        free(again);
        return r;
}
