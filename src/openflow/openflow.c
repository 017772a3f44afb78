/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "openflow/bytes.h"
#include "openflow/match.h"
#include "openflow/openflow.h"

#define HELLO_BITMAP    1
#define MULTIPART_PORTS 4
#define MULTIPART_DESC  13
#define MULTIPART_MORE  1
#define NAME_BYTES      16
#define PORT_10         48 /* bytes of a port's description */
#define PORT_13         64
#define STATS_10        104
#define STATS_13        112

/* --- ports --- */

static const struct {
        const char *name;
        uint32_t number;
} reserved[] = {
        { "IN_PORT", OF_PORT_IN_PORT }, { "TABLE", OF_PORT_TABLE },
        { "NORMAL", OF_PORT_NORMAL },   { "FLOOD", OF_PORT_FLOOD },
        { "ALL", OF_PORT_ALL },         { "CONTROLLER", OF_PORT_CONTROLLER },
        { "LOCAL", OF_PORT_LOCAL },     { "ANY", OF_PORT_ANY },
        { "NONE", OF_PORT_ANY },
};

int of_port_parse(const char *text, uint32_t *ret) {
        uint64_t number;

        for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
                if (strcasecmp(text, reserved[i].name) == 0) {
                        *ret = reserved[i].number;
                        return 0;
                }
        if (parse_u64(text, &number) < 0 || number > OF_PORT_MAX)
                return -EINVAL;
        *ret = (uint32_t) number;
        return 0;
}

void of_port_text(uint32_t port, Str *out) {
        for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
                if (port == reserved[i].number) {
                        str_put(out, reserved[i].name);
                        return;
                }
        str_printf(out, "%" PRIu32, port);
}

int of_port_to_10(uint32_t port, uint16_t *ret) {
        *ret = (uint16_t) port;
        return port < 0xff00 || port >= OF_PORT_MAX ? 0 : -ERANGE;
}

/* --- headers --- */

/* 1.0 has no group mod (15) and no table mod (17): what follows has lower numbers. */
static OfType type_from_10(unsigned type) {
        return type < 15 ? (OfType) type : type == 15 ? 16 : (OfType) (type + 2);
}

static uint8_t type_to_10(OfType type) {
        return (uint8_t) (type < 15 ? type : type == 16 ? 15 : type - 2);
}

int of_header(const void *bytes, size_t size, OfHeader *ret) {
        OfReader r = of_reader(bytes, size);
        uint8_t type;

        if (size < OF_HEADER)
                return -EAGAIN;
        ret->version = of_get_u8(&r);
        type = of_get_u8(&r);
        ret->type = ret->version == OF_10 ? type_from_10(type) : (OfType) type;
        ret->length = of_get_u16(&r);
        ret->xid = of_get_u32(&r);
        if (ret->length < OF_HEADER)
                return -EBADMSG;
        return size < ret->length ? -EAGAIN : 0;
}

const char *of_type_name(OfType type, char scratch[16]) {
        static const char *const names[] = {
                "HELLO",          "ERROR",        "ECHO_REQUEST",
                "ECHO_REPLY",     "EXPERIMENTER", "FEATURES_REQUEST",
                "FEATURES_REPLY", "GET_CONFIG",   "GET_CONFIG_REPLY",
                "SET_CONFIG",     "PACKET_IN",    "FLOW_REMOVED",
                "PORT_STATUS",    "PACKET_OUT",   "FLOW_MOD",
                "GROUP_MOD",      "PORT_MOD",     "TABLE_MOD",
                "STATS_REQUEST",  "STATS_REPLY",  "BARRIER_REQUEST",
                "BARRIER_REPLY",
        };

        if ((unsigned) type < sizeof names / sizeof *names)
                return names[type];
        (void) snprintf(scratch, 16, "type %u", (unsigned) type);
        return scratch;
}

size_t of_begin(Str *out, uint8_t version, OfType type, uint32_t xid) {
        size_t begin = out->length;

        of_put_u8(out, version);
        of_put_u8(out, version == OF_10 ? type_to_10(type) : (uint8_t) type);
        of_put_u16(out, 0);
        of_put_u32(out, xid);
        return begin;
}

int of_end(Str *out, size_t begin) {
        size_t length = out->length - begin;

        if (out->failed)
                return -ENOMEM;
        if (length > OF_MESSAGE_MAX) {
                out->length = begin;
                return -EMSGSIZE;
        }
        of_patch_u16(out, begin + 2, (uint16_t) length);
        return 0;
}

/* A whole message of that type, read after its header; -EBADMSG for anything else. */
static int body_of(const void *message, size_t size, OfType type, OfHeader *header, OfReader *ret) {
        if (of_header(message, size, header) < 0 || header->type != type ||
            (header->version != OF_10 && header->version != OF_13))
                return -EBADMSG;
        *ret = of_reader(message, header->length);
        of_skip(ret, OF_HEADER);
        return 0;
}

/* --- messages that say little --- */

int of_put_plain(Str *out, uint8_t version, OfType type, uint32_t xid) {
        return of_end(out, of_begin(out, version, type, xid));
}

int of_put_hello(Str *out, unsigned versions, uint32_t xid) {
        size_t begin = of_begin(out, versions & 1u << OF_13 ? OF_13 : OF_10, OF_HELLO, xid);

        of_put_u16(out, HELLO_BITMAP);
        of_put_u16(out, 8);
        of_put_u32(out, versions);
        return of_end(out, begin);
}

int of_put_echo_reply(Str *out, const void *request, size_t size) {
        OfHeader header;
        size_t begin;

        if (of_header(request, size, &header) < 0)
                return -EBADMSG;
        begin = of_begin(out, header.version, OF_ECHO_REPLY, header.xid);
        str_put_bytes(out, (const char *) request + OF_HEADER, header.length - (size_t) OF_HEADER);
        return of_end(out, begin);
}

int of_put_error(Str *out, uint8_t version, uint32_t xid, uint16_t type, uint16_t code) {
        size_t begin = of_begin(out, version, OF_ERROR, xid);

        of_put_u16(out, type);
        of_put_u16(out, code);
        return of_end(out, begin);
}

int of_put_set_config(Str *out, uint8_t version, uint32_t xid) {
        size_t begin = of_begin(out, version, OF_SET_CONFIG, xid);

        of_put_u16(out, 0); /* fragments are as other packets */
        of_put_u16(out, UINT16_MAX);
        return of_end(out, begin);
}

/* The bitmap of versions in a hello, or 0 if it has none. */
static uint32_t hello_bitmap(OfReader *r) {
        while (r->left >= 4) {
                uint16_t type = of_get_u16(r), length = of_get_u16(r);
                OfReader body = of_get_part(r, length >= 4 ? length - 4u : 0);

                if (length < 4 || r->failed)
                        return 0;
                if (type == HELLO_BITMAP)
                        return of_get_u32(&body);
                of_skip(r, r->left < 8 - length % 8u ? r->left : (8 - length % 8u) % 8);
        }
        return 0;
}

int of_negotiate(const void *hello, size_t size, unsigned versions) {
        OfHeader header;
        OfReader r = of_reader(hello, size);
        uint32_t theirs;

        if (of_header(hello, size, &header) < 0 || header.type != OF_HELLO)
                return -EBADMSG;
        r = of_reader(hello, header.length);
        of_skip(&r, OF_HEADER);
        theirs = hello_bitmap(&r);
        /* Without one it is all versions up to the header's (1.3, 6.3.1). */
        if (!theirs)
                theirs = header.version >= 31 ? UINT32_MAX : (2u << header.version) - 1;
        theirs &= versions;
        return theirs ? 31 - __builtin_clz(theirs) : -EPROTONOSUPPORT;
}

/* --- errors --- */

typedef struct ErrorNames {
        const char *type;
        const char *const *codes;
        size_t n;
} ErrorNames;

#define CODES(list) list, sizeof list / sizeof *list

static const char *const request_codes[] = {
        "version not supported", "message type not supported", "statistics type not supported",
        "unknown experimenter",  "unknown experimenter type",  "not permitted",
        "wrong length",          "buffer already used",        "unknown buffer",
};
static const char *const action_codes[] = {
        "unknown type",
        "wrong length",
        "unknown experimenter",
        "unknown experimenter type",
        "bad output port",
        "bad argument",
        "not permitted",
        "too many actions",
        "bad queue",
        "bad group",
        "does not fit the match",
        "unsupported order",
        "bad tag",
        "field cannot be set",
        "wrong length of a field",
        "bad value of a field",
};
static const char *const instruction_codes[] = {
        "unknown instruction",  "unsupported instruction",   "bad table",
        "unsupported metadata", "unsupported metadata mask",
};
static const char *const match_codes[] = {
        "unknown type",
        "wrong length",
        "bad tag",
        "unsupported mask of an address",
        "unsupported mask of a network address",
        "unsupported wildcards",
        "unknown field",
        "bad value",
        "bad mask",
        "a field lacks what it needs",
        "field is there twice",
        "not permitted",
};
static const char *const flow_codes_10[] = {
        "all tables are full", "overlaps another flow", "not permitted",
        "bad timeout",         "unknown command",       "unsupported actions",
};
static const char *const flow_codes_13[] = {
        "unspecified",   "the table is full", "no such table",   "overlaps another flow",
        "not permitted", "bad timeout",       "unknown command", "unknown flags",
};
static const char *const hello_codes[] = { "no common version", "not permitted" };

static const ErrorNames errors_10[] = {
        { "hello failed", CODES(hello_codes) }, { "bad request", CODES(request_codes) },
        { "bad action", CODES(action_codes) },  { "flow mod failed", CODES(flow_codes_10) },
        { "port mod failed", NULL, 0 },         { "queue operation failed", NULL, 0 },
};
static const ErrorNames errors_13[] = {
        { "hello failed", CODES(hello_codes) },
        { "bad request", CODES(request_codes) },
        { "bad action", CODES(action_codes) },
        { "bad instruction", CODES(instruction_codes) },
        { "bad match", CODES(match_codes) },
        { "flow mod failed", CODES(flow_codes_13) },
        { "group mod failed", NULL, 0 },
        { "port mod failed", NULL, 0 },
        { "table mod failed", NULL, 0 },
        { "queue operation failed", NULL, 0 },
        { "switch configuration failed", NULL, 0 },
        { "role request failed", NULL, 0 },
        { "meter mod failed", NULL, 0 },
        { "table features failed", NULL, 0 },
};

char *of_error_words(const void *message, size_t size) {
        OfHeader header;
        OfReader r;
        const ErrorNames *names;
        size_t n;
        uint16_t type, code;

        if (body_of(message, size, OF_ERROR, &header, &r) < 0)
                return str_format("an error that cannot be read");
        names = header.version == OF_10 ? errors_10 : errors_13;
        n = header.version == OF_10 ? sizeof errors_10 / sizeof *errors_10
                                    : sizeof errors_13 / sizeof *errors_13;
        type = of_get_u16(&r);
        code = of_get_u16(&r);
        if (r.failed || type >= n)
                return str_format("error of type %u, code %u", type, code);
        if (code >= names[type].n)
                return str_format("%s: code %u", names[type].type, code);
        return str_format("%s: %s", names[type].type, names[type].codes[code]);
}

/* --- descriptions of ports --- */

/* A name is foreign text: what a terminal would obey is replaced. */
static void get_name(OfReader *r, char name[NAME_BYTES + 1]) {
        char raw[NAME_BYTES + 1] = "";
        autofree char *safe = NULL;

        of_get_into(r, raw, NAME_BYTES);
        safe = str_printable(raw);
        (void) snprintf(name, NAME_BYTES + 1, "%s", safe ? safe : "?");
}

static void get_port(OfReader *r, uint8_t version, OfPort *ret) {
        *ret = (OfPort){ .number = version == OF_10 ? of_port_from_10(of_get_u16(r))
                                                    : of_get_u32(r) };
        if (version == OF_13)
                of_skip(r, 4);
        of_get_into(r, ret->address, 6);
        if (version == OF_13)
                of_skip(r, 2);
        get_name(r, ret->name);
        ret->down = of_get_u32(r) & 1;
        ret->link_down = of_get_u32(r) & 1;
        of_skip(r, 16); /* what the port can, as bits */
        if (version == OF_13) {
                ret->speed = of_get_u32(r);
                of_skip(r, 4);
        }
}

static int add_ports(OfReader *r, uint8_t version, OfPort **list, size_t *n) {
        size_t size = version == OF_10 ? PORT_10 : PORT_13;

        if (r->failed || r->left % size)
                return -EBADMSG;
        while (r->left > 0) {
                OfPort *port = json_grow(list, n, sizeof **list);

                if (!port)
                        return -ENOMEM;
                get_port(r, version, port);
        }
        return 0;
}

void of_features_clear(OfFeatures *features) {
        free(features->ports);
        *features = (OfFeatures){};
}

int of_get_features(const void *message, size_t size, OfFeatures *ret) {
        OfHeader header;
        OfReader r;
        int e = body_of(message, size, OF_FEATURES_REPLY, &header, &r);

        if (e < 0)
                return e;
        *ret = (OfFeatures){ .dpid = of_get_u64(&r),
                             .buffers = of_get_u32(&r),
                             .tables = of_get_u8(&r) };
        of_skip(&r, 3 + 4 + 4);
        e = header.version == OF_10 ? add_ports(&r, OF_10, &ret->ports, &ret->n_ports)
            : r.failed              ? -EBADMSG
                                    : 0;
        if (e < 0)
                of_features_clear(ret);
        return e;
}

int of_get_port_status(const void *message, size_t size, OfPortChange *change, OfPort *port) {
        OfHeader header;
        OfReader r;
        int e = body_of(message, size, OF_PORT_STATUS, &header, &r);

        if (e < 0)
                return e;
        *change = (OfPortChange) of_get_u8(&r);
        of_skip(&r, 7);
        get_port(&r, header.version, port);
        return r.failed || *change > OF_PORT_MODIFIED ? -EBADMSG : 0;
}

/* --- lists that may come in parts --- */

static size_t begin_multipart(Str *out, OfVersion version, uint16_t type, uint32_t xid) {
        size_t begin = of_begin(out, version, OF_MULTIPART_REQUEST, xid);

        of_put_u16(out, type);
        of_put_u16(out, 0);
        if (version == OF_13)
                of_put_zeros(out, 4);
        return begin;
}

static int begin_reply(const void *message, size_t size, uint16_t type, OfHeader *header,
                       OfReader *r, bool *ret_more) {
        int e = body_of(message, size, OF_MULTIPART_REPLY, header, r);

        if (e < 0 || of_get_u16(r) != type)
                return -EBADMSG;
        *ret_more = of_get_u16(r) & MULTIPART_MORE;
        if (header->version == OF_13)
                of_skip(r, 4);
        return r->failed ? -EBADMSG : 0;
}

int of_put_port_stats_request(Str *out, OfVersion version, uint32_t port, uint32_t xid) {
        size_t begin = begin_multipart(out, version, MULTIPART_PORTS, xid);
        uint16_t small;

        if (version == OF_10 && of_port_to_10(port, &small) < 0) {
                out->length = begin;
                return -ERANGE;
        }
        if (version == OF_10)
                of_put_u16(out, small);
        else
                of_put_u32(out, port);
        of_put_zeros(out, version == OF_10 ? 6 : 4);
        return of_end(out, begin);
}

static void get_stats(OfReader *r, uint8_t version, OfPortStats *ret) {
        ret->number = version == OF_10 ? of_port_from_10(of_get_u16(r)) : of_get_u32(r);
        of_skip(r, version == OF_10 ? 6 : 4);
        ret->rx_packets = of_get_u64(r);
        ret->tx_packets = of_get_u64(r);
        ret->rx_bytes = of_get_u64(r);
        ret->tx_bytes = of_get_u64(r);
        ret->rx_dropped = of_get_u64(r);
        ret->tx_dropped = of_get_u64(r);
        ret->rx_errors = of_get_u64(r);
        ret->tx_errors = of_get_u64(r);
        of_skip(r, 32); /* kinds of errors, collisions */
        if (version == OF_13)
                of_skip(r, 8); /* how long it has been there */
}

int of_get_port_stats(const void *message, size_t size, OfPortStats **list, size_t *n,
                      bool *ret_more) {
        OfHeader header;
        OfReader r;
        int e = begin_reply(message, size, MULTIPART_PORTS, &header, &r, ret_more);

        if (e < 0 || r.left % (header.version == OF_10 ? STATS_10 : STATS_13))
                return -EBADMSG;
        while (r.left > 0) {
                OfPortStats *stats = json_grow(list, n, sizeof **list);

                if (!stats)
                        return -ENOMEM;
                get_stats(&r, header.version, stats);
        }
        return 0;
}

int of_put_ports_request(Str *out, uint32_t xid) {
        return of_end(out, begin_multipart(out, OF_13, MULTIPART_DESC, xid));
}

int of_get_ports(const void *message, size_t size, OfPort **list, size_t *n, bool *ret_more) {
        OfHeader header;
        OfReader r;
        int e = begin_reply(message, size, MULTIPART_DESC, &header, &r, ret_more);

        return e < 0 || header.version != OF_13 ? -EBADMSG : add_ports(&r, OF_13, list, n);
}

/* --- packets that come in --- */

int of_get_packet_in(const void *message, size_t size, OfPacketIn *ret) {
        OfHeader header;
        OfReader r;
        OfMatch match;
        int e = body_of(message, size, OF_PACKET_IN, &header, &r);

        if (e < 0)
                return e;
        *ret = (OfPacketIn){ .buffer = of_get_u32(&r), .total = of_get_u16(&r) };
        if (header.version == OF_10) {
                ret->in_port = of_port_from_10(of_get_u16(&r));
                ret->reason = of_get_u8(&r);
                of_skip(&r, 1);
        } else {
                ret->reason = of_get_u8(&r);
                ret->table = of_get_u8(&r);
                ret->cookie = of_get_u64(&r);
                e = of_match_decode(&r, OF_13, &match);
                if (e < 0 || !of_match_has(&match, OF_IN_PORT))
                        return -EBADMSG;
                ret->in_port = (uint32_t) of_match_get(&match, OF_IN_PORT);
                of_skip(&r, 2);
        }
        if (r.failed)
                return -EBADMSG;
        ret->data = r.at;
        ret->size = r.left;
        return 0;
}
