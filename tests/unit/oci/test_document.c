/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "oci/document.h"
#include "test.h"

#define D "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define C                                                                                \
        "{\"mediaType\": \"application/vnd.oci.image.config.v1+json\", \"digest\": \"" D \
        "\", \"size\": 2}"

static int reads(const char *text, const char *type, bool *ret_index) {
        OciDocument document = {};
        autoerr err = {};
        int r = document_read(text, strlen(text), type, &document, &err);

        if (ret_index)
                *ret_index = document.index;
        document_clear(&document);
        return r;
}

TEST(a_document_is_one_thing) {
        bool index;

        expect_ok(reads("{\"schemaVersion\": 2, \"config\": " C ", \"layers\": []}",
                        OCI_MEDIA_MANIFEST, &index));
        expect(!index);
        expect_ok(reads("{\"schemaVersion\": 2, \"manifests\": [" C "]}", "application/json",
                        &index));
        expect(index);
        expect_ok(reads("{\"schemaVersion\": 2, \"manifests\": []}", OCI_MEDIA_INDEX, &index));
        expect(index);
        expect(reads("{\"schemaVersion\": 2, \"manifests\": [" C "], \"config\": " C "}", NULL,
                     NULL) == -EBADMSG);
        expect(reads("{\"schemaVersion\": 2, \"config\": " C "}", OCI_MEDIA_INDEX, NULL) ==
               -EBADMSG);
        expect(reads("{\"schemaVersion\": 1}", NULL, NULL) == -ENOTSUP);
        expect(reads("[]", NULL, NULL) == -EINVAL);
}

TEST(unknown_members_and_nulls_do_no_harm) {
        expect_ok(reads("{\"schemaVersion\": 2, \"config\": " C ", \"layers\": null, \"new\": {}}",
                        NULL, NULL));
}

#define DATA(text)                                                                                     \
        "{\"schemaVersion\": 2, \"layers\": [], \"config\": {\"mediaType\": \"x/y\", \"digest\": \"" D \
        "\", \"size\": 2, \"data\": \"" text "\"}}"

TEST(data_that_a_descriptor_brings_along_are_checked) {
        OciDescriptor d = { .digest = (char *) D, .size = 2, .data = (char *) "e30=" };
        autofree char *text = NULL;

        expect_ok(reads(DATA("e30="), NULL, NULL));
        expect(reads(DATA("e30"), NULL, NULL) == -EBADMSG);
        expect(reads(DATA("e3w="), NULL, NULL) == -EBADMSG);
        expect(reads(DATA("e30K"), NULL, NULL) == -EBADMSG);
        expect(reads(DATA("!!!!"), NULL, NULL) == -EBADMSG);
        expect_ok(descriptor_data(&d, &text, NULL));
        expect_str(text, "{}");
}
