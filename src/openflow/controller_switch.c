/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "openflow/controller_internal.h"
#include "openflow/flow.h"

#define FLOW_PRIORITY 100
#define ETHERNET      14
#define TYPE_VLAN     0x8100
#define HELLO_FAILED  0
#define NO_COMMON     0
#define MULTICAST     1 /* bit of an address's first byte */

/* What matters of a packet's head. */
typedef struct Frame {
        const uint8_t *destination, *source;
        bool tagged;
        uint16_t vlan;
} Frame;

int switch_begin(Switch *s) {
        return of_put_hello(&s->channel.out, s->controller->options.versions, ++s->xid);
}

static int put_flow(Switch *s, OfCommand command, const OfFlow *flow, uint32_t buffer) {
        autoerr err = {};
        int r = of_put_flow_mod(&s->channel.out, (OfVersion) s->version, command, flow, buffer,
                                ++s->xid, &err);

        if (r < 0)
                log_warn("switch '%s': %s", s->name, err.message ? err.message : strerror(-r));
        return r;
}

/* Removes flows of ours.  1.0 cannot choose by cookie: there, what others have installed for the
 * same station or port goes along. */
static int remove_flows(Switch *s, OfFlow *choice) {
        if (s->version == OF_13) {
                choice->cookie = OF_CONTROLLER_COOKIE;
                choice->cookie_mask = UINT64_MAX;
        }
        return put_flow(s, OF_DELETE, choice, OF_NO_BUFFER);
}

/* --- greeting --- */

/* 1.3's switches drop what no flow is for; 1.0's send it here. */
static int install_miss(Switch *s) {
        OfAction output = { .kind = OF_ACTION_OUTPUT,
                            .port = OF_PORT_CONTROLLER,
                            .number = OF_WHOLE_PACKET };
        OfFlow flow = of_flow_default(OF_USE_FLOW), all = of_flow_default(OF_USE_CHOICE);
        int r;

        if (s->version == OF_10)
                return 0;
        /* What an earlier controller learned may be wrong by now. */
        r = remove_flows(s, &all);
        if (r < 0)
                return r;
        flow.priority = 0;
        flow.cookie = OF_CONTROLLER_COOKIE;
        flow.actions = (OfActions){ &output, 1 };
        return put_flow(s, OF_ADD, &flow, OF_NO_BUFFER);
}

static int on_hello(Switch *s, const char *message, size_t size) {
        int r = of_negotiate(message, size, s->controller->options.versions);

        if (r == -EPROTONOSUPPORT) {
                log_warn("switch '%s' speaks no version of OpenFlow that is known here", s->name);
                s->ended = true;
                return of_put_error(&s->channel.out, OF_13, ++s->xid, HELLO_FAILED, NO_COMMON);
        }
        if (r < 0)
                return r;
        s->version = (uint8_t) r;
        r = of_put_plain(&s->channel.out, s->version, OF_FEATURES_REQUEST, ++s->xid);
        if (r >= 0)
                r = of_put_set_config(&s->channel.out, s->version, ++s->xid);
        return r < 0 ? r : install_miss(s);
}

static int on_features(Switch *s, const char *message, size_t size) {
        OfFeatures features;
        int r = of_get_features(message, size, &features);

        if (r < 0)
                return r;
        s->dpid = features.dpid;
        log_info("switch '%s' is %016" PRIx64 ", OpenFlow %s", s->name, s->dpid,
                 s->version == OF_10 ? "1.0" : "1.3");
        of_features_clear(&features);
        return 0;
}

/* --- learning --- */

static bool read_frame(const uint8_t *data, size_t size, Frame *ret) {
        if (size < ETHERNET)
                return false;
        *ret = (Frame){ .destination = data, .source = data + 6 };
        ret->tagged = data[12] == TYPE_VLAN >> 8 && data[13] == (TYPE_VLAN & 0xff);
        if (ret->tagged && size < ETHERNET + 4)
                return false;
        if (ret->tagged)
                ret->vlan = (uint16_t) ((data[14] << 8 | data[15]) & 0xfff);
        return true;
}

/* Bridges keep 01:80:c2:00:00:0x to themselves (IEEE 802.1Q, table 8-1). */
static bool is_for_bridges(const uint8_t mac[6]) {
        static const uint8_t prefix[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

        return memcmp(mac, prefix, sizeof prefix) == 0 && mac[5] < 0x10;
}

static void match_vlan(OfMatch *match, const Frame *frame) {
        of_match_set(match, OF_DL_VLAN, frame->tagged ? frame->vlan | OF_VLAN_PRESENT : 0u);
}

static int learn(Switch *s, const Frame *frame, uint32_t port) {
        OfFlow old = of_flow_default(OF_USE_CHOICE);
        uint32_t before;
        int r = mac_table_learn(s->stations, frame->vlan, frame->source, port, clock_monotonic_ms(),
                                &before);

        if (r <= 0)
                return r;
        /* It has moved: what leads to where it was goes. */
        of_match_set_mac(&old.match, OF_DL_DST, frame->source);
        match_vlan(&old.match, frame);
        return remove_flows(s, &old);
}

static int send_packet(Switch *s, const OfPacketIn *packet, uint32_t port) {
        OfAction output = { .kind = OF_ACTION_OUTPUT, .port = port };

        int r = of_put_packet_out(&s->channel.out, (OfVersion) s->version, packet->buffer,
                                  packet->in_port, &(OfActions){ &output, 1 }, packet->data,
                                  packet->size, ++s->xid, NULL);

        /* 1.0 has more around a packet that goes out than around one that comes in: the largest do
         * not fit, and are lost like any that is too large for a link. */
        return r == -EMSGSIZE ? 0 : r;
}

static int install(Switch *s, const Frame *frame, const OfPacketIn *packet, uint32_t port) {
        OfAction output = { .kind = OF_ACTION_OUTPUT, .port = port };
        OfFlow flow = of_flow_default(OF_USE_FLOW);
        int r;

        flow.priority = FLOW_PRIORITY;
        flow.idle_timeout = s->controller->options.idle_timeout;
        flow.cookie = OF_CONTROLLER_COOKIE;
        flow.actions = (OfActions){ &output, 1 };
        of_match_set(&flow.match, OF_IN_PORT, packet->in_port);
        of_match_set_mac(&flow.match, OF_DL_SRC, frame->source);
        of_match_set_mac(&flow.match, OF_DL_DST, frame->destination);
        match_vlan(&flow.match, frame);
        r = put_flow(s, OF_ADD, &flow, packet->buffer);
        if (r < 0)
                return r;
        s->controller->flows++;
        return packet->buffer == OF_NO_BUFFER ? send_packet(s, packet, port) : 0;
}

static int on_packet(Switch *s, const char *message, size_t size) {
        OfPacketIn packet;
        Frame frame;
        uint32_t port;
        int r = of_get_packet_in(message, size, &packet);

        if (r < 0)
                return r;
        s->controller->packets++;
        /* Nobody has a group's address; such packets are made up. */
        if (!read_frame(packet.data, packet.size, &frame) || frame.source[0] & MULTICAST)
                return 0;
        r = learn(s, &frame, packet.in_port);
        if (r < 0 || is_for_bridges(frame.destination))
                return r;
        if (frame.destination[0] & MULTICAST ||
            !mac_table_find(s->stations, frame.vlan, frame.destination, clock_monotonic_ms(),
                            &port))
                return send_packet(s, &packet, OF_PORT_FLOOD);
        /* Where it came from the destination has heard it. */
        return port == packet.in_port ? 0 : install(s, &frame, &packet, port);
}

static int on_port(Switch *s, const char *message, size_t size) {
        OfFlow there = of_flow_default(OF_USE_CHOICE);
        OfPortChange change;
        OfPort port;
        int r = of_get_port_status(message, size, &change, &port);

        if (r < 0 || (change != OF_PORT_DELETED && !port.down && !port.link_down))
                return r;
        mac_table_forget_port(s->stations, port.number);
        there.out_port = port.number;
        return remove_flows(s, &there);
}

static int on_error(const Switch *s, const char *message, size_t size) {
        autofree char *words = of_error_words(message, size);

        log_warn("switch '%s' refuses: %s", s->name, words ? words : "?");
        return 0;
}

int switch_message(Switch *s, const char *message, size_t size) {
        OfHeader header;
        int r = of_header(message, size, &header);

        if (r < 0)
                return r;
        if (header.type == OF_HELLO && !s->version)
                return on_hello(s, message, size);
        if (header.type == OF_ERROR)
                return on_error(s, message, size);
        if (header.type == OF_ECHO_REQUEST)
                return of_put_echo_reply(&s->channel.out, message, size);
        if (!s->version || header.version != s->version)
                return -EBADMSG;
        switch (header.type) {
        case OF_FEATURES_REPLY:
                return on_features(s, message, size);
        case OF_PACKET_IN:
                return on_packet(s, message, size);
        case OF_PORT_STATUS:
                return on_port(s, message, size);
        default:
                return 0;
        }
}
