/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* -p and --expose: which ports are published where. */

#include "engine/container.h"

/**
 * port_publish() - read one -p
 * @text:	[[IP:]HOST:]CONTAINER[/PROTOCOL]; HOST and CONTAINER may be ranges of the same
 *		length, or HOST alone a range to choose from; IPv6 in brackets
 * @config:	its exposed_ports get the ports
 * @host:	its port_bindings get the bindings
 */
int port_publish(const char *text, ContainerConfig *config, HostConfig *host, Err *err);

/* Reads one --expose: PORT[-PORT][/PROTOCOL]. */
int port_expose(const char *text, ContainerConfig *config, Err *err);
