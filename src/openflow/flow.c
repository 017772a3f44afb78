/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Flows as text; flow_wire.c has them as messages. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "openflow/flow.h"

OfFlow of_flow_default(OfFlowUse use) {
        return (OfFlow){ .priority = OF_PRIORITY,
                         .out_port = OF_PORT_ANY,
                         .table = use == OF_USE_CHOICE ? OF_TABLE_ALL : 0 };
}

void of_flow_clear(OfFlow *flow) {
        of_actions_clear(&flow->actions);
}

/* --- reading --- */

static int read_number(const char *key, const char *text, uint64_t max, uint64_t *ret, Err *err) {
        char *end;

        errno = 0;
        *ret = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 0) : 0;
        if (!text || *text < '0' || *text > '9' || errno || *end)
                return refuse(err, EINVAL, "'%s=%s': there is no such number", key,
                              text ? text : "");
        return *ret > max ? refuse(err, EINVAL, "'%s=%s': the most is %" PRIu64, key, text, max)
                          : 0;
}

/* "VALUE" or, to choose flows, "VALUE/MASK". */
static int read_cookie(OfFlow *flow, char *text, OfFlowUse use, Err *err) {
        char *slash = text ? strchr(text, '/') : NULL;
        int r;

        if (slash && use == OF_USE_FLOW)
                return refuse(err, EINVAL, "a new flow's cookie has no mask");
        if (slash)
                *slash++ = 0;
        r = read_number("cookie", text, UINT64_MAX, &flow->cookie, err);
        flow->cookie_mask = use == OF_USE_CHOICE ? UINT64_MAX : 0;
        if (r >= 0 && slash)
                r = read_number("cookie", slash, UINT64_MAX, &flow->cookie_mask, err);
        return r;
}

/* What is not the match's; -ENOENT without a sentence if it is none of these. */
static int read_setting(OfFlow *flow, const char *key, char *value, OfFlowUse use, Err *err) {
        uint64_t number;
        int r;

        if (str_equal(key, "cookie"))
                return read_cookie(flow, value, use, err);
        if (str_equal(key, "out_port") && use == OF_USE_CHOICE)
                return value && of_port_parse(value, &flow->out_port) >= 0
                               ? 0
                               : refuse(err, EINVAL, "'out_port=%s': there is no such port",
                                        value ? value : "");
        if (str_equal(key, "table")) {
                r = read_number(key, value, 254, &number, err);
                flow->table = (uint8_t) number;
                return r;
        }
        if (str_equal(key, "priority")) {
                r = read_number(key, value, UINT16_MAX, &number, err);
                flow->priority = (uint16_t) number;
                flow->has_priority = true;
                return r;
        }
        if (use == OF_USE_CHOICE)
                return -ENOENT;
        if (str_equal(key, "idle_timeout")) {
                r = read_number(key, value, UINT16_MAX, &number, err);
                flow->idle_timeout = (uint16_t) number;
                return r;
        }
        if (str_equal(key, "hard_timeout")) {
                r = read_number(key, value, UINT16_MAX, &number, err);
                flow->hard_timeout = (uint16_t) number;
                return r;
        }
        if (value)
                return -ENOENT;
        if (str_equal(key, "send_flow_rem"))
                flow->flags |= OF_SEND_REMOVED;
        else if (str_equal(key, "check_overlap"))
                flow->flags |= OF_NO_OVERLAP;
        else
                return -ENOENT;
        return 0;
}

static int read_words(OfFlow *flow, const char *text, OfFlowUse use, Err *err) {
        autostrv words = NULL;
        int r = strv_split(text, ", \t\n", true, &words);

        if (r < 0)
                return fail(err, r, "cannot read a flow");
        strv_foreach(word, words) {
                char *value = strchr(*word, '=');

                if (value)
                        *value++ = 0;
                r = read_setting(flow, *word, value, use, err);
                if (r == -ENOENT)
                        r = of_match_put_word(&flow->match, *word, value, err);
                if (r == -ENOENT)
                        return refuse(err, EINVAL, "a flow has no '%s'", *word);
                if (r < 0)
                        return r;
        }
        return of_match_check(&flow->match, err);
}

/* Where "actions=" begins, at the beginning of a word; NULL if there is none. */
static const char *find_actions(const char *text, const char **ret_rest) {
        static const char *const keys[] = { "actions=", "action=" };

        for (const char *at = text; *at; at++) {
                if (at != text && !strchr(", \t\n", at[-1]))
                        continue;
                for (size_t i = 0; i < 2; i++) {
                        *ret_rest = str_after(at, keys[i]);
                        if (*ret_rest)
                                return at;
                }
        }
        return NULL;
}

int of_flow_parse(const char *text, OfFlowUse use, OfFlow *ret, Err *err) {
        const char *rest = NULL, *actions = find_actions(text, &rest);
        autofree char *head = strndup(text, actions ? (size_t) (actions - text) : strlen(text));
        autoflow flow = of_flow_default(use);
        int r;

        if (!head)
                return fail(err, ENOMEM, "cannot read a flow");
        if (actions && use == OF_USE_CHOICE)
                return refuse(err, EINVAL, "flows are chosen without actions");
        if (!actions && use == OF_USE_FLOW)
                return refuse(err, EINVAL, "a flow needs 'actions=', which may be 'drop'");
        r = read_words(&flow, head, use, err);
        if (r >= 0 && actions)
                r = of_actions_parse(rest, &flow.actions, err);
        if (r < 0)
                return r;
        *ret = flow;
        flow = (OfFlow){};
        return 0;
}

/* --- writing --- */

char *of_flow_text(const OfFlow *flow) {
        autostr out = {};
        size_t before;

        str_printf(&out,
                   "cookie=0x%" PRIx64 ", duration=%" PRIu32 ".%03" PRIu32 "s, table=%u, "
                   "n_packets=%" PRIu64 ", n_bytes=%" PRIu64,
                   flow->cookie, flow->seconds, flow->nanoseconds / 1000000, flow->table,
                   flow->packets, flow->bytes);
        if (flow->idle_timeout)
                str_printf(&out, ", idle_timeout=%u", flow->idle_timeout);
        if (flow->hard_timeout)
                str_printf(&out, ", hard_timeout=%u", flow->hard_timeout);
        if (flow->flags & OF_SEND_REMOVED)
                str_put(&out, ", send_flow_rem");
        if (flow->flags & OF_NO_OVERLAP)
                str_put(&out, ", check_overlap");
        str_printf(&out, ", priority=%u", flow->priority);
        before = out.length;
        str_put_char(&out, ',');
        of_match_text(&flow->match, &out);
        if (out.length == before + 1)
                out.length = before;
        str_put(&out, " actions=");
        of_actions_text(&flow->actions, &out);
        return str_take(&out);
}
