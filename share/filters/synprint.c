/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Fingerprints of TCP SYNs: which operating systems and tools begin connections.
 *
 * Systems differ in the window, the first TTL and the options, and their order, of a SYN.  Each
 * kind that was seen is an entry of "prints".  One that has a verdict in "verdicts" gets it; other
 * SYNs match.
 *
 *         map set verdicts key.window=1024 key.mss=1460 key.ttl=64 key.scale=0 key.options=M
 * value=drop
 */

#include "isola_filter.h"

struct print {
        u16 window, mss;
        u8 ttl;   /* what it was on leaving: 32, 64, 128 or 255 */
        u8 scale; /* of the window */
        /* M MSS, W window scale, S SACK permitted, T timestamps, N padding, E end, ? another */
        char options[14];
};

struct seen {
        u64 packets, last; /* isola_now() */
        isola_ip source;   /* of the last one */
};

ISOLA_LRU(prints, struct print, struct seen, 4096);
ISOLA_HASH(verdicts, struct print, enum isola_verdict, 256);

ISOLA_INLINE u8 first_ttl(u8 ttl) {
        return ttl <= 32 ? 32 : ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;
}

ISOLA_INLINE char letter(int kind) {
        return kind == 0   ? 'E'
               : kind == 1 ? 'N'
               : kind == 2 ? 'M'
               : kind == 3 ? 'W'
               : kind == 4 ? 'S'
               : kind == 8 ? 'T'
                           : '?';
}

ISOLA_INLINE void read_options(const struct isola_packet *p, struct print *print) {
        u32 at = isola_tcp_options(p), next = at;
        isola_be16 mss;
        u8 scale;

#pragma clang loop unroll(full)
        for (unsigned i = 0; i < sizeof print->options; i++) {
                int kind = isola_tcp_option(p, &next);

                if (kind < 0)
                        break;
                print->options[i] = letter(kind);
                if (kind == 0)
                        break;
                if (kind == 2 && isola_load(p, at + 2, &mss))
                        print->mss = isola_swap16(mss);
                if (kind == 3 && isola_load(p, at + 2, &scale))
                        print->scale = scale;
                at = next;
        }
}

ISOLA_FILTER(synprint) {
        struct print print = {};
        enum isola_verdict *verdict;
        struct seen *seen;

        if (p->protocol != ISOLA_TCP || (p->tcp_flags & (ISOLA_SYN | ISOLA_ACK)) != ISOLA_SYN)
                return ISOLA_PASS;
        print.window = p->window;
        print.ttl = first_ttl(p->ttl);
        read_options(p, &print);

        seen = isola_get_or_add(&prints, &print);
        if (seen) {
                isola_add(&seen->packets, 1);
                seen->last = isola_now();
                seen->source = p->saddr;
        }
        verdict = isola_get(&verdicts, &print);
        return verdict ? *verdict : ISOLA_MATCH;
}
