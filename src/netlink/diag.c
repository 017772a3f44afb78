/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink/diag.h"
#include "netlink/nl.h"

typedef struct Dump {
        int protocol;
        DiagReceive receive;
        void *context;
} Dump;

bool diag_is_listening(const DiagSocket *s) {
        return s->state == (s->protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE);
}

static int take_message(const struct nlmsghdr *message, void *context) {
        const struct inet_diag_msg *m = NLMSG_DATA(message);
        const Dump *dump = context;
        DiagSocket s;

        if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
            message->nlmsg_len < NLMSG_LENGTH(sizeof *m))
                return 0;

        s = (DiagSocket){
                .family = m->idiag_family,
                .protocol = dump->protocol,
                .state = m->idiag_state,
                .port = ntohs(m->id.idiag_sport),
                .peer_port = ntohs(m->id.idiag_dport),
                .interface = m->id.idiag_if,
                .inode = m->idiag_inode,
                .uid = m->idiag_uid,
        };
        memcpy(s.address, m->id.idiag_src, sizeof s.address);
        memcpy(s.peer, m->id.idiag_dst, sizeof s.peer);
        return dump->receive(&s, dump->context);
}

int diag_dump(int nl, bool all, DiagReceive receive, void *context, Err *err) {
        static const struct {
                int family, protocol;
        } tables[] = {
                { AF_INET, IPPROTO_TCP },
                { AF_INET6, IPPROTO_TCP },
                { AF_INET, IPPROTO_UDP },
                { AF_INET6, IPPROTO_UDP },
        };

        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
                struct inet_diag_req_v2 request = {
                        .sdiag_family = (uint8_t) tables[i].family,
                        .sdiag_protocol = (uint8_t) tables[i].protocol,
                        .idiag_states = all ? ~0U : 1U << TCP_LISTEN | 1U << TCP_CLOSE,
                };
                Dump dump = { tables[i].protocol, receive, context };
                NlMessage m;
                int r;

                /* A closed TCP socket is none; for UDP, closed means not connected. */
                if (!all && tables[i].protocol == IPPROTO_TCP)
                        request.idiag_states = 1U << TCP_LISTEN;
                nl_begin(&m, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof request);
                r = nl_query(nl, &m, take_message, &dump, err);
                /* Without IPv6, or without the module for a protocol, there are none. */
                if (r == -ENOENT || r == -EAFNOSUPPORT) {
                        if (err)
                                err_clear(err);
                        continue;
                }
                if (r < 0)
                        return err_prefix(err, r, "cannot list sockets");
        }
        return 0;
}
