/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "transfer/git_url.h"

static GitUrl *parsed(const char *text) {
        autoerr err = {};
        GitUrl *url = NULL;
        int r = git_url_parse(text, &url, &err);

        if (r != 1)
                fprintf(stderr, "'%s': %d %s\n", text, r, err.message ? err.message : "");
        expect(r == 1);
        return url;
}

static void check(const char *text, const char *remote, const char *ref, const char *subdir) {
        autoptr(GitUrl) url = parsed(text);

        expect_str(url->remote, remote);
        expect_str(url->ref ? url->ref : "", ref ? ref : "");
        expect_str(url->subdir ? url->subdir : "", subdir ? subdir : "");
}

TEST(repositories) {
        check("https://example.com/foo.git", "https://example.com/foo.git", NULL, NULL);
        check("HTTPS://example.com/foo.git", "https://example.com/foo.git", NULL, NULL);
        check("https://example.com/foo.git#release/1.2", "https://example.com/foo.git",
              "release/1.2", NULL);
        check("https://example.com/foo.git#a/b:c/d", "https://example.com/foo.git", "a/b", "c/d");
        check("https://example.com/foo.git#:d", "https://example.com/foo.git", NULL, "d");
        check("https://example.com/foo.git#a%20b:c", "https://example.com/foo.git", "a b", "c");
        check("git://example.com/foo", "git://example.com/foo", NULL, NULL);
        check("ssh://git@example.com:22/foo#x", "ssh://git@example.com:22/foo", "x", NULL);
        check("git@example.com:moby/foo", "git@example.com:moby/foo", NULL, NULL);
        check("git@example.com:moby/foo.git?subdir=/sub#v1", "git@example.com:moby/foo.git", "v1",
              "sub");
        check("some-one@example.com:foo.git#a:b", "some-one@example.com:foo.git", "a", "b");
        check("github.com/moby/buildkit#master", "https://github.com/moby/buildkit", "master",
              NULL);
}

TEST(what_is_none) {
        static const char *const texts[] = {
                "https://example.com/",
                "https://example.com/foo",
                "https://example.com/foo.git/",
                "https://example.com/foo.git.bar",
                "http://github.com/docker/docker.git:#branch",
                "https://example.com/foo?x=.git",
                "https://.git",
                "custom.xyz/moby/buildkit.git",
                "./.git",
                "../a.git",
                ".git",
                "ftp://example.com/foo.git",
                "file:///srv/foo.git",
                "git@example.com/foo",
                "ext::sh -c id",
                "a:b",
                "",
                "https://example.com/a\nb.git",
                "https://example.com/%zz.git",
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                GitUrl *url = NULL;

                if (git_url_parse(texts[i], &url, NULL) != 0)
                        fprintf(stderr, "'%s'\n", texts[i]);
                expect(git_url_parse(texts[i], &url, NULL) == 0 && !url);
        }
}

TEST(queries) {
        autoptr(GitUrl) url = NULL;

        check("https://e.com/f.git?ref=v1&subdir=/sub", "https://e.com/f.git", "v1", "sub");
        check("https://e.com/f.git?subdir=/sub#v1", "https://e.com/f.git", "v1", "sub");
        check("https://e.com/f.git?tag=v1", "https://e.com/f.git", "refs/tags/v1", NULL);
        check("https://e.com/f.git?tag=refs/tags/v1", "https://e.com/f.git", "refs/tags/v1", NULL);
        check("https://e.com/f.git?branch=v%31", "https://e.com/f.git", "refs/heads/v1", NULL);
        check("github.com/a/b?tag=v1", "https://github.com/a/b", "refs/tags/v1", NULL);
        check("https://e.com/f.git?ref=v1#v1:a", "https://e.com/f.git", "v1", "a");
        url = parsed("https://e.com/f.git?keep-git-dir&submodules=0&mtime=checkout&"
                     "commit=Deadbeef&fetch-by-commit");
        expect(url->keep_git_dir && url->keeps_git_dir && url->skip_submodules);
        expect(url->times_of_checkout && url->fetch_by_commit);
        expect_str(url->checksum, "Deadbeef");
}

TEST(queries_that_make_no_sense) {
        static const char *const texts[] = {
                "https://e.com/f.git?ref=v1#v2",        "https://e.com/f.git?ref=v1&tag=v2",
                "https://e.com/f.git?tag=v1&branch=v1", "https://e.com/f.git?subdir=a#:b",
                "https://e.com/f.git?ref=a&ref=a",      "https://e.com/f.git?ref=",
                "https://e.com/f.git?mtime=never",      "https://e.com/f.git?submodules=perhaps",
                "https://e.com/f.git?checksum=xyz",     "https://e.com/f.git?unknown=1",
                "https://e.com/f.git#-upload-pack=x",   "git@e.com:f.git?ref=--x",
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                autoerr err = {};
                GitUrl *url = NULL;

                expect(git_url_parse(texts[i], &url, &err) == -EINVAL && !url && err.message);
        }
}

TEST(a_subdirectory_stays_inside) {
        check("https://e.com/f.git#:../../etc", "https://e.com/f.git", NULL, "etc");
        check("https://e.com/f.git#:a/../../b/./c", "https://e.com/f.git", NULL, "b/c");
        check("https://e.com/f.git#:..", "https://e.com/f.git", NULL, NULL);
        check("https://e.com/f.git?subdir=/a/../..", "https://e.com/f.git", NULL, NULL);
}

TEST(credentials_are_taken_off) {
        autoptr(GitUrl) url = parsed("https://me:p%40ss@e.com:8/f.git#x");
        autoptr(GitUrl) ssh = parsed("ssh://me@e.com/f.git");
        autofree char *redacted = url_redact("ADD https://a:b@c/d http://x@y \"ssh://z\" e@f");

        expect_str(url->remote, "https://e.com:8/f.git");
        expect_str(url->credentials, "me:p@ss");
        expect_str(url->host, "e.com:8");
        expect_str(ssh->remote, "ssh://me@e.com/f.git");
        expect(!ssh->credentials && ssh->ssh);
        expect_str(redacted, "ADD https://xxxxx@c/d http://xxxxx@y \"ssh://z\" e@f");
}

TEST(commits) {
        expect(git_is_commit("0123456789abcdef0123456789abcdef01234567"));
        expect(!git_is_commit("0123456789ABCDEF0123456789abcdef01234567"));
        expect(!git_is_commit("0123456") && !git_is_commit(""));
}
