/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/auto.h"
#include "oci/reference.h"
#include "test.h"

static char *full(const char *text) {
        autoptr(Reference) ref = NULL;

        return reference_parse(text, &ref, NULL) < 0 ? NULL : reference_text(ref);
}

TEST(a_name_without_tag_means_latest) {
        expect_str(full("debian"), "debian:latest");
        expect_str(full("debian:12"), "debian:12");
        expect_str(full("localhost:5000/team/web"), "localhost:5000/team/web:latest");
        expect_str(full("localhost:5000/team/web:v1"), "localhost:5000/team/web:v1");
        expect_str(full("a__b/c-d.e---f:A.b-C"), "a__b/c-d.e---f:A.b-C");
        expect_str(full("[::1]:80/x"), "[::1]:80/x:latest");
}

TEST(a_digest_needs_no_tag) {
        expect_str(
                full("x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                "x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
        expect(!full("x@sha256:0123"));
        expect(!full("x@"));
}

static void refused(const char *text, const char *why) {
        autoptr(Reference) ref = NULL;
        autoerr err = {};

        expect(reference_parse(text, &ref, &err) == -EINVAL);
        expect_str(err.message, why);
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
