/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "oci/platform.h"
#include "test.h"

static int match(const char *want, const char *have) {
        OciPlatform a = {}, b = {};
        int r;

        expect_ok(platform_parse(want, &a, NULL));
        expect_ok(platform_parse(have, &b, NULL));
        r = platform_match(&a, &b);
        platform_clear(&a);
        platform_clear(&b);
        return r;
}

TEST(platforms_are_read_as_docker_reads_them) {
        static const struct {
                const char *text, *wanted;
        } cases[] = {
                { "linux/amd64", "linux/amd64" },   { "x86_64", "linux/amd64" },
                { "linux/aarch64", "linux/arm64" }, { "armhf", "linux/arm/v7" },
                { "linux/arm/v6", "linux/arm/v6" }, { "windows/amd64", "windows/amd64" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                OciPlatform p = {};
                autofree char *text = NULL;

                expect_ok(platform_parse(cases[i].text, &p, NULL));
                text = platform_text(&p);
                expect_str(text, cases[i].wanted);
                platform_clear(&p);
        }
        expect(platform_parse("", &(OciPlatform){}, NULL) == -EINVAL);
        expect(platform_parse("a/b/c/d", &(OciPlatform){}, NULL) == -EINVAL);
        expect(platform_parse("LINUX/x", &(OciPlatform){}, NULL) == -EINVAL);
}

TEST(an_older_variant_runs_a_newer_one_does_not) {
        expect(match("linux/arm/v7", "linux/arm/v6") > 0);
        expect(match("linux/arm/v6", "linux/arm/v7") == 0);
        expect(match("linux/arm/v7", "linux/arm/v7") > match("linux/arm/v7", "linux/arm/v6"));
        expect(match("linux/arm64", "linux/arm64/v8") > 0);
        expect(match("linux/amd64", "linux/amd64/v3") == 0);
        expect(match("linux/amd64", "linux/arm64") == 0);
}
