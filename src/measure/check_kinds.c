/* SPDX-License-Identifier: GPL-2.0-or-later */

/* All kinds of tests, with their settings: docs/labs-evaluation.md says the same to people. */

#include "measure/check_internal.h"

static const char *const families[] = { "any", "ipv4", "ipv6", "both", NULL };
static const char *const directions[] = { "forward", "reverse", NULL };
static const char *const answers[] = { "yes", "no", NULL };
static const char *const futures[] = { "recovery", "loss", NULL };

#define AT(m) offsetof(Check, m)
#define FAMILY                                                                        \
        {                                                                             \
                "family", SETTING_WORD, AT(family), false, "any",                     \
                        "any (IPv4 where both have it), ipv4, ipv6 or both", families \
        }
#define LIMIT(n, k, m, h) \
        { n, k, AT(m), false, NULL, h, NULL }

const CheckSetting check_common[] = {
        { "name", SETTING_TEXT, AT(name), false, NULL, "how results call it", NULL },
        { "within", SETTING_SPAN, AT(within_ns), false, "0s",
          "try again until it holds, for at most so long", NULL },
        {},
};

static const CheckSetting pingall[] = {
        { "nodes", SETTING_NODES, AT(nodes), false, NULL,
          "between whom; all hosts, or all routers where there are no hosts", NULL },
        { "count", SETTING_COUNT, AT(count), false, "1", "requests for each pair", NULL },
        { "timeout", SETTING_SPAN, AT(timeout_ns), false, "3s", "patience for each answer", NULL },
        { "loss", SETTING_SHARE, AT(loss), false, "0%", "of all requests", NULL },
        FAMILY,
        {},
};

static const CheckSetting reach[] = {
        { "from", SETTING_NODES, AT(from), true, NULL, "each of these", NULL },
        { "to", SETTING_PLACES, AT(to), true, NULL, "reaches each of those", NULL },
        { "port", SETTING_COUNT, AT(port), false, NULL, "by a TCP connection to it, not a ping",
          NULL },
        { "timeout", SETTING_SPAN, AT(timeout_ns), false, "3s", "patience for each answer", NULL },
        { "expect", SETTING_WORD, AT(expect), false, "yes", "yes, or no: must not reach", answers },
        FAMILY,
        {},
};

static const CheckSetting ping_settings[] = {
        { "from", SETTING_NODE, AT(from), true, NULL, "who asks", NULL },
        { "to", SETTING_PLACES, AT(to), true, NULL, "who answers", NULL },
        { "count", SETTING_COUNT, AT(count), false, "10", "requests", NULL },
        { "interval", SETTING_SPAN, AT(interval_ns), false, "100ms", "between requests", NULL },
        { "size", SETTING_COUNT, AT(size), false, "56", "bytes of data", NULL },
        { "timeout", SETTING_SPAN, AT(timeout_ns), false, "1s", "patience for each answer", NULL },
        LIMIT("rtt", SETTING_LATENCY, rtt, "median round trip"),
        LIMIT("rtt-min", SETTING_LATENCY, rtt_min, "least"),
        LIMIT("rtt-mean", SETTING_LATENCY, rtt_mean, "mean"),
        LIMIT("rtt-p95", SETTING_LATENCY, rtt_p95, "95 of 100 are below"),
        LIMIT("rtt-p99", SETTING_LATENCY, rtt_p99, "99 of 100 are below"),
        LIMIT("rtt-max", SETTING_LATENCY, rtt_max, "greatest"),
        LIMIT("jitter", SETTING_LATENCY, jitter, "RFC 3550's"),
        { "loss", SETTING_SHARE, AT(loss), false, "0%", "of requests", NULL },
        FAMILY,
        {},
};

static const CheckSetting tcp_settings[] = {
        { "from", SETTING_NODE, AT(from), true, NULL, "who connects", NULL },
        { "to", SETTING_PLACES, AT(to), true, NULL, "to whom", NULL },
        { "flows", SETTING_COUNT, AT(flows), false, "1", "connections at once", NULL },
        { "duration", SETTING_SPAN, AT(duration_ns), false, "2s", "of sending", NULL },
        { "direction", SETTING_WORD, AT(direction), false, "forward",
          "forward, or reverse: the other side sends", directions },
        { "congestion", SETTING_TEXT, AT(congestion), false, NULL,
          "congestion control, as cubic or bbr", NULL },
        LIMIT("rate", SETTING_SPEED, speed, "goodput of all flows"),
        LIMIT("retransmits", SETTING_NUMBER, retransmits, "segments"),
        LIMIT("connect", SETTING_LATENCY, connect, "time until all are connected"),
        LIMIT("fairness", SETTING_NUMBER, fairness, "Jain's index of the flows, up to 1"),
        FAMILY,
        {},
};

static const CheckSetting udp_settings[] = {
        { "from", SETTING_NODE, AT(from), true, NULL, "who sends", NULL },
        { "to", SETTING_PLACES, AT(to), true, NULL, "who receives", NULL },
        { "rate", SETTING_RATE, AT(rate_bps), false, "1mbit", "of IP packets", NULL },
        { "size", SETTING_COUNT, AT(size), false, "1000", "bytes of data in each", NULL },
        { "duration", SETTING_SPAN, AT(duration_ns), false, "2s", "of sending", NULL },
        { "loss", SETTING_SHARE, AT(loss), false, "0%", "of datagrams", NULL },
        LIMIT("throughput", SETTING_SPEED, speed, "of IP packets that arrive"),
        LIMIT("delay", SETTING_LATENCY, delay, "median, one way"),
        LIMIT("delay-p99", SETTING_LATENCY, delay_p99, "99 of 100 are below"),
        LIMIT("delay-max", SETTING_LATENCY, delay_max, "greatest"),
        LIMIT("jitter", SETTING_LATENCY, jitter, "RFC 3550's"),
        LIMIT("reordered", SETTING_NUMBER, reordered, "datagrams overtaken by later ones"),
        LIMIT("duplicates", SETTING_NUMBER, duplicates, "datagrams that came again"),
        FAMILY,
        {},
};

static const CheckSetting loss_settings[] = {
        { "from", SETTING_NODE, AT(from), true, NULL, "who sends", NULL },
        { "to", SETTING_PLACES, AT(to), true, NULL, "who receives", NULL },
        { "loss", SETTING_SHARE, AT(loss), true, NULL, "of datagrams, one way", NULL },
        { "count", SETTING_COUNT, AT(count), false, "1000", "datagrams", NULL },
        { "rate", SETTING_RATE, AT(rate_bps), false, "1mbit", "of IP packets", NULL },
        { "size", SETTING_COUNT, AT(size), false, "100", "bytes of data in each", NULL },
        FAMILY,
        {},
};

static const CheckSetting route_settings[] = {
        { "node", SETTING_NODE, AT(from), true, NULL, "whose table", NULL },
        { "to", SETTING_PLACES, AT(to), true, NULL, "for packets to", NULL },
        { "via", SETTING_TEXT, AT(via), false, NULL, "the next hop: a node or an address", NULL },
        { "dev", SETTING_TEXT, AT(interface), false, NULL, "the interface they leave by", NULL },
        { "expect", SETTING_WORD, AT(expect), false, "yes", "yes, or no: there is no route",
          answers },
        FAMILY,
        {},
};

static const CheckSetting exec_settings[] = {
        { "node", SETTING_NODE, AT(from), true, NULL, "where", NULL },
        { "command", SETTING_TEXT, AT(command), true, NULL, "for sh -c", NULL },
        { "exit", SETTING_CODE, AT(exit), false, "0", "its exit code", NULL },
        { "output", SETTING_TEXT, AT(output), false, NULL,
          "what its output has in it; with * and ? what all of it is like", NULL },
        { "timeout", SETTING_SPAN, AT(timeout_ns), false, "10s", "for the command", NULL },
        {},
};

static const CheckSetting cut_settings[] = {
        { "link", SETTING_LINK, AT(link), true, NULL, "which is cut, and restored at the end",
          NULL },
        { "from", SETTING_NODE, AT(from), true, NULL, "while this one", NULL },
        { "to", SETTING_PLACES, AT(to), true, NULL, "pings that one", NULL },
        { "interval", SETTING_SPAN, AT(interval_ns), false, "10ms", "between requests", NULL },
        { "after", SETTING_WORD, AT(after), false, "recovery",
          "recovery by another way, or loss as long as it is cut", futures },
        { "recover", SETTING_LATENCY, AT(recover), false, "30s",
          "how long after the cut it answers again", NULL },
        { "restore", SETTING_LATENCY, AT(restore), false, "30s",
          "how long after the link is back it answers", NULL },
        { "duration", SETTING_SPAN, AT(duration_ns), false, "1s",
          "how long it stays cut where loss is expected", NULL },
        FAMILY,
        {},
};

const CheckKind check_kinds[] = {
        { "pingall", NULL, "everybody answers everybody", pingall, check_pingall, NULL },
        { "reach", NULL, "some reach others, or must not", reach, check_reach, NULL },
        { "ping", "rtt", "round trips within limits", ping_settings, check_ping, NULL },
        { "tcp", NULL, "TCP moves enough", tcp_settings, check_tcp, NULL },
        { "udp", NULL, "a stream of datagrams arrives in time", udp_settings, check_udp, NULL },
        { "loss", NULL, "a share of datagrams is lost", loss_settings, check_loss, NULL },
        { "route", NULL, "packets leave by the right way", route_settings, check_route, NULL },
        { "exec", NULL, "a command in a node does what it should", exec_settings, check_exec,
          NULL },
        { "cut", "cut-and-recover", "a link fails, and traffic finds its way again", cut_settings,
          check_cut, NULL },
        {},
};
