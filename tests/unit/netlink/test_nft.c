/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/auto.h"
#include "netlink/nft.h"
#include "test.h"

static int new_socket(void) {
        if (system("nft --version >/dev/null 2>&1") != 0)
                skip("nft is not installed");
        return expect_ok(nl_open_protocol(NETLINK_NETFILTER));
}

/* What nft(8) reads back is the oracle. */
static void expect_listing(const char *command, const char *wanted) {
        char text[4096] = "";
        FILE *pipe = popen(command, "r");

        expect(pipe);
        (void) !fread(text, 1, sizeof text - 1, pipe);
        expect(pclose(pipe) == 0);
        if (!strstr(text, wanted))
                printf("# %s", text);
        expect(strstr(text, wanted));
}

static const NftTable t = { NFPROTO_INET, "t" }, u = { NFPROTO_INET, "u" };

static const NftSet ports = {
        .name = "ports",
        .key_type = NFT_CONCAT(NFT_TYPE_PROTOCOL, NFT_TYPE_PORT),
        .key_size = 8,
        .data_type = NFT_CONCAT(NFT_TYPE_IP, NFT_TYPE_PORT),
        .data_size = 8,
};

typedef struct Key {
        uint8_t protocol, padding[3];
        uint16_t port, more_padding;
} Key;

TEST_IN(rules_read_as_they_were_meant, CLONE_NEWNET) {
        int nl = new_socket();
        const char name[NFT_IFNAME_SIZE] = "eth0";
        const NftSet names = { .name = "names", .key_type = NFT_TYPE_IFNAME, .key_size = 16 };
        uint8_t tcp = IPPROTO_TCP;
        autonl NlMessage m;

        nft_begin(&m);
        nft_table(&m, &t);
        nft_set(&m, &t, &names, 1);
        nft_set(&m, &t, &ports, 2);
        nft_elements(&m, &t, "names", &(NftElement){ .key = name, .key_size = sizeof name }, 1,
                     false);
        nft_chain(&m, &t, "c", &(NftHook){ "nat", NF_INET_PRE_ROUTING, -100 });
        nft_chain(&m, &t, "other", NULL);
        nft_rule(&m, &t, "c");
        nft_expr_meta(&m, NFT_META_IIFNAME, 0);
        nft_expr_lookup(&m, "names", 0, true);
        nft_expr_meta(&m, NFT_META_L4PROTO, 0);
        nft_expr_cmp(&m, NFT_CMP_EQ, 0, &tcp, 1);
        nft_expr_verdict(&m, (uint32_t) NFT_JUMP, "other");
        nft_rule_end(&m);
        nft_rule(&m, &t, "other");
        nft_expr_meta(&m, NFT_META_L4PROTO, 0);
        nft_expr_payload(&m, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, 1);
        nft_expr_map(&m, "ports", 0, 8);
        nft_expr_dnat(&m, NFPROTO_IPV4, 8, 9);
        nft_rule_end(&m);
        expect_ok(nft_commit(nl, &m, NULL));

        expect_listing("nft list set inet t names", "elements = { \"eth0\" }");
        expect_listing("nft list chain inet t c", "type nat hook prerouting priority dstnat;");
        expect_listing("nft list chain inet t c", "iifname != @names meta l4proto tcp jump other");
        expect_listing("nft list chain inet t other",
                       "dnat ip to meta l4proto . th dport map @ports");
}

TEST_IN(elements_come_and_go_in_transactions, CLONE_NEWNET) {
        int nl = new_socket();
        Key key = { .protocol = IPPROTO_TCP, .port = htons(8080) }, none = { .protocol = 99 };
        const uint8_t to[8] = { 10, 88, 0, 2, 0, 80 }, elsewhere[8] = { 10, 88, 0, 3, 0, 80 };
        NftElement element = { .key = &key, .key_size = 8, .data = to, .data_size = 8 };
        NftElement missing = { .key = &none, .key_size = 8 };
        autoerr err = {};

        {
                autonl NlMessage m;

                nft_begin(&m);
                nft_table(&m, &t);
                nft_set(&m, &t, &ports, 1);
                nft_elements(&m, &t, "ports", &element, 1, false);
                expect_ok(nft_commit(nl, &m, NULL));
        }
        expect_listing("nft list map inet t ports", "elements = { tcp . 8080 : 10.88.0.2 . 80 }");
        expect(nft_lookup(nl, &t, "ports", &key, 8) == 0);
        expect(nft_lookup(nl, &t, "ports", &none, 8) == -ENOENT);
        expect(nft_lookup(nl, &u, "ports", &key, 8) == -ENOENT);

        /* The same again is fine, other data is not, and one failure undoes the rest. */
        {
                autonl NlMessage m;

                nft_begin(&m);
                nft_elements(&m, &t, "ports", &element, 1, false);
                expect_ok(nft_commit(nl, &m, NULL));
        }
        {
                autonl NlMessage m;

                element.data = elsewhere;
                nft_begin(&m);
                nft_elements(&m, &t, "ports", &element, 1, false);
                expect(nft_commit(nl, &m, &err) == -EEXIST);
                err_clear(&err);
        }
        {
                autonl NlMessage m;

                element.data = NULL;
                nft_begin(&m);
                nft_elements(&m, &t, "ports", &element, 1, true);
                nft_elements(&m, &t, "ports", &missing, 1, true);
                expect(nft_commit(nl, &m, &err) == -ENOENT);
                expect(nft_lookup(nl, &t, "ports", &key, 8) == 0);
        }
}

TEST_IN(table_that_is_there_is_not_made_twice, CLONE_NEWNET) {
        int nl = new_socket();

        for (int i = 0; i < 2; i++) {
                autonl NlMessage m;

                nft_begin(&m);
                nft_table(&m, &t);
                expect(nft_commit(nl, &m, NULL) == (i == 0 ? 0 : -EEXIST));
        }
}

TEST_IN(thousands_of_elements_are_one_transaction, CLONE_NEWNET) {
        enum { COUNT = 5000 };
        static Key keys[COUNT];
        static NftElement elements[COUNT];
        static const uint8_t to[8] = { 10, 88, 0, 2, 0, 80 };
        int nl = new_socket();
        autonl NlMessage m;

        for (int i = 0; i < COUNT; i++) {
                keys[i] = (Key){ .protocol = IPPROTO_UDP, .port = htons((uint16_t) (20000 + i)) };
                elements[i] =
                        (NftElement){ .key = &keys[i], .key_size = 8, .data = to, .data_size = 8 };
        }
        nft_begin(&m);
        nft_table(&m, &t);
        nft_set(&m, &t, &ports, 1);
        nft_elements(&m, &t, "ports", elements, COUNT, false);
        expect_ok(nft_commit(nl, &m, NULL));
        expect_listing("nft list map inet t ports | tr ',' '\\n' | grep -c 'udp . 2'", "5000");
}

TEST_IN(intervals_hold_what_is_between, CLONE_NEWNET) {
        const NftSet nets = {
                .name = "nets", .key_type = NFT_TYPE_IP, .key_size = 4, .interval = true
        };
        const uint8_t first[4] = { 10, 88, 0, 0 }, after[4] = { 10, 89, 0, 0 };
        NftElement range[] = { { .key = first, .key_size = 4 },
                               { .key = after, .key_size = 4, .end = true } };
        int nl = new_socket();
        autonl NlMessage m;

        nft_begin(&m);
        nft_table(&m, &t);
        nft_set(&m, &t, &nets, 1);
        nft_elements(&m, &t, "nets", range, 2, false);
        nft_elements(&m, &t, "nets", range, 2, false);
        expect_ok(nft_commit(nl, &m, NULL));
        expect_listing("nft list set inet t nets", "elements = { 10.88.0.0/16 }");
}

TEST_IN(transaction_that_another_overtook_is_refused, CLONE_NEWNET) {
        int nl = new_socket();
        uint32_t before = 0;
        autonl NlMessage m;

        expect_ok(nft_generation(nl, &before));
        nft_begin_after(&m, before);
        nft_table(&m, &t);
        expect_ok(nft_commit(nl, &m, NULL));

        nft_begin_after(&m, before);
        nft_delete_table(&m, &t);
        expect(nft_commit(nl, &m, NULL) == -ERESTART);

        expect_ok(nft_generation(nl, &before));
        nft_begin_after(&m, before);
        nft_delete_table(&m, &t);
        expect_ok(nft_commit(nl, &m, NULL));
}

TEST_IN(empty_set_is_told_from_one_with_elements, CLONE_NEWNET) {
        const NftSet names = { .name = "names", .key_type = NFT_TYPE_IFNAME, .key_size = 16 };
        const NftTable bridges = { NFPROTO_BRIDGE, "t" };
        const char name[NFT_IFNAME_SIZE] = "eth0";
        const NftElement element = { .key = name, .key_size = sizeof name };
        int nl = new_socket();
        autonl NlMessage m;

        expect(nft_set_has_elements(nl, &bridges, "names") == -ENOENT);
        nft_begin(&m);
        nft_table(&m, &bridges);
        nft_set(&m, &bridges, &names, 1);
        expect_ok(nft_commit(nl, &m, NULL));
        expect(nft_set_has_elements(nl, &bridges, "names") == 0);

        nft_begin(&m);
        nft_elements(&m, &bridges, "names", &element, 1, false);
        expect_ok(nft_commit(nl, &m, NULL));
        expect(nft_set_has_elements(nl, &bridges, "names") == 1);
        expect(nft_set_has_elements(nl, &t, "names") == -ENOENT);
}
