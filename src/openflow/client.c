/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/stream.h"
#include "openflow/client.h"
#include "openflow/target.h"

#define REPLIES_MAX 65536 /* parts of one list */

struct OfClient {
        int socket, timeout_ms;
        OfVersion version;
        uint32_t xid;
        char *message; /* OF_MESSAGE_MAX bytes: what came last */
        size_t size;
        OfHeader header;
};

OfClient *of_client_free(OfClient *client) {
        if (client) {
                close_fd(client->socket);
                free(client->message);
                free(client);
        }
        return NULL;
}

OfVersion of_client_version(const OfClient *client) {
        return client->version;
}

static int64_t end_of(const OfClient *client) {
        return clock_monotonic_ms() + client->timeout_ms;
}

static int send_all(OfClient *client, const Str *out, int64_t end) {
        return out->failed ? -ENOMEM : stream_send(client->socket, out->text, out->length, end);
}

static int receive(OfClient *client, int64_t end) {
        int r = stream_receive(client->socket, client->message, OF_HEADER, end);

        if (r >= 0)
                r = of_header(client->message, OF_HEADER, &client->header);
        if (r < 0 && r != -EAGAIN)
                return r;
        client->size = client->header.length;
        return stream_receive(client->socket, client->message + OF_HEADER, client->size - OF_HEADER,
                              end);
}

/* Receives what is not an echo request, which is answered. */
static int receive_other(OfClient *client, int64_t end) {
        for (;;) {
                autostr reply = {};
                int r = receive(client, end);

                if (r < 0 || client->header.type != OF_ECHO_REQUEST)
                        return r;
                r = of_put_echo_reply(&reply, client->message, client->size);
                if (r >= 0)
                        r = send_all(client, &reply, end);
                if (r < 0)
                        return r;
        }
}

static int shake_hands(OfClient *client, unsigned versions, const char *target, Err *err) {
        int64_t end = end_of(client);
        autostr out = {};
        int r = of_put_hello(&out, versions, ++client->xid);

        if (r >= 0)
                r = send_all(client, &out, end);
        if (r >= 0)
                r = receive(client, end);
        if (r >= 0 && client->header.type == OF_ERROR) {
                autofree char *words = of_error_words(client->message, client->size);

                return refuse(err, EPROTONOSUPPORT, "the switch at '%s' refuses: %s", target,
                              words ? words : "?");
        }
        if (r >= 0)
                r = of_negotiate(client->message, client->size, versions);
        if (r == -EPROTONOSUPPORT)
                return refuse(err, r,
                              "the switch at '%s' speaks no version of OpenFlow that will do",
                              target);
        if (r < 0)
                return fail(err, r, "cannot talk OpenFlow with '%s'", target);
        client->version = (OfVersion) r;
        return 0;
}

int of_client_open(const char *target, unsigned versions, int timeout_ms, OfClient **ret,
                   Err *err) {
        autoptr(OfClient) client = calloc(1, sizeof *client);
        int r;

        if (client)
                client->message = malloc(OF_MESSAGE_MAX);
        if (!client || !client->message)
                return fail(err, ENOMEM, "cannot connect to '%s'", target);
        client->timeout_ms = timeout_ms;
        client->socket = target_connect(target, end_of(client), err);
        if (client->socket < 0)
                return client->socket;
        r = shake_hands(client, versions, target, err);
        if (r < 0)
                return r;
        *ret = take_ptr(client);
        return 0;
}

static int refused(const OfClient *client, Err *err) {
        autofree char *words = of_error_words(client->message, client->size);

        return refuse(err, EREMOTEIO, "the switch refuses: %s", words ? words : "?");
}

/* Waits for an answer of that type to the last request, or for the error in its place. */
static int await(OfClient *client, OfType type, int64_t end, Err *err) {
        for (;;) {
                int r = receive_other(client, end);

                if (r < 0)
                        return fail(err, r, "no answer from the switch");
                if (client->header.xid != client->xid)
                        continue;
                if (client->header.type == OF_ERROR)
                        return refused(client, err);
                if (client->header.type == type && client->header.version == client->version)
                        return 0;
        }
}

static int ask(OfClient *client, const Str *request, OfType type, int64_t end, Err *err) {
        int r = send_all(client, request, end);

        return r < 0 ? fail(err, r, "cannot ask the switch") : await(client, type, end, err);
}

/* Calls @add for every part of a list. */
static int ask_list(OfClient *client, const Str *request,
                    int (*add)(const OfClient *client, void *list, bool *ret_more), void *list,
                    Err *err) {
        int64_t end = end_of(client);
        bool more = true;
        int r = ask(client, request, OF_MULTIPART_REPLY, end, err);

        for (unsigned n = 0; r >= 0; n++) {
                r = n < REPLIES_MAX ? add(client, list, &more) : -EMSGSIZE;
                if (r < 0)
                        return fail(err, r, "cannot read the switch's answer");
                if (!more)
                        return 0;
                r = await(client, OF_MULTIPART_REPLY, end, err);
        }
        return r;
}

static int add_ports(const OfClient *client, void *list, bool *ret_more) {
        OfFeatures *features = list;

        return of_get_ports(client->message, client->size, &features->ports, &features->n_ports,
                            ret_more);
}

int of_client_features(OfClient *client, OfFeatures *ret, Err *err) {
        autostr request = {}, ports = {};
        int r = of_put_plain(&request, client->version, OF_FEATURES_REQUEST, ++client->xid);

        if (r >= 0)
                r = ask(client, &request, OF_FEATURES_REPLY, end_of(client), err);
        if (r < 0)
                return r;
        r = of_get_features(client->message, client->size, ret);
        if (r < 0)
                return fail(err, r, "cannot read the switch's features");
        if (client->version == OF_10)
                return 0;
        r = of_put_ports_request(&ports, ++client->xid);
        if (r >= 0)
                r = ask_list(client, &ports, add_ports, ret, err);
        if (r < 0)
                of_features_clear(ret);
        return r;
}

typedef struct StatsList {
        OfPortStats *list;
        size_t n;
} StatsList;

static int add_stats(const OfClient *client, void *list, bool *ret_more) {
        StatsList *stats = list;

        return of_get_port_stats(client->message, client->size, &stats->list, &stats->n, ret_more);
}

int of_client_port_stats(OfClient *client, uint32_t port, OfPortStats **ret, size_t *ret_n,
                         Err *err) {
        autostr request = {};
        StatsList stats = {};
        int r = of_put_port_stats_request(&request, client->version, port, ++client->xid);

        if (r < 0)
                return fail(err, r, "cannot ask for port %u", port);
        r = ask_list(client, &request, add_stats, &stats, err);
        if (r < 0) {
                free(stats.list);
                return r;
        }
        *ret = stats.list;
        *ret_n = stats.n;
        return 0;
}

void of_flows_clear(OfFlows *flows) {
        for (size_t i = 0; i < flows->n; i++)
                of_flow_clear(&flows->list[i]);
        free(flows->list);
        *flows = (OfFlows){};
}

static int add_flows(const OfClient *client, void *list, bool *ret_more) {
        OfFlows *flows = list;

        return of_get_flows(client->message, client->size, &flows->list, &flows->n, ret_more);
}

int of_client_flows(OfClient *client, const OfFlow *choice, OfFlows *ret, Err *err) {
        autostr request = {};
        autoflows flows = {};
        int r = of_put_flows_request(&request, client->version, choice, ++client->xid, err);

        if (r >= 0)
                r = ask_list(client, &request, add_flows, &flows, err);
        if (r < 0)
                return r;
        *ret = flows;
        flows = (OfFlows){};
        return 0;
}

/* Until the switch has dealt with all that was sent since @first; errors come before that. */
static int await_barrier(OfClient *client, uint32_t first, Err *err) {
        int64_t end = end_of(client);
        int result = 0;

        for (;;) {
                uint32_t since;
                int r = receive_other(client, end);

                if (r < 0) {
                        err_clear(err);
                        return fail(err, r, "no answer from the switch");
                }
                since = client->header.xid - first;
                if (client->header.type == OF_ERROR && since <= client->xid - first) {
                        if (!result) /* the first one tells why */
                                result = refused(client, err);
                        if (since == client->xid - first)
                                return result; /* of the barrier itself: no reply will come */
                }
                if (client->header.type == OF_BARRIER_REPLY && client->header.xid == client->xid)
                        return result;
        }
}

static int send_and_wait(OfClient *client, Str *out, uint32_t first, Err *err) {
        int r = of_put_plain(out, client->version, OF_BARRIER_REQUEST, ++client->xid);

        if (r >= 0)
                r = send_all(client, out, end_of(client));
        return r < 0 ? fail(err, r, "cannot ask the switch") : await_barrier(client, first, err);
}

int of_client_change(OfClient *client, OfCommand command, const OfFlow *flows, size_t n, Err *err) {
        autostr out = {};
        uint32_t first = client->xid + 1;

        for (size_t i = 0; i < n; i++) {
                int r = of_put_flow_mod(&out, client->version, command, &flows[i], OF_NO_BUFFER,
                                        ++client->xid, err);

                if (r < 0)
                        return r;
        }
        return send_and_wait(client, &out, first, err);
}

int of_client_packet_out(OfClient *client, uint32_t in_port, const OfActions *actions,
                         const void *data, size_t size, Err *err) {
        autostr out = {};
        uint32_t first = ++client->xid;
        int r = of_put_packet_out(&out, client->version, OF_NO_BUFFER, in_port, actions, data, size,
                                  first, err);

        return r < 0 ? r : send_and_wait(client, &out, first, err);
}
