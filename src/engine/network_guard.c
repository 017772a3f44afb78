/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The table, as `nft list table bridge isola` shows it:
 *
 *   set cables   ifname                  the host's ends of guarded cables
 *   set macs     ifname . ether          each with its container's MAC address
 *   set own4     ifname . ether . ip     and with its addresses
 *   set own6     ifname . ether . ip6    the link-local one, too
 *
 *   prerouting   from those cables: the MAC; then by protocol the sender that ARP tells, the IPv4
 *                source, the target of a neighbour advertisement, the IPv6 source
 *
 * A VLAN tag is taken off before a packet comes here.  One that is still there is the second, which
 * hides what is behind it from these rules and not from the receiver, who takes off two of VLAN 0
 * (__netif_receive_skb_core() in net/core/dev.c).
 *
 * Fragments cannot hide neighbour discovery: receivers drop it then (RFC 6980).
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/network_guard.h"
#include "engine/network_internal.h"
#include "netlink/nft.h"

#define ND_REDIRECT_TYPE 137 /* RFC 4861 4.5 */

/* Offsets in Ethernet, ARP (RFC 826), IP headers, and a neighbour advertisement (RFC 4861 4.4). */
#define ETHER_SOURCE 6
#define ARP_MAC      8
#define ARP_SENDER   14
#define IP4_SOURCE   12
#define IP6_SOURCE   8
#define NA_TARGET    8

/* Registers: the name takes 4, a MAC address 2. */
#define MAC_REGISTER     4
#define ADDRESS_REGISTER 6

/* linux/netfilter_bridge.h, which does not go with netinet/in.h. */
#define NF_BR_PRE_ROUTING 0

#define PRIORITY (-300) /* before br_netfilter and everybody else */

static const NftTable table = { NFPROTO_BRIDGE, "isola" };

static const NftSet sets[] = {
        { "cables", NFT_TYPE_IFNAME, 16, 0, 0 },
        { "macs", NFT_CONCAT(NFT_TYPE_IFNAME, NFT_TYPE_ETHER), 24, 0, 0 },
        { "own4", NFT_CONCAT3(NFT_TYPE_IFNAME, NFT_TYPE_ETHER, NFT_TYPE_IP), 28, 0, 0 },
        { "own6", NFT_CONCAT3(NFT_TYPE_IFNAME, NFT_TYPE_ETHER, NFT_TYPE_IP6), 40, 0, 0 },
};

/* What an element of each set is made of; shorter keys are its beginning. */
typedef struct Key {
        char cable[NFT_IFNAME_SIZE];
        uint8_t mac[8], address[16];
} Key;

static void rule(NlMessage *m) {
        nft_rule(m, &table, "prerouting");
        nft_expr_meta(m, NFT_META_IIFNAME, 0);
}

static void rule_ends(NlMessage *m, uint32_t verdict) {
        nft_expr_verdict(m, verdict, NULL);
        nft_rule_end(m);
}

static void is_protocol(NlMessage *m, uint16_t protocol) {
        uint16_t wanted = htons(protocol);

        nft_expr_meta(m, NFT_META_PROTOCOL, ADDRESS_REGISTER);
        nft_expr_cmp(m, NFT_CMP_EQ, ADDRESS_REGISTER, &wanted, sizeof wanted);
}

static void is_icmp6(NlMessage *m, uint8_t type) {
        const uint8_t icmp6 = IPPROTO_ICMPV6;

        is_protocol(m, ETH_P_IPV6);
        nft_expr_meta(m, NFT_META_L4PROTO, ADDRESS_REGISTER);
        nft_expr_cmp(m, NFT_CMP_EQ, ADDRESS_REGISTER, &icmp6, sizeof icmp6);
        nft_expr_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, ADDRESS_REGISTER);
        nft_expr_cmp(m, NFT_CMP_EQ, ADDRESS_REGISTER, &type, sizeof type);
}

static void load_mac(NlMessage *m) {
        nft_expr_payload(m, NFT_PAYLOAD_LL_HEADER, ETHER_SOURCE, 6, MAC_REGISTER);
}

/* The rule goes on if cable, MAC and the address at the offset are (or are not) in the set. */
static void owns(NlMessage *m, const char *set, uint32_t base, uint32_t offset, bool without) {
        uint32_t size = str_equal(set, "own6") ? 16 : 4;

        nft_expr_payload(m, base, offset, size, ADDRESS_REGISTER);
        nft_expr_lookup(m, set, 0, without);
}

static void put_rules(NlMessage *m) {
        static const uint16_t tags[] = { ETH_P_8021Q, ETH_P_8021AD };
        static const uint8_t forbidden[] = { ND_ROUTER_ADVERT, ND_REDIRECT_TYPE };

        rule(m);
        nft_expr_lookup(m, "cables", 0, true);
        rule_ends(m, NF_ACCEPT);
        rule(m);
        load_mac(m);
        nft_expr_lookup(m, "macs", 0, true);
        rule_ends(m, NF_DROP);
        for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
                rule(m);
                is_protocol(m, tags[i]);
                rule_ends(m, NF_DROP);
        }

        rule(m);
        is_protocol(m, ETH_P_ARP);
        nft_expr_payload(m, NFT_PAYLOAD_NETWORK_HEADER, ARP_MAC, 6, MAC_REGISTER);
        owns(m, "own4", NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER, true);
        rule_ends(m, NF_DROP);
        rule(m);
        is_protocol(m, ETH_P_IP);
        load_mac(m);
        owns(m, "own4", NFT_PAYLOAD_NETWORK_HEADER, IP4_SOURCE, true);
        rule_ends(m, NF_DROP);

        for (size_t i = 0; i < sizeof forbidden; i++) {
                rule(m);
                is_icmp6(m, forbidden[i]);
                rule_ends(m, NF_DROP);
        }
        rule(m);
        is_icmp6(m, ND_NEIGHBOR_ADVERT);
        load_mac(m);
        owns(m, "own6", NFT_PAYLOAD_TRANSPORT_HEADER, NA_TARGET, true);
        rule_ends(m, NF_DROP);
        rule(m);
        is_protocol(m, ETH_P_IPV6);
        load_mac(m);
        owns(m, "own6", NFT_PAYLOAD_NETWORK_HEADER, IP6_SOURCE, true);
        rule_ends(m, NF_DROP);
}

static int make_table(int nft, Err *err) {
        autonl NlMessage m;
        int r;

        nft_begin(&m);
        nft_table(&m, &table);
        for (uint32_t i = 0; i < sizeof sets / sizeof *sets; i++)
                nft_set(&m, &table, &sets[i], i + 1);
        nft_chain(&m, &table, "prerouting", &(NftHook){ "filter", NF_BR_PRE_ROUTING, PRIORITY });
        put_rules(&m);
        r = nft_commit(nft, &m, err);
        if (r >= 0)
                log_debug("made the nf_tables table 'bridge %s'", table.name);
        return r;
}

/* The link-local address that the kernel gives an interface (RFC 4291, appendix A). */
static void link_local_of(const uint8_t mac[6], uint8_t address[16]) {
        const uint8_t id[] = { mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] };

        memset(address, 0, 16);
        address[0] = 0xfe;
        address[1] = 0x80;
        memcpy(address + 8, id, sizeof id);
}

static void put_element(NlMessage *m, const NftSet *set, const Key *key, bool remove) {
        NftElement element = { .key = key, .key_size = set->key_size };

        nft_elements(m, &table, set->name, &element, 1, remove);
}

/* Adds or takes away what a cable may send. */
static int put_endpoint(NlMessage *m, const Endpoint *e, bool remove) {
        Key key = {};
        Address a;

        snprintf(key.cable, sizeof key.cable, "%s", e->interface);
        if (network_parse_mac(e->mac_address, key.mac) < 0)
                return -EINVAL;
        put_element(m, &sets[0], &key, remove);
        put_element(m, &sets[1], &key, remove);
        if (addr_parse(e->ip_address, &a) < 0)
                return -EINVAL;
        memcpy(key.address, a.bytes, 4);
        put_element(m, &sets[2], &key, remove);
        link_local_of(key.mac, key.address);
        put_element(m, &sets[3], &key, remove);
        if (str_empty(e->ip6_address))
                return 0;
        if (addr_parse(e->ip6_address, &a) < 0)
                return -EINVAL;
        memcpy(key.address, a.bytes, 16);
        put_element(m, &sets[3], &key, remove);
        return 0;
}

static int commit_endpoint(int nft, const Endpoint *e, bool remove, Err *err) {
        autonl NlMessage m;
        int r;

        nft_begin(&m);
        r = put_endpoint(&m, e, remove);
        if (r < 0)
                return fail(err, r, "cannot tell the container's addresses");
        return nft_commit(nft, &m, err);
}

/* Adds the cables of containers that run. */
static void put_running(const Home *home, NlMessage *m, size_t *ret_n) {
        autostrv ids = NULL;

        *ret_n = 0;
        if (dir_list(home->run_fd, "containers", &ids) < 0)
                return;
        strv_foreach(id, ids) {
                Container c = { .id = *id, .name = *id, .home = home, .dir = -EBADF };

                if (container_read_state(&c, NULL) < 0)
                        continue;
                for (size_t i = 0; i < c.state.n_networks; i++)
                        if (c.state.networks[i].guarded &&
                            put_endpoint(m, &c.state.networks[i], false) >= 0)
                                ++*ret_n;
                json_clear(&container_state_type, &c.state);
                close_fd(c.dir);
        }
}

void guard_restore(const Home *home, int nft) {
        autonl NlMessage m;
        autoerr err = {};
        size_t n;
        int r = 0;

        nft_begin(&m);
        put_running(home, &m, &n);
        if (n == 0)
                return;
        if (nft_set_has_elements(nft, &table, "cables") < 0)
                r = make_table(nft, &err);
        if (r >= 0 || r == -EEXIST)
                r = nft_commit(nft, &m, &err);
        if (r < 0)
                log_warn("forged packets of containers are not stopped: %s", err.message);
}

void guard_add(const Home *home, int nft, const Endpoint *e) {
        autoerr err = {};
        int r = commit_endpoint(nft, e, false, &err);

        if (r == -ENOENT) {
                err_clear(&err);
                r = make_table(nft, &err);
                if (r >= 0)
                        guard_restore(home, nft);
                if (r >= 0 || r == -EEXIST) {
                        err_clear(&err);
                        r = commit_endpoint(nft, e, false, &err);
                }
        }
        if (r < 0)
                log_warn(
                        "the container's packets with forged addresses are not stopped: %s; it needs "
                        "nf_tables for bridges (CONFIG_NF_TABLES_BRIDGE)",
                        err.message);
}

void guard_remove(const Endpoint *e) {
        int nft = nft_socket();

        /* All of them or, after a flush, none are there. */
        if (nft >= 0)
                (void) commit_endpoint(nft, e, true, NULL);
}

void guard_put_removal(int nft, NlMessage *m) {
        if (nft_set_has_elements(nft, &table, "cables") >= 0)
                nft_delete_table(m, &table);
}
