/* SPDX-License-Identifier: GPL-2.0-or-later */

/* YAML: every value has its line, and its text can be written. */

#include "fuzz.h"
#include "topology/yaml.h"

static void check_text(const char *text) {
        autoptr(YamlValue) v = NULL;
        autostr s = {};

        str_put(&s, "k: ");
        yaml_put_text(&s, text);
        must(!s.failed && yaml_read(s.text, s.length, "own", &v, NULL) >= 0);
        must(v->n == 1 && strcmp(v->items[0]->text, text) == 0);
}

static void check(const YamlValue *v, int *budget) {
        must(v->line > 0);
        if (--*budget < 0)
                return;
        if (v->kind == YAML_SCALAR)
                check_text(v->text);
        for (size_t i = 0; i < v->n; i++) {
                if (v->kind == YAML_MAP) {
                        must(yaml_get(v, v->keys[i]) == v->items[i]);
                        must(v->key_lines[i] > 0);
                }
                check(v->items[i], budget);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autoptr(YamlValue) v = NULL;
        autoerr err = {};
        int budget = 1000, r;

        r = yaml_read((const char *) data, size, "file", &v, &err);
        must_agree(r, &err);
        if (r >= 0)
                check(v, &budget);
        return 0;
}
