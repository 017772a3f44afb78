/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "store/filemode.h"
#include "test.h"

static int change(const char *text, mode_t mode, bool directory) {
        mode_t result = 0;
        int r = file_mode_apply(text, mode, directory, &result);

        return r < 0 ? r : (int) result;
}

TEST(octal_replaces_all) {
        expect(change("755", 0600, false) == 0755);
        expect(change("4711", 0777, false) == 04711);
        expect(change("0", 0777, false) == 0);
        expect(change("77777", 0, false) == -EINVAL);
        expect(change("8", 0, false) == -EINVAL);
        expect(change("75x", 0, false) == -EINVAL);
}

TEST(clauses) {
        expect(change("u=rwx,go=rx", 0600, false) == 0755);
        expect(change("+x", 0644, false) == 0755);
        expect(change("a-w", 0666, false) == 0444);
        expect(change("go=", 0777, false) == 0700);
        expect(change("u+s", 0755, false) == 04755);
        expect(change("g+s", 0755, false) == 02755);
        expect(change("+t", 0777, true) == 01777);
        expect(change("u+r-x", 0300, false) == 0600);
}

TEST(capital_x_is_for_what_is_searchable_already) {
        expect(change("a+X", 0644, false) == 0644);
        expect(change("a+X", 0644, true) == 0755);
        expect(change("a+X", 0744, false) == 0755);
}

TEST(nonsense) {
        expect(change("", 0644, false) == -EINVAL);
        expect(change("rwx", 0644, false) == -EINVAL);
        expect(change("u", 0644, false) == -EINVAL);
        expect(change("u+q", 0644, false) == -EINVAL);
        expect(change("u+r,", 0644, false) == -EINVAL);
}
