/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "netlink/nft.h"

/* An attribute holds at most 64 KiB; an element of ours takes less than 120 bytes. */
#define ELEMENTS_PER_MESSAGE 400

static void next(NlMessage *m, uint8_t family, unsigned type, uint16_t flags) {
        struct nfgenmsg header = { .nfgen_family = family, .version = NFNETLINK_V0 };

        nl_next(m, (uint16_t) (NFNL_SUBSYS_NFTABLES << 8 | type), flags, &header, sizeof header);
}

static void batch_mark(NlMessage *m, uint16_t type) {
        struct nfgenmsg header = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };

        nl_next(m, type, 0, &header, sizeof header);
}

int nft_socket(void) {
        static int kept = -EBADF;

        if (kept < 0)
                kept = nl_open_protocol(NETLINK_NETFILTER);
        return kept;
}

void nft_begin(NlMessage *m) {
        nl_begin_empty(m);
        batch_mark(m, NFNL_MSG_BATCH_BEGIN);
}

void nft_begin_after(NlMessage *m, uint32_t generation) {
        nft_begin(m);
        nl_put_be32(m, NFNL_BATCH_GENID, generation);
}

int nft_commit(int nl, NlMessage *m, Err *err) {
        nl_ask_ack(m);
        batch_mark(m, NFNL_MSG_BATCH_END);
        return nl_call(nl, m, err);
}

void nft_table(NlMessage *m, const NftTable *table) {
        next(m, table->family, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
        nl_put_string(m, NFTA_TABLE_NAME, table->name);
        nl_put_be32(m, NFTA_TABLE_FLAGS, 0);
}

void nft_delete_table(NlMessage *m, const NftTable *table) {
        next(m, table->family, NFT_MSG_DELTABLE, 0);
        nl_put_string(m, NFTA_TABLE_NAME, table->name);
}

void nft_chain(NlMessage *m, const NftTable *table, const char *chain, const NftHook *hook) {
        size_t nest;

        next(m, table->family, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
        nl_put_string(m, NFTA_CHAIN_TABLE, table->name);
        nl_put_string(m, NFTA_CHAIN_NAME, chain);
        if (!hook)
                return;
        nest = nl_nest(m, NFTA_CHAIN_HOOK);
        nl_put_be32(m, NFTA_HOOK_HOOKNUM, hook->hook);
        nl_put_be32(m, NFTA_HOOK_PRIORITY, (uint32_t) hook->priority);
        nl_end(m, nest);
        nl_put_be32(m, NFTA_CHAIN_POLICY, NF_ACCEPT);
        nl_put_string(m, NFTA_CHAIN_TYPE, hook->type);
}

void nft_set(NlMessage *m, const NftTable *table, const NftSet *set, uint32_t id) {
        /* libnftnl's udata: type NFTNL_UDATA_SET_KEYBYTEORDER, length, BYTEORDER_HOST_ENDIAN. */
        const uint8_t host_order[] = { 0, 4, 1, 0, 0, 0 };

        next(m, table->family, NFT_MSG_NEWSET, NLM_F_CREATE);
        nl_put_string(m, NFTA_SET_TABLE, table->name);
        nl_put_string(m, NFTA_SET_NAME, set->name);
        nl_put_be32(m, NFTA_SET_FLAGS,
                    (set->data_size ? NFT_SET_MAP : 0) | (set->interval ? NFT_SET_INTERVAL : 0));
        nl_put_be32(m, NFTA_SET_KEY_TYPE, set->key_type);
        nl_put_be32(m, NFTA_SET_KEY_LEN, set->key_size);
        if (set->data_size) {
                nl_put_be32(m, NFTA_SET_DATA_TYPE, set->data_type);
                nl_put_be32(m, NFTA_SET_DATA_LEN, set->data_size);
        }
        nl_put_be32(m, NFTA_SET_ID, id);
        /* Only for `nft list`: it would turn names round. */
        if (set->key_type == NFT_TYPE_IFNAME)
                nl_put(m, NFTA_SET_USERDATA, host_order, sizeof host_order);
}

static void put_value(NlMessage *m, uint16_t type, const void *value, size_t size) {
        size_t nest = nl_nest(m, type);

        nl_put(m, NFTA_DATA_VALUE, value, size);
        nl_end(m, nest);
}

static void put_elements(NlMessage *m, const NftTable *table, const char *set,
                         const NftElement *elements, size_t n) {
        size_t list;

        nl_put_string(m, NFTA_SET_ELEM_LIST_TABLE, table->name);
        nl_put_string(m, NFTA_SET_ELEM_LIST_SET, set);
        list = nl_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS);
        for (size_t i = 0; i < n; i++) {
                size_t nest = nl_nest(m, NFTA_LIST_ELEM);

                put_value(m, NFTA_SET_ELEM_KEY, elements[i].key, elements[i].key_size);
                if (elements[i].end)
                        nl_put_be32(m, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
                if (elements[i].data)
                        put_value(m, NFTA_SET_ELEM_DATA, elements[i].data, elements[i].data_size);
                nl_end(m, nest);
        }
        nl_end(m, list);
}

void nft_elements(NlMessage *m, const NftTable *table, const char *set, const NftElement *elements,
                  size_t n, bool remove) {
        for (size_t i = 0; i < n; i += ELEMENTS_PER_MESSAGE) {
                size_t some = n - i < ELEMENTS_PER_MESSAGE ? n - i : ELEMENTS_PER_MESSAGE;

                next(m, table->family, remove ? NFT_MSG_DELSETELEM : NFT_MSG_NEWSETELEM,
                     remove ? 0 : NLM_F_CREATE);
                put_elements(m, table, set, elements + i, some);
        }
}

int nft_lookup(int nl, const NftTable *table, const char *set, const void *key, size_t key_size) {
        NftElement element = { .key = key, .key_size = key_size };
        NlMessage m;

        nl_begin_empty(&m);
        next(&m, table->family, NFT_MSG_GETSETELEM, 0);
        put_elements(&m, table, set, &element, 1);
        return nl_call(nl, &m, NULL);
}

static int take_generation(const struct nlmsghdr *h, void *context) {
        const struct nlattr *id = nl_find(h, sizeof(struct nfgenmsg), NFTA_GEN_ID);

        if (id)
                *(uint32_t *) context = ntohl(nl_u32(id, 0));
        return 0;
}

int nft_generation(int nl, uint32_t *ret) {
        NlMessage m;

        nl_begin_empty(&m);
        next(&m, NFPROTO_UNSPEC, NFT_MSG_GETGEN, 0);
        return nl_query(nl, &m, take_generation, ret, NULL);
}

static int note_element(const struct nlmsghdr *h, void *context) {
        const struct nlattr *list =
                nl_find(h, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);

        if (nl_find_nested(list, NFTA_LIST_ELEM))
                *(bool *) context = true;
        return 0;
}

int nft_set_has_elements(int nl, const NftTable *table, const char *set) {
        bool found = false;
        NlMessage m;
        int r;

        nl_begin_empty(&m);
        next(&m, table->family, NFT_MSG_GETSETELEM, NLM_F_DUMP);
        nl_put_string(&m, NFTA_SET_ELEM_LIST_TABLE, table->name);
        nl_put_string(&m, NFTA_SET_ELEM_LIST_SET, set);
        r = nl_query(nl, &m, note_element, &found, NULL);
        return r < 0 ? r : found;
}

static uint32_t number_of(unsigned reg) {
        return NFT_REG32_00 + reg;
}

void nft_rule(NlMessage *m, const NftTable *table, const char *chain) {
        next(m, table->family, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
        nl_put_string(m, NFTA_RULE_TABLE, table->name);
        nl_put_string(m, NFTA_RULE_CHAIN, chain);
        m->list = nl_nest(m, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(NlMessage *m) {
        nl_end(m, m->list);
}

typedef struct Expr {
        size_t element, data;
} Expr;

static Expr expr_begin(NlMessage *m, const char *name) {
        Expr e;

        e.element = nl_nest(m, NFTA_LIST_ELEM);
        nl_put_string(m, NFTA_EXPR_NAME, name);
        e.data = nl_nest(m, NFTA_EXPR_DATA);
        return e;
}

static void expr_end(NlMessage *m, Expr e) {
        nl_end(m, e.data);
        nl_end(m, e.element);
}

void nft_expr_meta(NlMessage *m, uint32_t key, unsigned to) {
        Expr e = expr_begin(m, "meta");

        nl_put_be32(m, NFTA_META_KEY, key);
        nl_put_be32(m, NFTA_META_DREG, number_of(to));
        expr_end(m, e);
}

void nft_expr_ct(NlMessage *m, uint32_t key, unsigned to) {
        Expr e = expr_begin(m, "ct");

        nl_put_be32(m, NFTA_CT_KEY, key);
        nl_put_be32(m, NFTA_CT_DREG, number_of(to));
        expr_end(m, e);
}

void nft_expr_meta_set(NlMessage *m, uint32_t key, unsigned from) {
        Expr e = expr_begin(m, "meta");

        nl_put_be32(m, NFTA_META_KEY, key);
        nl_put_be32(m, NFTA_META_SREG, number_of(from));
        expr_end(m, e);
}

void nft_expr_ct_set(NlMessage *m, uint32_t key, unsigned from) {
        Expr e = expr_begin(m, "ct");

        nl_put_be32(m, NFTA_CT_KEY, key);
        nl_put_be32(m, NFTA_CT_SREG, number_of(from));
        expr_end(m, e);
}

void nft_expr_ct_any(NlMessage *m, uint32_t key, uint32_t mask) {
        uint32_t none = 0;

        nft_expr_ct(m, key, 0);
        nft_expr_bitwise(m, 0, 0, &mask, sizeof mask);
        nft_expr_cmp(m, NFT_CMP_NEQ, 0, &none, sizeof none);
}

void nft_expr_payload(NlMessage *m, uint32_t base, uint32_t offset, uint32_t size, unsigned to) {
        Expr e = expr_begin(m, "payload");

        nl_put_be32(m, NFTA_PAYLOAD_DREG, number_of(to));
        nl_put_be32(m, NFTA_PAYLOAD_BASE, base);
        nl_put_be32(m, NFTA_PAYLOAD_OFFSET, offset);
        nl_put_be32(m, NFTA_PAYLOAD_LEN, size);
        expr_end(m, e);
}

void nft_expr_fib(NlMessage *m, uint32_t flags, uint32_t result, unsigned to) {
        Expr e = expr_begin(m, "fib");

        nl_put_be32(m, NFTA_FIB_DREG, number_of(to));
        nl_put_be32(m, NFTA_FIB_RESULT, result);
        nl_put_be32(m, NFTA_FIB_FLAGS, flags);
        expr_end(m, e);
}

void nft_expr_bitwise(NlMessage *m, unsigned from, unsigned to, const void *mask, size_t size) {
        static const uint8_t zeros[16];
        Expr e = expr_begin(m, "bitwise");

        nl_put_be32(m, NFTA_BITWISE_SREG, number_of(from));
        nl_put_be32(m, NFTA_BITWISE_DREG, number_of(to));
        nl_put_be32(m, NFTA_BITWISE_LEN, (uint32_t) size);
        put_value(m, NFTA_BITWISE_MASK, mask, size);
        put_value(m, NFTA_BITWISE_XOR, zeros, size);
        expr_end(m, e);
}

void nft_expr_cmp(NlMessage *m, uint32_t operation, unsigned from, const void *value, size_t size) {
        Expr e = expr_begin(m, "cmp");

        nl_put_be32(m, NFTA_CMP_SREG, number_of(from));
        nl_put_be32(m, NFTA_CMP_OP, operation);
        put_value(m, NFTA_CMP_DATA, value, size);
        expr_end(m, e);
}

void nft_expr_lookup(NlMessage *m, const char *set, unsigned from, bool without) {
        Expr e = expr_begin(m, "lookup");

        nl_put_string(m, NFTA_LOOKUP_SET, set);
        nl_put_be32(m, NFTA_LOOKUP_SREG, number_of(from));
        if (without)
                nl_put_be32(m, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
        expr_end(m, e);
}

void nft_expr_map(NlMessage *m, const char *map, unsigned from, unsigned to) {
        Expr e = expr_begin(m, "lookup");

        nl_put_string(m, NFTA_LOOKUP_SET, map);
        nl_put_be32(m, NFTA_LOOKUP_SREG, number_of(from));
        nl_put_be32(m, NFTA_LOOKUP_DREG, number_of(to));
        expr_end(m, e);
}

void nft_expr_verdict(NlMessage *m, uint32_t verdict, const char *chain) {
        Expr e = expr_begin(m, "immediate");
        size_t data, code;

        nl_put_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        data = nl_nest(m, NFTA_IMMEDIATE_DATA);
        code = nl_nest(m, NFTA_DATA_VERDICT);
        nl_put_be32(m, NFTA_VERDICT_CODE, verdict);
        if (chain)
                nl_put_string(m, NFTA_VERDICT_CHAIN, chain);
        nl_end(m, code);
        nl_end(m, data);
        expr_end(m, e);
}

void nft_expr_dnat(NlMessage *m, uint32_t family, unsigned address, unsigned port) {
        Expr e = expr_begin(m, "nat");

        nl_put_be32(m, NFTA_NAT_TYPE, NFT_NAT_DNAT);
        nl_put_be32(m, NFTA_NAT_FAMILY, family);
        nl_put_be32(m, NFTA_NAT_REG_ADDR_MIN, number_of(address));
        nl_put_be32(m, NFTA_NAT_REG_PROTO_MIN, number_of(port));
        expr_end(m, e);
}

void nft_expr_masquerade(NlMessage *m) {
        expr_end(m, expr_begin(m, "masq"));
}
