/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "runtime/scope.h"
#include "test.h"

TEST(scope_of_a_path_is_the_first_that_ends_so) {
        static const char *const paths[][3] = {
                { "user.slice/a.scope", "a.scope", "" },
                { "a.scope", "a.scope", "" },
                { "b/a.scope/container/x.scope", "a.scope", "container/x.scope" },
                { "b/a.scopes/c", NULL, NULL },
                { ".scope/c", NULL, NULL },
                { "isola/0123", NULL, NULL },
                { "", NULL, NULL },
        };

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                const char *below = NULL;
                autofree char *unit = scope_of(paths[i][0], &below);

                expect(str_equal(unit, paths[i][1]));
                if (unit)
                        expect_str(below, paths[i][2]);
        }
}
