/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "topology/write_yaml.h"
#include "topology/yaml.h"

void yaml_put_key(Str *s, int indent, const char *key) {
        str_printf(s, "%*s", indent, "");
        yaml_put_text(s, key);
        str_put(s, ":");
}

void yaml_put_entry(Str *s, int indent, const char *key, const char *value) {
        if (!value)
                return;
        yaml_put_key(s, indent, key);
        str_put(s, " ");
        yaml_put_text(s, value);
        str_put(s, "\n");
}

void yaml_put_entries(Str *s, int indent, const char *key, char *const *list) {
        if (!list)
                return;
        yaml_put_key(s, indent, key);
        str_put(s, " [");
        strv_foreach(item, list) {
                str_put(s, item == (char **) list ? "" : ", ");
                yaml_put_text(s, *item);
        }
        str_put(s, "]\n");
}

void yaml_put_pairs(Str *s, int indent, const char *key, char *const *list) {
        if (!list)
                return;
        yaml_put_key(s, indent, key);
        str_put(s, "\n");
        strv_foreach(pair, list) {
                size_t n = strcspn(*pair, "=");
                autofree char *name = strndup(*pair, n);

                if (!name)
                        s->failed = true;
                else
                        yaml_put_entry(s, indent + 2, name, (*pair)[n] ? *pair + n + 1 : "");
        }
}

void yaml_put_number(Str *s, int indent, const char *key, uint64_t value) {
        if (value == 0)
                return;
        yaml_put_key(s, indent, key);
        str_printf(s, " %ju\n", (uintmax_t) value);
}

void yaml_put_real(Str *s, double value) {
        char text[40];

        for (int digits = 6; digits <= 17; digits++) {
                (void) snprintf(text, sizeof text, "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        str_put(s, text);
}

void yaml_put_span(Str *s, int indent, const char *key, int64_t ns) {
        autofree char *text = ns ? span_exact(ns) : NULL;

        s->failed |= ns && !text;
        yaml_put_entry(s, indent, key, text);
}

void yaml_put_size(Str *s, int indent, const char *key, uint64_t bytes) {
        static const char *const units[] = { "", "k", "m", "g", "t" };
        size_t unit = 0;

        if (bytes == 0)
                return;
        for (; bytes % 1024 == 0 && unit < 4; unit++)
                bytes /= 1024;
        yaml_put_key(s, indent, key);
        str_printf(s, " %ju%s\n", (uintmax_t) bytes, units[unit]);
}

void yaml_put_flag(Str *s, int indent, const char *key, bool value) {
        if (!value)
                return;
        yaml_put_key(s, indent, key);
        str_put(s, " true\n");
}

void yaml_put_address(Str *s, const Address *a) {
        char text[INET6_ADDRSTRLEN + 5];

        addr_text(a, text);
        (void) snprintf(text + strlen(text), 5, "/%d", a->prefix);
        yaml_put_text(s, text);
}

void yaml_put_net(Str *s, int indent, const char *key, const Address *a) {
        if (!a->family)
                return;
        yaml_put_key(s, indent, key);
        str_put(s, " ");
        yaml_put_address(s, a);
        str_put(s, "\n");
}
