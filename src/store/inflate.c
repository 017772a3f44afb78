/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "store/inflate.h"

#define WINDOW     (32u << 10)
#define PIECE      (256u << 10)
#define MATCH_MAX  258
#define COPY_SLACK 16 /* what copying in words may write too much */

#define CODE_MAX      15
#define N_LITERALS    288
#define N_DISTANCES   32
#define N_PRECODES    19
#define LITERAL_BITS  11
#define DISTANCE_BITS 9
#define PRECODE_BITS  7
/* The most that tables with second levels take: each of these is for codes of fewer than 2^15 ends.
 */
#define LITERAL_ROOM  (N_LITERALS * 16 + (1u << LITERAL_BITS))
#define DISTANCE_ROOM (N_DISTANCES * 64 + (1u << DISTANCE_BITS))

typedef enum Kind { KIND_INVALID, KIND_LITERAL, KIND_COPY, KIND_END, KIND_TABLE } Kind;

/* What the next bits mean: a symbol, or where in the table to look on. */
typedef struct Code {
        uint16_t base; /* the literal, the least length or distance, the second table's place */
        uint8_t extra; /* bits that are added to the base; or the second table's size in bits */
        uint8_t kind : 4, length : 4; /* of the code, in bits */
} Code;

typedef enum State { STATE_HEADER, STATE_STORED, STATE_CODES, STATE_END } State;

struct Inflate {
        State state;
        bool last;
        uint64_t bits; /* the lowest is the next */
        unsigned n_bits;
        size_t stored;        /* bytes left of a stored block */
        size_t filled, given; /* of the window */
        Code literals[LITERAL_ROOM];
        Code distances[DISTANCE_ROOM];
        unsigned char window[WINDOW + PIECE + MATCH_MAX + COPY_SLACK];
};

typedef struct Span {
        uint16_t base;
        uint8_t extra;
} Span;

static const Span length_spans[29] = {
        { 3, 0 },   { 4, 0 },   { 5, 0 },   { 6, 0 },   { 7, 0 },   { 8, 0 },
        { 9, 0 },   { 10, 0 },  { 11, 1 },  { 13, 1 },  { 15, 1 },  { 17, 1 },
        { 19, 2 },  { 23, 2 },  { 27, 2 },  { 31, 2 },  { 35, 3 },  { 43, 3 },
        { 51, 3 },  { 59, 3 },  { 67, 4 },  { 83, 4 },  { 99, 4 },  { 115, 4 },
        { 131, 5 }, { 163, 5 }, { 195, 5 }, { 227, 5 }, { 258, 0 },
};

static const Span distance_spans[30] = {
        { 1, 0 },     { 2, 0 },     { 3, 0 },     { 4, 0 },      { 5, 1 },      { 7, 1 },
        { 9, 2 },     { 13, 2 },    { 17, 3 },    { 25, 3 },     { 33, 4 },     { 49, 4 },
        { 65, 5 },    { 97, 5 },    { 129, 6 },   { 193, 6 },    { 257, 7 },    { 385, 7 },
        { 513, 8 },   { 769, 8 },   { 1025, 9 },  { 1537, 9 },   { 2049, 10 },  { 3073, 10 },
        { 4097, 11 }, { 6145, 11 }, { 8193, 12 }, { 12289, 12 }, { 16385, 13 }, { 24577, 13 },
};

Inflate *inflate_new(void) {
        Inflate *z = malloc(sizeof *z);

        if (z)
                inflate_reset(z);
        return z;
}

Inflate *inflate_free(Inflate *z) {
        free(z);
        return NULL;
}

void inflate_reset(Inflate *z) {
        z->state = STATE_HEADER;
        z->last = false;
        z->bits = 0;
        z->n_bits = 0;
        z->stored = z->filled = z->given = 0;
}

static int damaged(const char *why, Err *err) {
        return refuse(err, EBADMSG, "the gzip data is damaged: %s", why);
}

/* ------------------------------------------------------------------ codes */

static Code literal_code(unsigned symbol) {
        if (symbol < 256)
                return (Code){ .kind = KIND_LITERAL, .base = (uint16_t) symbol };
        if (symbol == 256)
                return (Code){ .kind = KIND_END };
        if (symbol - 257 >= sizeof length_spans / sizeof *length_spans)
                return (Code){ .kind = KIND_INVALID };
        return (Code){ .kind = KIND_COPY,
                       .base = length_spans[symbol - 257].base,
                       .extra = length_spans[symbol - 257].extra };
}

static Code distance_code(unsigned symbol) {
        if (symbol >= sizeof distance_spans / sizeof *distance_spans)
                return (Code){ .kind = KIND_INVALID };
        return (Code){ .kind = KIND_COPY,
                       .base = distance_spans[symbol].base,
                       .extra = distance_spans[symbol].extra };
}

static Code plain_code(unsigned symbol) {
        return (Code){ .kind = KIND_LITERAL, .base = (uint16_t) symbol };
}

/* Codes come with their first bit lowest. */
static unsigned reversed(unsigned code, unsigned n) {
        unsigned r = 0;

        for (; n > 0; n--, code >>= 1)
                r = r << 1 | (code & 1);
        return r;
}

/* A code that is longer than the first table: entered into a second one for its first bits. */
static bool enter_long(Code *table, size_t room, unsigned bits, size_t *used, unsigned code, Code c,
                       const uint16_t *left) {
        Code *first = &table[code & ((1u << bits) - 1)];
        unsigned rest = c.length - bits;

        if (first->kind != KIND_TABLE) {
                unsigned size = rest;
                int open = 1 << rest;

                /* As large as the longest code that begins so: codes come in the order of their
                 * lengths, so those still to come fill what is open. */
                open -= left[c.length];
                while (open > 0 && size + bits < CODE_MAX) {
                        size++;
                        open = open * 2 - left[size + bits];
                }
                if (*used + (1u << size) > room)
                        return false;
                *first = (Code){ .kind = KIND_TABLE,
                                 .base = (uint16_t) *used,
                                 .extra = (uint8_t) size };
                memset(&table[*used], 0, sizeof *table << size);
                *used += 1u << size;
        }
        if (rest > first->extra)
                return false;
        for (unsigned i = code >> bits; i < 1u << first->extra; i += 1u << rest)
                table[first->base + i] = c;
        return true;
}

/*
 * Makes the table of a canonical code (RFC 1951 §3.2.2) from its symbols' lengths; false for
 * lengths that no code has.  Only a code of a single symbol may be incomplete.
 */
static bool make_table(Code *table, size_t room, unsigned bits, const uint8_t *sizes, unsigned n,
                       Code (*meaning)(unsigned symbol)) {
        uint16_t count[CODE_MAX + 2] = {}, next[CODE_MAX + 2] = {}, sorted[N_LITERALS];
        uint16_t first[CODE_MAX + 2] = {};
        size_t used = 1u << bits;
        unsigned total = 0;
        int open = 1;

        for (unsigned i = 0; i < n; i++)
                count[sizes[i]]++;
        count[0] = 0;
        for (unsigned l = 1; l <= CODE_MAX; l++) {
                open = open * 2 - count[l];
                if (open < 0)
                        return false;
                first[l + 1] = (uint16_t) (first[l] + count[l]);
                next[l + 1] = (uint16_t) ((next[l] + count[l]) << 1);
                total += count[l];
        }
        if (open > 0 && !(total == 0 || (total == 1 && count[1] == 1)))
                return false;
        for (unsigned i = 0; i < n; i++)
                if (sizes[i])
                        sorted[first[sizes[i]]++] = (uint16_t) i;
        memset(table, 0, sizeof *table << bits);
        for (unsigned k = 0; k < total; k++) {
                unsigned symbol = sorted[k], l = sizes[symbol];
                unsigned code = reversed(next[l]++, l);
                Code c = meaning(symbol);

                c.length = l & 15;
                if (l > bits) {
                        if (!enter_long(table, room, bits, &used, code, c, count))
                                return false;
                        count[l]--;
                        continue;
                }
                count[l]--;
                for (unsigned i = code; i < 1u << bits; i += 1u << l)
                        table[i] = c;
        }
        return true;
}

/* ------------------------------------------------------------------ bits */

/* Asks for more input while there are fewer than 8 bytes; at the end of all, what is there. */
static int want_input(InflateInput *in, Err *err) {
        while (in->end - in->at < 8) {
                int r = in->more(in, err);

                if (r <= 0)
                        return r;
        }
        return 0;
}

/* At least @n bits (32 at most). */
static int need(Inflate *z, InflateInput *in, unsigned n, Err *err) {
        while (z->n_bits < n) {
                if (in->at == in->end) {
                        int r = want_input(in, err);

                        if (r < 0)
                                return r;
                        if (in->at == in->end)
                                return damaged("it is cut short", err);
                }
                z->bits |= (uint64_t) *in->at++ << z->n_bits;
                z->n_bits += 8;
        }
        return 0;
}

static unsigned take(Inflate *z, unsigned n) {
        unsigned value = (unsigned) (z->bits & ((1ull << n) - 1));

        z->bits >>= n;
        z->n_bits -= n;
        return value;
}

/* Gives back whole bytes that were taken too early. */
static void give_back(Inflate *z, InflateInput *in) {
        in->at -= z->n_bits / 8;
        z->n_bits %= 8;
        z->bits &= (1ull << z->n_bits) - 1;
}

static int read_code(Inflate *z, InflateInput *in, const Code *table, unsigned bits,
                     const Code **ret, Err *err) {
        for (;;) {
                const Code *c = &table[z->bits & ((1u << bits) - 1)];
                int r;

                if (c->kind == KIND_TABLE)
                        c = &table[c->base + ((z->bits >> bits) & ((1u << c->extra) - 1))];
                if (c->kind != KIND_INVALID && c->length <= z->n_bits) {
                        (void) take(z, c->length);
                        *ret = c;
                        return 0;
                }
                if (z->n_bits >= CODE_MAX)
                        return damaged("there is no such code", err);
                r = need(z, in, z->n_bits + 1, err);
                if (r < 0)
                        return r;
        }
}

/* ------------------------------------------------------------------ blocks */

static int read_lengths(Inflate *z, InflateInput *in, uint8_t *sizes, unsigned total, Err *err) {
        unsigned at = 0;

        while (at < total) {
                unsigned times, value = 0;
                const Code *c;
                int r;

                r = read_code(z, in, z->literals, PRECODE_BITS, &c, err);
                if (r < 0)
                        return r;
                if (c->base < 16) {
                        sizes[at++] = (uint8_t) c->base;
                        continue;
                }
                if (c->base == 16 && at == 0)
                        return damaged("a length repeats nothing", err);
                value = c->base == 16 ? sizes[at - 1] : 0;
                r = need(z, in, c->base == 16 ? 2 : c->base == 17 ? 3 : 7, err);
                if (r < 0)
                        return r;
                times = c->base == 16   ? 3 + take(z, 2)
                        : c->base == 17 ? 3 + take(z, 3)
                                        : 11 + take(z, 7);
                if (times > total - at)
                        return damaged("there are too many lengths", err);
                memset(sizes + at, (int) value, times);
                at += times;
        }
        return 0;
}

static int begin_dynamic(Inflate *z, InflateInput *in, Err *err) {
        static const uint8_t order[N_PRECODES] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                   11, 4,  12, 3, 13, 2, 14, 1, 15 };
        uint8_t sizes[N_LITERALS + N_DISTANCES] = {}, precodes[N_PRECODES] = {};
        unsigned n_literals, n_distances, n_precodes;
        int r;

        r = need(z, in, 14, err);
        if (r < 0)
                return r;
        n_literals = take(z, 5) + 257;
        n_distances = take(z, 5) + 1;
        n_precodes = take(z, 4) + 4;
        if (n_literals > 286 || n_distances > 30)
                return damaged("there are too many symbols", err);
        for (unsigned i = 0; i < n_precodes; i++) {
                r = need(z, in, 3, err);
                if (r < 0)
                        return r;
                precodes[order[i]] = (uint8_t) take(z, 3);
        }
        if (!make_table(z->literals, LITERAL_ROOM, PRECODE_BITS, precodes, N_PRECODES, plain_code))
                return damaged("the code of the lengths is none", err);
        r = read_lengths(z, in, sizes, n_literals + n_distances, err);
        if (r < 0)
                return r;
        if (!sizes[256])
                return damaged("a block has no end", err);
        if (!make_table(z->literals, LITERAL_ROOM, LITERAL_BITS, sizes, n_literals, literal_code) ||
            !make_table(z->distances, DISTANCE_ROOM, DISTANCE_BITS, sizes + n_literals, n_distances,
                        distance_code))
                return damaged("a code is none", err);
        z->state = STATE_CODES;
        return 0;
}

static int begin_fixed(Inflate *z, Err *err) {
        uint8_t sizes[N_LITERALS], distance_sizes[N_DISTANCES];

        memset(sizes, 8, 144);
        memset(sizes + 144, 9, 112);
        memset(sizes + 256, 7, 24);
        memset(sizes + 280, 8, 8);
        memset(distance_sizes, 5, sizeof distance_sizes);
        if (!make_table(z->literals, LITERAL_ROOM, LITERAL_BITS, sizes, N_LITERALS, literal_code) ||
            !make_table(z->distances, DISTANCE_ROOM, DISTANCE_BITS, distance_sizes, N_DISTANCES,
                        distance_code))
                return damaged("a code is none", err);
        z->state = STATE_CODES;
        return 0;
}

static int begin_stored(Inflate *z, InflateInput *in, Err *err) {
        unsigned length, inverted;
        int r;

        (void) take(z, z->n_bits % 8);
        r = need(z, in, 32, err);
        if (r < 0)
                return r;
        length = take(z, 16);
        inverted = take(z, 16);
        if (length != (~inverted & 0xffff))
                return damaged("a stored block's length is not its length", err);
        give_back(z, in);
        z->stored = length;
        z->state = STATE_STORED;
        return 0;
}

static int begin_block(Inflate *z, InflateInput *in, Err *err) {
        unsigned type;
        int r;

        if (z->last) {
                give_back(z, in);
                z->state = STATE_END;
                return 0;
        }
        r = need(z, in, 3, err);
        if (r < 0)
                return r;
        z->last = take(z, 1);
        type = take(z, 2);
        return type == 0   ? begin_stored(z, in, err)
               : type == 1 ? begin_fixed(z, err)
               : type == 2 ? begin_dynamic(z, in, err)
                           : damaged("a block is of no known type", err);
}

static int copy_stored(Inflate *z, InflateInput *in, size_t limit, Err *err) {
        while (z->stored > 0 && z->filled < limit) {
                size_t n = (size_t) (in->end - in->at);

                if (n == 0) {
                        int r = in->more(in, err);

                        if (r < 0)
                                return r;
                        if (r == 0)
                                return damaged("it is cut short", err);
                        continue;
                }
                if (n > z->stored)
                        n = z->stored;
                if (n > limit - z->filled)
                        n = limit - z->filled;
                memcpy(z->window + z->filled, in->at, n);
                in->at += n;
                z->filled += n;
                z->stored -= n;
        }
        if (z->stored == 0)
                z->state = STATE_HEADER;
        return 0;
}

/* In words where the source is far enough behind; up to 15 bytes too many are written. */
static inline void copy_match(unsigned char *to, size_t distance, size_t length) {
        const unsigned char *from = to - distance, *end = to + length;

        if (distance >= 8) {
                do {
                        memcpy(to, from, 8);
                        to += 8;
                        from += 8;
                } while (to < end);
        } else if (distance == 1) {
                memset(to, *from, length);
        } else {
                while (to < end)
                        *to++ = *from++;
        }
}

/* Near the end of all input: bit by bit what copy_fast() does. */
static int copy_careful(Inflate *z, InflateInput *in, Err *err) {
        unsigned length, distance;
        const Code *c;
        int r;

        r = read_code(z, in, z->literals, LITERAL_BITS, &c, err);
        if (r < 0)
                return r;
        if (c->kind == KIND_LITERAL) {
                z->window[z->filled++] = (unsigned char) c->base;
                return 0;
        }
        if (c->kind == KIND_END) {
                z->state = STATE_HEADER;
                return 0;
        }
        r = need(z, in, c->extra, err);
        if (r < 0)
                return r;
        length = c->base + take(z, c->extra);
        r = read_code(z, in, z->distances, DISTANCE_BITS, &c, err);
        if (r >= 0)
                r = need(z, in, c->extra, err);
        if (r < 0)
                return r;
        distance = c->base + take(z, c->extra);
        if (distance > z->filled)
                return damaged("it refers to what was before it", err);
        copy_match(z->window + z->filled, distance, length);
        z->filled += length;
        return 0;
}

/*
 * While 8 bytes of input can be loaded at once.  One refill gives 56 bits or more, which is enough
 * for a length with its extra bits and a distance with its own: 15 + 5 + 15 + 13.
 *
 * Return: 1 to go on carefully; 0 at the block's end or when the window is full.
 */
static int copy_fast(Inflate *z, InflateInput *in, size_t limit, Err *err) {
        const unsigned char *at = in->at, *end = in->end - 8;
        unsigned char *out = z->window + z->filled, *out_end = z->window + limit;
        unsigned n = z->n_bits;
        uint64_t bits = z->bits;
        int r = 0;

        while (out < out_end) {
                uint64_t word;
                Code c;
                unsigned length, distance;

                if (at > end) {
                        r = 1;
                        break;
                }
                memcpy(&word, at, sizeof word);
                bits |= word << n; /* little-endian, as all machines that isola knows */
                at += (63 - n) >> 3;
                n |= 56;

                c = z->literals[bits & ((1u << LITERAL_BITS) - 1)];
                if (c.kind == KIND_LITERAL) {
                        bits >>= c.length;
                        n -= c.length;
                        *out++ = (unsigned char) c.base;
                        c = z->literals[bits & ((1u << LITERAL_BITS) - 1)];
                        if (c.kind == KIND_LITERAL) {
                                bits >>= c.length;
                                n -= c.length;
                                *out++ = (unsigned char) c.base;
                                continue;
                        }
                        continue;
                }
                if (c.kind == KIND_TABLE)
                        c = z->literals[c.base + ((bits >> LITERAL_BITS) & ((1u << c.extra) - 1))];
                bits >>= c.length;
                n -= c.length;
                if (c.kind == KIND_LITERAL) {
                        *out++ = (unsigned char) c.base;
                        continue;
                }
                if (c.kind != KIND_COPY) {
                        r = c.kind == KIND_END ? 0 : damaged("there is no such code", err);
                        if (r == 0)
                                z->state = STATE_HEADER;
                        break;
                }
                length = c.base + (unsigned) (bits & ((1u << c.extra) - 1));
                bits >>= c.extra;
                n -= c.extra;
                c = z->distances[bits & ((1u << DISTANCE_BITS) - 1)];
                if (c.kind == KIND_TABLE)
                        c = z->distances[c.base +
                                         ((bits >> DISTANCE_BITS) & ((1u << c.extra) - 1))];
                bits >>= c.length;
                n -= c.length;
                distance = c.base + (unsigned) (bits & ((1u << c.extra) - 1));
                bits >>= c.extra;
                n -= c.extra;
                if (c.kind != KIND_COPY || distance > (size_t) (out - z->window)) {
                        r = damaged("it refers to what was before it", err);
                        break;
                }
                copy_match(out, distance, length);
                out += length;
        }
        z->filled = (size_t) (out - z->window);
        z->n_bits = n;
        z->bits = n < 64 ? bits & ((1ull << n) - 1) : bits;
        in->at = at;
        return r;
}

static int copy_codes(Inflate *z, InflateInput *in, size_t limit, Err *err) {
        int r = 0;

        while (r >= 0 && z->state == STATE_CODES && z->filled < limit) {
                r = want_input(in, err);
                if (r >= 0 && in->end - in->at >= 8)
                        r = copy_fast(z, in, limit, err);
                else if (r >= 0)
                        r = copy_careful(z, in, err);
        }
        return r < 0 ? r : 0;
}

ssize_t inflate_next(Inflate *z, InflateInput *in, const unsigned char **ret, Err *err) {
        size_t limit;

        /* What was given goes, but for what may be referred to. */
        if (z->given > WINDOW) {
                memmove(z->window, z->window + z->given - WINDOW, WINDOW + (z->filled - z->given));
                z->filled -= z->given - WINDOW;
                z->given = WINDOW;
        }
        limit = WINDOW + PIECE;
        while (z->filled < limit && z->state != STATE_END) {
                int r = z->state == STATE_HEADER   ? begin_block(z, in, err)
                        : z->state == STATE_STORED ? copy_stored(z, in, limit, err)
                                                   : copy_codes(z, in, limit, err);

                if (r < 0)
                        return r;
        }
        *ret = z->window + z->given;
        limit = z->filled - z->given;
        z->given = z->filled;
        return (ssize_t) limit;
}
