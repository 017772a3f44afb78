/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "store/ignore.h"
#include "test.h"

/* Most rows are from moby/patternmatcher's own test table. */
static const struct {
        const char *patterns, *path;
        bool matches;
} cases[] = {
        { "**", "file", true },
        { "**", "dir/file", true },
        { "**/", "file", true },
        { "**/**", "dir/file", true },
        { "dir/**", "dir/file", true },
        { "dir/**", "dir/dir2/file", true },
        { "dir/**", "dir", false },
        { "**/dir", "dir", true },
        { "**/dir", "dir/file", true },
        { "**/dir2/*", "dir/dir2/file", true },
        { "**/dir2/*", "dir/dir2/dir3/file", true },
        { "**file", "file", true },
        { "**file", "dir/file", true },
        { "**/file", "dir/file", true },
        { "**file", "dir/dir/myfile", true },
        { "**/file*", "dir/dir/file.txt", true },
        { "**/file*txt", "dir/dir/filetxt", true },
        { "**/**/*.txt", "dir/dir/file.txt", true },
        { "**/**/*.txt2", "dir/dir/file.txt", false },
        { "a**/*.txt", "a/file.txt", true },
        { "a**/*.txt", "a/dir/file.txt", true },
        { "a/*.txt", "a/file.txt", true },
        { "a/*.txt", "a/dir/file.txt", false },
        { "a[b-d]e", "ae", false },
        { "a[b-d]e", "ace", true },
        { "a[^b-d]e", "aze", true },
        { ".*", ".foo", true },
        { ".*", "foo", false },
        { "abc.def", "abcdef", false },
        { "abc.def", "abcZdef", false },
        { "abc?def", "abcZdef", true },
        { "a\\*", "a*", true },
        { "a\\*", "ab", false },
        { "**/foo/bar", "foo/bar", true },
        { "**/foo/bar", "dir/dir2/foo/bar", true },
        { "abc/**", "abc", false },
        { "abc/**", "abc/def", true },
        { "**/.foo", "bar.foo", false },
        { "a(b)c/def", "a(b)c/def", true },
        { "a.|)$(}+{bc", "a.|)$(}+{bc", true },
        { "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
          "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true },
        /* the line syntax */
        { "/abs", "abs", true },
        { "dir/", "dir/file", true },
        { "  ./x/../y  ", "y", true },
        { "# comment\nfile", "file", true },
        { "#file", "#file", false },
        { " #file", "#file", true },
        { "*\n!keep", "keep", false },
        { "*\n!keep", "drop", true },
        { "*\n!dir/keep", "dir/keep", false },
        { "*\n!dir/keep", "dir/drop", true },
        { "*\n! keep", "keep", false },
        { "!keep\n*", "keep", true },
        { "*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true },
        { "*.md\n!README*.md\nREADME-secret.md", "README.md", false },
        { "dir\n!dir/sub\ndir/sub/x", "dir/sub/y", false },
        { "dir\n!dir/sub\ndir/sub/x", "dir/sub/x", true },
        { "\xef\xbb\xbf"
          "file",
          "file", true },
        { "", "file", false },
        { "*", ".", false },
};

TEST(dockerignore) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Ignore) ignore = NULL;
                autoerr err = {};

                expect_ok(ignore_parse(cases[i].patterns, ".dockerignore", &ignore, &err));
                if (ignore_matches(ignore, cases[i].path) != cases[i].matches)
                        printf("# '%s' and '%s'\n", cases[i].patterns, cases[i].path);
                expect(ignore_matches(ignore, cases[i].path) == cases[i].matches);
        }
}

TEST(mistakes_name_their_line) {
        autoptr(Ignore) ignore = NULL;
        autoerr err = {};

        expect(ignore_parse("a\n\n!\n", ".dockerignore", &ignore, &err) == -EINVAL);
        expect_str(err.message, ".dockerignore:3: '!' needs a pattern");
        err_clear(&err);
        expect(ignore_parse("a[\n", ".dockerignore", &ignore, &err) == -EINVAL);
        expect(strstr(err.message, ".dockerignore:1: 'a[' is no pattern"));
}

TEST(directories_that_may_be_skipped) {
        autoptr(Ignore) plain = NULL;
        autoptr(Ignore) back = NULL;
        autoptr(Ignore) deep = NULL;
        autoerr err = {};

        expect_ok(ignore_parse("node_modules\n", "i", &plain, &err));
        expect_ok(ignore_parse("*\n!src/lib\n", "i", &back, &err));
        expect_ok(ignore_parse("*\n!**/*.c\n", "i", &deep, &err));
        expect(!ignore_looks_below(plain, "node_modules"));
        expect(ignore_looks_below(back, "src"));
        expect(ignore_looks_below(back, "src/lib"));
        expect(ignore_looks_below(back, "src/lib/x"));
        expect(!ignore_looks_below(back, "doc"));
        expect(!ignore_looks_below(back, "src/other"));
        expect(!ignore_looks_below(back, "sr"));
        expect(ignore_looks_below(deep, "any/where"));
        expect(!ignore_looks_below(NULL, "x"));
}

TEST(wildcards_of_copy) {
        expect(pattern_matches("*.txt", "a.txt"));
        expect(!pattern_matches("*.txt", "d/a.txt"));
        expect(pattern_matches("d/*.txt", "d/a.txt"));
        expect(pattern_matches("hom?.txt", "home.txt"));
        expect(pattern_matches("arr[[]0].txt", "arr[0].txt"));
        expect(!pattern_matches("a[", "a["));
        expect(!pattern_is_valid("a\\"));
        expect(pattern_is_valid("a[]a]"));
        expect(pattern_has_wildcard("a\\*"));
        expect(!pattern_has_wildcard("plain-1.0_x"));
}

TEST(clean_paths) {
        static const char *const rows[][2] = {
                { "", "." },          { ".", "." },
                { "/", "/" },         { "a//b/./c/", "a/b/c" },
                { "a/../b", "b" },    { "../a", "../a" },
                { "/../a", "/a" },    { "a/../..", ".." },
                { "a/b/../..", "." }, { "../../a", "../../a" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *clean = path_clean(rows[i][0]);

                expect_str(clean, rows[i][1]);
        }
}
