/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "oci/reference.h"
#include "test.h"

static void means(const char *text, const char *wanted) {
        autoptr(Reference) ref = NULL;
        autofree char *full = NULL;

        expect_ok(reference_parse(text, &ref, NULL));
        full = reference_text(ref);
        expect_str(full, wanted);
}

static void refused(const char *text, const char *why) {
        autoptr(Reference) ref = NULL;
        autoerr err = {};

        expect(reference_parse(text, &ref, &err) == -EINVAL);
        expect_str(err.message, why);
}

TEST(a_name_without_tag_means_latest) {
        means("debian", "debian:latest");
        means("debian:12", "debian:12");
        means("localhost:5000/team/web", "localhost:5000/team/web:latest");
        means("localhost:5000/team/web:v1", "localhost:5000/team/web:v1");
        means("a__b/c-d.e---f:A.b-C", "a__b/c-d.e---f:A.b-C");
        means("[::1]:80/x", "[::1]:80/x:latest");
}

TEST(a_digest_needs_no_tag) {
        means("x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
              "x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
        refused("x@sha256:0123", "image name 'x@sha256:0123': 'sha256:0123' is no digest");
        refused("x@", "image name 'x@': '' is no digest");
}

TEST(what_is_wrong_is_said) {
        refused("", "image name '' is empty");
        refused("Web", "image name 'Web' must be lower case");
        refused("team/Web", "image name 'team/Web' must be lower case");
        refused("web:", "image name 'web:' has an empty tag");
        refused("web:-x", "image name 'web:-x': tag '-x' is not valid");
        refused("a//b", "image name 'a//b' has an empty part");
        refused("a___b", "image name 'a___b': 'a___b' is not valid");
        refused("-a", "image name '-a': '-a' is not valid");
        refused("../a", "image name '../a': '..' is no registry");
        refused("a b", "image name 'a b': 'a b' is not valid");
}

#define DIGEST "sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ID     "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a"

/* What Docker takes for what: the cases of github.com/distribution/reference's tests. */
TEST(names_mean_what_docker_takes_them_for) {
        static const struct {
                const char *text, *registry, *repository, *tag, *digest, *shown;
        } cases[] = {
                { "test_com", "docker.io", "library/test_com", "latest", NULL, "test_com" },
                { "test.com:tag", "docker.io", "library/test.com", "tag", NULL, "test.com" },
                { "test.com:5000", "docker.io", "library/test.com", "5000", NULL, "test.com" },
                { "test.com/repo:tag", "test.com", "repo", "tag", NULL, "test.com/repo" },
                { "test_com/foo", "docker.io", "test_com/foo", "latest", NULL, "test_com/foo" },
                { "test:5000/repo", "test:5000", "repo", "latest", NULL, "test:5000/repo" },
                { "test:5000/repo@" DIGEST, "test:5000", "repo", NULL, DIGEST, "test:5000/repo" },
                { "test:5000/repo:tag@" DIGEST, "test:5000", "repo", "tag", DIGEST,
                  "test:5000/repo" },
                { "lowercase:Uppercase", "docker.io", "library/lowercase", "Uppercase", NULL,
                  "lowercase" },
                { "sub-dom1.foo.com/bar/baz/quux", "sub-dom1.foo.com", "bar/baz/quux", "latest",
                  NULL, "sub-dom1.foo.com/bar/baz/quux" },
                { "b.gcr.io/test.example.com/my-app:test.example.com", "b.gcr.io",
                  "test.example.com/my-app", "test.example.com", NULL,
                  "b.gcr.io/test.example.com/my-app" },
                { "xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", NULL,
                  "xn--n3h.com/myimage" },
                { "foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com", "8080", NULL,
                  "foo/foo_bar.com" },
                { "192.168.1.1", "docker.io", "library/192.168.1.1", "latest", NULL,
                  "192.168.1.1" },
                { "192.168.1.1:5000/repo:5050", "192.168.1.1:5000", "repo", "5050", NULL,
                  "192.168.1.1:5000/repo" },
                { "[2001:db8::1]/repo", "[2001:db8::1]", "repo", "latest", NULL,
                  "[2001:db8::1]/repo" },
                { "[2001:db8::1]:5000/repo:tag@" DIGEST, "[2001:db8::1]:5000", "repo", "tag",
                  DIGEST, "[2001:db8::1]:5000/repo" },
                { "index.docker.io/docker/docker", "docker.io", "docker/docker", "latest", NULL,
                  "docker/docker" },
                { "index.docker.io/debian", "docker.io", "library/debian", "latest", NULL,
                  "debian" },
                { "docker.io/debian", "docker.io", "library/debian", "latest", NULL, "debian" },
                { "library/debian", "docker.io", "library/debian", "latest", NULL, "debian" },
                { "docker.io/library/foo/bar", "docker.io", "library/foo/bar", "latest", NULL,
                  "library/foo/bar" },
                { "other/library", "docker.io", "other/library", "latest", NULL, "other/library" },
                { "docker---rules/docker", "docker.io", "docker---rules/docker", "latest", NULL,
                  "docker---rules/docker" },
                { "dock__er/d", "docker.io", "dock__er/d", "latest", NULL, "dock__er/d" },
                { "Foo/bar", "Foo", "bar", "latest", NULL, "Foo/bar" },
                { "localhost/x", "localhost", "x", "latest", NULL, "localhost/x" },
                { "quay.io/" ID, "quay.io", ID, "latest", NULL, "quay.io/" ID },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *registry = NULL, *repository = NULL;
                autoptr(Reference) ref = NULL;

                expect_ok(reference_parse(cases[i].text, &ref, NULL));
                expect_ok(reference_split(ref, &registry, &repository));
                expect_str(registry, cases[i].registry);
                expect_str(repository, cases[i].repository);
                expect(cases[i].tag ? ref->tag && strcmp(ref->tag, cases[i].tag) == 0 : !ref->tag);
                expect(cases[i].digest ? ref->digest && strcmp(ref->digest, cases[i].digest) == 0
                                       : !ref->digest);
                expect_str(ref->name, cases[i].shown);
        }
}

TEST(what_is_no_name) {
        static const char *const bad[] = {
                ":justtag",
                "@" DIGEST,
                "repo@sha256:ffffffffffffffffffffffffffffffffff",
                "validname@invaliddigest:ffffffffffffffffffffffffffffffffffffffffff",
                "Uppercase:tag",
                "test:5000/Uppercase/lowercase:tag",
                "aa/asdf$$^/aa",
                "[2001:db8::1]",
                "[2001:db8::1]:5000",
                "[2001:db8::1]:tag",
                "[fe80::1%eth0]:5000/repo",
                "[fe80::1%@invalidzone]:5000/repo",
                "https://github.com/docker/docker",
                "docker/Docker",
                "-docker/docker",
                "-docker.io/docker/docker",
                "docker///docker",
                "docker.io/docker///docker",
                "fc00::1:5000/debian",
                "[2001:db8:3:4::192.0.2.33]:5000/debian",
                ID,
                "docker-/docker",
                "____/____",
                "_docker/_docker",
                "dock..er/docker",
                "dock_.er/docker",
                "dock-.er/docker",
                "docker/",
                "a/b:",
                "a:b:c",
                "a@" DIGEST "x"
        };
        autoptr(Reference) ref = NULL;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                autoptr(Reference) none = NULL;
                autoerr err = {};

                if (reference_parse(bad[i], &none, &err) != -EINVAL)
                        expect_str(bad[i], "refused");
        }
        for (int parts = 127; parts < 129; parts++) {
                autostr name = {};

                for (int i = 0; i < parts; i++)
                        str_put(&name, "a/");
                str_put(&name, "a:tag-that-does-not-count");
                expect(reference_parse(name.text, &ref, NULL) == (parts == 127 ? 0 : -EINVAL));
                ref = reference_free(ref);
        }
}

TEST(a_digest_that_cannot_be_checked) {
        refused("x@sha512:" ID ID,
                "image name 'x@sha512:" ID ID "': isola checks sha256 digests, not 'sha512'");
}

TEST(an_id_is_no_name) {
        refused(ID, "'" ID "' is no image name but an id");
}
