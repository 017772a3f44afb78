/* SPDX-License-Identifier: GPL-2.0-or-later */

/* manifest.json of `docker save`: no name in it leads out of the archive. */

#include "base/str.h"
#include "fuzz.h"
#include "store/describe.h"

static void check(const char *name) {
        must(*name != '/' && strcmp(name, "..") != 0 && strncmp(name, "../", 3) != 0 &&
             !strstr(name, "/../"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autodescription said = {};
        autoerr err = {};
        int r = describe_read_docker((const char *) data, size, &said, &err);

        must_agree(r, &err);
        for (size_t i = 0; r >= 0 && i < said.n_images; i++) {
                check(said.images[i].config);
                strv_foreach(layer, said.images[i].layers)
                        check(*layer);
        }
        return 0;
}
