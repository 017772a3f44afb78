/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fds.h"
#include "base/str.h"
#include "lab/keeper.h"

#define REPLY_MAX 65536

static const JsonField request_fields[] = {
        JSON_STRING(KeeperRequest, verb, "verb", JSON_REQUIRED),
        JSON_STRING(KeeperRequest, link, "link", JSON_REQUIRED),
        JSON_STRING(KeeperRequest, name, "name"),
        JSON_INT(KeeperRequest, direction, "direction", JSON_ALWAYS),
        JSON_STRINGS(KeeperRequest, settings, "settings"),
        JSON_STRINGS(KeeperRequest, back, "back"),
        JSON_U64(KeeperRequest, seed, "seed"),
        JSON_STRING(KeeperRequest, remote, "remote"),
        JSON_INT(KeeperRequest, port, "port"),
        JSON_U32(KeeperRequest, vni, "vni"),
        JSON_U32(KeeperRequest, snaplen, "snaplen"),
        {},
};
const JsonType keeper_request_type = { sizeof(KeeperRequest), request_fields };

static const JsonField stats_fields[] = {
        JSON_U64(LinkStats, arrived, "arrived"),
        JSON_U64(LinkStats, arrived_bytes, "arrivedBytes"),
        JSON_U64(LinkStats, packets, "packets"),
        JSON_U64(LinkStats, bytes, "bytes"),
        JSON_U64(LinkStats, lost, "lost"),
        JSON_U64(LinkStats, queue_full, "queueFull"),
        JSON_U64(LinkStats, codel, "codel"),
        JSON_U64(LinkStats, cut, "cut"),
        JSON_U64(LinkStats, down, "down"),
        JSON_U64(LinkStats, memory, "memory"),
        JSON_U64(LinkStats, corrupted, "corrupted"),
        JSON_U64(LinkStats, duplicated, "duplicated"),
        JSON_U64(LinkStats, reordered, "reordered"),
        JSON_U64(LinkStats, queued, "queued"),
        JSON_U64(LinkStats, queued_bytes, "queuedBytes"),
        JSON_U64(LinkStats, in_flight, "inFlight"),
        JSON_U64(LinkStats, overruns, "overruns"),
        JSON_I64(LinkStats, late_median_ns, "lateMedian"),
        JSON_I64(LinkStats, late_p99_ns, "lateP99"),
        JSON_I64(LinkStats, late_max_ns, "lateMax"),
        {},
};
static const JsonType stats_type = { sizeof(LinkStats), stats_fields };

static const JsonField reply_fields[] = {
        JSON_INT(KeeperReply, code, "code"),
        JSON_STRING(KeeperReply, message, "message"),
        JSON_STRING(KeeperReply, hint, "hint"),
        JSON_BOOL(KeeperReply, cut, "isCut"),
        JSON_BOOL(KeeperReply, captures, "captures"),
        JSON_INT(KeeperReply, starts, "starts"),
        JSON_STRINGS(KeeperReply, quality, "quality"),
        JSON_ARRAY(KeeperReply, directions, LinkStats, "directions", &stats_type),
        {},
};
const JsonType keeper_reply_type = { sizeof(KeeperReply), reply_fields };

/* The name may be longer than a socket's address: it is reached through the directory's
 * descriptor. */
static int address_of(const Lab *lab, struct sockaddr_un *ret) {
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        return snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/" KEEPER_SOCKET,
                        lab->dir);
}

int keeper_listen(const Lab *lab, Err *err) {
        autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        (void) address_of(lab, &address);
        (void) unlinkat(lab->dir, KEEPER_SOCKET, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
            listen(fd, 16) < 0)
                return fail(err, errno, "cannot make the lab's socket");
        return take_fd(fd);
}

static int hear(int fd, KeeperReply *ret, Err *err) {
        autofree char *text = malloc(REPLY_MAX);
        ssize_t n = text ? recv(fd, text, REPLY_MAX, 0) : -1;
        int r;

        if (n <= 0)
                return n < 0 ? fail(err, errno, "cannot hear from the lab's keeper")
                             : refuse(err, ECONNRESET, "the lab's keeper does not answer");
        r = json_parse(&keeper_reply_type, text, (size_t) n, "the keeper's answer", ret, err);
        if (r < 0 || ret->code >= 0)
                return r;
        r = refuse(err, ret->code, "%s", ret->message ? ret->message : "the keeper cannot do it");
        if (ret->hint)
                (void) err_hint(err, r, "%s", ret->hint);
        return r;
}

static int connect_to(const Lab *lab) {
        autoclose int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        if (connection < 0)
                return -errno;
        (void) address_of(lab, &address);
        return connect(connection, (struct sockaddr *) &address, sizeof address) < 0
                       ? -errno
                       : take_fd(connection);
}

int lab_ask_keeper(const Lab *lab, const KeeperRequest *request, const int *fds, size_t n_fds,
                   KeeperReply *ret, Err *err) {
        autoclose int connection = connect_to(lab);
        autofree char *text = json_text(&keeper_request_type, request);
        int r;

        /* It may have been killed since the lab was opened. */
        if (connection == -ECONNREFUSED || connection == -ENOENT) {
                r = lab_revive(lab->home, lab->name, err);
                if (r < 0)
                        return r;
                connection = connect_to(lab);
        }
        if (connection < 0 || !text)
                return fail(err, connection < 0 ? connection : -ENOMEM,
                            "cannot ask the lab's keeper");
        r = fds_send(connection, text, strlen(text), fds, n_fds);
        if (r < 0)
                return fail(err, r, "cannot ask the lab's keeper");
        return hear(connection, ret, err);
}
