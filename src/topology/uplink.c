/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "topology/management.h"
#include "topology/uplink.h"

const char *const uplink_kind_names[] = { "nic",   "macvlan", "macvtap", "host",
                                          "vxlan", "udp",     "nat",     NULL };

#define VNI_MAX ((1 << 24) - 1)

void uplink_spec_clear(UplinkSpec *spec) {
        quality_clear(&spec->quality);
}

/* ---- settings ---- */

static bool is_interface_name(const char *text) {
        return *text && strlen(text) <= INTERFACE_NAME_MAX && !strpbrk(text, "/: \t\n\r\v\f") &&
               !str_equal(text, ".") && !str_equal(text, "..");
}

static int set_device(UplinkSpec *s, const char *value) {
        s->device = value;
        return is_interface_name(value) ? 0 : -EINVAL;
}

static int set_bridge(UplinkSpec *s, const char *value) {
        s->bridge = value;
        return is_interface_name(value) ? 0 : -EINVAL;
}

static int set_mode(UplinkSpec *s, const char *value) {
        static const struct {
                const char *name;
                uint32_t mode;
        } modes[] = { { "bridge", MACVLAN_MODE_BRIDGE },
                      { "private", MACVLAN_MODE_PRIVATE },
                      { "vepa", MACVLAN_MODE_VEPA },
                      { "passthru", MACVLAN_MODE_PASSTHRU } };

        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
                if (str_equal(modes[i].name, value)) {
                        s->mode = modes[i].mode;
                        return 0;
                }
        return -EINVAL;
}

static int set_host_address(Address *to, const char *value) {
        return strchr(value, '/') ? -EINVAL : addr_parse(value, to);
}

static int set_remote(UplinkSpec *s, const char *value) {
        return set_host_address(&s->remote, value);
}

static int set_local(UplinkSpec *s, const char *value) {
        return set_host_address(&s->local, value);
}

static int set_vni(UplinkSpec *s, const char *value) {
        int vni;

        if (parse_int(value, 1, VNI_MAX, &vni) < 0)
                return -EINVAL;
        s->vni = (uint32_t) vni;
        return 0;
}

static int set_port(UplinkSpec *s, const char *value) {
        int port;

        if (parse_int(value, 1, 65535, &port) < 0)
                return -EINVAL;
        s->port = (uint16_t) port;
        return 0;
}

static int set_mtu(UplinkSpec *s, const char *value) {
        int mtu;

        if (str_equal(value, "auto"))
                return 0;
        if (parse_int(value, 68, 65535, &mtu) < 0)
                return -EINVAL;
        s->mtu = (uint32_t) mtu;
        return 0;
}

static int set_mac(UplinkSpec *s, const char *value) {
        uint8_t *m = s->mac;
        int used = 0;

        s->has_mac = sscanf(value, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &m[0], &m[1], &m[2],
                            &m[3], &m[4], &m[5], &used) == 6 &&
                     used == 17 && !value[used] && !(m[0] & 1);
        return s->has_mac ? 0 : -EINVAL;
}

static int add_address(Address *list, size_t *n, uint8_t family, const char *value) {
        if (*n == UPLINK_ADDRESSES || !strchr(value, '/') || addr_parse(value, &list[*n]) < 0 ||
            list[*n].family != family)
                return -EINVAL;
        ++*n;
        return 0;
}

static int set_ipv4(UplinkSpec *s, const char *value) {
        return add_address(s->addresses, &s->n_addresses, AF_INET, value);
}

static int set_ipv6(UplinkSpec *s, const char *value) {
        return add_address(s->addresses, &s->n_addresses, AF_INET6, value);
}

static int set_host_ipv4(UplinkSpec *s, const char *value) {
        return add_address(s->host_addresses, &s->n_host_addresses, AF_INET, value);
}

static int set_host_ipv6(UplinkSpec *s, const char *value) {
        return add_address(s->host_addresses, &s->n_host_addresses, AF_INET6, value);
}

static int set_gateway(UplinkSpec *s, const char *value) {
        Address a;
        int r = set_host_address(&a, value);

        if (r < 0 || s->gateways[a.family == AF_INET6].family)
                return -EINVAL;
        s->gateways[a.family == AF_INET6] = a;
        return 0;
}

#define ON(kind)  (1u << (kind))
#define ON_DEVICE (ON(UPLINK_NIC) | ON(UPLINK_MACVLAN) | ON(UPLINK_MACVTAP))
#define ON_TUNNEL (ON(UPLINK_VXLAN) | ON(UPLINK_UDP))
#define ON_HOST   ON(UPLINK_HOST)
#define ON_NAT    ON(UPLINK_NAT)

static const struct Setting {
        const char *key;
        unsigned kinds;
        int (*set)(UplinkSpec *s, const char *value);
        const char *wanted;
} settings[] = {
        { "device", ON_DEVICE | ON_HOST | ON(UPLINK_VXLAN), set_device,
          "the name of an interface" },
        { "bridge", ON_HOST, set_bridge, "the name of a bridge of the host" },
        { "mode", ON(UPLINK_MACVLAN) | ON(UPLINK_MACVTAP), set_mode,
          "bridge, private, vepa or passthru" },
        { "remote", ON_TUNNEL, set_remote, "the other machine's address" },
        { "local", ON_TUNNEL, set_local, "an address of this machine" },
        { "vni", ON_TUNNEL, set_vni, "a number from 1 to 16777215" },
        { "port", ON_TUNNEL, set_port, "a port" },
        { "mtu", ON_DEVICE | ON_HOST | ON_TUNNEL | ON_NAT, set_mtu, "a number from 68 to 65535" },
        { "mac", ON_DEVICE | ON_HOST | ON_TUNNEL | ON_NAT, set_mac, "a MAC address" },
        { "ipv4", ON_DEVICE | ON_HOST | ON_TUNNEL, set_ipv4, "ADDRESS/LENGTH" },
        { "ipv6", ON_DEVICE | ON_HOST | ON_TUNNEL, set_ipv6, "ADDRESS/LENGTH" },
        { "gateway", ON_DEVICE | ON_HOST | ON_TUNNEL, set_gateway,
          "an address, one for IPv4 and one for IPv6" },
        { "host-ipv4", ON_HOST | ON_NAT, set_host_ipv4, "ADDRESS/LENGTH" },
        { "host-ipv6", ON_HOST | ON_NAT, set_host_ipv6, "ADDRESS/LENGTH" },
};
#define N_SETTINGS (sizeof settings / sizeof *settings)

static int refuse_key(const Topology *t, const Uplink *u, UplinkKind kind, const char *key,
                      Err *err) {
        const char *names[N_SETTINGS + 1] = {}, *near;
        autofree char *all = NULL;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < N_SETTINGS; i++)
                if (settings[i].kinds & ON(kind))
                        names[n++] = settings[i].key;
        near = nearest_name(key, names);
        all = strv_join((char *const *) names, ", ");
        if (near)
                return topology_refuse(t, u->line, err,
                                       "an uplink of kind %s has no key '%s'; did you mean '%s'?",
                                       u->kind, key, near);
        r = topology_refuse(t, u->line, err, "an uplink of kind %s has no key '%s': %s are",
                            u->kind, key, all ? all : "others");
        return strv_has((char *const *) quality_keys, key)
                       ? err_hint(err, r, "put the quality on a link behind it, or use kind udp")
                       : r;
}

static int read_quality(const Topology *t, const Uplink *u, UplinkSpec *s, const char *key,
                        const char *value, Err *err) {
        autofree char *rooted = quality_rooted(key, value, t->directory ? t->directory : ".");
        autoerr why = {};
        int r = rooted ? quality_set(&s->quality, key, rooted, &why) : -ENOMEM;

        return r < 0 ? topology_refuse(t, u->line, err, "%s",
                                       why.message ? why.message : "it cannot be set")
                     : 0;
}

static int read_setting(const Topology *t, const Uplink *u, UplinkSpec *s, const char *key,
                        const char *value, Err *err) {
        if (s->kind == UPLINK_UDP && strv_has((char *const *) quality_keys, key))
                return read_quality(t, u, s, key, value, err);
        for (size_t i = 0; i < N_SETTINGS; i++) {
                if (!str_equal(settings[i].key, key) || !(settings[i].kinds & ON(s->kind)))
                        continue;
                return settings[i].set(s, value) < 0
                               ? topology_refuse(t, u->line, err,
                                                 "'%s' of an uplink is %s, not '%s'", key,
                                                 settings[i].wanted, value)
                               : 0;
        }
        return refuse_key(t, u, s->kind, key, err);
}

static int read_kind(const Topology *t, const Uplink *u, UplinkKind *ret, Err *err) {
        const char *near;

        for (int i = 0; uplink_kind_names[i]; i++)
                if (str_equal(uplink_kind_names[i], u->kind)) {
                        *ret = (UplinkKind) i;
                        return 0;
                }
        near = nearest_name(u->kind, uplink_kind_names);
        return near ? topology_refuse(t, u->line, err,
                                      "'%s' is no kind of uplink; did you mean '%s'?", u->kind,
                                      near)
                    : topology_refuse(t, u->line, err,
                                      "'%s' is no kind of uplink: nic, macvlan, macvtap, host, "
                                      "vxlan, udp and nat are",
                                      u->kind);
}

static bool reaches(const UplinkSpec *s, const Address *gateway) {
        /* What a NIC had on the host goes along, and is not known here. */
        if (s->kind == UPLINK_NIC && s->n_addresses == 0)
                return true;
        for (size_t i = 0; i < s->n_addresses; i++)
                if (s->addresses[i].family == gateway->family &&
                    addr_within(&s->addresses[i], gateway))
                        return true;
        return gateway->family == AF_INET6 && gateway->bytes[0] == 0xfe &&
               (gateway->bytes[1] & 0xc0) == 0x80;
}

static int check_gateways(const Topology *t, const Uplink *u, const UplinkSpec *s, Err *err) {
        for (int i = 0; i < 2; i++) {
                char text[INET6_ADDRSTRLEN];

                if (!s->gateways[i].family || reaches(s, &s->gateways[i]))
                        continue;
                addr_text(&s->gateways[i], text);
                return topology_refuse(t, u->line, err,
                                       "the gateway %s is in no network of the uplink's addresses",
                                       text);
        }
        return 0;
}

static int check_whole(const Topology *t, const Uplink *u, const UplinkSpec *s, Err *err) {
        const Node *n = &t->nodes[u->node];
        bool needs_device = ON(s->kind) & ON_DEVICE, is_tunnel = ON(s->kind) & ON_TUNNEL;

        if (needs_device && !s->device)
                return topology_refuse(t, u->line, err,
                                       "an uplink of kind %s has a device: the host's interface",
                                       u->kind);
        if (is_tunnel && (!s->remote.family || s->vni == 0))
                return topology_refuse(t, u->line, err,
                                       "an uplink of kind %s has a remote, the other machine's "
                                       "address, and a vni, a number that both have",
                                       u->kind);
        if (s->local.family && s->local.family != s->remote.family)
                return topology_refuse(t, u->line, err,
                                       "local and remote of an uplink are both IPv4 or both IPv6");
        if (node_is_switch(n) &&
            (s->n_addresses > 0 || s->gateways[0].family || s->gateways[1].family))
                return topology_refuse(t, u->line, err,
                                       "an uplink of a switch is a port of it, and has no "
                                       "addresses");
        if (s->kind == UPLINK_NAT && !node_is_switch(n) && s->n_host_addresses > 0)
                return topology_refuse(t, u->line, err,
                                       "the host's addresses are said for switches alone; with a "
                                       "host or router isola chooses them");
        return check_gateways(t, u, s, err);
}

int uplink_read(const Topology *t, const Uplink *u, UplinkSpec *ret, Err *err) {
        autouplinkspec s = { .mode = MACVLAN_MODE_BRIDGE, .port = VXLAN_PORT };
        int r = read_kind(t, u, &s.kind, err);

        strv_foreach(setting, u->settings) {
                const char *equals = strchr(*setting, '=');
                autofree char *key = strndup(*setting, (size_t) (equals - *setting));

                if (r < 0)
                        return r;
                r = key ? read_setting(t, u, &s, key, equals + 1, err)
                        : fail(err, ENOMEM, "cannot read the lab");
        }
        if (r >= 0)
                r = check_whole(t, u, &s, err);
        if (r >= 0 && s.kind == UPLINK_UDP) {
                autoerr why = {};

                if (quality_check(&s.quality, &why) < 0)
                        r = topology_refuse(t, u->line, err, "uplink: %s",
                                            why.message ? why.message : "its quality cannot be");
        }
        if (r < 0)
                return r;
        *ret = s;
        s.quality = (Quality){};
        return 0;
}

/* ---- in a topology ---- */

char *uplink_words(const Uplink *u) {
        static const char *const keys[] = { "remote", "bridge", "device" };

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                const char *value = strv_env_get(u->settings, keys[i]);

                if (value)
                        return str_format("%s %s", u->kind, value);
        }
        return strdup(u->kind);
}

Uplink *topology_add_uplink(Topology *t, const char *kind, size_t node, const char *interface,
                            int line) {
        Uplink *u = json_grow(&t->uplinks, &t->n_uplinks, sizeof *u);

        if (!u || str_set(&u->kind, kind) < 0 || str_set(&u->interface, interface) < 0)
                return NULL;
        u->node = node;
        u->line = line;
        t->nodes[node].has_uplink = true;
        return u;
}

static bool is_taken(const Topology *t, size_t node, const char *name, const Uplink *but) {
        if (topology_find_interface(&t->nodes[node], name) >= 0)
                return true;
        for (size_t i = 0; i < t->n_uplinks; i++)
                if (&t->uplinks[i] != but && t->uplinks[i].node == node &&
                    str_equal(t->uplinks[i].interface, name))
                        return true;
        return false;
}

/* Behind the last "ethN" that the node has. */
static unsigned after_last(const Node *n) {
        unsigned next = 0, number;

        for (size_t i = 0; i < n->n_interfaces; i++)
                if (sscanf(n->interfaces[i].name, "eth%u", &number) == 1 && number < 100000 &&
                    number >= next)
                        next = number + 1;
        return next;
}

int topology_name_uplinks(Topology *t) {
        for (size_t i = 0; i < t->n_uplinks; i++) {
                Uplink *u = &t->uplinks[i];
                unsigned number = after_last(&t->nodes[u->node]);

                while (!u->interface) {
                        autofree char *name = str_format("eth%u", number++);

                        if (!name)
                                return -ENOMEM;
                        if (!is_taken(t, u->node, name, u))
                                u->interface = take_ptr(name);
                }
        }
        return 0;
}

static int check_devices(const Topology *t, size_t index, const UplinkSpec *s, Err *err) {
        for (size_t i = 0; s->device && i < index; i++) {
                autouplinkspec other = {};

                if (uplink_read(t, &t->uplinks[i], &other, NULL) < 0 ||
                    !str_equal(other.device, s->device) || other.kind == UPLINK_VXLAN ||
                    s->kind == UPLINK_VXLAN)
                        continue;
                if (s->kind == UPLINK_NIC || other.kind == UPLINK_NIC || s->kind == UPLINK_HOST)
                        return topology_refuse(t, t->uplinks[index].line, err,
                                               "the interface '%s' is that of another uplink",
                                               s->device);
        }
        return 0;
}

static int check_one(const Topology *t, size_t index, Err *err) {
        const Uplink *u = &t->uplinks[index];
        const Node *n = &t->nodes[u->node];
        autouplinkspec s = {};
        int r = uplink_read(t, u, &s, err);

        if (r < 0)
                return r;
        if (!u->interface || !is_interface_name(u->interface) || str_equal(u->interface, "lo"))
                return topology_refuse(t, u->line, err, "'%s' is no name of an interface",
                                       u->interface ? u->interface : "");
        if (is_taken(t, u->node, u->interface, u) ||
            (node_is_managed(t, n) && str_equal(u->interface, management_interface(t))))
                return topology_refuse(t, u->line, err,
                                       "'%s:%s' cannot be an uplink: there is another interface of "
                                       "that name",
                                       n->name, u->interface);
        return check_devices(t, index, &s, err);
}

int topology_check_uplinks(const Topology *t, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < t->n_uplinks; i++)
                r = check_one(t, i, err);
        return r;
}

bool management_reaches_host(const Topology *t) {
        bool reaches_out = t->management && t->external_access;

        for (size_t i = 0; !reaches_out && i < t->n_nodes; i++)
                reaches_out = t->nodes[i].ports && node_is_managed(t, &t->nodes[i]);
        return reaches_out;
}
