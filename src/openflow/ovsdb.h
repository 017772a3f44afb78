/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A client of the Open vSwitch database
 *
 * JSON-RPC 1.0 over a Unix socket (RFC 7047, section 4): one request at a time, with a limit for
 * the time and for the size of an answer.  What the database's tables mean for a switch is in
 * ovs_change.h.
 *
 * A message has no length before it: where it ends is where the braces of its object close.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"
#include "base/err.h"

struct json_t;

typedef struct Ovsdb Ovsdb;

/* Frees a tree of jansson's; for autoptr(json_t). */
struct json_t *ovsdb_drop(struct json_t *json);

/**
 * ovsdb_open() - connect
 * @socket:	its path, of any length
 * @timeout_ms:	for each call
 *
 * Return: 0; an errno of connect(2): -ENOENT, -ECONNREFUSED, -EACCES.
 */
int ovsdb_open(const char *socket, int timeout_ms, Ovsdb **ret, Err *err);
Ovsdb *ovsdb_free(Ovsdb *db);
int ovsdb_timeout(const Ovsdb *db);
/* The directory of its socket, for ovs_is_running(); owned by the caller; NULL without memory. */
char *ovsdb_directory(const Ovsdb *db);
DEFINE_AUTOPTR(Ovsdb, ovsdb_free)

/**
 * ovsdb_transact() - carry out operations, all or none
 * @operations:	array of objects as in RFC 7047, section 5.2; freed here; NULL counts as no memory
 * @ret:	NULL, or the array of their results, owned by the caller
 *
 * After -ETIMEDOUT, -EBADMSG or -ECONNRESET the connection is of no more use.
 *
 * Return: 0; -ETIMEDOUT if there is no answer, -ETIME if a "wait" waited in vain; -EEXIST where a
 * constraint was broken; -EREMOTEIO for any other refusal of the database's; -EBADMSG; -ECONNRESET.
 */
int ovsdb_transact(Ovsdb *db, struct json_t *operations, struct json_t **ret, Err *err);

/* Makes the one row of table Open_vSwitch where it is missing, with what has to be known before the
 * switch starts: that it is to complete checksums. */
int ovsdb_initialize(Ovsdb *db, Err *err);

/* --- messages as bytes --- */

#define OVSDB_MESSAGE_MAX (16u << 20)
#define OVSDB_DEPTH_MAX   64

/* How far the end of a message has been looked for. */
typedef struct OvsdbFrame {
        size_t seen;
        unsigned depth;
        bool in_string, escaped;
} OvsdbFrame;

/**
 * ovsdb_frame() - find the end of the message that the bytes begin with
 * @frame:	zeroed for a new message; goes on where it was when more bytes have come
 *
 * Return: 0 and the message's length; -EAGAIN if it is not there as a whole; -EBADMSG for what is
 * no object or nested too deeply; -EMSGSIZE.
 */
int ovsdb_frame(OvsdbFrame *frame, const char *bytes, size_t size, size_t *ret_length);

/**
 * ovsdb_read_reply() - take a reply apart
 * @message:	one whole message
 * @id:		of the request that is waited for
 * @n:		how many operations it had
 * @ret:	results, owned by the caller
 *
 * Return: 1 if it is that reply; 0 if it is something else, then *ret is the whole message; else as
 * ovsdb_transact().
 */
int ovsdb_read_reply(const char *message, size_t size, unsigned id, size_t n, struct json_t **ret,
                     Err *err);

/* --- values (RFC 7047, section 5.1) --- */

/* Element i of a set, where one that is no set counts as a set of one; NULL beyond the end. */
const struct json_t *ovsdb_element(const struct json_t *value, size_t i);
/* A set's only element as a number or a text; @otherwise, or NULL, for anything else. */
long long ovsdb_integer(const struct json_t *value, long long otherwise);
const char *ovsdb_text(const struct json_t *value);
/* The text of ["uuid", "…"]; NULL for anything else. */
const char *ovsdb_uuid(const struct json_t *value);
/* What a map of texts has for a key; NULL if nothing. */
const char *ovsdb_map_get(const struct json_t *map, const char *key);
