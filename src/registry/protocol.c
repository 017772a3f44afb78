/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "registry/protocol.h"

static const JsonField endpoint_fields[] = {
        JSON_STRING(NetEndpoint, base, "base", JSON_REQUIRED),
        JSON_STRING(NetEndpoint, prefix, "prefix", JSON_REQUIRED | JSON_ALWAYS),
        JSON_INT(NetEndpoint, drop, "drop"),
        JSON_BOOL(NetEndpoint, verify, "verify"),
        JSON_BOOL(NetEndpoint, plain_too, "plainToo"),
        JSON_BOOL(NetEndpoint, mirror, "mirror"),
        JSON_STRING(NetEndpoint, ca, "ca"),
        JSON_STRING(NetEndpoint, cert, "cert"),
        JSON_STRING(NetEndpoint, key, "key"),
        JSON_STRING(NetEndpoint, user, "user"),
        JSON_STRING(NetEndpoint, secret, "secret"),
        JSON_STRING(NetEndpoint, identity_token, "identityToken"),
        JSON_STRING(NetEndpoint, registry_token, "registryToken"),
        {},
};
static const JsonType endpoint_type = { sizeof(NetEndpoint), endpoint_fields };

static const JsonField setup_fields[] = {
        JSON_STRING(NetSetup, registry, "registry", JSON_REQUIRED),
        JSON_ARRAY(NetSetup, endpoints, NetEndpoint, "endpoints", &endpoint_type),
        JSON_I64(NetSetup, stall_ms, "stallMs"),
        JSON_INT(NetSetup, retries, "retries"),
        JSON_INT(NetSetup, parallel, "parallel"),
        {},
};
const JsonType net_setup_type = { sizeof(NetSetup), setup_fields };

static const JsonField op_fields[] = {
        JSON_INT(NetOp, id, "id", JSON_ALWAYS),
        JSON_STRING(NetOp, kind, "kind", JSON_REQUIRED),
        JSON_STRING(NetOp, repository, "repository"),
        JSON_STRING(NetOp, reference, "reference"),
        JSON_STRING(NetOp, digest, "digest"),
        JSON_STRING(NetOp, media_type, "mediaType"),
        JSON_STRING(NetOp, from, "from"),
        JSON_STRINGS(NetOp, urls, "urls"),
        JSON_STRING(NetOp, text, "text"),
        JSON_I64(NetOp, size, "size"),
        JSON_I64(NetOp, offset, "offset"),
        JSON_INT(NetOp, limit, "limit"),
        {},
};
const JsonType net_op_type = { sizeof(NetOp), op_fields };

static const JsonField reply_fields[] = {
        JSON_INT(NetReply, id, "id", JSON_ALWAYS),
        JSON_STRING(NetReply, kind, "kind", JSON_REQUIRED),
        JSON_INT(NetReply, code, "code"),
        JSON_STRING(NetReply, message, "message"),
        JSON_STRING(NetReply, hint, "hint"),
        JSON_STRING(NetReply, media_type, "mediaType"),
        JSON_STRING(NetReply, digest, "digest"),
        JSON_STRING(NetReply, warning, "warning"),
        JSON_STRING(NetReply, modified, "modified"),
        JSON_I64(NetReply, bytes, "bytes"),
        JSON_BOOL(NetReply, found, "found"),
        {},
};
const JsonType net_reply_type = { sizeof(NetReply), reply_fields };

static const JsonField item_fields[] = {
        JSON_STRING(NetListItem, name, "name", JSON_REQUIRED),
        JSON_STRING(NetListItem, description, "description"),
        JSON_I64(NetListItem, stars, "stars"),
        JSON_BOOL(NetListItem, official, "official"),
        {},
};
static const JsonType item_type = { sizeof(NetListItem), item_fields };

static const JsonField list_fields[] = {
        JSON_ARRAY(NetList, items, NetListItem, "items", &item_type),
        {},
};
const JsonType net_list_type = { sizeof(NetList), list_fields };
