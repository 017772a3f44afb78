/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/arguments.h"
#include "test.h"

static BuildArgument got[32]; /* reachable until the case's process ends, so no leak */
static size_t n_got;

static char *value_of(BuildArguments *a, const char *word, bool in_stage) {
        BuildArgument *argument = &got[n_got++];
        autoerr err = {};

        expect_ok(build_argument_resolve(a, word, a->global, in_stage, '\\', argument, &err));
        return argument->value;
}

TEST(who_wins) {
        static const char *const given[] = { "A=given", "FROM_ENV", "EMPTY=", "ABSENT", NULL };
        static BuildArguments a;
        autoerr err = {};

        setenv("FROM_ENV", "environment", 1);
        unsetenv("ABSENT");
        expect_ok(build_arguments_init(&a, given, NULL, &err));
        expect_str(value_of(&a, "A", true), "given");
        expect_str(value_of(&a, "A=default", true), "given");
        expect_str(value_of(&a, "B=default", true), "default");
        expect(!value_of(&a, "B", true));
        expect_str(value_of(&a, "FROM_ENV", true), "environment");
        expect_str(value_of(&a, "EMPTY=x", true), "");
        expect(!value_of(&a, "ABSENT", true));
        expect_str(value_of(&a, "TARGETOS", true), "linux");
        expect(!value_of(&a, "TARGETOS", false));
        expect_str(value_of(&a, "C=\"x $TARGETOS\"", true), "x linux");
}

TEST(proxies_need_no_declaration) {
        static const char *const given[] = { "http_proxy=http://p", "A=1", NULL };
        static BuildArguments a;
        autostrv proxies = NULL;
        autoerr err = {};

        expect_ok(build_arguments_init(&a, given, NULL, &err));
        expect_ok(build_arguments_proxies(&a, &proxies));
        expect(strv_length(proxies) == 1);
        expect_str(proxies[0], "http_proxy=http://p");
        expect(build_argument_is_proxy("NO_PROXY") && !build_argument_is_proxy("A"));
}

TEST(names_are_checked) {
        static const char *const given[] = { "=x", NULL };
        static BuildArguments a;
        BuildArgument argument = {};
        autoerr err = {};

        expect(build_arguments_init(&a, given, NULL, &err) == -EINVAL);
        expect_str(err.message, "build argument '=x' has no name");
        err_clear(&err);
        expect(build_argument_resolve(&a, "=x", NULL, true, '\\', &argument, &err) == -EINVAL);
}
