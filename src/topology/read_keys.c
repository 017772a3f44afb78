/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/size.h"
#include "base/str.h"
#include "topology/read_internal.h"

#define NS_PER_S 1000000000LL

int no_memory(Err *err) {
        return fail(err, ENOMEM, "cannot read the lab");
}

static const char *kind_words(const YamlValue *v) {
        return v->kind == YAML_MAP ? "a map" : v->kind == YAML_LIST ? "a list" : "a word";
}

int need_map(const Topology *t, const YamlValue *v, const char *what, Err *err) {
        return v->kind == YAML_MAP ? 0
                                   : topology_refuse(t, v->line, err, "%s must be a map, not %s",
                                                     what, kind_words(v));
}

int need_list(const Topology *t, const YamlValue *v, const char *what, Err *err) {
        return v->kind == YAML_LIST ? 0
                                    : topology_refuse(t, v->line, err, "%s must be a list, not %s",
                                                      what, kind_words(v));
}

int need_text(const Topology *t, const YamlValue *v, const char *what, Err *err) {
        return v->kind == YAML_SCALAR
                       ? 0
                       : topology_refuse(t, v->line, err, "%s must be a word, not %s", what,
                                         kind_words(v));
}

int add_note(Topology *t, int line, const char *format, ...) {
        char *words = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&words, format, ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;
        r = line > 0 ? strv_addf(&t->notes, "%s:%d: %s", t->file ? t->file : "-", line, words)
                     : strv_addf(&t->notes, "%s: %s", t->file ? t->file : "-", words);
        free(words);
        return r;
}

int read_address(const Topology *t, const YamlValue *v, int family, Address *ret, Err *err) {
        int r = need_text(t, v, "an address", err);

        if (r < 0)
                return r;
        if (addr_parse(v->text, ret) < 0 || (family && ret->family != family))
                return topology_refuse(t, v->line, err, "'%s' is no IP%s address", v->text,
                                       family == AF_INET    ? "v4"
                                       : family == AF_INET6 ? "v6"
                                                            : "");
        if (!strchr(v->text, '/'))
                return topology_refuse(t, v->line, err,
                                       "'%s' has no length: write '%s/%d' if its network is larger",
                                       v->text, v->text, ret->family == AF_INET6 ? 64 : 24);
        return 0;
}

int add_address(Interface *i, const Address *a) {
        Address *place = json_grow(&i->addresses, &i->n_addresses, sizeof *place);

        if (!place)
                return -ENOMEM;
        *place = *a;
        return 0;
}

/* ---- one value ---- */

static int read_texts(const Topology *t, const YamlValue *v, const char *name, char ***list,
                      Err *err) {
        if (v->kind == YAML_SCALAR)
                return yaml_is_null(v) ? 0 : strv_add(list, v->text) < 0 ? no_memory(err) : 0;
        if (v->kind == YAML_MAP)
                return need_list(t, v, name, err);
        for (size_t i = 0; i < v->n; i++) {
                int r = need_text(t, v->items[i], name, err);

                if (r < 0)
                        return r;
                if (strv_add(list, v->items[i]->text) < 0)
                        return no_memory(err);
        }
        return 0;
}

static int read_pairs(const Topology *t, const YamlValue *v, const char *name, char ***list,
                      Err *err) {
        for (size_t i = 0; i < v->n; i++) {
                const YamlValue *item = v->items[i];
                autofree char *pair = NULL;
                int r = need_text(t, item, name, err);

                if (r < 0)
                        return r;
                if (v->kind == YAML_LIST && !strchr(item->text, '='))
                        return topology_refuse(t, item->line, err, "'%s' is not KEY=VALUE",
                                               item->text);
                pair = v->kind == YAML_MAP ? str_format("%s=%s", v->keys[i], item->text)
                                           : strdup(item->text);
                if (!pair || strv_env_set(list, pair) < 0)
                        return no_memory(err);
        }
        return v->kind == YAML_SCALAR && !yaml_is_null(v) ? need_map(t, v, name, err) : 0;
}

/* As a shell splits words, with quotes and backslashes but without any expansion. */
static int split_words(const char *s, char ***ret) {
        for (s += strspn(s, " \t\n"); *s; s += strspn(s, " \t\n")) {
                autostr word = {};
                char quote = 0;

                for (; *s && (quote || !strchr(" \t\n", *s)); s++) {
                        if (quote ? *s == quote : *s == '\'' || *s == '"')
                                quote = quote ? 0 : *s;
                        else if (*s == '\\' && quote != '\'' && s[1])
                                str_put_char(&word, *++s);
                        else
                                str_put_char(&word, *s);
                }
                if (quote)
                        return -EINVAL;
                if (strv_take(ret, str_take(&word)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int read_command(const Topology *t, const YamlValue *v, const char *name, char ***list,
                        Err *err) {
        int r;

        *list = strv_free(*list);
        if (v->kind != YAML_SCALAR)
                return read_texts(t, v, name, list, err);
        r = split_words(v->text, list);
        if (r == -EINVAL)
                return topology_refuse(t, v->line, err, "a quote of '%s' is not closed", v->text);
        return r < 0 ? no_memory(err) : 0;
}

static int read_number(const YamlValue *v, KeyKind kind, void *place) {
        char *end;
        double number;

        switch (kind) {
        case KEY_FLAG:
                return parse_bool(v->text, place);
        case KEY_SIZE:
                return size_parse(v->text, place);
        case KEY_COUNT:
                return parse_u64(v->text, place);
        case KEY_SPAN:
                return span_parse(v->text, NS_PER_S, place);
        default:
                number = strtod(v->text, &end);
                if (end == v->text || *end || !(number >= 0))
                        return -EINVAL;
                *(double *) place = number;
                return 0;
        }
}

static int read_key(Topology *t, const Key *key, const YamlValue *v, void *into, Err *err) {
        void *place = (char *) into + key->offset;
        int r;

        switch (key->kind) {
        case KEY_CALL:
                return key->read(t, into, v, err);
        case KEY_TEXTS:
                return read_texts(t, v, key->name, place, err);
        case KEY_PAIRS:
                return read_pairs(t, v, key->name, place, err);
        case KEY_COMMAND:
                return read_command(t, v, key->name, place, err);
        case KEY_NOTED:
                return add_note(t, v->line, "'%s' is not carried out", key->name) < 0
                               ? no_memory(err)
                               : 0;
        default:
                r = need_text(t, v, key->name, err);
                break;
        }
        if (r < 0)
                return r;
        if (key->kind == KEY_TEXT)
                return str_set(place, v->text) < 0 ? no_memory(err) : 0;
        if (read_number(v, key->kind, place) < 0)
                return topology_refuse(t, v->line, err, "'%s' is no value for '%s'", v->text,
                                       key->name);
        return 0;
}

static int unknown_key(const Topology *t, const Key *table, const char *what, const char *name,
                       int line, Err *err) {
        autostrv names = NULL;
        const char *near;

        for (const Key *key = table; key->name; key++)
                if (strv_add(&names, key->name) < 0)
                        return no_memory(err);
        near = nearest_name(name, (const char *const *) names);
        return near ? topology_refuse(t, line, err, "%s has no key '%s'; did you mean '%s'?", what,
                                      name, near)
                    : topology_refuse(t, line, err, "%s has no key '%s'", what, name);
}

int read_keys(Topology *t, const Key *table, const char *what, const YamlValue *map, void *into,
              Err *err) {
        int r;

        if (yaml_is_null(map))
                return 0;
        r = need_map(t, map, what, err);
        for (size_t i = 0; r >= 0 && i < map->n; i++) {
                const Key *key = table;

                while (key->name && !str_equal(key->name, map->keys[i]))
                        key++;
                r = key->name ? read_key(t, key, map->items[i], into, err)
                              : unknown_key(t, table, what, map->keys[i], map->key_lines[i], err);
        }
        return r;
}
