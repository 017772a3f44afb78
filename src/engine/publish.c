/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/publish.h"

typedef struct Range {
        int first, last;
} Range;

void published_port_clear(PublishedPort *p) {
        free(take_ptr(p->host_ip));
        p->reserved = close_fd(p->reserved);
        p->reserved6 = close_fd(p->reserved6);
}

void published_ports_free(PublishedPort *ports, size_t n) {
        for (size_t i = 0; i < n; i++)
                published_port_clear(&ports[i]);
        free(ports);
}

/* "80" or "8000-8010". */
static int parse_range(const char *text, Range *ret) {
        autofree char *first = strdup(text);
        char *dash;
        int r;

        if (!first)
                return -ENOMEM;
        dash = strchr(first, '-');
        if (dash)
                *dash++ = 0;
        r = parse_int(first, 1, 65535, &ret->first);
        if (r < 0)
                return r;
        ret->last = ret->first;
        if (dash)
                r = parse_int(dash, ret->first, 65535, &ret->last);
        return r;
}

/* "80/tcp", "53/udp", "80". */
static int parse_port(const char *text, Range *ret, int *ret_protocol) {
        autofree char *port = strdup(text);
        char *slash;

        if (!port)
                return -ENOMEM;
        slash = strchr(port, '/');
        if (slash)
                *slash++ = 0;
        if (!slash || str_equal(slash, "tcp"))
                *ret_protocol = IPPROTO_TCP;
        else if (str_equal(slash, "udp"))
                *ret_protocol = IPPROTO_UDP;
        else
                return -EPROTONOSUPPORT;
        return parse_range(port, ret);
}

static int add(PublishedPort **ports, size_t *n, int protocol, const char *host_ip, int host_port,
               int port) {
        PublishedPort *p = json_grow(ports, n, sizeof *p);

        if (!p)
                return -ENOMEM;
        *p = (PublishedPort){ .protocol = protocol,
                              .host_port = host_port,
                              .port = port,
                              .reserved = -EBADF,
                              .reserved6 = -EBADF };
        if (str_empty(host_ip))
                return 0;
        p->host_ip = strdup(host_ip);
        return p->host_ip ? 0 : -ENOMEM;
}

static int add_binding(PublishedPort **ports, size_t *n, const char *port, const PortBinding *b,
                       Err *err) {
        Range inside, outside = {};
        int protocol, r;

        r = parse_port(port, &inside, &protocol);
        if (r < 0)
                return refuse(err, r, "'%s' is not a port to publish", port);
        if (!str_empty(b->host_port)) {
                r = parse_range(b->host_port, &outside);
                if (r < 0)
                        return refuse(err, r, "'%s' is not a host port", b->host_port);
        }
        if (outside.first && inside.last > inside.first &&
            outside.last - outside.first != inside.last - inside.first)
                return refuse(err, EINVAL, "the port ranges '%s' and '%s' differ in length",
                              b->host_port, port);
        for (int i = 0; i <= inside.last - inside.first && r >= 0; i++)
                r = add(ports, n, protocol, b->host_ip, outside.first ? outside.first + i : 0,
                        inside.first + i);
        /* A range of host ports for one port inside means any one of them. */
        if (r >= 0 && inside.last == inside.first)
                (*ports)[*n - 1].host_last = outside.last;
        return r < 0 ? fail(err, r, "cannot publish port '%s'", port) : 0;
}

static bool is_bound(const Container *c, const char *port) {
        for (size_t i = 0; i < c->host.n_port_bindings; i++)
                if (str_equal(c->host.port_bindings[i].port, port))
                        return true;
        return false;
}

int publish_collect(const Container *c, PublishedPort **ret, size_t *ret_n, Err *err) {
        const PortBinding any = {};
        PublishedPort *ports = NULL;
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < c->host.n_port_bindings && r >= 0; i++) {
                const PortMap *map = &c->host.port_bindings[i];

                for (size_t j = 0; j < map->n_bindings && r >= 0; j++)
                        r = add_binding(&ports, &n, map->port, &map->bindings[j], err);
        }
        if (c->host.publish_all_ports)
                strv_foreach(port, c->config.exposed_ports)
                        if (r >= 0 && !is_bound(c, *port))
                                r = add_binding(&ports, &n, *port, &any, err);
        if (r < 0) {
                published_ports_free(ports, n);
                return r;
        }
        *ret = ports;
        *ret_n = n;
        return 0;
}

static const char *protocol_name(int protocol) {
        return protocol == IPPROTO_UDP ? "udp" : "tcp";
}

static PortMap *map_for(PortMap **maps, size_t *n, const char *port) {
        PortMap *map;

        for (size_t i = 0; i < *n; i++)
                if (str_equal((*maps)[i].port, port))
                        return &(*maps)[i];
        map = json_grow(maps, n, sizeof *map);
        if (map)
                map->port = strdup(port);
        return map && map->port ? map : NULL;
}

static int report_at(PortMap *map, const char *host_ip, int host_port) {
        PortBinding *b = json_grow(&map->bindings, &map->n_bindings, sizeof *b);

        if (!b)
                return -ENOMEM;
        b->host_ip = strdup(host_ip);
        b->host_port = str_format("%d", host_port);
        return b->host_ip && b->host_port ? 0 : -ENOMEM;
}

int publish_report(const PublishedPort *ports, size_t n, PortMap **ret, size_t *ret_n) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                const PublishedPort *p = &ports[i];
                char port[16];
                PortMap *map;

                snprintf(port, sizeof port, "%d/%s", p->port, protocol_name(p->protocol));
                map = map_for(ret, ret_n, port);
                if (!map)
                        return -ENOMEM;
                if (p->host_ip) {
                        r = report_at(map, p->host_ip, p->host_port);
                        continue;
                }
                r = report_at(map, "0.0.0.0", p->host_port);
                if (r >= 0)
                        r = report_at(map, "::", p->host_port);
        }
        return r;
}

int publish_recall(const ContainerState *state, PublishedPort **ret, size_t *ret_n) {
        for (size_t i = 0; i < state->n_ports; i++) {
                const PortMap *map = &state->ports[i];

                for (size_t j = 0; j < map->n_bindings; j++) {
                        const PortBinding *b = &map->bindings[j];
                        bool every = str_equal(b->host_ip, "0.0.0.0") && j + 1 < map->n_bindings &&
                                     str_equal(b[1].host_ip, "::");
                        int protocol, host_port, r;
                        Range inside;

                        /* "::" beside "0.0.0.0" is the other half of the same one. */
                        if (j > 0 && str_equal(b->host_ip, "::") &&
                            str_equal(map->bindings[j - 1].host_ip, "0.0.0.0"))
                                continue;
                        r = parse_port(map->port, &inside, &protocol);
                        if (r >= 0)
                                r = parse_int(b->host_port, 1, 65535, &host_port);
                        if (r >= 0)
                                r = add(ret, ret_n, protocol, every ? NULL : b->host_ip, host_port,
                                        inside.first);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}
