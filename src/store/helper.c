/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "store/helper.h"

static const JsonField item_fields[] = {
        JSON_STRING(HelperItem, from, "from", JSON_REQUIRED),
        JSON_STRING(HelperItem, to, "to", JSON_REQUIRED),
        JSON_STRING(HelperItem, content, "content"),
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
        JSON_STRINGS(HelperRequest, exclude, "exclude"),
        JSON_BOOL(HelperRequest, parents, "parents"),
        JSON_BOOL(HelperRequest, dest_is_dir, "destIsDir"),
        JSON_BOOL(HelperRequest, keep_owners, "keepOwners"),
        JSON_BOOL(HelperRequest, digest, "digest"),
        JSON_STRING(HelperRequest, owner, "owner"),
        JSON_STRING(HelperRequest, mode, "mode"),
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
        JSON_I64(HelperReply, strangers, "strangers"),
        JSON_I64(HelperReply, attributes, "attributes"),
        JSON_STRING(HelperReply, digest, "digest"),
        JSON_I64(HelperReply, size, "size"),
        JSON_POINTER(HelperReply, description, Description, "description", &description_type),
        {},
};
const JsonType helper_reply_type = { sizeof(HelperReply), reply_fields };

char *helper_encode_path(const char *path) {
        autostr s = {};

        for (const char *p = path; *p; p++) {
                if (*p == '%' || *p & 0x80)
                        str_printf(&s, "%%%02x", (unsigned char) *p);
                else
                        str_put_char(&s, *p);
        }
        return str_take(&s);
}

static int digit(char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void helper_decode_path(char *path) {
        char *out = path;

        for (; *path; path++) {
                if (*path == '%' && digit(path[1]) >= 0 && digit(path[2]) >= 0) {
                        *out++ = (char) (digit(path[1]) * 16 + digit(path[2]));
                        path += 2;
                } else {
                        *out++ = *path;
                }
        }
        *out = 0;
}

static int encode_items(const HelperRequest *from, HelperRequest *to) {
        to->items = calloc(from->n_items + 1, sizeof *to->items);
        if (!to->items)
                return -ENOMEM;
        for (; to->n_items < from->n_items; to->n_items++) {
                HelperItem *item = &to->items[to->n_items];

                item->from = helper_encode_path(from->items[to->n_items].from);
                item->to = helper_encode_path(from->items[to->n_items].to);
                if (from->items[to->n_items].content &&
                    !(item->content = helper_encode_path(from->items[to->n_items].content)))
                        return -ENOMEM;
                if (!item->from || !item->to)
                        return -ENOMEM;
        }
        return 0;
}

static int encode_list(char *const *list, char ***ret) {
        strv_foreach(path, list)
                if (strv_take(ret, helper_encode_path(*path)) < 0)
                        return -ENOMEM;
        return 0;
}

char *helper_request_text(const HelperRequest *request) {
        HelperRequest encoded = *request;
        char *text = NULL;
        int r;

        encoded.patterns = encoded.exclude = NULL;
        encoded.n_items = 0;
        encoded.dest = helper_encode_path(request->dest);
        r = encoded.dest ? encode_items(request, &encoded) : -ENOMEM;
        if (r >= 0)
                r = encode_list(request->patterns, &encoded.patterns);
        if (r >= 0)
                r = encode_list(request->exclude, &encoded.exclude);
        if (r >= 0)
                text = json_text(&helper_request_type, &encoded);

        for (size_t i = 0; encoded.items && i < request->n_items; i++) {
                free(encoded.items[i].from);
                free(encoded.items[i].to);
                free(encoded.items[i].content);
        }
        free(encoded.items);
        strv_free(encoded.patterns);
        strv_free(encoded.exclude);
        free(encoded.dest);
        return text;
}

int helper_request_parse(const char *text, size_t size, HelperRequest *ret, Err *err) {
        int r = json_parse(&helper_request_type, text, size, "request", ret, err);

        if (r < 0)
                return r;
        helper_decode_path(ret->dest);
        strv_foreach(pattern, ret->patterns)
                helper_decode_path(*pattern);
        strv_foreach(pattern, ret->exclude)
                helper_decode_path(*pattern);
        for (size_t i = 0; i < ret->n_items; i++) {
                helper_decode_path(ret->items[i].from);
                helper_decode_path(ret->items[i].to);
                if (ret->items[i].content)
                        helper_decode_path(ret->items[i].content);
        }
        return 0;
}
