/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Flows as messages: 1.0.0, 5.3; 1.3.5, 7.3. */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "openflow/bytes.h"
#include "openflow/flow.h"

#define MULTIPART_FLOW 1
#define MULTIPART_MORE 1
#define FLAGS_10       3 /* those of 1.3 that 1.0 has as well */
#define GROUP_ANY      UINT32_MAX

/* Takes back what was written of a message that cannot be. */
static int take_back(Str *out, size_t begin, int r, Err *err) {
        out->length = begin;
        if (r == -ENOMEM || r == -EMSGSIZE)
                return fail(err, r, "cannot write a message");
        return r;
}

static int finish(Str *out, size_t begin, Err *err) {
        int r = of_end(out, begin);

        return r < 0 ? take_back(out, begin, r, err) : 0;
}

static bool is_delete(OfCommand command) {
        return command == OF_DELETE || command == OF_DELETE_STRICT;
}

static int put_flow_mod_10(Str *out, OfCommand command, const OfFlow *flow, uint32_t buffer,
                           Err *err) {
        uint16_t port;
        int r = of_match_encode(&flow->match, OF_10, out, err);

        if (r < 0)
                return r;
        if (flow->table != 0 && flow->table != OF_TABLE_ALL)
                return refuse(err, EOPNOTSUPP, "OpenFlow 1.0 has no tables but the first");
        if (flow->cookie_mask)
                return refuse(err, EOPNOTSUPP, "OpenFlow 1.0 cannot choose flows by cookie");
        if (of_port_to_10(flow->out_port, &port) < 0)
                return refuse(err, EOPNOTSUPP, "OpenFlow 1.0 has no such large port number");
        of_put_u64(out, flow->cookie);
        of_put_u16(out, (uint16_t) command);
        of_put_u16(out, flow->idle_timeout);
        of_put_u16(out, flow->hard_timeout);
        of_put_u16(out, flow->priority);
        of_put_u32(out, buffer);
        of_put_u16(out, port);
        of_put_u16(out, flow->flags & FLAGS_10);
        return is_delete(command)
                       ? 0
                       : of_actions_encode(&flow->actions, OF_10, &flow->match, out, err);
}

static int put_flow_mod_13(Str *out, OfCommand command, const OfFlow *flow, uint32_t buffer,
                           Err *err) {
        int r;

        of_put_u64(out, flow->cookie);
        of_put_u64(out, flow->cookie_mask);
        of_put_u8(out, flow->table);
        of_put_u8(out, (uint8_t) command);
        of_put_u16(out, flow->idle_timeout);
        of_put_u16(out, flow->hard_timeout);
        of_put_u16(out, flow->priority);
        of_put_u32(out, buffer);
        of_put_u32(out, flow->out_port);
        of_put_u32(out, GROUP_ANY);
        of_put_u16(out, flow->flags);
        of_put_zeros(out, 2);
        r = of_match_encode(&flow->match, OF_13, out, err);
        if (r < 0 || is_delete(command))
                return r;
        return of_instructions_encode(&flow->actions, &flow->match, out, err);
}

int of_put_flow_mod(Str *out, OfVersion version, OfCommand command, const OfFlow *flow,
                    uint32_t buffer, uint32_t xid, Err *err) {
        size_t begin = of_begin(out, version, OF_FLOW_MOD, xid);
        int r = version == OF_10 ? put_flow_mod_10(out, command, flow, buffer, err)
                                 : put_flow_mod_13(out, command, flow, buffer, err);

        return r < 0 ? take_back(out, begin, r, err) : finish(out, begin, err);
}

int of_put_flows_request(Str *out, OfVersion version, const OfFlow *choice, uint32_t xid,
                         Err *err) {
        size_t begin = of_begin(out, version, OF_MULTIPART_REQUEST, xid);
        uint16_t port;
        int r;

        of_put_u16(out, MULTIPART_FLOW);
        of_put_u16(out, 0);
        if (version == OF_10) {
                r = choice->cookie_mask
                            ? refuse(err, EOPNOTSUPP, "OpenFlow 1.0 cannot choose flows by cookie")
                            : of_match_encode(&choice->match, version, out, err);
                if (r >= 0 && of_port_to_10(choice->out_port, &port) < 0)
                        r = refuse(err, EOPNOTSUPP, "OpenFlow 1.0 has no such large port number");
                if (r < 0)
                        return take_back(out, begin, r, err);
                of_put_u8(out, choice->table);
                of_put_zeros(out, 1);
                of_put_u16(out, port);
                return finish(out, begin, err);
        }
        of_put_zeros(out, 4);
        of_put_u8(out, choice->table);
        of_put_zeros(out, 3);
        of_put_u32(out, choice->out_port);
        of_put_u32(out, GROUP_ANY);
        of_put_zeros(out, 4);
        of_put_u64(out, choice->cookie);
        of_put_u64(out, choice->cookie_mask);
        r = of_match_encode(&choice->match, version, out, err);
        return r < 0 ? take_back(out, begin, r, err) : finish(out, begin, err);
}

/* --- reading --- */

static int get_flow_10(OfReader *r, OfFlow *flow) {
        int e;

        flow->table = of_get_u8(r);
        of_skip(r, 1);
        e = of_match_decode(r, OF_10, &flow->match);
        if (e < 0)
                return e;
        flow->seconds = of_get_u32(r);
        flow->nanoseconds = of_get_u32(r);
        flow->priority = of_get_u16(r);
        flow->idle_timeout = of_get_u16(r);
        flow->hard_timeout = of_get_u16(r);
        of_skip(r, 6);
        flow->cookie = of_get_u64(r);
        flow->packets = of_get_u64(r);
        flow->bytes = of_get_u64(r);
        return of_actions_decode(r, OF_10, &flow->actions);
}

static int get_flow_13(OfReader *r, OfFlow *flow) {
        int e;

        flow->table = of_get_u8(r);
        of_skip(r, 1);
        flow->seconds = of_get_u32(r);
        flow->nanoseconds = of_get_u32(r);
        flow->priority = of_get_u16(r);
        flow->idle_timeout = of_get_u16(r);
        flow->hard_timeout = of_get_u16(r);
        flow->flags = of_get_u16(r);
        of_skip(r, 4);
        flow->cookie = of_get_u64(r);
        flow->packets = of_get_u64(r);
        flow->bytes = of_get_u64(r);
        e = of_match_decode(r, OF_13, &flow->match);
        return e < 0 ? e : of_instructions_decode(r, &flow->actions);
}

int of_get_flows(const void *message, size_t size, OfFlow **list, size_t *n, bool *ret_more) {
        OfHeader header;
        OfReader r;

        if (of_header(message, size, &header) < 0 || header.type != OF_MULTIPART_REPLY ||
            (header.version != OF_10 && header.version != OF_13))
                return -EBADMSG;
        r = of_reader(message, header.length);
        of_skip(&r, OF_HEADER);
        if (of_get_u16(&r) != MULTIPART_FLOW)
                return -EBADMSG;
        *ret_more = of_get_u16(&r) & MULTIPART_MORE;
        of_skip(&r, header.version == OF_13 ? 4 : 0);
        while (r.left > 0 && !r.failed) {
                uint16_t length = of_get_u16(&r);
                OfReader body = of_get_part(&r, length >= 2 ? length - 2u : SIZE_MAX);
                OfFlow *flow = body.failed ? NULL : json_grow(list, n, sizeof **list);
                int e;

                if (!flow)
                        return body.failed ? -EBADMSG : -ENOMEM;
                *flow = of_flow_default(OF_USE_FLOW);
                e = header.version == OF_10 ? get_flow_10(&body, flow) : get_flow_13(&body, flow);
                if (e < 0)
                        return e;
        }
        return r.failed ? -EBADMSG : 0;
}

/* --- packets --- */

int of_put_packet_out(Str *out, OfVersion version, uint32_t buffer, uint32_t in_port,
                      const OfActions *actions, const void *data, size_t size, uint32_t xid,
                      Err *err) {
        static const OfMatch anything;
        size_t begin = of_begin(out, version, OF_PACKET_OUT, xid), length_at, actions_at;
        uint16_t port;
        int r;

        of_put_u32(out, buffer);
        if (version == OF_10) {
                if (of_port_to_10(in_port, &port) < 0)
                        return take_back(out, begin,
                                         refuse(err, EOPNOTSUPP,
                                                "OpenFlow 1.0 has no such large port number"),
                                         err);
                of_put_u16(out, port);
        } else
                of_put_u32(out, in_port);
        length_at = out->length;
        of_put_u16(out, 0);
        of_put_zeros(out, version == OF_10 ? 0 : 6);
        actions_at = out->length;
        r = of_actions_encode(actions, version, &anything, out, err);
        if (r < 0)
                return take_back(out, begin, r, err);
        if (out->length - actions_at > UINT16_MAX)
                return take_back(out, begin, -EMSGSIZE, err);
        of_patch_u16(out, length_at, (uint16_t) (out->length - actions_at));
        if (buffer == OF_NO_BUFFER)
                str_put_bytes(out, data, size);
        return finish(out, begin, err);
}
