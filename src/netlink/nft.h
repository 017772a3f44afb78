/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * nf_tables over netfilter netlink
 *
 * Everything between nft_begin() and nft_commit() is one transaction: the
 * kernel takes all of it or nothing, and no packet meets half of it.  The
 * functions add one message each; the nft_expr_*() stand between nft_rule() and
 * nft_rule_end().  Registers are 4 bytes wide and numbered from 0; values that
 * are longer, and concatenations, lie in several that follow each other.
 *
 *         nft_begin(&m);
 *         nft_rule(&m, &table, "forward");
 *         nft_expr_meta(&m, NFT_META_IIFNAME, 0);
 *         nft_expr_lookup(&m, "bridges", 0, false);
 *         nft_expr_verdict(&m, NF_DROP, NULL);
 *         nft_rule_end(&m);
 *         r = nft_commit(nl, &m, err);
 *
 * Tables of family inet need Linux 5.2 for nat.
 */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink/nl.h"

#define NFT_IFNAME_SIZE 16

/* What a set's elements look like to `nft list`: its own type numbers (libnftables, datatype.h). */
enum {
        NFT_TYPE_IP = 7,
        NFT_TYPE_IP6 = 8,
        NFT_TYPE_ETHER = 9,
        NFT_TYPE_PROTOCOL = 12,
        NFT_TYPE_PORT = 13,
        NFT_TYPE_IFNAME = 41,
};
/* A concatenation; each part fills a multiple of 4 bytes. */
#define NFT_CONCAT(a, b)     ((uint32_t) (a) << 6 | (uint32_t) (b))
#define NFT_CONCAT3(a, b, c) NFT_CONCAT(NFT_CONCAT(a, b), c)

typedef struct NftTable {
        uint8_t family; /* NFPROTO_INET, NFPROTO_BRIDGE */
        const char *name;
} NftTable;

typedef struct NftHook {
        const char *type; /* "filter" or "nat" */
        uint32_t hook;    /* NF_INET_FORWARD, … */
        int32_t priority;
} NftHook;

typedef struct NftSet {
        const char *name;
        uint32_t key_type, key_size;
        uint32_t data_type, data_size; /* 0: a set, no map */
        bool interval;                 /* elements are ranges */
} NftSet;

typedef struct NftElement {
        const void *key;
        size_t key_size;
        const void *data; /* NULL in a set */
        size_t data_size;
        bool end; /* in a set of intervals: the first key after one */
} NftElement;

/*
 * The process's nf_tables socket, in the network namespace where it was first asked for; borrowed.
 * It is opened once and left to the end of the process: closing one waits for the grace period of
 * every removal before it, ten milliseconds and more (nft_rcv_nl_event() in nf_tables_api.c).
 */
int nft_socket(void);

void nft_begin(NlMessage *m);
/* Same for a transaction that fails with -ERESTART if there was another since nft_generation(). */
void nft_begin_after(NlMessage *m, uint32_t generation);
int nft_generation(int nl, uint32_t *ret);
/* -EEXIST if the table is there already. */
void nft_table(NlMessage *m, const NftTable *table);
void nft_delete_table(NlMessage *m, const NftTable *table);
/* @hook: NULL for a chain that others jump to. */
void nft_chain(NlMessage *m, const NftTable *table, const char *chain, const NftHook *hook);
void nft_set(NlMessage *m, const NftTable *table, const NftSet *set, uint32_t id);
/*
 * Adds or (with @remove) takes away elements.  Adding the same again is fine; -EEXIST if a map has
 * the key with other data; removing one that is not there is -ENOENT.
 */
void nft_elements(NlMessage *m, const NftTable *table, const char *set, const NftElement *elements,
                  size_t n, bool remove);
int nft_commit(int nl, NlMessage *m, Err *err);

/* Tells whether a set has a key: 0, or -ENOENT also if there is no such set or table. */
int nft_lookup(int nl, const NftTable *table, const char *set, const void *key, size_t key_size);

/* 1 if a set has any element, 0 if none; -ENOENT if there is no such set or table. */
int nft_set_has_elements(int nl, const NftTable *table, const char *set);

void nft_rule(NlMessage *m, const NftTable *table, const char *chain);
void nft_rule_end(NlMessage *m);
void nft_expr_meta(NlMessage *m, uint32_t key, unsigned to);
void nft_expr_ct(NlMessage *m, uint32_t key, unsigned to);
/* Sets the packet's or the connection's @key from a register. */
void nft_expr_meta_set(NlMessage *m, uint32_t key, unsigned from);
void nft_expr_ct_set(NlMessage *m, uint32_t key, unsigned from);
/* Conntrack bits of the key are compared with @mask: the rule goes on if any is set. */
void nft_expr_ct_any(NlMessage *m, uint32_t key, uint32_t mask);
void nft_expr_payload(NlMessage *m, uint32_t base, uint32_t offset, uint32_t size, unsigned to);
/* @flags: NFTA_FIB_F_*; @result: NFT_FIB_RESULT_*. */
void nft_expr_fib(NlMessage *m, uint32_t flags, uint32_t result, unsigned to);
void nft_expr_bitwise(NlMessage *m, unsigned from, unsigned to, const void *mask, size_t size);
/* The rule goes on if the register is (not) @value. */
void nft_expr_cmp(NlMessage *m, uint32_t operation, unsigned from, const void *value, size_t size);
/* The rule goes on if the key in the register is (not, with @without) in the set. */
void nft_expr_lookup(NlMessage *m, const char *set, unsigned from, bool without);
/* Same for a map, whose data goes to a register. */
void nft_expr_map(NlMessage *m, const char *map, unsigned from, unsigned to);
/* NF_ACCEPT, NF_DROP, NFT_RETURN, or NFT_JUMP with a chain. */
void nft_expr_verdict(NlMessage *m, uint32_t verdict, const char *chain);
/* Destination from registers: address in the first, port in the second. */
void nft_expr_dnat(NlMessage *m, uint32_t family, unsigned address, unsigned port);
void nft_expr_masquerade(NlMessage *m);
