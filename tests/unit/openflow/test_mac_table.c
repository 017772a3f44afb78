/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "openflow/mac_table.h"
#include "test.h"

static const uint8_t a[6] = { 2, 0, 0, 0, 0, 1 }, b[6] = { 2, 0, 0, 0, 0, 2 };

static bool is_at(const MacTable *table, uint16_t vlan, const uint8_t mac[6], int64_t now,
                  uint32_t wanted) {
        uint32_t port;

        return mac_table_find(table, vlan, mac, now, &port) && port == wanted;
}

TEST(station_is_where_it_was_seen_last) {
        autoptr(MacTable) table = mac_table_new(0);
        uint32_t old;

        expect(mac_table_learn(table, 0, a, 1, 10, &old) == 0);
        expect(mac_table_learn(table, 0, b, 2, 11, &old) == 0);
        expect(is_at(table, 0, a, 12, 1) && is_at(table, 0, b, 12, 2));
        expect(mac_table_learn(table, 0, a, 1, 13, &old) == 0);
        expect(mac_table_learn(table, 0, a, 3, 14, &old) == 1 && old == 1);
        expect(is_at(table, 0, a, 15, 3));
        expect(mac_table_size(table) == 2);
}

TEST(vlans_have_stations_of_their_own) {
        autoptr(MacTable) table = mac_table_new(0);
        uint32_t old;

        expect(mac_table_learn(table, 5, a, 1, 10, &old) == 0);
        expect(mac_table_learn(table, 6, a, 2, 10, &old) == 0);
        expect(is_at(table, 5, a, 11, 1) && is_at(table, 6, a, 11, 2));
        expect(!is_at(table, 0, a, 11, 1));
}

TEST(station_that_is_silent_is_forgotten) {
        autoptr(MacTable) table = mac_table_new(100);
        uint32_t old;

        expect(mac_table_learn(table, 0, a, 1, 1000, &old) == 0);
        expect(is_at(table, 0, a, 1100, 1) && !is_at(table, 0, a, 1101, 1));
        expect(mac_table_learn(table, 0, a, 2, 1200, &old) == 0); /* it has not moved: it is new */
        expect(mac_table_learn(table, 0, b, 2, 1400, &old) == 0);
        expect(mac_table_size(table) == 1);
}

TEST(port_that_goes_takes_its_stations_along) {
        autoptr(MacTable) table = mac_table_new(0);
        uint32_t old;

        expect(mac_table_learn(table, 0, a, 1, 1, &old) == 0);
        expect(mac_table_learn(table, 7, a, 1, 2, &old) == 0);
        expect(mac_table_learn(table, 0, b, 2, 3, &old) == 0);
        mac_table_forget_port(table, 1);
        expect(!is_at(table, 0, a, 4, 1) && is_at(table, 0, b, 4, 2) && mac_table_size(table) == 1);
}

/* Somebody who makes up addresses does not make the table grow, and does not push out who speaks.
 */
TEST(table_is_bounded) {
        autoptr(MacTable) table = mac_table_new(0);
        uint32_t old;

        for (uint32_t i = 0; i < 3 * MAC_TABLE_MAX; i++) {
                uint8_t mac[6] = {
                        2,          1, (uint8_t) (i >> 24), (uint8_t) (i >> 16), (uint8_t) (i >> 8),
                        (uint8_t) i
                };

                expect(mac_table_learn(table, 0, mac, 9, i, &old) == 0);
                if (i % 100 == 0)
                        expect(mac_table_learn(table, 0, a, 1, i, &old) == 0);
        }
        expect(mac_table_size(table) == MAC_TABLE_MAX);
        expect(is_at(table, 0, a, 3 * MAC_TABLE_MAX, 1));
}
