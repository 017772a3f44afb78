/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Networks
 *
 * A network is $DATA/networks/<name>.json and, while anything uses it, a bridge
 * in the host's network namespace.  What a running container holds of it is one
 * file for each address, $RUN/networks/<name>/address/<ip>, a symbolic link that
 * names its container: made in one step, an address cannot be handed out twice,
 * and whoever meets one whose container is gone removes it. $RUN/networks/<name>/names/<alias>/<ip>
 * is what the monitors answer name queries from.
 *
 * The network "bridge" is always there, made when it is first used.
 */

#include <netinet/in.h>
#include <stdbool.h>

#include "base/home.h"
#include "base/json.h"

typedef struct Network {
        int version; /* of the record */
        char *name, *id, *created;
        char *driver; /* "bridge", "host", "null" */
        char *bridge; /* interface name */
        bool internal, ipv6;
        char *subnet, *gateway;   /* "10.88.0.0/16", "10.88.0.1" */
        char *subnet6, *gateway6; /* NULL without IPv6 */
        char **labels, **options;
} Network;
extern const JsonType network_type;

Network *network_free(Network *n);
DEFINE_AUTOPTR(Network, network_free)

int network_load(const Home *home, const char *name_or_id, Network **ret, Err *err);
int network_list(const Home *home, Network ***ret, size_t *ret_n, Err *err);
void network_list_free(Network **list, size_t n);
/* @wanted: name and what the user said; the rest is chosen: a free subnet, a bridge name. */
int network_create(const Home *home, Network *wanted, Err *err);
/* Ids of the containers that run in it. */
int network_users(const Home *home, const Network *network, char ***ret, Err *err);
/* Docker's inspect document (a new jansson reference). */
int network_inspect(const Home *home, const Network *n, struct json_t **ret, Err *err);
/* -EBUSY with the names of the containers that use it, -EPERM for a predefined one. */
int network_remove(const Home *home, const char *name, Err *err);

/* A container's place in a network; the JSON names are Docker's EndpointSettings'. */
typedef struct Endpoint {
        char *network; /* network name */
        char *network_id;
        char *endpoint_id;          /* 64 hexadecimal digits */
        char *ip_address, *gateway; /* "10.88.0.2" */
        int ip_prefix;
        char *ip6_address, *gateway6;
        int ip6_prefix;
        char *mac_address; /* derived from the address */
        char **aliases;    /* names it is found by, its own first */
        char *interface;   /* the host's side, "veth…" */
        bool guarded;      /* it could forge packets, and is kept from it (network_guard.h) */
} Endpoint;
extern const JsonType endpoint_type;

void endpoint_clear(Endpoint *e);

/* Network option whose value "allow" lets containers send packets with others' addresses. */
#define NETWORK_FORGERY "isola.forgery"
/* Whether the network's containers are kept from that. */
bool network_is_guarded(const Network *n);

typedef struct PublishedPort {
        int protocol;  /* IPPROTO_TCP or IPPROTO_UDP */
        char *host_ip; /* NULL: every address, IPv4 and IPv6 */
        int host_port; /* 0: the next free one from 49153 up; filled in */
        int host_last; /* any one from host_port up to here will do; 0 or host_port: that one */
        int port;      /* in the container */
        int reserved;  /* socket bound to the host port so that nobody else takes it; -EBADF before
                        */
        int reserved6;
} PublishedPort;

/**
 * network_reserve() - take addresses and names for a container
 * @container:	its id
 * @ip, @ip6:	wanted addresses or NULL
 * @aliases:	names it is to be found by
 * @ret:	zeroed; filled in
 */
int network_reserve(const Home *home, const Network *network, const char *container, const char *ip,
                    const char *ip6, char *const *aliases, Endpoint *ret, Err *err);

/*
 * Connects a network namespace: the bridge (made if missing, with its addresses, forwarding and
 * nf_tables rules), a veth pair made directly in both namespaces, lo, eth0, addresses, routes.
 */
int network_attach(const Home *home, const Network *network, const Endpoint *endpoint, int netns,
                   Err *err);

/* Brings lo up in a namespace that gets no network. */
int network_loopback(int netns, Err *err);

/*
 * Binds the host ports (a port that is taken is refused with its owner's name) and leads them to
 * the endpoint in one nf_tables batch.
 */
int network_publish(const Home *home, const char *container, const Endpoint *endpoint,
                    PublishedPort *ports, size_t n, Err *err);

/*
 * Chooses and claims ports that another program of ours will listen at, for a container that has no
 * address in a network; errors as of network_publish().
 */
int network_claim_ports(const Home *home, const char *container, PublishedPort *ports, size_t n,
                        Err *err);
void network_drop_ports(const Home *home, const char *container, const PublishedPort *ports,
                        size_t n);

/*
 * Binds the host ports of a running container again, for a monitor that takes over from a dead one;
 * warns of those that another program has taken meanwhile: they still lead to the container.
 */
void network_hold(const Home *home, const Endpoint *endpoint, PublishedPort *ports, size_t n);

/*
 * Takes the ports, names and addresses back; goes on over what is already gone.  The sockets stay
 * the caller's to close.  Negative errno if something is left.
 */
int network_release(const Home *home, const char *container, const Endpoint *endpoint,
                    const PublishedPort *ports, size_t n);

/* Same for a run of which no record tells what it had: looks through all claims. */
void network_release_all(const Home *home, const char *container);

/*
 * Removes what dead containers left: addresses, names, ports, map elements, and bridges without
 * users.  @alive: tells whether a container id is running, or starting: its claims come first.
 */
int network_sweep(const Home *home, bool (*alive)(const char *container, void *context),
                  void *context, Err *err);

/*
 * Removes the bridges of networks that nobody uses, and the nf_tables table when no bridge is left.
 * Costs a look into a directory for each network where there is nothing to do.
 */
void network_sweep_idle(const Home *home);
