/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Actions as text; action_wire.c has them as bytes. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "openflow/action.h"
#include "openflow/match_fields.h"

OfAction *of_action_add(OfActions *actions) {
        return json_grow(&actions->list, &actions->n, sizeof *actions->list);
}

void of_actions_clear(OfActions *actions) {
        free(actions->list);
        *actions = (OfActions){};
}

/* --- reading --- */

static const struct {
        const char *word;
        OfField field;
} setters[] = {
        { "mod_dl_src", OF_DL_SRC },        { "mod_dl_dst", OF_DL_DST },
        { "mod_nw_src", OF_NW_SRC },        { "mod_nw_dst", OF_NW_DST },
        { "mod_nw_tos", OF_NW_TOS },        { "mod_tp_src", OF_TP_SRC },
        { "mod_tp_dst", OF_TP_DST },        { "mod_vlan_vid", OF_DL_VLAN },
        { "mod_vlan_pcp", OF_DL_VLAN_PCP },
};

static const struct {
        const char *word;
        OfActionKind kind;
        uint32_t max; /* of its number; 0 if it has none */
} plain[] = {
        { "push_vlan", OF_ACTION_PUSH_VLAN, UINT16_MAX },
        { "pop_vlan", OF_ACTION_POP_VLAN, 0 },
        { "strip_vlan", OF_ACTION_POP_VLAN, 0 },
        { "dec_ttl", OF_ACTION_DEC_TTL, 0 },
        { "group", OF_ACTION_GROUP, UINT32_MAX },
        { "set_queue", OF_ACTION_SET_QUEUE, UINT32_MAX },
        { "meter", OF_ACTION_METER, UINT32_MAX },
        { "clear_actions", OF_ACTION_CLEAR, 0 },
        { "goto_table", OF_ACTION_GOTO, 254 },
};

static int read_number(const char *text, uint32_t max, uint32_t *ret) {
        char *end;
        unsigned long long value;

        if (!text || *text < '0' || *text > '9')
                return -EINVAL;
        errno = 0;
        value = strtoull(text, &end, 0);
        if (errno || *end || value > max)
                return -EINVAL;
        *ret = (uint32_t) value;
        return 0;
}

static int read_value(OfField field, const char *text, OfAction *a) {
        int r = text ? of_field_parse(field, text, &a->value, NULL) : -EINVAL;

        a->kind = OF_ACTION_SET;
        a->field = field;
        if (r >= 0 && field == OF_NW_TOS && of_value_get(field, &a->value) & 3)
                return -EINVAL;
        return r;
}

/* mod_vlan_vid says the id alone. */
static int read_vlan(const char *text, OfAction *a) {
        uint32_t id;
        int r = read_number(text, 4095, &id);

        a->kind = OF_ACTION_SET;
        a->field = OF_DL_VLAN;
        a->push = true;
        of_value_set(OF_DL_VLAN, &a->value, id | OF_VLAN_PRESENT);
        return r;
}

/* "VALUE->FIELD" */
static int read_set_field(const char *text, OfAction *a) {
        const char *arrow = text ? strstr(text, "->") : NULL;
        autofree char *value = arrow ? strndup(text, (size_t) (arrow - text)) : NULL;
        OfField field;

        if (!value || of_field_find(arrow + 2, &field) < 0 || field == OF_IN_PORT)
                return -EINVAL;
        return read_value(field, value, a);
}

/* "PORT:QUEUE" */
static int read_enqueue(const char *text, OfAction *a) {
        const char *colon = text ? strchr(text, ':') : NULL;
        autofree char *port = colon ? strndup(text, (size_t) (colon - text)) : NULL;

        a->kind = OF_ACTION_ENQUEUE;
        if (!port || of_port_parse(port, &a->port) < 0)
                return -EINVAL;
        return read_number(colon + 1, UINT32_MAX, &a->number);
}

static int read_output(const char *key, const char *value, OfAction *a) {
        a->kind = OF_ACTION_OUTPUT;
        a->number = OF_WHOLE_PACKET;
        if (str_equal(key, "output"))
                return value ? of_port_parse(value, &a->port) : -EINVAL;
        if (of_port_parse(key, &a->port) < 0)
                return -ENOENT;
        if (!value)
                return 0;
        return a->port == OF_PORT_CONTROLLER ? read_number(value, UINT16_MAX, &a->number) : -EINVAL;
}

/* -ENOENT if there is no such action. */
static int read_action(const char *key, const char *value, OfAction *a) {
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
                if (!str_equal(key, plain[i].word))
                        continue;
                a->kind = plain[i].kind;
                if (plain[i].max)
                        return read_number(value, plain[i].max, &a->number);
                return value ? -EINVAL : 0;
        }
        if (str_equal(key, "mod_vlan_vid"))
                return read_vlan(value, a);
        for (size_t i = 0; i < sizeof setters / sizeof *setters; i++)
                if (str_equal(key, setters[i].word))
                        return read_value(setters[i].field, value, a);
        if (str_equal(key, "set_field"))
                return read_set_field(value, a);
        if (str_equal(key, "enqueue"))
                return read_enqueue(value, a);
        return read_output(key, value, a);
}

static int read_word(char *word, OfActions *ret, Err *err) {
        autofree char *whole = strdup(word);
        char *value = strpbrk(word, ":=");
        OfAction *a = of_action_add(ret);
        int r;

        if (!whole || !a)
                return fail(err, ENOMEM, "cannot read actions");
        if (value)
                *value++ = 0;
        r = read_action(word, value, a);
        if (r == -ENOENT)
                return refuse(err, EINVAL, "there is no action '%s'", whole);
        return r < 0 ? refuse(err, EINVAL, "action '%s' cannot be", whole) : 0;
}

int of_actions_parse(const char *text, OfActions *ret, Err *err) {
        autoactions actions = {};
        autostrv words = NULL;
        int r = strv_split(text, ", \t\n", true, &words);

        if (r < 0)
                return fail(err, r, "cannot read actions");
        if (!words)
                return refuse(err, EINVAL, "there is no action; to drop packets is 'drop'");
        strv_foreach(word, words) {
                if (str_equal(*word, "drop") && words[1])
                        return refuse(err, EINVAL, "'drop' must be the only action");
                if (str_equal(*word, "drop"))
                        break;
                r = read_word(*word, &actions, err);
                if (r < 0)
                        return r;
        }
        *ret = actions;
        actions = (OfActions){};
        return 0;
}

/* --- writing --- */

static void output_text(const OfAction *a, Str *out) {
        if (a->port < OF_PORT_MAX)
                str_put(out, "output:");
        of_port_text(a->port, out);
        if (a->port == OF_PORT_CONTROLLER)
                str_printf(out, ":%" PRIu32, a->number);
}

static void set_text(const OfAction *a, Str *out) {
        if (a->field == OF_DL_VLAN && a->push) {
                str_printf(out, "mod_vlan_vid:%u",
                           (unsigned) of_value_get(a->field, &a->value) & 0xfff);
                return;
        }
        for (size_t i = 0; i < sizeof setters / sizeof *setters; i++)
                if (setters[i].field == a->field && a->field != OF_DL_VLAN) {
                        str_printf(out, "%s:", setters[i].word);
                        of_field_text(a->field, &a->value, out);
                        return;
                }
        str_put(out, "set_field:");
        of_field_text(a->field, &a->value, out);
        str_printf(out, "->%s", a->field == OF_DL_VLAN ? "vlan_vid" : of_field_name(a->field));
}

static void plain_text(const OfAction *a, Str *out) {
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
                if (plain[i].kind != a->kind)
                        continue;
                str_put(out, plain[i].word);
                if (plain[i].max)
                        str_printf(out,
                                   a->kind == OF_ACTION_PUSH_VLAN ? ":0x%04" PRIx32 : ":%" PRIu32,
                                   a->number);
                return;
        }
}

static void action_text(const OfAction *a, Str *out) {
        switch (a->kind) {
        case OF_ACTION_OUTPUT:
                output_text(a, out);
                return;
        case OF_ACTION_SET:
                set_text(a, out);
                return;
        case OF_ACTION_ENQUEUE:
                str_put(out, "enqueue:");
                of_port_text(a->port, out);
                str_printf(out, ":%" PRIu32, a->number);
                return;
        case OF_ACTION_OTHER:
        case OF_ACTION_OTHER_INSTRUCTION:
                str_printf(out, "unknown_%s(%" PRIu32 ")",
                           a->kind == OF_ACTION_OTHER ? "action" : "instruction", a->number);
                return;
        default:
                plain_text(a, out);
        }
}

void of_actions_text(const OfActions *actions, Str *out) {
        if (actions->n == 0)
                str_put(out, "drop");
        for (size_t i = 0; i < actions->n; i++) {
                if (i > 0)
                        str_put_char(out, ',');
                action_text(&actions->list[i], out);
        }
}
