/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/auto.h"
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
        refused("web:", "image name 'web:' has an empty tag");
        refused("web:-x", "image name 'web:-x': tag '-x' is not valid");
        refused("a//b", "image name 'a//b' has an empty part");
        refused("a___b", "image name 'a___b': 'a___b' is not valid");
        refused("-a", "image name '-a': '-a' is not valid");
        refused("../a", "image name '../a': '..' is no registry");
        refused("a b", "image name 'a b': 'a b' is not valid");
}
