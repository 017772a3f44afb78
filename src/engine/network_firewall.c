/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How the table is laid out, as `nft list table inet isola` shows it:
 *
 *   set bridges    ifname                our bridges
 *   set same       ifname . ifname       each bridge with itself
 *   set internal   ifname                bridges of networks made with --internal
 *   set guests     ifname                cables to labs, which are bridges for all else
 * (network_guest.h) set nets4, nets6                     subnets of all networks map ports4
 * protocol . port       -> container address . port map ports4_at  address . protocol . port  ->
 * the same, for ports of one host address map ports6, ports6_at
 *
 *   raw          from our bridges: nothing for or from 127.0.0.0/8 (route_localnet lets it in,
 *                CVE-2020-8558), no source address that does not belong there
 *   prerouting   what comes in for an address of this host looks for its port
 *   output       the same for this host's own connections
 *   forward      within one network anything; out to the world unless internal; in only to
 *                published ports; between networks nothing else
 *   input        internal networks do not reach this host either, but it reaches them
 *   postrouting  out to the world, to oneself through a published port (the answer has to come
 *                back this way), to guests through one, and from 127.0.0.1: with this host's
 * address
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "engine/network_firewall.h"
#include "engine/network_guard.h"
#include "engine/network_guest.h"
#include "engine/network_internal.h"
#include "engine/network_ports.h"
#include "netlink/nft.h"

static const NftTable table = { NFPROTO_INET, "isola" };

#define FILL_TRIES 16 /* nobody ends that many bridges while one is made */

/* Offsets in IPv4, IPv6 and in TCP and UDP headers. */
#define IP4_SOURCE      12
#define IP4_DESTINATION 16
#define IP6_SOURCE      8
#define IP6_DESTINATION 24
#define PORT_OFFSET     2

/* Where a map's data goes: behind the longest key, 16 + 4 + 4 bytes. */
#define RESULT 8

#define STATE_INVALID     1U /* nf_conntrack_common.h: NF_CT_STATE_INVALID_BIT */
#define STATE_ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define STATE_RELATED     NF_CT_STATE_BIT(IP_CT_RELATED)

enum {
        RAW_PRIORITY = -300,
        DNAT_PRIORITY = -100,
        FILTER_PRIORITY = 0,
        SNAT_PRIORITY = 100,
};

static const NftSet sets[] = {
        { "bridges", NFT_TYPE_IFNAME, 16, 0, 0 },
        { "same", NFT_CONCAT(NFT_TYPE_IFNAME, NFT_TYPE_IFNAME), 32, 0, 0 },
        { "internal", NFT_TYPE_IFNAME, 16, 0, 0 },
        { "guests", NFT_TYPE_IFNAME, 16, 0, 0 },
        { "nets4", NFT_TYPE_IP, 4, 0, 0, true },
        { "nets6", NFT_TYPE_IP6, 16, 0, 0, true },
        { "ports4", NFT_CONCAT(NFT_TYPE_PROTOCOL, NFT_TYPE_PORT), 8,
          NFT_CONCAT(NFT_TYPE_IP, NFT_TYPE_PORT), 8 },
        { "ports4_at", NFT_CONCAT3(NFT_TYPE_IP, NFT_TYPE_PROTOCOL, NFT_TYPE_PORT), 12,
          NFT_CONCAT(NFT_TYPE_IP, NFT_TYPE_PORT), 8 },
        { "ports6", NFT_CONCAT(NFT_TYPE_PROTOCOL, NFT_TYPE_PORT), 8,
          NFT_CONCAT(NFT_TYPE_IP6, NFT_TYPE_PORT), 20 },
        { "ports6_at", NFT_CONCAT3(NFT_TYPE_IP6, NFT_TYPE_PROTOCOL, NFT_TYPE_PORT), 24,
          NFT_CONCAT(NFT_TYPE_IP6, NFT_TYPE_PORT), 20 },
};

static void rule(NlMessage *m, const char *chain) {
        nft_rule(m, &table, chain);
}

static void rule_ends(NlMessage *m, uint32_t verdict) {
        nft_expr_verdict(m, verdict, NULL);
        nft_rule_end(m);
}

/* Matches; each uses registers from 0. */
static void comes_by(NlMessage *m, const char *set, bool without) {
        nft_expr_meta(m, NFT_META_IIFNAME, 0);
        nft_expr_lookup(m, set, 0, without);
}

static void goes_by(NlMessage *m, const char *set, bool without) {
        nft_expr_meta(m, NFT_META_OIFNAME, 0);
        nft_expr_lookup(m, set, 0, without);
}

static void stays_on_bridge(NlMessage *m) {
        nft_expr_meta(m, NFT_META_IIFNAME, 0);
        nft_expr_meta(m, NFT_META_OIFNAME, 4);
        nft_expr_lookup(m, "same", 0, false);
}

static void is_family(NlMessage *m, uint8_t family) {
        nft_expr_meta(m, NFT_META_NFPROTO, 0);
        nft_expr_cmp(m, NFT_CMP_EQ, 0, &family, 1);
}

/* The IPv4 address at the offset is in 127.0.0.0/8. */
static void is_loopback4(NlMessage *m, uint32_t offset) {
        const uint8_t mask[4] = { 255 }, net[4] = { 127 };

        is_family(m, NFPROTO_IPV4);
        nft_expr_payload(m, NFT_PAYLOAD_NETWORK_HEADER, offset, 4, 0);
        nft_expr_bitwise(m, 0, 0, mask, sizeof mask);
        nft_expr_cmp(m, NFT_CMP_EQ, 0, net, sizeof net);
}

static void is_loopback6(NlMessage *m) {
        const uint8_t one[16] = { [15] = 1 };

        is_family(m, NFPROTO_IPV6);
        nft_expr_payload(m, NFT_PAYLOAD_NETWORK_HEADER, IP6_DESTINATION, sizeof one, 0);
        nft_expr_cmp(m, NFT_CMP_EQ, 0, one, sizeof one);
}

static void is_protocol(NlMessage *m, uint8_t protocol) {
        nft_expr_meta(m, NFT_META_L4PROTO, 0);
        nft_expr_cmp(m, NFT_CMP_EQ, 0, &protocol, 1);
}

static void put_raw(NlMessage *m) {
        const uint32_t nowhere = 0;

        rule(m, "raw");
        comes_by(m, "bridges", true);
        rule_ends(m, NF_ACCEPT);
        rule(m, "raw");
        is_loopback4(m, IP4_DESTINATION);
        rule_ends(m, NF_DROP);
        rule(m, "raw");
        is_loopback4(m, IP4_SOURCE);
        rule_ends(m, NF_DROP);
        rule(m, "raw");
        nft_expr_fib(m, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF, NFT_FIB_RESULT_OIF, 0);
        nft_expr_cmp(m, NFT_CMP_EQ, 0, &nowhere, sizeof nowhere);
        rule_ends(m, NF_DROP);
}

/* To an address of this host: look for the port. */
static void put_local_jump(NlMessage *m, const char *chain) {
        const uint32_t local = RTN_LOCAL;

        rule(m, chain);
        nft_expr_fib(m, NFTA_FIB_F_DADDR, NFT_FIB_RESULT_ADDRTYPE, 0);
        nft_expr_cmp(m, NFT_CMP_EQ, 0, &local, sizeof local);
        nft_expr_verdict(m, (uint32_t) NFT_JUMP, "publish");
        nft_rule_end(m);
}

static void put_publish(NlMessage *m, uint8_t family, const char *map, bool with_address) {
        bool is6 = family == NFPROTO_IPV6;
        unsigned size = is6 ? 16 : 4, next = with_address ? size / 4 : 0;

        rule(m, "publish");
        is_family(m, family);
        if (with_address)
                nft_expr_payload(m, NFT_PAYLOAD_NETWORK_HEADER,
                                 is6 ? IP6_DESTINATION : IP4_DESTINATION, size, 0);
        nft_expr_meta(m, NFT_META_L4PROTO, next);
        nft_expr_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, PORT_OFFSET, 2, next + 1);
        nft_expr_map(m, map, 0, RESULT);
        nft_expr_dnat(m, family, RESULT, RESULT + size / 4);
        nft_rule_end(m);
}

static void is_from_container(NlMessage *m, uint8_t family) {
        bool is6 = family == NFPROTO_IPV6;

        is_family(m, family);
        nft_expr_payload(m, NFT_PAYLOAD_NETWORK_HEADER, is6 ? IP6_SOURCE : IP4_SOURCE, is6 ? 16 : 4,
                         0);
        nft_expr_lookup(m, is6 ? "nets6" : "nets4", 0, false);
}

/*
 * Told by the source address, not by the interface that a packet came in by: where br_netfilter
 * shows us what stays on a bridge, that is not known any more at this place.
 */
static void put_masquerade(NlMessage *m, uint8_t family) {
        rule(m, "postrouting");
        goes_by(m, "bridges", true);
        is_from_container(m, family);
        nft_expr_masquerade(m);
        nft_rule_end(m);
        rule(m, "postrouting");
        goes_by(m, "bridges", false);
        nft_expr_ct_any(m, NFT_CT_STATUS, IPS_DST_NAT);
        is_from_container(m, family);
        nft_expr_masquerade(m);
        nft_rule_end(m);
}

static void put_nat(NlMessage *m) {
        /* From another host nothing reaches 127.0.0.1, published there or not. */
        rule(m, "prerouting");
        is_loopback4(m, IP4_DESTINATION);
        rule_ends(m, NF_ACCEPT);
        put_local_jump(m, "prerouting");

        /* An answer to ::1 would not be let in: the monitor serves it, see port_relay.h. */
        rule(m, "output");
        is_loopback6(m);
        rule_ends(m, NF_ACCEPT);
        put_local_jump(m, "output");

        put_publish(m, NFPROTO_IPV4, "ports4_at", true);
        put_publish(m, NFPROTO_IPV4, "ports4", false);
        put_publish(m, NFPROTO_IPV6, "ports6_at", true);
        put_publish(m, NFPROTO_IPV6, "ports6", false);

        put_masquerade(m, NFPROTO_IPV4);
        put_masquerade(m, NFPROTO_IPV6);
        rule(m, "postrouting");
        goes_by(m, "bridges", false);
        is_loopback4(m, IP4_SOURCE);
        nft_expr_masquerade(m);
        nft_rule_end(m);
        rule(m, "postrouting");
        goes_by(m, "guests", false);
        nft_expr_ct_any(m, NFT_CT_STATUS, IPS_DST_NAT);
        nft_expr_masquerade(m);
        nft_rule_end(m);
}

static void put_filter(NlMessage *m) {
        rule(m, "forward");
        comes_by(m, "bridges", true);
        goes_by(m, "bridges", true);
        rule_ends(m, NF_ACCEPT);
        rule(m, "forward");
        nft_expr_ct_any(m, NFT_CT_STATE, STATE_ESTABLISHED | STATE_RELATED);
        rule_ends(m, NF_ACCEPT);
        rule(m, "forward");
        stays_on_bridge(m);
        rule_ends(m, NF_ACCEPT);
        rule(m, "forward");
        nft_expr_ct_any(m, NFT_CT_STATE, STATE_INVALID);
        rule_ends(m, NF_DROP);
        rule(m, "forward");
        comes_by(m, "internal", false);
        rule_ends(m, NF_DROP);
        rule(m, "forward");
        goes_by(m, "internal", false);
        rule_ends(m, NF_DROP);
        rule(m, "forward");
        nft_expr_ct_any(m, NFT_CT_STATUS, IPS_DST_NAT);
        rule_ends(m, NF_ACCEPT);
        rule(m, "forward");
        goes_by(m, "bridges", false);
        rule_ends(m, NF_DROP);

        rule(m, "input");
        comes_by(m, "internal", true);
        rule_ends(m, NF_ACCEPT);
        rule(m, "input");
        nft_expr_ct_any(m, NFT_CT_STATE, STATE_ESTABLISHED | STATE_RELATED);
        rule_ends(m, NF_ACCEPT);
        /* Ping, and the neighbour discovery that answers need. */
        rule(m, "input");
        is_protocol(m, IPPROTO_ICMP);
        rule_ends(m, NF_ACCEPT);
        rule(m, "input");
        is_protocol(m, IPPROTO_ICMPV6);
        rule_ends(m, NF_ACCEPT);
        rule(m, "input");
        rule_ends(m, NF_DROP);
}

static void put_table(NlMessage *m) {
        nft_table(m, &table);
        for (uint32_t i = 0; i < sizeof sets / sizeof *sets; i++)
                nft_set(m, &table, &sets[i], i + 1);

        nft_chain(m, &table, "raw", &(NftHook){ "filter", NF_INET_PRE_ROUTING, RAW_PRIORITY });
        nft_chain(m, &table, "prerouting", &(NftHook){ "nat", NF_INET_PRE_ROUTING, DNAT_PRIORITY });
        nft_chain(m, &table, "output", &(NftHook){ "nat", NF_INET_LOCAL_OUT, DNAT_PRIORITY });
        nft_chain(m, &table, "publish", NULL);
        nft_chain(m, &table, "input", &(NftHook){ "filter", NF_INET_LOCAL_IN, FILTER_PRIORITY });
        nft_chain(m, &table, "forward", &(NftHook){ "filter", NF_INET_FORWARD, FILTER_PRIORITY });
        nft_chain(m, &table, "postrouting",
                  &(NftHook){ "nat", NF_INET_POST_ROUTING, SNAT_PRIORITY });
        put_raw(m);
        put_nat(m);
        put_filter(m);
}

typedef struct PairName {
        char first[NFT_IFNAME_SIZE], second[NFT_IFNAME_SIZE];
} PairName;

static PairName pair_of(const char *bridge) {
        PairName p = {};

        snprintf(p.first, sizeof p.first, "%s", bridge);
        snprintf(p.second, sizeof p.second, "%s", bridge);
        return p;
}

/* Adds or takes away the addresses of a subnet. */
static void put_net(NlMessage *m, const char *set, const char *subnet, bool remove) {
        Address first, after;
        size_t size;

        if (str_empty(subnet) || addr_parse(subnet, &first) < 0)
                return;
        after = first;
        size = addr_size(&first);
        for (unsigned byte = (first.prefix - 1U) / 8,
                      carry = 0x100U >> ((first.prefix - 1U) % 8 + 1);
             carry; byte--) {
                unsigned sum = after.bytes[byte] + carry;

                after.bytes[byte] = (uint8_t) sum;
                carry = byte > 0 ? sum >> 8 : 0;
        }

        NftElement elements[] = { { .key = first.bytes, .key_size = size },
                                  { .key = after.bytes, .key_size = size, .end = true } };
        nft_elements(m, &table, set, elements, 2, remove);
}

static void put_bridge(NlMessage *m, const Network *n) {
        PairName name = pair_of(n->bridge);
        NftElement single = { .key = name.first, .key_size = sizeof name.first };
        NftElement pair = { .key = &name, .key_size = sizeof name };

        nft_elements(m, &table, "bridges", &single, 1, false);
        nft_elements(m, &table, "same", &pair, 1, false);
        if (n->internal)
                nft_elements(m, &table, "internal", &single, 1, false);
        if (str_equal(n->driver, GUEST_DRIVER))
                nft_elements(m, &table, "guests", &single, 1, false);
        put_net(m, "nets4", n->subnet, false);
        put_net(m, "nets6", n->subnet6, false);
}

/* A port as the maps have it: parts padded to 4 bytes. */
typedef struct PortElement {
        const char *map;
        uint8_t key[24], data[20];
        NftElement element;
} PortElement;

static void fill_element(const FirewallPort *p, PortElement *e) {
        size_t size = addr_size(&p->to), at = p->host.prefix > 0 ? size : 0;
        uint16_t host_port = htons(p->host_port), port = htons(p->port);
        bool is6 = p->to.family == AF_INET6;

        *e = (PortElement){ .map = at ? (is6 ? "ports6_at" : "ports4_at")
                                      : (is6 ? "ports6" : "ports4") };
        memcpy(e->key, p->host.bytes, at);
        e->key[at] = p->protocol;
        memcpy(e->key + at + 4, &host_port, sizeof host_port);
        memcpy(e->data, p->to.bytes, size);
        memcpy(e->data + size, &port, sizeof port);
        e->element = (NftElement){
                .key = e->key, .key_size = at + 8, .data = e->data, .data_size = size + 4
        };
}

/* Adds the ports' elements, map by map so that a range is few messages. */
static int put_ports(NlMessage *m, const FirewallPort *ports, size_t n, bool remove) {
        autofree PortElement *all = calloc(n + 1, sizeof *all);
        autofree NftElement *some = calloc(n + 1, sizeof *some);

        if (!all || !some)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                fill_element(&ports[i], &all[i]);

        for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
                size_t count = 0;

                for (size_t i = 0; i < n; i++)
                        if (str_equal(all[i].map, sets[s].name)) {
                                some[count] = all[i].element;
                                if (remove)
                                        some[count].data = NULL;
                                count++;
                        }
                if (count > 0)
                        nft_elements(m, &table, sets[s].name, some, count, remove);
        }
        return 0;
}

/* The ports that an element is there for. */
static size_t find_present(int nft, const FirewallPort *ports, size_t n, FirewallPort *present) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++) {
                PortElement e;

                fill_element(&ports[i], &e);
                if (nft_lookup(nft, &table, e.map, e.key, e.element.key_size) >= 0)
                        present[count++] = ports[i];
        }
        return count;
}

/* One transaction: what is left of others goes, @ports come. */
static int replace_ports(int nft, const FirewallPort *ports, size_t n, bool come, Err *err) {
        autofree FirewallPort *present = calloc(n + 1, sizeof *present);
        autonl NlMessage m;
        size_t n_present;
        int r = 0;

        nft_begin(&m);
        if (!present)
                return fail(err, ENOMEM, "cannot change published ports");
        n_present = find_present(nft, ports, n, present);
        if (n_present == 0 && !come)
                return 0;
        if (n_present > 0)
                r = put_ports(&m, present, n_present, true);
        if (r >= 0 && come)
                r = put_ports(&m, ports, n, false);
        if (r < 0)
                return fail(err, r, "cannot change published ports");
        r = nft_commit(nft, &m, err);
        return r < 0 ? err_prefix(err, r, "cannot change published ports") : 0;
}

int firewall_publish(int nft, const FirewallPort *ports, size_t n, Err *err) {
        autonl NlMessage m;
        autoerr why = {};
        int r;

        nft_begin(&m);
        r = put_ports(&m, ports, n, false);
        if (r < 0)
                return fail(err, r, "cannot publish ports");
        r = nft_commit(nft, &m, &why);
        if (r == -EEXIST)
                return replace_ports(nft, ports, n, true, err);
        return r < 0 ? refuse(err, r, "cannot publish ports: %s", why.message) : 0;
}

void firewall_withdraw(int nft, const FirewallPort *ports, size_t n) {
        autonl NlMessage m;
        int r;

        nft_begin(&m);
        r = put_ports(&m, ports, n, true);
        if (r >= 0)
                r = nft_commit(nft, &m, NULL);
        /* All or nothing: if one is gone already, look which are not. */
        if (r == -ENOENT)
                (void) replace_ports(nft, ports, n, false, NULL);
}

typedef struct PutGuest {
        const Network *wanted;
        NlMessage *m;
} PutGuest;

static int put_guest(const Network *n, void *context) {
        const PutGuest *p = context;

        if (!str_equal(n->bridge, p->wanted->bridge) && if_nametoindex(n->bridge) > 0)
                put_bridge(p->m, n);
        return 0;
}

/* Those that have a bridge, and the one that is about to get or has one. */
static int put_networks(const Home *home, const Network *wanted, NlMessage *m, Err *err) {
        autostrv names = NULL;
        int r;

        r = network_names(home, &names, err);
        if (r < 0)
                return r;
        strv_foreach(name, names) {
                autoptr(Network) n = NULL;

                if (str_equal(*name, wanted->name) || network_load(home, *name, &n, NULL) < 0)
                        continue;
                if (n->bridge && if_nametoindex(n->bridge) > 0)
                        put_bridge(m, n);
        }
        put_bridge(m, wanted);
        return guest_each(home, put_guest, &(PutGuest){ wanted, m }, err);
}

static int make_table(int nft, Err *err) {
        autonl NlMessage m;
        autoerr why = {};
        int r;

        nft_begin(&m);
        put_table(&m);
        r = nft_commit(nft, &m, &why);
        if (r >= 0)
                log_debug("made the nf_tables table 'inet %s'", table.name);
        if (r < 0 && r != -EEXIST)
                return err_hint(err,
                                refuse(err, r, "cannot make the nf_tables table 'inet %s': %s",
                                       table.name, why.message),
                                "bridged networks need nf_tables with nat (CONFIG_NF_TABLES_INET, "
                                "CONFIG_NFT_NAT, CONFIG_NFT_MASQ, CONFIG_NFT_FIB_INET)");
        return 0;
}

static int fill(const Home *home, const Network *wanted, int nft, Err *err) {
        autonl NlMessage m;
        int r;

        nft_begin(&m);
        r = make_table(nft, err);
        if (r >= 0)
                r = put_networks(home, wanted, &m, err);
        if (r < 0)
                return r;
        r = nft_commit(nft, &m, err);
        return r < 0 ? err_prefix(err, r, "cannot fill the nf_tables table 'inet %s'", table.name)
                     : 0;
}

static int build(const Home *home, const Network *wanted, int nft, Err *err) {
        autofree FirewallPort *ports = NULL;
        autoerr why = {};
        size_t n;
        int r = -ENOENT;

        /* Whoever takes the last bridge away removes the table, also while it has none yet. */
        for (int i = 0; i < FILL_TRIES && r == -ENOENT; i++) {
                err_clear(&why);
                r = fill(home, wanted, nft, &why);
        }
        if (r < 0) {
                (void) refuse(err, r, "%s", why.message);
                return why.hint ? err_hint(err, r, "%s", why.hint) : r;
        }

        guard_restore(home, nft);
        r = network_claimed_ports(home, &ports, &n, err);
        if (r < 0 || n == 0)
                return r;
        return firewall_publish(nft, ports, n, err);
}

int firewall_prepare(const Home *home, const Network *network, int nft, Err *err) {
        PairName name = pair_of(network->bridge);

        if (nft_lookup(nft, &table, "bridges", name.first, sizeof name.first) >= 0)
                return 0;
        return build(home, network, nft, err);
}

bool firewall_has_networks(int nft) {
        return nft_set_has_elements(nft, &table, "bridges") > 0;
}

void firewall_forget(const Network *n) {
        int nft = nft_socket();
        PairName name = pair_of(n->bridge);
        NftElement single = { .key = name.first, .key_size = sizeof name.first };
        NftElement pair = { .key = &name, .key_size = sizeof name };
        NlMessage m;

        if (nft < 0 || nft_lookup(nft, &table, "bridges", single.key, single.key_size) < 0)
                return;
        nft_begin(&m);
        nft_elements(&m, &table, "bridges", &single, 1, true);
        nft_elements(&m, &table, "same", &pair, 1, true);
        if (n->internal)
                nft_elements(&m, &table, "internal", &single, 1, true);
        if (str_equal(n->driver, GUEST_DRIVER))
                nft_elements(&m, &table, "guests", &single, 1, true);
        put_net(&m, "nets4", n->subnet, true);
        put_net(&m, "nets6", n->subnet6, true);
        (void) nft_commit(nft, &m, NULL);
}

void firewall_sweep(void) {
        int nft = nft_socket();
        uint32_t generation;
        NlMessage m;
        int r;

        do {
                if (nft < 0 || nft_generation(nft, &generation) < 0 ||
                    nft_set_has_elements(nft, &table, "bridges") != 0)
                        return;
                /* Whoever adds a bridge after we looked makes this fail. */
                nft_begin_after(&m, generation);
                nft_delete_table(&m, &table);
                guard_put_removal(nft, &m);
                r = nft_commit(nft, &m, NULL);
        } while (r == -ERESTART);
        if (r >= 0)
                log_debug("removed the nf_tables table 'inet %s'", table.name);
}
