/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/clsact.h"
#include "netlink/device_probe.h"
#include "netlink/link.h"
#include "netlink/qdisc.h"

#define CABLE 100 /* index of one end of a virtual cable */

#define BUILD(config) "load it (modprobe), or boot a kernel that has " config

int probe_new_network(void) {
        int flags = CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER);

        return unshare(flags) < 0 ? -errno : 0;
}

/* In a new network namespace that has a cable; the socket to ask the kernel by. */
static int open_with_cable(void) {
        const LinkEnd a = { .name = "a", .netns = -EBADF, .index = CABLE },
                      b = { .name = "b", .netns = -EBADF };
        autoclose int nl = -EBADF;
        int r = probe_new_network();

        nl = r < 0 ? r : nl_open();
        if (nl < 0)
                return nl;
        r = link_add_veth(nl, &a, &b, NULL);
        return r < 0 ? r : take_fd(nl);
}

/* ---- interfaces ---- */

/* A device of a kind; @upon: it needs another; @describe: what it needs said, or NULL. */
static int try_kind(const char *kind, bool upon, void (*describe)(NlMessage *m)) {
        struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
        autoclose int nl = open_with_cable();
        size_t info, data;
        NlMessage m;

        if (nl < 0)
                return nl;
        nl_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof ifi);
        nl_put_string(&m, IFLA_IFNAME, "probe");
        if (upon)
                nl_put_u32(&m, IFLA_LINK, CABLE);
        info = nl_nest(&m, IFLA_LINKINFO);
        nl_put_string(&m, IFLA_INFO_KIND, kind);
        if (describe) {
                data = nl_nest(&m, IFLA_INFO_DATA);
                describe(&m);
                nl_end(&m, data);
        }
        nl_end(&m, info);
        return nl_call(nl, &m, NULL);
}

static void describe_filtering_bridge(NlMessage *m) {
        nl_put_u8(m, IFLA_BR_VLAN_FILTERING, 1);
}

static void describe_macvlan(NlMessage *m) {
        nl_put_u32(m, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE);
}

static void describe_ipvlan(NlMessage *m) {
        const uint16_t mode = IPVLAN_MODE_L2;

        nl_put(m, IFLA_IPVLAN_MODE, &mode, sizeof mode);
}

static void describe_vxlan(NlMessage *m) {
        const uint16_t port = htons(4789);

        nl_put_u32(m, IFLA_VXLAN_ID, 42);
        nl_put(m, IFLA_VXLAN_PORT, &port, sizeof port);
}

static void describe_vlan(NlMessage *m) {
        const uint16_t id = 10;

        nl_put(m, IFLA_VLAN_ID, &id, sizeof id);
}

static void describe_vrf(NlMessage *m) {
        nl_put_u32(m, IFLA_VRF_TABLE, 10);
}

#define KIND_TRIAL(name, kind, upon, describe)                          \
        static int try_##name(const ProbePlace *place, char detail[]) { \
                return try_kind(kind, upon, describe);                  \
        }
KIND_TRIAL(bridge, "bridge", false, NULL)
KIND_TRIAL(filtering_bridge, "bridge", false, describe_filtering_bridge)
KIND_TRIAL(macvlan, "macvlan", true, describe_macvlan)
KIND_TRIAL(macvtap, "macvtap", true, describe_macvlan)
KIND_TRIAL(ipvlan, "ipvlan", true, describe_ipvlan)
KIND_TRIAL(vxlan, "vxlan", false, describe_vxlan)
KIND_TRIAL(vlan, "vlan", true, describe_vlan)
KIND_TRIAL(gretap, "gretap", false, NULL)
KIND_TRIAL(wireguard, "wireguard", false, NULL)
KIND_TRIAL(vrf, "vrf", false, describe_vrf)
KIND_TRIAL(dummy, "dummy", false, NULL)

static int try_veth(const ProbePlace *place, char detail[]) {
        int nl = open_with_cable();

        return nl < 0 ? nl : 0;
}

/* ---- queues ---- */

static int try_tbf(const ProbePlace *place, char detail[]) {
        autoclose int nl = open_with_cable();
        NlMessage m;

        if (nl < 0)
                return nl;
        nl_begin_empty(&m);
        qdisc_next_tbf(&m, CABLE, 10000000, 16384, 65536);
        return nl_call(nl, &m, NULL);
}

static int try_netem(const ProbePlace *place, char detail[]) {
        const struct tc_netem_qopt delay = { .latency = 1000, .limit = 1000 };
        struct tcmsg tc = { .tcm_family = AF_UNSPEC,
                            .tcm_ifindex = CABLE,
                            .tcm_handle = 1 << 16,
                            .tcm_parent = TC_H_ROOT };
        autoclose int nl = open_with_cable();
        NlMessage m;

        if (nl < 0)
                return nl;
        nl_begin(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, sizeof tc);
        nl_put_string(&m, TCA_KIND, "netem");
        nl_put(&m, TCA_OPTIONS, &delay, sizeof delay);
        return nl_call(nl, &m, NULL);
}

static int try_clsact(const ProbePlace *place, char detail[]) {
        autoclose int nl = open_with_cable();

        return nl < 0 ? nl : clsact_make(nl, CABLE, NULL);
}

static const ProbeFeature features[] = {
        { "Links", "virtual cables (veth)", true, "no lab can be made", try_veth,
          BUILD("CONFIG_VETH") },
        { "Links", "token bucket (tbf)", false,
          "links that only have a rate are emulated by isola's own emulator", try_tbf,
          BUILD("CONFIG_NET_SCH_TBF") },
        { "Links", "netem", false,
          "'engine: netem' is refused; isola's own emulator has all its properties", try_netem,
          BUILD("CONFIG_NET_SCH_NETEM") },
        { "Links", "places for filters (clsact)", false, "lab filter is refused", try_clsact,
          BUILD("CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF") },
        { "Switches", "bridge", true, "no lab with a switch can be made", try_bridge,
          BUILD("CONFIG_BRIDGE") },
        { "Switches", "bridge that knows VLANs", false,
          "'vlan-filtering' of a bridge is refused; an ovs-bridge has VLANs", try_filtering_bridge,
          BUILD("CONFIG_BRIDGE_VLAN_FILTERING") },
        { "Interconnection", "macvlan", false, "uplinks of that kind are refused", try_macvlan,
          BUILD("CONFIG_MACVLAN") },
        { "Interconnection", "macvtap", false, "uplinks of that kind are refused", try_macvtap,
          BUILD("CONFIG_MACVTAP") },
        { "Interconnection", "VXLAN", false,
          "uplinks of that kind are refused; kind 'udp' speaks with them as well", try_vxlan,
          BUILD("CONFIG_VXLAN") },
        { "In nodes", "VLAN interfaces", false, "'ip link add type vlan' fails in nodes", try_vlan,
          BUILD("CONFIG_VLAN_8021Q") },
        { "In nodes", "GRE tunnels", false, "'ip link add type gretap' fails in nodes", try_gretap,
          BUILD("CONFIG_NET_IPGRE") },
        { "In nodes", "WireGuard", false, "'ip link add type wireguard' fails in nodes",
          try_wireguard, BUILD("CONFIG_WIREGUARD") },
        { "In nodes", "VRF", false, "'ip link add type vrf' fails in nodes", try_vrf,
          BUILD("CONFIG_NET_VRF") },
        { "In nodes", "IPVLAN", false, "'ip link add type ipvlan' fails in nodes", try_ipvlan,
          BUILD("CONFIG_IPVLAN") },
        { "In nodes", "dummy interfaces", false,
          "'ip link add type dummy' fails in nodes; a loopback address does as well", try_dummy,
          BUILD("CONFIG_DUMMY") },
};

const ProbeFeature *probe_device_features(size_t *ret_n) {
        *ret_n = sizeof features / sizeof *features;
        return features;
}
