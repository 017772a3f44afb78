/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "openflow/mac_table.h"

#define BUCKETS 1024

typedef struct Entry {
        struct Entry *next;          /* in its bucket */
        struct Entry *newer, *older; /* by when they were seen */
        uint64_t key;
        uint32_t port;
        int64_t seen;
} Entry;

struct MacTable {
        Entry *buckets[BUCKETS];
        Entry *newest, *oldest;
        size_t n;
        int64_t ageing_ms;
        uint64_t secret; /* stations choose their addresses, but not their buckets */
};

MacTable *mac_table_new(int64_t ageing_ms) {
        MacTable *table = calloc(1, sizeof *table);

        if (!table)
                return NULL;
        table->ageing_ms = ageing_ms;
        if (getrandom(&table->secret, sizeof table->secret, GRND_NONBLOCK) < 0)
                table->secret = (uint64_t) (uintptr_t) table;
        return table;
}

MacTable *mac_table_free(MacTable *table) {
        Entry *next;

        for (Entry *e = table ? table->newest : NULL; e; e = next) {
                next = e->older;
                free(e);
        }
        free(table);
        return NULL;
}

static uint64_t key_of(uint16_t vlan, const uint8_t mac[6]) {
        uint64_t key = vlan;

        for (int i = 0; i < 6; i++)
                key = key << 8 | mac[i];
        return key;
}

static Entry **bucket_of(const MacTable *table, uint64_t key) {
        uint64_t mixed = (key ^ table->secret) * 0x9e3779b97f4a7c15u;

        return (Entry **) &table->buckets[(mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u >> 54];
}

static Entry *find(const MacTable *table, uint64_t key) {
        Entry *e = *bucket_of(table, key);

        while (e && e->key != key)
                e = e->next;
        return e;
}

static void unlink_age(MacTable *table, Entry *e) {
        *(e->newer ? &e->newer->older : &table->newest) = e->older;
        *(e->older ? &e->older->newer : &table->oldest) = e->newer;
}

static void link_newest(MacTable *table, Entry *e) {
        e->newer = NULL;
        e->older = table->newest;
        *(table->newest ? &table->newest->newer : &table->oldest) = e;
        table->newest = e;
}

static void drop(MacTable *table, Entry *e) {
        Entry **at = bucket_of(table, e->key);

        while (*at != e)
                at = &(*at)->next;
        *at = e->next;
        unlink_age(table, e);
        free(e);
        table->n--;
}

static bool is_aged(const MacTable *table, const Entry *e, int64_t now) {
        return table->ageing_ms && now - e->seen > table->ageing_ms;
}

/* What has aged goes, and somebody if there is no room. */
static void make_room(MacTable *table, int64_t now) {
        while (table->oldest && is_aged(table, table->oldest, now))
                drop(table, table->oldest);
        if (table->n >= MAC_TABLE_MAX)
                drop(table, table->oldest);
}

static int add(MacTable *table, uint64_t key, uint32_t port, int64_t now) {
        Entry *e, **bucket = bucket_of(table, key);

        make_room(table, now);
        e = malloc(sizeof *e);
        if (!e)
                return -ENOMEM;
        *e = (Entry){ .next = *bucket, .key = key, .port = port, .seen = now };
        *bucket = e;
        link_newest(table, e);
        table->n++;
        return 0;
}

int mac_table_learn(MacTable *table, uint16_t vlan, const uint8_t mac[6], uint32_t port,
                    int64_t now, uint32_t *ret_old) {
        uint64_t key = key_of(vlan, mac);
        Entry *e = find(table, key);
        bool moved;

        if (!e)
                return add(table, key, port, now);
        moved = e->port != port && !is_aged(table, e, now);
        *ret_old = e->port;
        e->port = port;
        e->seen = now;
        unlink_age(table, e);
        link_newest(table, e);
        return moved;
}

bool mac_table_find(const MacTable *table, uint16_t vlan, const uint8_t mac[6], int64_t now,
                    uint32_t *ret_port) {
        const Entry *e = find(table, key_of(vlan, mac));

        if (!e || is_aged(table, e, now))
                return false;
        *ret_port = e->port;
        return true;
}

void mac_table_forget_port(MacTable *table, uint32_t port) {
        Entry *older;

        for (Entry *e = table->newest; e; e = older) {
                older = e->older;
                if (e->port == port)
                        drop(table, e);
        }
}

size_t mac_table_size(const MacTable *table) {
        return table->n;
}
