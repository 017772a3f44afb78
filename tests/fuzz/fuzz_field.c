/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The types that a filter's object file describes: parameters are set before the kernel has seen
 * it. */

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <jansson.h>

#include "base/str.h"
#include "filter/field.h"
#include "fuzz.h"

#define VALUE_SIZE 256
#define TYPES_MAX  512

static void set(const FieldType *type, const char *path, const char *text) {
        uint8_t value[VALUE_SIZE] = {}, said[VALUE_SIZE] = {};
        autoerr err = {}, why = {};
        uint64_t number;
        int r;

        r = field_set(type, value, sizeof value, path, text, said, &err);
        must_agree(r, &err);
        must_agree(field_check_said(type, said, sizeof said, &why), &why);
        (void) field_number(type, value, sizeof value, path, &number);
}

/* Sets the members that an object has as JSON, by their paths. */
static void set_members(const FieldType *type, const json_t *value, const char *path, int depth) {
        const char *name;
        json_t *member;
        size_t i;

        if (json_is_object(value) && depth < 4) {
                json_object_foreach((json_t *) value, name, member) {
                        autofree char *below = str_format("%s%s%s", path, *path ? "." : "", name);

                        set_members(type, member, below, depth + 1);
                }
        } else if (json_is_array(value) && depth < 4) {
                json_array_foreach(value, i, member) {
                        autofree char *below = str_format("%s[%zu]", path, i);

                        set_members(type, member, below, depth + 1);
                }
        } else {
                set(type, path, json_is_string(value) ? json_string_value(value) : "1");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint8_t value[VALUE_SIZE] = {};
        struct btf *btf;

        libbpf_set_print(NULL);
        btf = btf__new(data, (uint32_t) size);
        if (!btf)
                return 0;
        for (uint32_t id = 0; id < btf__type_cnt(btf) && id < TYPES_MAX; id++) {
                FieldType type = { btf, id, "value" };
                json_t *shown = field_json(&type, value, sizeof value);

                set(&type, "", "1");
                set(&type, "a[1].b", "10.0.0.1");
                if (shown)
                        set_members(&type, shown, "", 0);
                json_decref(shown);
        }
        btf__free(btf);
        return 0;
}
