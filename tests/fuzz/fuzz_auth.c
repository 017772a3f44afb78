/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Docker's and containers' authentication files, and isola.conf. */

#include "fuzz.h"
#include "transfer/auth.h"
#include "transfer/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autofree char *text = strndup((const char *) data, size), *helper = NULL;
        autocredentials c = {};
        autoconf conf = {};
        autoerr err = {}, other = {};
        int r;

        must(text);
        r = auth_search((const char *) data, size, "file", "docker.io", "library/x", &c, &helper,
                        &err);
        must_agree(r, &err);
        must(r != 1 || c.user || c.identity_token || c.registry_token);
        must_agree(conf_parse(text, "conf", &conf, &other), &other);
        return 0;
}
