/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "wire/packet.h"

static Packet *meld(Packet *a, Packet *b) {
        if (!a)
                return b;
        if (!b)
                return a;
        if (packet_is_before(b, a)) {
                Packet *first = b;

                b = a;
                a = first;
        }
        b->next = a->child;
        a->child = b;
        return a;
}

Packet *packet_heap_add(Packet *heap, Packet *p) {
        p->next = p->child = NULL;
        return meld(heap, p);
}

/* In two passes, without recursion: pairs from the left, then all of them from the right. */
Packet *packet_heap_pop(Packet *heap) {
        Packet *rest = heap->child, *pairs = NULL;

        while (rest) {
                Packet *a = rest, *b = a->next;

                rest = b ? b->next : NULL;
                a->next = NULL;
                if (b)
                        b->next = NULL;
                a = meld(a, b);
                a->next = pairs;
                pairs = a;
        }
        heap->child = NULL;
        heap = NULL;
        while (pairs) {
                Packet *next = pairs->next;

                pairs->next = NULL;
                heap = meld(heap, pairs);
                pairs = next;
        }
        return heap;
}
