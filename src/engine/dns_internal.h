/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The parts of the name server
 *
 *   dns.c           sockets in the container, datagrams, what is answered here
 *   dns_client.c    connections of askers over TCP
 *   dns_forward.c   questions on their way to a resolver
 *
 * Every socket but the container's two is in one epoll instance, one event is
 * taken at a time, and closing a socket takes it out: so no event ever refers
 * to something freed.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/dns.h"
#include "engine/dns_message.h"
#include "engine/dns_servers.h"

#define FORWARDS_MAX   64
#define CLIENTS_MAX    8
#define QUERY_MAX      4096 /* no resolver asks more */
#define EVENTS_PER_RUN 64
#define CLIENT_TIME_MS 10000
#define SERVER_TIME_MS 1000 /* until the next resolver is asked */
#define LAST_TIME_MS   2500 /* where there is no other */

typedef struct DnsClient DnsClient;
typedef struct DnsForward DnsForward;

/* What epoll gives back: the first member of both. */
typedef enum DnsKind {
        DNS_CLIENT,
        DNS_FORWARD,
} DnsKind;

struct Dns {
        const Home *home;
        char *network;
        bool internal, own_servers;
        DnsServers servers;
        size_t preferred; /* the resolver that answered last */
        unsigned turn;    /* which of several addresses comes first */
        int udp, tcp, epoll;
        DnsForward *forwards[FORWARDS_MAX];
        DnsClient *clients[CLIENTS_MAX];
        uint8_t *buffer; /* of DNS_MESSAGE_MAX, made when first needed */
};

/* An asker over TCP; one question at a time. */
struct DnsClient {
        DnsKind kind;
        int socket;
        int64_t deadline_ms;
        DnsForward *waiting; /* for this answer */
        uint8_t in[2 + QUERY_MAX];
        size_t filled;
        uint8_t *out;
        size_t size, sent;
};

/* A question that a resolver was asked. */
struct DnsForward {
        DnsKind kind;
        int socket;
        DnsClient *client;        /* who asked over TCP, or NULL: */
        struct sockaddr_in asker; /* who asked over UDP */
        uint16_t id, sent_id;
        size_t first, server; /* the resolver asked first, and now */
        size_t tries;
        int64_t deadline_ms;
        uint8_t *query; /* after its size in two bytes */
        size_t size;    /* of the query */
        size_t sent;
        uint8_t *answer; /* over TCP, after its size */
        size_t filled;
};

/* Answers a query that came in by UDP (@client NULL) or TCP; quiet where it deserves no answer. */
void dns_take_query(Dns *d, DnsClient *client, const struct sockaddr_in *asker,
                    const uint8_t *query, size_t size);
/* Sends a finished answer to who asked. */
void dns_reply(Dns *d, DnsClient *client, const struct sockaddr_in *asker, const void *message,
               size_t size);
void dns_refuse(Dns *d, DnsClient *client, const struct sockaddr_in *asker, const uint8_t *query,
                size_t size, DnsCode code);
/* Begins to listen for TCP, which until now nobody needed. */
void dns_listen(Dns *d);
uint8_t *dns_buffer(Dns *d);
/* Watches a socket in epoll; @events 0 stops it for now. */
int dns_watch(Dns *d, int socket, void *owner, uint32_t events, bool is_new);

void dns_forward(Dns *d, DnsClient *client, const struct sockaddr_in *asker, const uint8_t *query,
                 size_t size);
void dns_forward_ready(Dns *d, DnsForward *f);
void dns_forward_timeout(Dns *d, DnsForward *f);
void dns_forward_drop(Dns *d, DnsForward *f);

void dns_accept(Dns *d);
void dns_client_ready(Dns *d, DnsClient *c, uint32_t events);
/* Reads nothing more until the answer is there. */
void dns_client_wait(Dns *d, DnsClient *c, DnsForward *answer);
void dns_client_reply(Dns *d, DnsClient *c, const void *message, size_t size);
void dns_client_drop(Dns *d, DnsClient *c);
