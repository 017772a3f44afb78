/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A registry, asked through the network process
 *
 * remote_open() starts isola-registry (registry/isola_registry.c) for one registry: a process that
 * is nobody, sees no files and dies with its parent.  Jobs are sent and answered over a socket,
 * several at once; what comes back is only ever stored after its digest was checked by who asked.
 */

#include "base/auto.h"
#include "registry/protocol.h"

typedef struct Remote Remote;

int remote_open(const NetSetup *setup, Remote **ret, Err *err);
Remote *remote_free(Remote *remote);
DEFINE_AUTOPTR(Remote, remote_free)

const char *remote_name(const Remote *remote);
/* How many jobs are carried out at once. */
int remote_parallel(const Remote *remote);
/* Readable when there is a reply. */
int remote_fd(const Remote *remote);

/**
 * remote_send() - begin a job
 * @op:		its id is given here
 * @fd:		what it works with (protocol.h), or negative; stays the caller's
 */
int remote_send(Remote *remote, NetOp *op, int fd, Err *err);

/* Waits for the next reply, of whatever job; -EPROTO if the process died.  The reply is cleared
 * with json_clear(&net_reply_type, …). */
int remote_receive(Remote *remote, NetReply *ret, Err *err);

/* One job from its beginning to its end, while no other is under way.  @progress may be NULL. */
int remote_call(Remote *remote, NetOp *op, int fd, void (*progress)(void *, int64_t), void *context,
                NetReply *ret, Err *err);

/* The error of a reply. */
int remote_error(const NetReply *reply, Err *err);

/* "NAME=VALUE" of this process's environment that libcurl needs to reach the network, the caller's;
 * short without memory. */
char **remote_environment(void);

/* A job whose answer is text, with a NUL behind it.  @ret_type: the media type, or NULL; all new.
 */
int remote_text(Remote *remote, NetOp *op, char **ret, size_t *ret_size, char **ret_type, Err *err);
