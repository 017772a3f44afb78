/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A program for tc that isola_filter.h has no part in. */

__attribute__((section("tc"), used)) int bare(void *skb) {
        return skb == (void *) 0;
}
