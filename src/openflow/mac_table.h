/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where a switch's stations are
 *
 * A table of (VLAN, address) and the port at which it was seen last, of bounded size: where it is
 * full, who was not seen for the longest time makes room.  Entries that were not seen for the
 * ageing time are as if they were not there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

#define MAC_TABLE_MAX 8192

typedef struct MacTable MacTable;

/* @ageing_ms: 0 for never. */
MacTable *mac_table_new(int64_t ageing_ms);
MacTable *mac_table_free(MacTable *table);
DEFINE_AUTOPTR(MacTable, mac_table_free)

/**
 * mac_table_learn() - a station was seen
 * @now:	in milliseconds, never less than before
 *
 * Return: 0 if it is new or was seen at that port; 1 if it has moved, and then *ret_old is where it
 * was; -ENOMEM.
 */
int mac_table_learn(MacTable *table, uint16_t vlan, const uint8_t mac[6], uint32_t port,
                    int64_t now, uint32_t *ret_old);
/* Whether it is known where the station is. */
bool mac_table_find(const MacTable *table, uint16_t vlan, const uint8_t mac[6], int64_t now,
                    uint32_t *ret_port);
/* Forgets who is at a port. */
void mac_table_forget_port(MacTable *table, uint32_t port);
/* Entries, aged ones included. */
size_t mac_table_size(const MacTable *table);
