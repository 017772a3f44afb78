/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "store/helper.h"
#include "test.h"

TEST(any_bytes_of_a_name_cross_to_the_helper) {
        TreeItem item = { (char *) "100%/\xff\xfe\n", (char *) "caf\xc3\xa9" };
        char *const patterns[] = { (char *) "*.\xe9", NULL };
        HelperRequest request = { .verb = (char *) "copy",
                                  .dest = (char *) "/%41",
                                  .items = &item,
                                  .n_items = 1,
                                  .patterns = (char **) patterns,
                                  .mode = (char *) "u+x" };
        autofree char *text = helper_request_text(&request);
        HelperRequest got = {};

        expect(text);
        expect_ok(helper_request_parse(text, strlen(text), &got, NULL));
        expect_str(got.dest, "/%41");
        expect_str(got.items[0].from, item.from);
        expect_str(got.items[0].to, item.to);
        expect_str(got.patterns[0], patterns[0]);
        expect_str(got.mode, "u+x");
        json_clear(&helper_request_type, &got);
}
