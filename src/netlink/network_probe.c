/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "netlink/device_probe.h"
#include "netlink/link.h"
#include "netlink/network_probe.h"
#include "netlink/nft.h"

static int try_bridge(const ProbePlace *place, char detail[]) {
        autoclose int nl = -EBADF;
        int r = probe_new_network();

        nl = r < 0 ? r : nl_open();
        return nl < 0 ? nl : link_add_bridge(nl, "isola0", 0, NULL, NULL);
}

static int try_veth(const ProbePlace *place, char detail[]) {
        LinkEnd a = { .name = "a", .netns = -EBADF }, b = { .name = "b", .netns = -EBADF };
        autoclose int nl = -EBADF;
        int r = probe_new_network();

        nl = r < 0 ? r : nl_open();
        return nl < 0 ? nl : link_add_veth(nl, &a, &b, NULL);
}

/* Makes a table with a chain at a hook. */
static int try_table(const NftTable *table, const NftHook *hook) {
        autoclose int nl = -EBADF;
        autonl NlMessage m;
        int r = probe_new_network();

        nl = r < 0 ? r : nl_open_protocol(NETLINK_NETFILTER);
        if (nl < 0)
                return nl;
        nft_begin(&m);
        nft_table(&m, table);
        nft_chain(&m, table, "probe", hook);
        return nft_commit(nl, &m, NULL);
}

/* At the hook that publishing ports needs. */
static int try_nf_tables(const ProbePlace *place, char detail[]) {
        return try_table(&(NftTable){ NFPROTO_INET, "isola" },
                         &(NftHook){ "nat", NF_INET_PRE_ROUTING, -100 });
}

static int try_bridge_tables(const ProbePlace *place, char detail[]) {
        return try_table(&(NftTable){ NFPROTO_BRIDGE, "isola" },
                         &(NftHook){ "filter", 0 /* prerouting, netfilter_bridge.h */, -300 });
}

static int try_forwarding(const ProbePlace *place, char detail[]) {
        autofree char *value = NULL;
        int r;

        r = file_read_line(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", &value);
        if (r < 0)
                return r;
        if (*value == '1')
                return 0;
        (void) snprintf(detail, PROBE_DETAIL_MAX, "off now");
        return file_access(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", W_OK);
}

static int try_ipv6(const ProbePlace *place, char detail[]) {
        int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        return s < 0 ? -errno : 0;
}

static int try_sock_diag(const ProbePlace *place, char detail[]) {
        return nl_open_protocol(NETLINK_SOCK_DIAG);
}

static const ProbeFeature features[] = {
        { "Network", "veth", false, "only --network none, host and container:NAME work", try_veth },
        { "Network", "bridge", false, "only --network none, host and container:NAME work",
          try_bridge },
        { "Network", "nf_tables", false,
          "ports cannot be published and containers do not reach other hosts", try_nf_tables },
        { "Network", "nf_tables for bridges", false,
          "forged packets of containers with NET_RAW or NET_ADMIN are not stopped",
          try_bridge_tables },
        { "Network", "IPv4 forwarding", false, "containers do not reach other hosts",
          try_forwarding },
        { "Network", "IPv6", false, "network create --ipv6 is refused", try_ipv6 },
        { "Network", "socket lists", false, "isola ports shows nothing", try_sock_diag },
};

const ProbeFeature *probe_network_features(size_t *ret_n) {
        *ret_n = sizeof features / sizeof *features;
        return features;
}
