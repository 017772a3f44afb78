/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/str.h"
#include "topology/address.h"
#include "topology/diff.h"
#include "topology/domain.h"
#include "topology/management.h"

/* A broadcast domain while its addresses are given. */
typedef struct Domain {
        LinkSide *members; /* interfaces of hosts and routers, in the order of the links */
        size_t n_members;
        bool has[2];   /* somebody has an IPv4, an IPv6 address */
        bool given[2]; /* by the file */
        Address net[2];
} Domain;

typedef struct Pool {
        Address net;
        unsigned prefix; /* of each network in it, if it need not be wider */
        uint64_t next;   /* the first address that is free, counted from its beginning */
} Pool;

static void domains_free(Domain *domains, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(domains[i].members);
        free(domains);
}

static int family_index(const Address *a) {
        return a->family == AF_INET6;
}

static int collect(const Topology *t, const size_t *numbers, Domain *domains) {
        for (size_t i = 0; i < t->n_links; i++)
                for (int end = 0; end < 2; end++) {
                        LinkSide side = t->links[i].sides[end], *place;
                        const Interface *in = topology_interface(t, side);
                        Domain *d = &domains[numbers[i]];

                        if (node_is_switch(&t->nodes[side.node]))
                                continue;
                        place = json_grow(&d->members, &d->n_members, sizeof *place);
                        if (!place)
                                return -ENOMEM;
                        *place = side;
                        for (size_t a = 0; a < in->n_addresses; a++) {
                                int f = family_index(&in->addresses[a]);

                                if (!d->has[f])
                                        d->net[f] = in->addresses[a];
                                d->has[f] = d->given[f] = true;
                        }
                }
        return 0;
}

/* Adds to the lowest 64 bits of an address, which all pools keep for this. */
static void add_to(Address *a, uint64_t n) {
        for (size_t i = addr_size(a); i-- > 0 && n > 0;) {
                n += a->bytes[i];
                a->bytes[i] = (uint8_t) n;
                n >>= 8;
        }
}

static bool is_taken(const Address *net, const Domain *domains, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (domains[i].has[family_index(net)] &&
                    addr_overlap(net, &domains[i].net[family_index(net)]))
                        return true;
        return false;
}

/* The next network of the pool that holds @members and overlaps none that is there. */
static int take_network(Pool *pool, size_t members, const Domain *domains, size_t n, Address *ret) {
        unsigned bits = (unsigned) addr_size(&pool->net) * 8, prefix = pool->prefix;
        uint64_t size, end;

        if (bits == 128) {
                /* Networks are /64: count those, not addresses. */
                end = pool->net.prefix < 64 ? (uint64_t) 1 << (64 - pool->net.prefix) : 1;
                for (; pool->next < end; pool->next++) {
                        Address net = pool->net;
                        uint64_t k = pool->next;

                        for (int i = 7; i >= 0 && k > 0; i--, k >>= 8)
                                net.bytes[i] |= (uint8_t) k;
                        net.prefix = 64;
                        if (!is_taken(&net, domains, n)) {
                                pool->next++;
                                *ret = net;
                                return 0;
                        }
                }
                return -ENOSPC;
        }
        while (prefix > pool->net.prefix && ((uint64_t) 1 << (bits - prefix)) < members + 3)
                prefix--;
        size = (uint64_t) 1 << (bits - prefix);
        end = (uint64_t) 1 << (bits - pool->net.prefix);
        for (pool->next = (pool->next + size - 1) / size * size; pool->next + size <= end;
             pool->next += size) {
                Address net = pool->net;

                add_to(&net, pool->next);
                net.prefix = (uint8_t) prefix;
                if (!is_taken(&net, domains, n)) {
                        pool->next += size;
                        *ret = net;
                        return size < members + 3 ? -ENOSPC : 0;
                }
        }
        return -ENOSPC;
}

static bool has_family(const Interface *in, int f) {
        for (size_t i = 0; i < in->n_addresses; i++)
                if (family_index(&in->addresses[i]) == f)
                        return true;
        return false;
}

static bool is_used(const Topology *t, const Domain *d, const Address *a) {
        for (size_t i = 0; i < d->n_members; i++) {
                const Interface *in = topology_interface(t, d->members[i]);

                for (size_t k = 0; k < in->n_addresses; k++)
                        if (addr_equal(&in->addresses[k], a))
                                return true;
        }
        return false;
}

/* From a network that somebody gave, what is free; of a new one, in the order of the links. */
static int number_members(Topology *t, const Domain *d, int f, const Address *net, bool is_new) {
        uint64_t host = 1, end = f || net->prefix <= 1 ? UINT64_MAX
                                                       : ((uint64_t) 1 << (32 - net->prefix)) - 1;

        for (size_t i = 0; i < d->n_members; i++) {
                LinkSide side = d->members[i];
                Interface *in = &t->nodes[side.node].interfaces[side.interface];
                Address *place, a;

                if (has_family(in, f))
                        continue;
                do {
                        a = *net;
                        addr_mask(&a);
                        add_to(&a, host++);
                        if (host > end && net->prefix < 31)
                                return -ENOSPC;
                } while (!is_new && is_used(t, d, &a));
                place = json_grow(&in->addresses, &in->n_addresses, sizeof *place);
                if (!place)
                        return -ENOMEM;
                *place = a;
        }
        return 0;
}

static int assign_family(Topology *t, Domain *domains, size_t n, Pool *pool, int f, Err *err) {
        for (size_t i = 0; i < n; i++) {
                Domain *d = &domains[i];
                bool is_new = !d->has[f];
                Address net = d->net[f];
                int r = 0;

                if (d->n_members == 0)
                        continue;
                /* Who speaks only one family was told to. */
                if (is_new && d->given[!f])
                        continue;
                if (is_new)
                        r = take_network(pool, d->n_members, domains, n, &net);
                if (r >= 0)
                        r = number_members(t, d, f, &net, is_new);
                if (r == -ENOSPC)
                        return err_hint(err,
                                        topology_refuse(t, 0, err,
                                                        "there are not enough IPv%d addresses",
                                                        f ? 6 : 4),
                                        "give 'addresses' a larger pool");
                if (r < 0)
                        return fail(err, r, "cannot give addresses");
        }
        return 0;
}

/* ---- what there is already ---- */

/* What an interface of a link between the same ends has now; NULL: nothing. */
static const Address *present_address(const Topology *t, LinkSide side, const Topology *before,
                                      int f) {
        const Interface *in = topology_interface(t, side), *was;
        ssize_t same = topology_same_link(t, &t->links[in->link], before);

        if (same < 0)
                return NULL;
        was = topology_interface(before, before->links[same].sides[in->end]);
        for (size_t i = 0; i < was->n_addresses; i++)
                if (family_index(&was->addresses[i]) == f)
                        return &was->addresses[i];
        return NULL;
}

/* The network that a domain has, if nobody else has been given it. */
static bool present_network(const Topology *t, const Domain *d, const Topology *before,
                            const Pool *pool, const Domain *domains, size_t n, int f,
                            Address *ret) {
        for (size_t i = 0; i < d->n_members; i++) {
                const Address *a = present_address(t, d->members[i], before, f);

                if (!a)
                        continue;
                *ret = *a;
                addr_mask(ret);
                return addr_within(&pool->net, ret) && !is_taken(ret, domains, n);
        }
        return false;
}

static int keep_member(Topology *t, const Domain *d, LinkSide side, const Topology *before, int f) {
        Interface *in = &t->nodes[side.node].interfaces[side.interface];
        const Address *a = present_address(t, side, before, f);
        Address *place;

        if (!a || has_family(in, f) || !addr_within(&d->net[f], a) ||
            a->prefix != d->net[f].prefix || is_used(t, d, a))
                return 0;
        place = json_grow(&in->addresses, &in->n_addresses, sizeof *place);
        if (!place)
                return -ENOMEM;
        *place = *a;
        return 0;
}

static int keep_addresses(Topology *t, const Topology *before, const Pool *pool, Domain *domains,
                          size_t n, int f) {
        for (size_t i = 0; i < n; i++) {
                Domain *d = &domains[i];
                Address net;

                if (!d->has[f] && !d->given[!f] &&
                    present_network(t, d, before, pool, domains, n, f, &net)) {
                        d->net[f] = net;
                        d->has[f] = true;
                }
                for (size_t k = 0; d->has[f] && k < d->n_members; k++)
                        if (keep_member(t, d, d->members[k], before, f) < 0)
                                return -ENOMEM;
        }
        return 0;
}

/* A link of @before between the same nodes that nobody has yet, with the names that are given. */
static const TopologyLink *find_present(const Topology *t, const TopologyLink *l,
                                        const Topology *before, bool *taken) {
        const Interface *ends[] = { topology_interface(t, l->sides[0]),
                                    topology_interface(t, l->sides[1]) };
        ssize_t a = topology_find_node(before, t->nodes[l->sides[0].node].name),
                b = topology_find_node(before, t->nodes[l->sides[1].node].name);

        for (size_t i = 0; a >= 0 && b >= 0 && i < before->nodes[a].n_interfaces; i++) {
                const Interface *in = &before->nodes[a].interfaces[i];
                const TopologyLink *was = &before->links[in->link];

                if (taken[in->link] || in->end != 0 || was->sides[1].node != (size_t) b)
                        continue;
                if ((!ends[0]->automatic && !str_equal(ends[0]->name, in->name)) ||
                    (!ends[1]->automatic &&
                     !str_equal(ends[1]->name, topology_interface(before, was->sides[1])->name)))
                        continue;
                taken[in->link] = true;
                return was;
        }
        return NULL;
}

static bool is_name_taken(const Node *n, size_t interface, const char *name) {
        for (size_t i = 0; i < n->n_interfaces; i++)
                if (i != interface && str_equal(n->interfaces[i].name, name))
                        return true;
        return false;
}

/* Another one has the name that was chosen first. */
static int choose_name(Node *n, size_t interface) {
        Interface *in = &n->interfaces[interface];
        size_t next = n->n_interfaces - 1;

        while (is_name_taken(n, interface, in->name)) {
                char *name = str_format("eth%zu", next++);

                if (!name)
                        return -ENOMEM;
                free(in->name);
                in->name = name;
        }
        return 0;
}

static int keep_link_names(Topology *t, TopologyLink *l, const Topology *before, bool *taken) {
        const TopologyLink *was = find_present(t, l, before, taken);

        for (int end = 0; was && end < 2; end++) {
                Interface *in = &t->nodes[l->sides[end].node].interfaces[l->sides[end].interface];

                if (in->automatic &&
                    str_set(&in->name, topology_interface(before, was->sides[end])->name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Interfaces that the file does not name are called what they are, wherever they stand. */
static int keep_names(Topology *t, const Topology *before) {
        autofree bool *taken = calloc(before->n_links + 1, 1), *own = calloc(t->n_links + 1, 1);
        int r = taken && own ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < t->n_links; i++) {
                autofree char *key = topology_link_key(t, &t->links[i]);

                own[i] = !str_equal(key, t->links[i].name);
        }
        for (size_t i = 0; r >= 0 && i < t->n_links; i++)
                r = keep_link_names(t, &t->links[i], before, taken);
        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                for (size_t k = 0; r >= 0 && k < t->nodes[i].n_interfaces; k++)
                        if (t->nodes[i].interfaces[k].automatic)
                                r = choose_name(&t->nodes[i], k);
        for (size_t i = 0; r >= 0 && i < t->n_links; i++) {
                if (own[i])
                        continue;
                free(t->links[i].name);
                t->links[i].name = topology_link_key(t, &t->links[i]);
                r = t->links[i].name ? 0 : -ENOMEM;
        }
        return r;
}

static void keep_mac(const Topology *before, const Node *n, Interface *in) {
        ssize_t node = topology_find_node(before, n->name), i = -ENOENT;

        if (node >= 0)
                i = topology_find_interface(&before->nodes[node], in->name);
        if (i < 0)
                return;
        in->has_mac = true;
        memcpy(in->mac, before->nodes[node].interfaces[i].mac, sizeof in->mac);
}

static int keep_others(Topology *t, const Topology *before) {
        for (size_t i = 0; i < t->n_nodes; i++) {
                Node *n = &t->nodes[i];
                ssize_t same = topology_find_node(before, n->name);

                if (same >= 0 && n->kind == NODE_OVS_BRIDGE && !n->dpid &&
                    before->nodes[same].kind == n->kind &&
                    str_set(&n->dpid, before->nodes[same].dpid) < 0)
                        return -ENOMEM;
                for (size_t k = 0; same >= 0 && k < n->n_interfaces; k++)
                        if (!n->interfaces[k].has_mac)
                                keep_mac(before, n, &n->interfaces[k]);
        }
        return 0;
}

/* ---- MAC addresses ---- */

static void hash(const Topology *t, const char *a, const char *b, char ret[DIGEST_LENGTH + 1]) {
        autofree char *text = str_format("%ju %s %s %s", (uintmax_t) t->seed, t->name, a, b);

        digest_of(text ? text : "", text ? strlen(text) : 0, ret);
}

static unsigned hex_byte(const char *digest, size_t i) {
        unsigned value = 0;

        (void) sscanf(strchr(digest, ':') + 1 + 2 * i, "%2x", &value);
        return value;
}

static void assign_macs(Topology *t) {
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
                        Interface *in = &t->nodes[i].interfaces[k];
                        char digest[DIGEST_LENGTH + 1];

                        if (in->has_mac)
                                continue;
                        hash(t, t->nodes[i].name, in->name, digest);
                        in->has_mac = true;
                        in->mac[0] = 0x02;
                        for (size_t b = 1; b < 6; b++)
                                in->mac[b] = (uint8_t) hex_byte(digest, b);
                }
}

/* fd00::/8 with 40 bits of its own (RFC 4193). */
static Address own_pool6(const Topology *t) {
        Address a = { .family = AF_INET6, .prefix = 48, .bytes = { 0xfd } };
        char digest[DIGEST_LENGTH + 1];

        hash(t, "pool", "", digest);
        for (size_t b = 1; b < 6; b++)
                a.bytes[b] = (uint8_t) hex_byte(digest, b);
        return a;
}

/* The router of the domain that an interface is in, if there is just one. */
static const Interface *only_router(const Topology *t, const Domain *d) {
        const Interface *found = NULL;

        for (size_t i = 0; i < d->n_members; i++) {
                if (t->nodes[d->members[i].node].kind != NODE_ROUTER)
                        continue;
                if (found)
                        return NULL;
                found = topology_interface(t, d->members[i]);
        }
        return found;
}

/* ---- the host's end of a switch's uplink, which is the gateway there ---- */

static const char *const host_keys[] = { "host-ipv4", "host-ipv6" };

/* @uplink of kind nat at a switch: its address of a family; false if it has none. */
static bool host_address(const Uplink *uplink, int f, Address *ret) {
        const char *text = strv_env_get(uplink->settings, host_keys[f]);

        return text && addr_parse(text, ret) >= 0;
}

static bool is_gateway(const Topology *t, const Uplink *u) {
        return str_equal(u->kind, "nat") && node_is_switch(&t->nodes[u->node]) &&
               t->nodes[u->node].n_interfaces > 0;
}

static size_t domain_of(const Topology *t, const Uplink *u, const size_t *numbers) {
        return numbers[t->nodes[u->node].interfaces[0].link];
}

static const Address *domain_net(const Topology *t, const Domain *d, int f) {
        for (size_t i = 0; i < d->n_members; i++) {
                const Interface *in = topology_interface(t, d->members[i]);

                for (size_t k = 0; k < in->n_addresses; k++)
                        if (family_index(&in->addresses[k]) == f)
                                return &in->addresses[k];
        }
        return NULL;
}

static bool is_a_gateways(const Topology *t, const Address *a) {
        for (size_t i = 0; i < t->n_uplinks; i++) {
                Address other;

                if (host_address(&t->uplinks[i], family_index(a), &other) && addr_equal(a, &other))
                        return true;
        }
        return false;
}

/* The first that nobody has. */
static int assign_gateway(Topology *t, Uplink *u, const Domain *d, int f, Err *err) {
        const Address *net = domain_net(t, d, f);
        char text[INET6_ADDRSTRLEN];
        uint64_t host = 1;
        Address a;

        if (!net || host_address(u, f, &a))
                return 0;
        do {
                a = *net;
                addr_mask(&a);
                add_to(&a, host++);
        } while (is_used(t, d, &a) || is_a_gateways(t, &a));
        if (!f && net->prefix < 32 && host > ((uint64_t) 1 << (32 - net->prefix)) - 1)
                return topology_refuse(t, u->line, err,
                                       "there is no address left for the host's end of the uplink");
        addr_text(&a, text);
        return strv_addf(&u->settings, "%s=%s/%u", host_keys[f], text, net->prefix) < 0
                       ? fail(err, ENOMEM, "cannot give addresses")
                       : 0;
}

static int assign_gateways(Topology *t, const size_t *numbers, const Domain *domains, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < t->n_uplinks; i++)
                for (int f = 0; r >= 0 && f < 2; f++)
                        if (is_gateway(t, &t->uplinks[i]))
                                r = assign_gateway(t, &t->uplinks[i],
                                                   &domains[domain_of(t, &t->uplinks[i], numbers)],
                                                   f, err);
        return r;
}

/* The host as the gateway of a domain without a router. */
static int add_outward(Topology *t, Node *n, const size_t *numbers, size_t domain) {
        for (size_t i = 0; i < t->n_uplinks; i++) {
                const Uplink *u = &t->uplinks[i];

                if (!is_gateway(t, u) || domain_of(t, u, numbers) != domain)
                        continue;
                for (int f = 0; f < 2; f++) {
                        char text[INET6_ADDRSTRLEN];
                        Address a;

                        if (!host_address(u, f, &a))
                                continue;
                        addr_text(&a, text);
                        if (strv_addf(&n->routes, "default via %s", text) < 0)
                                return -ENOMEM;
                }
                return 0;
        }
        return 0;
}

/* ---- default routes ---- */

static int add_default(Node *n, const Interface *router, int f) {
        for (size_t i = 0; i < router->n_addresses; i++) {
                char text[INET6_ADDRSTRLEN];

                if (family_index(&router->addresses[i]) != f)
                        continue;
                addr_text(&router->addresses[i], text);
                return strv_addf(&n->routes, "default via %s", text);
        }
        return 0;
}

static int assign_routes(Topology *t, const size_t *numbers, const Domain *domains) {
        for (size_t i = 0; i < t->n_nodes; i++) {
                Node *n = &t->nodes[i];
                const Interface *router = NULL;

                if (n->kind != NODE_HOST || n->routes)
                        continue;
                for (size_t k = 0; k < n->n_interfaces && !router; k++)
                        router = only_router(t, &domains[numbers[n->interfaces[k].link]]);
                for (int f = 0; router && f < 2; f++)
                        if (add_default(n, router, f) < 0)
                                return -ENOMEM;
                for (size_t k = 0; k < n->n_interfaces && !n->routes; k++)
                        if (add_outward(t, n, numbers, numbers[n->interfaces[k].link]) < 0)
                                return -ENOMEM;
        }
        return 0;
}

static bool dpid_is_used(const Topology *t, uint64_t dpid) {
        for (size_t i = 0; i < t->n_nodes; i++)
                if (!str_empty(t->nodes[i].dpid) && strtoull(t->nodes[i].dpid, NULL, 16) == dpid)
                        return true;
        return false;
}

/* Switches of Open vSwitch are numbered by their place, which may be another one later. */
static int number_switches(Topology *t) {
        uint64_t next = 1;

        for (size_t i = 0; i < t->n_nodes; i++) {
                Node *n = &t->nodes[i];

                if (n->kind != NODE_OVS_BRIDGE || !str_empty(n->dpid))
                        continue;
                for (next = next > i + 1 ? next : i + 1; dpid_is_used(t, next); next++)
                        ;
                free(n->dpid);
                n->dpid = str_format("%jx", (uintmax_t) next++);
                if (!n->dpid)
                        return -ENOMEM;
        }
        return 0;
}

int topology_assign_addresses(Topology *t, Err *err) {
        return topology_assign_addresses_after(t, NULL, err);
}

int topology_assign_addresses_after(Topology *t, const Topology *before, Err *err) {
        Pool v4 = { t->pool, 24, 0 }, v6 = { t->pool6, 64, 0 };
        autofree size_t *numbers = NULL;
        ssize_t n = topology_domains(t, &numbers);
        Domain *domains = n < 0 ? NULL : calloc((size_t) n + 1, sizeof *domains);
        int r = domains && before ? keep_names(t, before) : 0;

        if (r >= 0)
                r = domains ? collect(t, numbers, domains) : -ENOMEM;

        if (!v4.net.family)
                v4.net = (Address){ .family = AF_INET, .prefix = 8, .bytes = { 10 } };
        if (!t->has_seed && before) {
                t->seed = before->seed;
                t->has_seed = before->has_seed;
        }
        if (!v6.net.family)
                v6.net = own_pool6(t);
        if (r >= 0 && before)
                r = keep_others(t, before);
        if (r >= 0)
                r = number_switches(t);
        for (int f = 0; r >= 0 && before && !t->no_addresses && f < 2; f++)
                r = keep_addresses(t, before, f ? &v6 : &v4, domains, (size_t) n, f);
        if (r < 0)
                r = fail(err, r, "cannot give addresses");
        assign_macs(t);
        if (r >= 0 && !t->no_addresses) {
                r = assign_family(t, domains, (size_t) n, &v4, 0, err);
                if (r >= 0)
                        r = assign_family(t, domains, (size_t) n, &v6, 1, err);
                if (r >= 0)
                        r = assign_gateways(t, numbers, domains, err);
                if (r >= 0 && (r = assign_routes(t, numbers, domains)) < 0)
                        r = fail(err, r, "cannot give routes");
        }
        if (domains)
                domains_free(domains, (size_t) n);
        return r < 0 ? r : topology_assign_management(t, before, err);
}
