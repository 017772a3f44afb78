/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Actions as bytes: 1.0.0, 5.2.4; 1.3.5, 7.2.4 and 7.2.5. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "openflow/action.h"
#include "openflow/match_fields.h"

enum {
        TYPE_OUTPUT = 0,
        TYPE_10_STRIP_VLAN = 3,
        TYPE_10_ENQUEUE = 11,
        TYPE_PUSH_VLAN = 17,
        TYPE_POP_VLAN = 18,
        TYPE_SET_QUEUE = 21,
        TYPE_GROUP = 22,
        TYPE_DEC_TTL = 24,
        TYPE_SET_FIELD = 25,
};

enum {
        INSTRUCTION_GOTO = 1,
        INSTRUCTION_APPLY = 4,
        INSTRUCTION_CLEAR = 5,
        INSTRUCTION_METER = 6,
};

/* --- 1.0 --- */

/* Fields that 1.0 can set: the action's type, and bytes of the value. */
static const struct {
        OfField field;
        uint16_t type;
        uint8_t size;
} setters_10[] = {
        { OF_DL_VLAN, 1, 2 }, { OF_DL_VLAN_PCP, 2, 1 }, { OF_DL_SRC, 4, 6 },
        { OF_DL_DST, 5, 6 },  { OF_NW_SRC, 6, 4 },      { OF_NW_DST, 7, 4 },
        { OF_NW_TOS, 8, 1 },  { OF_TP_SRC, 9, 2 },      { OF_TP_DST, 10, 2 },
};

#define N_SETTERS_10 (sizeof setters_10 / sizeof *setters_10)

static int put_set_10(const OfAction *a, Str *out) {
        for (size_t i = 0; i < N_SETTERS_10; i++) {
                size_t size = setters_10[i].size, whole = size > 4 ? 16 : 8;
                OfValue value = a->value;

                if (setters_10[i].field != a->field)
                        continue;
                if (a->field == OF_DL_VLAN)
                        of_value_set(a->field, &value, of_value_get(a->field, &value) & 0xfff);
                of_put_u16(out, setters_10[i].type);
                of_put_u16(out, (uint16_t) whole);
                str_put_bytes(out, value.bytes, size);
                of_put_zeros(out, whole - 4 - size);
                return 0;
        }
        return -EOPNOTSUPP;
}

static int put_10(const OfAction *a, Str *out) {
        uint16_t port;

        switch (a->kind) {
        case OF_ACTION_OUTPUT:
                if (of_port_to_10(a->port, &port) < 0)
                        return -EOPNOTSUPP;
                of_put_u16(out, TYPE_OUTPUT);
                of_put_u16(out, 8);
                of_put_u16(out, port);
                of_put_u16(out, (uint16_t) a->number);
                return 0;
        case OF_ACTION_SET:
                return put_set_10(a, out);
        case OF_ACTION_POP_VLAN:
                of_put_u16(out, TYPE_10_STRIP_VLAN);
                of_put_u16(out, 8);
                of_put_zeros(out, 4);
                return 0;
        case OF_ACTION_ENQUEUE:
                if (of_port_to_10(a->port, &port) < 0)
                        return -EOPNOTSUPP;
                of_put_u16(out, TYPE_10_ENQUEUE);
                of_put_u16(out, 16);
                of_put_u16(out, port);
                of_put_zeros(out, 6);
                of_put_u32(out, a->number);
                return 0;
        default:
                return -EOPNOTSUPP;
        }
}

static int get_set_10(uint16_t type, OfReader *body, OfAction *a) {
        for (size_t i = 0; i < N_SETTERS_10; i++) {
                if (setters_10[i].type != type)
                        continue;
                a->kind = OF_ACTION_SET;
                a->field = setters_10[i].field;
                a->push = a->field == OF_DL_VLAN;
                of_get_into(body, a->value.bytes, setters_10[i].size);
                if (a->push)
                        of_value_set(a->field, &a->value,
                                     (of_value_get(a->field, &a->value) & 0xfff) | OF_VLAN_PRESENT);
                return body->failed ? -EBADMSG : 0;
        }
        a->kind = OF_ACTION_OTHER;
        a->number = type;
        return 0;
}

static int get_10(uint16_t type, OfReader *body, OfAction *a) {
        switch (type) {
        case TYPE_OUTPUT:
                a->kind = OF_ACTION_OUTPUT;
                a->port = of_port_from_10(of_get_u16(body));
                a->number = of_get_u16(body);
                break;
        case TYPE_10_STRIP_VLAN:
                a->kind = OF_ACTION_POP_VLAN;
                break;
        case TYPE_10_ENQUEUE:
                a->kind = OF_ACTION_ENQUEUE;
                a->port = of_port_from_10(of_get_u16(body));
                of_skip(body, 6);
                a->number = of_get_u32(body);
                break;
        default:
                return get_set_10(type, body, a);
        }
        return body->failed ? -EBADMSG : 0;
}

/* --- 1.3 --- */

/* Type, length, a number of four bytes. */
static void put_small(Str *out, uint16_t type, uint32_t number) {
        of_put_u16(out, type);
        of_put_u16(out, 8);
        of_put_u32(out, number);
}

static int put_set_13(const OfAction *a, const OfMatch *match, Str *out) {
        size_t begin = out->length;
        int r;

        if (a->push && !(of_match_get(match, OF_DL_VLAN) & OF_VLAN_PRESENT))
                put_small(out, TYPE_PUSH_VLAN, (uint32_t) ETH_VLAN << 16);
        begin = out->length;
        of_put_u16(out, TYPE_SET_FIELD);
        of_put_u16(out, 0);
        r = of_field_encode(a->field, &a->value, match, out);
        of_put_zeros(out, (8 - (out->length - begin) % 8) % 8);
        of_patch_u16(out, begin + 2, (uint16_t) (out->length - begin));
        return r;
}

static int put_13(const OfAction *a, const OfMatch *match, Str *out) {
        switch (a->kind) {
        case OF_ACTION_OUTPUT:
                of_put_u16(out, TYPE_OUTPUT);
                of_put_u16(out, 16);
                of_put_u32(out, a->port);
                of_put_u16(out, (uint16_t) a->number);
                of_put_zeros(out, 6);
                return 0;
        case OF_ACTION_SET:
                return put_set_13(a, match, out);
        case OF_ACTION_PUSH_VLAN:
                put_small(out, TYPE_PUSH_VLAN, a->number << 16);
                return 0;
        case OF_ACTION_POP_VLAN:
                put_small(out, TYPE_POP_VLAN, 0);
                return 0;
        case OF_ACTION_DEC_TTL:
                put_small(out, TYPE_DEC_TTL, 0);
                return 0;
        case OF_ACTION_GROUP:
                put_small(out, TYPE_GROUP, a->number);
                return 0;
        case OF_ACTION_SET_QUEUE:
                put_small(out, TYPE_SET_QUEUE, a->number);
                return 0;
        default:
                return -EOPNOTSUPP;
        }
}

static int get_set_13(OfReader *body, OfAction *a) {
        OfValue mask, full;
        int r = of_field_decode(body, &a->field, &a->value, &mask);

        if (r < 0)
                return r;
        full = r > 0 ? of_value_full(a->field) : (OfValue){};
        if (r > 0 && of_value_equal(a->field, &mask, &full))
                a->kind = OF_ACTION_SET;
        else {
                a->kind = OF_ACTION_OTHER;
                a->number = TYPE_SET_FIELD;
        }
        return 0;
}

static int get_13(uint16_t type, OfReader *body, OfAction *a) {
        static const struct {
                uint16_t type;
                OfActionKind kind;
        } small[] = {
                { TYPE_PUSH_VLAN, OF_ACTION_PUSH_VLAN }, { TYPE_POP_VLAN, OF_ACTION_POP_VLAN },
                { TYPE_DEC_TTL, OF_ACTION_DEC_TTL },     { TYPE_GROUP, OF_ACTION_GROUP },
                { TYPE_SET_QUEUE, OF_ACTION_SET_QUEUE },
        };

        if (type == TYPE_SET_FIELD)
                return get_set_13(body, a);
        if (type == TYPE_OUTPUT) {
                a->kind = OF_ACTION_OUTPUT;
                a->port = of_get_u32(body);
                a->number = of_get_u16(body);
                return body->failed ? -EBADMSG : 0;
        }
        a->kind = OF_ACTION_OTHER;
        a->number = type;
        for (size_t i = 0; i < sizeof small / sizeof *small; i++)
                if (small[i].type == type) {
                        a->kind = small[i].kind;
                        a->number = of_get_u32(body);
                        if (type == TYPE_PUSH_VLAN)
                                a->number >>= 16;
                }
        return body->failed ? -EBADMSG : 0;
}

/* --- both --- */

static bool is_instruction(const OfAction *a) {
        return a->kind == OF_ACTION_METER || a->kind == OF_ACTION_CLEAR ||
               a->kind == OF_ACTION_GOTO || a->kind == OF_ACTION_OTHER_INSTRUCTION;
}

static int refuse_action(const OfAction *a, OfVersion version, int r, Err *err) {
        const OfActions one = { (OfAction *) a, 1 };
        autostr text = {};

        of_actions_text(&one, &text);
        return refuse(err, r, "OpenFlow %s has no such action here: %s",
                      version == OF_10 ? "1.0" : "1.3", text.text ? text.text : "?");
}

/* All but instructions, which follow at another place or are refused. */
static int encode(const OfActions *actions, OfVersion version, const OfMatch *match,
                  bool instructions, Str *out, Err *err) {
        for (size_t i = 0; i < actions->n; i++) {
                const OfAction *a = &actions->list[i];
                int r;

                if (instructions && is_instruction(a))
                        continue;
                r = version == OF_10 ? put_10(a, out) : put_13(a, match, out);
                if (r < 0)
                        return refuse_action(a, version, r, err);
        }
        return 0;
}

int of_actions_encode(const OfActions *actions, OfVersion version, const OfMatch *match, Str *out,
                      Err *err) {
        return encode(actions, version, match, false, out, err);
}

/* Those of one kind; a switch carries out instructions in a fixed order, whatever ours is. */
static void put_instructions(const OfActions *actions, OfActionKind kind, uint16_t type, Str *out) {
        for (size_t i = 0; i < actions->n; i++)
                if (actions->list[i].kind == kind)
                        put_small(out, type,
                                  kind == OF_ACTION_GOTO ? actions->list[i].number << 24
                                                         : actions->list[i].number);
}

int of_instructions_encode(const OfActions *actions, const OfMatch *match, Str *out, Err *err) {
        size_t begin;
        int r;

        for (size_t i = 0; i < actions->n; i++)
                if (actions->list[i].kind == OF_ACTION_OTHER_INSTRUCTION)
                        return refuse_action(&actions->list[i], OF_13, -EOPNOTSUPP, err);
        put_instructions(actions, OF_ACTION_METER, INSTRUCTION_METER, out);
        begin = out->length;
        of_put_u16(out, INSTRUCTION_APPLY);
        of_put_u16(out, 0);
        of_put_zeros(out, 4);
        r = encode(actions, OF_13, match, true, out, err);
        if (r < 0)
                return r;
        if (out->length - begin > UINT16_MAX)
                return refuse(err, EMSGSIZE, "there are too many actions");
        of_patch_u16(out, begin + 2, (uint16_t) (out->length - begin));
        if (out->length - begin == 8) /* none: so it is with a drop */
                out->length = begin;
        put_instructions(actions, OF_ACTION_CLEAR, INSTRUCTION_CLEAR, out);
        put_instructions(actions, OF_ACTION_GOTO, INSTRUCTION_GOTO, out);
        return 0;
}

/* Type, length and the rest of what is as long as it says, in units of eight. */
static int next(OfReader *r, uint16_t *type, OfReader *body) {
        uint16_t length;

        *type = of_get_u16(r);
        length = of_get_u16(r);
        if (r->failed || length < 8 || length % 8)
                return -EBADMSG;
        *body = of_get_part(r, length - 4u);
        return r->failed ? -EBADMSG : 0;
}

int of_actions_decode(OfReader *r, OfVersion version, OfActions *ret) {
        while (r->left > 0) {
                OfReader body;
                uint16_t type;
                OfAction *a;
                int e = next(r, &type, &body);

                if (e < 0)
                        return e;
                a = of_action_add(ret);
                if (!a)
                        return -ENOMEM;
                e = version == OF_10 ? get_10(type, &body, a) : get_13(type, &body, a);
                if (e < 0)
                        return e;
        }
        return r->failed ? -EBADMSG : 0;
}

static int decode_instruction(uint16_t type, OfReader *body, OfActions *ret) {
        uint32_t number = of_get_u32(body);
        OfAction *a;

        if (type == INSTRUCTION_APPLY)
                return of_actions_decode(body, OF_13, ret);
        a = of_action_add(ret);
        if (!a)
                return -ENOMEM;
        *a = (OfAction){ .number = number };
        switch (type) {
        case INSTRUCTION_GOTO:
                a->kind = OF_ACTION_GOTO;
                a->number >>= 24;
                break;
        case INSTRUCTION_CLEAR:
                a->kind = OF_ACTION_CLEAR;
                break;
        case INSTRUCTION_METER:
                a->kind = OF_ACTION_METER;
                break;
        default:
                a->kind = OF_ACTION_OTHER_INSTRUCTION;
                a->number = type;
        }
        return 0;
}

int of_instructions_decode(OfReader *r, OfActions *ret) {
        while (r->left > 0) {
                OfReader body;
                uint16_t type;
                int e = next(r, &type, &body);

                if (e >= 0)
                        e = decode_instruction(type, &body, ret);
                if (e < 0)
                        return e;
        }
        return r->failed ? -EBADMSG : 0;
}
