/* SPDX-License-Identifier: GPL-2.0-or-later */

/* registries.conf, and with it TOML: what is read is JSON, and every rule is one that can be used.
 */

#include "base/log.h"
#include "base/toml.h"
#include "fuzz.h"
#include "transfer/registries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const names[] = { "docker.io/library/debian", "a.example.org/b/c",
                                             "localhost:5000/x" };
        autoregistries registries = {};
        autofree char *json = NULL;
        autoerr err = {}, other = {};
        int r, conf;

        log_level = LOG_LEVEL_NONE;
        r = toml_to_json((const char *) data, size, "file", &json, &err);
        must_agree(r, &err);
        must(r < 0 || *json == '{');
        conf = registries_add(&registries, (const char *) data, size, "file", &other);
        must_agree(conf, &other);
        must(r >= 0 || conf < 0);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                const RegistryRule *rule = registries_find(&registries, names[i]);
                autofree char *there = NULL;

                if (!rule)
                        continue;
                there = registry_rule_rewrite(rule, rule->location ? rule->location : "h.i/j",
                                              names[i]);
                must(there);
        }
        return 0;
}
