/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "engine/port_spec.h"

typedef struct PortRange {
        int first, last; /* 0 and 0: not said */
} PortRange;

static int bad(const char *text, Err *err) {
        return err_hint(
                err, refuse(err, EINVAL, "port '%s' is not [[IP:]HOST:]CONTAINER[/PROTOCOL]", text),
                "such as -p 8080:80, -p 127.0.0.1:8080:80 or -p 5353:53/udp");
}

/* "80" or "80-82". */
static int read_range(const char *text, PortRange *ret) {
        const char *dash = strchr(text, '-');
        autofree char *first = dash ? strndup(text, (size_t) (dash - text)) : strdup(text);
        int r;

        if (!first)
                return -ENOMEM;
        r = parse_int(first, 1, 65535, &ret->first);
        if (r < 0)
                return r;
        ret->last = ret->first;
        if (dash)
                r = parse_int(dash + 1, ret->first, 65535, &ret->last);
        return r;
}

/* Cuts "/udp" off @text; *ret is "tcp" where it is not said. */
static int take_protocol(char *text, const char **ret, Err *err) {
        static const char *const protocols[] = { "tcp", "udp" };
        char *slash = strrchr(text, '/');

        *ret = "tcp";
        if (!slash)
                return 0;
        for (size_t i = 0; i < 2; i++)
                if (strcasecmp(slash + 1, protocols[i]) == 0) {
                        *ret = protocols[i];
                        *slash = 0;
                        return 0;
                }
        return refuse(err, EINVAL, "port '%s': '%s' is not a protocol; it is tcp or udp", text,
                      slash + 1);
}

static bool is_address(const char *text) {
        unsigned char address[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* Cuts the last ":PART" off @text and returns PART; NULL if there is no colon outside of []. */
static char *cut_last(char *text) {
        char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');

        if (!colon || (bracket && colon < bracket))
                return NULL;
        *colon = 0;
        return colon + 1;
}

/* Takes the brackets off an IPv6 address. */
static char *strip_brackets(char *text) {
        size_t n = strlen(text);

        if (n < 2 || text[0] != '[' || text[n - 1] != ']')
                return text;
        text[n - 1] = 0;
        return text + 1;
}

static int expose(ContainerConfig *config, int port, const char *protocol) {
        autofree char *text = str_format("%d/%s", port, protocol);

        if (!text)
                return -ENOMEM;
        return strv_has(config->exposed_ports, text) ? 0 : strv_add(&config->exposed_ports, text);
}

static PortMap *map_of(HostConfig *host, const char *port) {
        PortMap *map;

        for (size_t i = 0; i < host->n_port_bindings; i++)
                if (str_equal(host->port_bindings[i].port, port))
                        return &host->port_bindings[i];
        map = json_grow(&host->port_bindings, &host->n_port_bindings, sizeof *map);
        if (map)
                map->port = strdup(port);
        return map && map->port ? map : NULL;
}

static int bind_port(HostConfig *host, int port, const char *protocol, const char *ip,
                     const PortRange *from) {
        autofree char *name = str_format("%d/%s", port, protocol);
        PortMap *map = name ? map_of(host, name) : NULL;
        PortBinding *binding =
                map ? json_grow(&map->bindings, &map->n_bindings, sizeof *binding) : NULL;

        if (!binding)
                return -ENOMEM;
        binding->host_ip = strdup(ip);
        binding->host_port = from->first == 0 ? strdup("")
                             : from->first == from->last
                                     ? str_format("%d", from->first)
                                     : str_format("%d-%d", from->first, from->last);
        return binding->host_ip && binding->host_port ? 0 : -ENOMEM;
}

static int publish_range(ContainerConfig *config, HostConfig *host, const char *protocol,
                         const char *ip, const PortRange *outside, const PortRange *inside) {
        int n = inside->last - inside->first + 1, r = 0;

        for (int i = 0; i < n && r >= 0; i++) {
                PortRange from = *outside;

                /* With as many ports outside as inside each has its own. */
                if (from.first && n > 1)
                        from.first = from.last = outside->first + i;
                r = expose(config, inside->first + i, protocol);
                if (r >= 0)
                        r = bind_port(host, inside->first + i, protocol, ip, &from);
        }
        return r;
}

int port_publish(const char *text, ContainerConfig *config, HostConfig *host, Err *err) {
        autofree char *copy = strdup(text);
        PortRange outside = {}, inside = {};
        const char *protocol, *ip = "";
        char *container, *port;
        int r;

        if (!copy)
                return fail(err, ENOMEM, "cannot read port '%s'", text);
        r = take_protocol(copy, &protocol, err);
        if (r < 0)
                return r;

        container = cut_last(copy);
        if (!container) {
                container = copy;
        } else {
                port = cut_last(copy);
                if (port)
                        ip = strip_brackets(copy);
                else
                        port = copy;
                if (*ip && !is_address(ip))
                        return refuse(err, EINVAL, "port '%s': '%s' is not an IP address", text,
                                      ip);
                if (*port && read_range(port, &outside) < 0)
                        return bad(text, err);
        }
        if (read_range(container, &inside) < 0)
                return bad(text, err);
        if (outside.first && inside.first != inside.last &&
            outside.last - outside.first != inside.last - inside.first)
                return refuse(err, EINVAL, "port '%s': the two ranges are not of the same length",
                              text);

        r = publish_range(config, host, protocol, ip, &outside, &inside);
        return r < 0 ? fail(err, r, "cannot read port '%s'", text) : 0;
}

int port_expose(const char *text, ContainerConfig *config, Err *err) {
        autofree char *copy = strdup(text);
        const char *protocol;
        PortRange range;
        int r;

        if (!copy)
                return fail(err, ENOMEM, "cannot read port '%s'", text);
        r = take_protocol(copy, &protocol, err);
        if (r < 0)
                return r;
        if (read_range(copy, &range) < 0)
                return refuse(err, EINVAL, "port '%s' is not PORT[-PORT][/PROTOCOL]", text);
        for (int port = range.first; port <= range.last; port++)
                if (expose(config, port, protocol) < 0)
                        return fail(err, ENOMEM, "cannot read port '%s'", text);
        return 0;
}
