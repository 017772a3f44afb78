/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "registry/challenge.h"
#include "test.h"

TEST(a_bearer_challenge_with_commas_in_its_scope) {
        Challenge *list = NULL;
        size_t n = 0;

        expect_ok(challenge_parse("Bearer realm=\"https://auth.docker.io/token\",service=\"a, b\","
                                  "scope=\"repository:x/y:pull,push\",error=\"invalid_token\"",
                                  &list, &n));
        expect(n == 1);
        expect_str(list[0].scheme, "bearer");
        expect_str(list[0].realm, "https://auth.docker.io/token");
        expect_str(list[0].service, "a, b");
        expect_str(list[0].scope, "repository:x/y:pull,push");
        expect_str(list[0].error, "invalid_token");
        challenge_list_free(list, n);
}

TEST(several_challenges_in_one_header) {
        Challenge *list = NULL;
        size_t n = 0;

        expect_ok(challenge_parse("BASIC realm=x, Negotiate, bearer Realm=\"a\\\"b\"", &list, &n));
        expect(n == 3);
        expect_str(list[0].scheme, "basic");
        expect_str(list[0].realm, "x");
        expect_str(list[1].scheme, "negotiate");
        expect(list[1].realm == NULL);
        expect_str(list[2].realm, "a\"b");
        challenge_list_free(list, n);
}

TEST(what_is_no_challenge) {
        static const char *const bad[] = { "Bearer realm=\"never ends", "=x", "Bearer realm=" };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                Challenge *list = NULL;
                size_t n = 0;

                expect(challenge_parse(bad[i], &list, &n) == -EBADMSG);
                challenge_list_free(list, n);
        }
}

TEST(the_next_page_of_a_list) {
        static const struct {
                const char *text, *url;
        } cases[] = {
                { "</v2/_catalog?last=b&n=2>; rel=\"next\"", "/v2/_catalog?last=b&n=2" },
                { "<a>; rel=prev, <b>; title=\"x\"; rel=next", "b" },
                { "<a>; rel=\"prev\"", NULL },
                { "<a", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *url = link_next(cases[i].text);

                expect(str_equal(url, cases[i].url));
        }
}

TEST(what_a_token_is_asked_for) {
        static const struct {
                const char *own, *asked, *all;
        } cases[] = {
                { "repository:a/b:pull", NULL, "repository:a/b:pull" },
                { "repository:a/b:pull,push", "repository:a/b:push", "repository:a/b:pull,push" },
                { "repository:a:pull", "repository:a:pull,push",
                  "repository:a:pull repository:a:pull,push" },
                { "repository:a:pull", "repository:b:pull repository:a:pull",
                  "repository:a:pull repository:b:pull" },
                { "registry:catalog:*", "registry:catalog:read", "registry:catalog:*" },
                { "", "repository:a:pull", "repository:a:pull" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *all = scope_join(cases[i].own, cases[i].asked);

                expect_str(all, cases[i].all);
        }
}

TEST(the_words_of_a_warning) {
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "299 - \"it is \\\"old\\\"\"", "it is \"old\"" },
                { "299 registry.example:5000 \"x\" \"Wed, 21 Oct 2015 07:28:00 GMT\"", "x" },
                { "199 - \"x\"", NULL },
                { "299 -", NULL },
                { "299 - \"never ends", NULL },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *words = warning_words(cases[i].text);

                expect(str_equal(words, cases[i].words));
        }
}
