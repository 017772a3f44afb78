/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The entries of `tests:` into checks, by the tables of check_kinds.c. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "measure/check.h"

#define SPAN_MAX (3600 * NS_PER_S)

static void places_clear(CheckEndpoints *p) {
        free(p->list);
        *p = (CheckEndpoints){};
}

void check_list_clear(CheckList *c) {
        for (size_t i = 0; i < c->n; i++) {
                places_clear(&c->list[i].from);
                places_clear(&c->list[i].to);
                places_clear(&c->list[i].nodes);
        }
        free(c->list);
        *c = (CheckList){};
}

const char *check_form(SettingKind kind) {
        static const char *const forms[] = {
                [SETTING_NODE] = "a node",
                [SETTING_NODES] = "a node, or a list of them",
                [SETTING_PLACE] = "a node, 'NODE:INTERFACE', or an address",
                [SETTING_PLACES] = "a node, 'NODE:INTERFACE', an address, or a list of them",
                [SETTING_LINK] = "a link, as 'h1--h2' or 'h1:eth1'",
                [SETTING_COUNT] = "a whole number above 0",
                [SETTING_CODE] = "0 to 255",
                [SETTING_SPAN] = "a span of at most an hour, as '10ms' or '2s'",
                [SETTING_RATE] = "bits per second, as '10mbit'",
                [SETTING_PORTION] = "a percentage, as '1%'",
                [SETTING_WORD] = "one of some words",
                [SETTING_TEXT] = "text",
                [SETTING_LATENCY] = "a limit, as '<= 10ms', '9ms..11ms' or '10ms +- 5%'",
                [SETTING_SPEED] = "a limit, as '>= 9mbit' or '10mbit +- 5%'",
                [SETTING_SHARE] = "a limit, as '<= 1%' or '0.5%..1.5%'",
                [SETTING_NUMBER] = "a limit, as '<= 3'",
        };

        return forms[kind];
}

/* ---- finding what a step names ---- */

static int complain(const Check *c, Err *err, const char *hint, const char *format, ...)
        printf_like(4, 5);
static int complain(const Check *c, Err *err, const char *hint, const char *format, ...) {
        autofree char *words = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        if (vasprintf(&words, format, ap) < 0)
                words = NULL;
        va_end(ap);
        r = topology_refuse(c->topology, c->step->line, err, "%s", words ? words : format);
        return str_empty(hint) ? r : err_hint(err, r, "%s", hint);
}

/* ---- one setting ---- */

/* What was wrong with a value, with the file and line in front. */
static int located(const Check *c, const CheckSetting *s, Err *inner, int r, Err *err) {
        if (r >= 0)
                return r;
        r = complain(c, err, inner->hint, "%s: %s", s->name,
                     inner->message ? inner->message : "cannot be read");
        err_clear(inner);
        return r;
}

static int add_place(const Check *c, const CheckSetting *s, const char *word,
                     CheckEndpoints *places, Err *err) {
        bool any = s->kind == SETTING_PLACES || s->kind == SETTING_PLACE;
        Err inner = {};
        Endpoint p, *new;
        int r = any ? endpoint_parse(c->topology, word, &p, &inner)
                    : endpoint_parse_node(c->topology, word, &p, &inner);

        if (r < 0)
                return located(c, s, &inner, r, err);
        new = json_grow(&places->list, &places->n, sizeof *new);
        if (!new)
                return fail(err, ENOMEM, "cannot read the %ss", c->what);
        *new = p;
        return 0;
}

static int set_word(const Check *c, const CheckSetting *s, const char *value, int *ret, Err *err) {
        autofree char *all = NULL;
        const char *nearest;
        int r;

        for (int i = 0; s->words[i]; i++)
                if (str_equal(s->words[i], value)) {
                        *ret = i;
                        return 0;
                }
        nearest = nearest_name(value, s->words);
        all = strv_join((char *const *) s->words, ", ");
        r = complain(c, err, NULL, "'%s' is no value of %s", value, s->name);
        return nearest ? err_hint(err, r, "did you mean '%s'?", nearest)
                       : err_hint(err, r, "it is one of %s", all ? all : "");
}

static int set_number(const Check *c, const CheckSetting *s, const char *value, void *place,
                      Err *err) {
        int64_t *number = place;
        bool ok;

        if (s->kind == SETTING_SPAN)
                ok = span_parse(value, NS_PER_MS, number) >= 0 && *number >= 0 &&
                     *number <= SPAN_MAX;
        else
                ok = parse_i64(value, number) >= 0 && *number >= (s->kind == SETTING_COUNT) &&
                     *number <= (s->kind == SETTING_COUNT ? INT32_MAX : 255);
        return ok ? 0
                  : complain(c, err, check_form(s->kind), "'%s' is no value of %s", value, s->name);
}

static int set_link(const Check *c, const CheckSetting *s, const char *value, size_t *ret,
                    Err *err) {
        Err inner = {};
        int end;
        ssize_t found = topology_find_link(c->topology, value, &end, &inner);

        if (found < 0)
                return located(c, s, &inner, (int) found, err);
        *ret = (size_t) found;
        return 0;
}

static int set(Check *c, const CheckSetting *s, const char *value, Err *err) {
        static const BoundKind bounds[] = { [SETTING_LATENCY] = BOUND_SPAN,
                                            [SETTING_SPEED] = BOUND_RATE,
                                            [SETTING_SHARE] = BOUND_SHARE,
                                            [SETTING_NUMBER] = BOUND_COUNT };
        void *place = (char *) c + s->offset;
        Err inner = {};

        switch (s->kind) {
        case SETTING_NODE:
        case SETTING_NODES:
        case SETTING_PLACE:
        case SETTING_PLACES:
                return add_place(c, s, value, place, err);
        case SETTING_LINK:
                return set_link(c, s, value, place, err);
        case SETTING_COUNT:
        case SETTING_CODE:
        case SETTING_SPAN:
                return set_number(c, s, value, place, err);
        case SETTING_RATE:
        case SETTING_PORTION:
                return located(c, s, &inner,
                               bound_value(value,
                                           s->kind == SETTING_RATE ? BOUND_RATE : BOUND_SHARE,
                                           place, &inner),
                               err);
        case SETTING_WORD:
                return set_word(c, s, value, place, err);
        case SETTING_TEXT:
                *(const char **) place = value;
                return 0;
        default:
                return located(c, s, &inner,
                               bound_parse(value, bounds[s->kind], s->kind == SETTING_SPEED, place,
                                           &inner),
                               err);
        }
}

/* ---- one step ---- */

static const CheckSetting *setting_in(const CheckSetting *table, const char *name, size_t length) {
        for (; table->name; table++)
                if (strlen(table->name) == length && strncmp(table->name, name, length) == 0)
                        return table;
        return NULL;
}

static const CheckSetting *find_setting(const CheckKind *k, const CheckSetting *common,
                                        const char *name, size_t length) {
        const CheckSetting *s = setting_in(k->settings, name, length);

        return s ? s : setting_in(common, name, length);
}

static int unknown_setting(const Check *c, const char *key, Err *err) {
        const CheckSetting *const tables[] = { c->kind->settings, c->common };
        autostrv names = NULL;
        autofree char *all = NULL;
        const char *nearest;
        int r;

        for (size_t i = 0; i < 2; i++)
                for (const CheckSetting *s = tables[i]; s->name; s++)
                        (void) strv_add(&names, s->name);
        nearest = names ? nearest_name(key, (const char *const *) names) : NULL;
        all = strv_join(names, ", ");
        if (str_equal(key, "value"))
                return complain(c, err, all, "%s '%s' has its settings by name, as '%s: {%s: …}'",
                                c->what, c->kind->name, c->kind->name, names ? names[0] : "");
        r = complain(c, err, NULL, "%s '%s' has no '%s'", c->what, c->kind->name, key);
        return nearest ? err_hint(err, r, "did you mean '%s'?", nearest)
                       : err_hint(err, r, "it has %s", all ? all : "");
}

static bool is_list(SettingKind kind) {
        return kind == SETTING_NODES || kind == SETTING_PLACES;
}

static int read_settings(Check *c, char ***seen, Err *err) {
        strv_foreach(setting, c->step->settings) {
                const char *equals = strchr(*setting, '='), *value = equals ? equals + 1 : "";
                autofree char *key = strndup(*setting, strcspn(*setting, "="));
                const CheckSetting *s;
                int r;

                if (!key)
                        return fail(err, ENOMEM, "cannot read the %ss", c->what);
                s = find_setting(c->kind, c->common, key, strlen(key));
                if (!s)
                        return unknown_setting(c, key, err);
                if (strv_has(*seen, key) && !is_list(s->kind))
                        return complain(c, err, NULL, "'%s' has one value, not several", key);
                r = set(c, s, value, err);
                if (r < 0)
                        return r;
                if (strv_add(seen, key) < 0)
                        return fail(err, ENOMEM, "cannot read the %ss", c->what);
        }
        return 0;
}

static int read_defaults(Check *c, const CheckSetting *table, char *const *seen, Err *err) {
        int r = 0;

        for (const CheckSetting *s = table; s->name && r >= 0; s++) {
                if (strv_has(seen, s->name))
                        continue;
                if (s->required)
                        return complain(c, err, check_form(s->kind), "%s '%s' lacks '%s'", c->what,
                                        c->kind->name, s->name);
                if (s->value)
                        r = set(c, s, s->value, err);
        }
        return r;
}

static const CheckKind *find_kind(const CheckKind *kinds, const char *name) {
        for (const CheckKind *k = kinds; k->name; k++)
                if (str_equal(k->name, name) || (k->alias && str_equal(k->alias, name)))
                        return k;
        return NULL;
}

static int unknown_kind(const Check *c, const CheckKind *kinds, Err *err) {
        const char *names[64] = {};
        autofree char *all = NULL;
        const char *nearest;
        size_t n = 0;
        int r;

        for (const CheckKind *k = kinds; k->name && n < 60; k++) {
                names[n++] = k->name;
                if (k->alias)
                        names[n++] = k->alias;
        }
        nearest = nearest_name(c->step->kind, names);
        all = strv_join((char *const *) names, ", ");
        r = complain(c, err, NULL, "there is no %s '%s'", c->what, c->step->kind);
        return nearest ? err_hint(err, r, "did you mean '%s'?", nearest)
                       : err_hint(err, r, "%ss are %s", c->what, all ? all : "");
}

static int read_check(Check *c, const CheckKind *kinds, Err *err) {
        autostrv seen = NULL;
        int r;

        c->kind = find_kind(kinds, c->step->kind);
        if (!c->kind)
                return unknown_kind(c, kinds, err);
        r = read_settings(c, &seen, err);
        if (r >= 0)
                r = read_defaults(c, c->kind->settings, seen, err);
        return r < 0 ? r : read_defaults(c, c->common, seen, err);
}

int check_steps_read(const Topology *t, const Step *steps, size_t n, const CheckKind *kinds,
                     const CheckSetting *common, const char *what, CheckList *ret, Err *err) {
        int r = 0;

        *ret = (CheckList){};
        for (size_t i = 0; i < n && r >= 0; i++) {
                Check *c = json_grow(&ret->list, &ret->n, sizeof *c);

                if (!c)
                        r = fail(err, ENOMEM, "cannot read the %ss", what);
                else {
                        c->step = &steps[i];
                        c->topology = t;
                        c->what = what;
                        c->common = common;
                        r = read_check(c, kinds, err);
                }
        }
        if (r < 0)
                check_list_clear(ret);
        return r;
}

int check_list_read(const Topology *t, CheckList *ret, Err *err) {
        return check_steps_read(t, t->tests, t->n_tests, check_kinds, check_common, "test", ret,
                                err);
}
