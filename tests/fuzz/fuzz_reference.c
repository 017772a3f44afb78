/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Names of images: what is one is the same one when it is written and read again. */

#include "fuzz.h"
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autofree char *name = strndup((const char *) data, size), *text = NULL, *second = NULL;
        autoptr(Reference) reference = NULL;
        autoptr(Reference) again = NULL;
        autoerr err = {};
        int r;

        must(name);
        r = reference_parse(name, &reference, &err);
        must_agree(r, &err);
        if (r < 0)
                return 0;
        text = reference_text(reference);
        must(text && reference_parse(text, &again, NULL) >= 0);
        second = reference_text(again);
        must(second && strcmp(text, second) == 0);
        return 0;
}
