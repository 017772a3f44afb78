/* SPDX-License-Identifier: GPL-2.0-or-later */

/* PAX records: what they give is theirs, within their bounds. */

#include "fuzz.h"
#include "store/pax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Pax pax = {};
        size_t values = 0;
        int r = pax_parse(&pax, (const char *) data, size);

        must(r == 0 || r == -EBADMSG || r == -ENOTSUP || r == -ENOMEM);
        if (pax.path)
                must(strlen(pax.path) <= size);
        if (pax.link)
                must(strlen(pax.link) <= size);
        for (size_t i = 0; i < pax.n_xattrs; i++) {
                must(pax.xattrs[i].name && *pax.xattrs[i].name);
                values += pax.xattrs[i].size;
        }
        must(values <= size);
        pax_clear(&pax);
        return 0;
}
