/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "store/helper.h"

static const JsonField item_fields[] = {
        JSON_STRING(HelperItem, from, "from", JSON_REQUIRED),
        JSON_STRING(HelperItem, to, "to", JSON_REQUIRED),
        {},
};
static const JsonType item_type = { sizeof(HelperItem), item_fields };

static const JsonField request_fields[] = {
        JSON_STRING(HelperRequest, verb, "verb", JSON_REQUIRED),
        JSON_STRING(HelperRequest, dest, "dest", JSON_REQUIRED),
        JSON_INT(HelperRequest, unpack_mode, "unpackMode"),
        JSON_I64(HelperRequest, max_bytes, "maxBytes"),
        JSON_ARRAY(HelperRequest, items, HelperItem, "items", &item_type),
        JSON_STRINGS(HelperRequest, patterns, "patterns"),
        JSON_BOOL(HelperRequest, dest_is_dir, "destIsDir"),
        JSON_BOOL(HelperRequest, keep_owners, "keepOwners"),
        JSON_STRING(HelperRequest, owner, "owner"),
        JSON_INT(HelperRequest, mode, "mode"),
        {},
};
const JsonType helper_request_type = { sizeof(HelperRequest), request_fields };

static const JsonField reply_fields[] = {
        JSON_INT(HelperReply, code, "code"),
        JSON_STRING(HelperReply, message, "message"),
        JSON_STRING(HelperReply, hint, "hint"),
        JSON_I64(HelperReply, entries, "entries"),
        JSON_I64(HelperReply, bytes, "bytes"),
        JSON_I64(HelperReply, devices, "devices"),
        JSON_I64(HelperReply, attributes, "attributes"),
        {},
};
const JsonType helper_reply_type = { sizeof(HelperReply), reply_fields };
