/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "builder/context.h"
#include "test.h"

/* A context in /tmp that goes with the process' own tree_remove(). */
typedef struct Place {
        char root[64];
        Home *home;
        Context *context;
} Place;

static void put(const Place *p, const char *path, const char *text) {
        autofree char *full = str_format("%s/c/%s", p->root, path);
        char *slash = strrchr(full, '/');

        *slash = 0;
        expect_ok(dir_make(AT_FDCWD, full, 0755));
        *slash = '/';
        expect_ok(file_replace(AT_FDCWD, full, text, strlen(text), 0644, false));
}

static Place begin(void) {
        Place p = { .root = "/tmp/isola-test-context-XXXXXX" };
        autofree char *data = NULL, *run = NULL;
        autoerr err = {};

        expect(mkdtemp(p.root));
        data = str_format("%s/data", p.root);
        run = str_format("%s/run", p.root);
        expect_ok(home_open(data, run, &p.home, &err));
        put(&p, "a.txt", "a");
        put(&p, "dir/x", "x");
        put(&p, "dir/sub/y", "y");
        put(&p, "other/b.txt", "b");
        return p;
}

static void open_with(Place *p, const char *ignored) {
        autofree char *path = str_format("%s/c", p->root);
        Ignore *ignore = NULL;
        autoerr err = {};

        if (ignored)
                expect_ok(ignore_parse(ignored, ".dockerignore", &ignore, &err));
        p->context = context_free(p->context);
        expect_ok(context_open(p->home, path, ignore, &p->context, &err));
}

static void end(Place *p) {
        context_free(p->context);
        home_free(p->home);
        expect_ok(tree_remove(AT_FDCWD, p->root));
}

/* Returns "from>to from>to", or the refusal's sentence. */
static char *selected(const Place *p, const char *sources, char digest[DIGEST_LENGTH + 1]) {
        Selection s = {};
        autostrv list = NULL;
        autoerr err = {};
        autostr text = {};

        expect_ok(strv_split(sources, " ", true, &list));
        if (context_select(p->context, &(ContextQuery){ .sources = list }, &s, &err) < 0)
                str_put(&text, err.message);
        else if (digest)
                memcpy(digest, s.digest, sizeof s.digest);
        for (size_t i = 0; !err.message && i < s.n_items; i++)
                str_printf(&text, "%s%s>%s", i ? " " : "", s.items[i].from, s.items[i].to);
        selection_clear(&s);
        return str_take(&text);
}

TEST(what_sources_stand_for) {
        static const char *const rows[][2] = {
                { "a.txt", "a.txt>" },
                { "dir", "dir/sub>sub dir/sub/y>sub/y dir/x>x" },
                { "dir/", "dir/sub>sub dir/sub/y>sub/y dir/x>x" },
                { "a.txt dir/x", "a.txt>a.txt dir/x>x" },
                { "*/*.txt a.txt", "other/b.txt>b.txt a.txt>a.txt" },
                { "/a.txt", "a.txt>" },
                { "dir/../a.txt", "a.txt>" },
                { "d*", "dir/sub>sub dir/sub/y>sub/y dir/x>x" },
                { "../c/a.txt", "'../c/a.txt' is outside of the context" },
                { "none", "there is no 'none' in the context" },
                { "a.txt/x", "there is no 'a.txt/x' in the context" },
                { "*.none", "" },
                { "[a", "'[a' is no pattern: a '[' is not closed" },
        };
        Place p = begin();

        open_with(&p, NULL);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *got = selected(&p, rows[i][0], NULL);

                expect_str(got, rows[i][1]);
        }
        end(&p);
}

/* The same with --parents and --exclude. */
static char *chosen(const Place *p, const char *sources, const char *exclude) {
        Selection s = {};
        autoptr(Ignore) left_out = NULL;
        autostrv list = NULL;
        autoerr err = {};
        autostr text = {};

        expect_ok(strv_split(sources, " ", true, &list));
        expect_ok(ignore_parse(exclude, "--exclude", &left_out, &err));
        expect_ok(context_select(
                p->context,
                &(ContextQuery){ .sources = list, .parents = true, .exclude = left_out }, &s,
                &err));
        for (size_t i = 0; i < s.n_items; i++)
                str_printf(&text, "%s%s>%s", i ? " " : "", s.items[i].from, s.items[i].to);
        selection_clear(&s);
        return str_take(&text);
}

TEST(parents_come_along) {
        static const char *const rows[][3] = {
                { "dir/sub/y", "", "dir>dir dir/sub>dir/sub dir/sub/y>dir/sub/y" },
                { "dir/./sub/y", "", "dir/sub>sub dir/sub/y>sub/y" },
                { "./dir/sub/./y", "", "dir/sub/y>y" },
                { "dir/./", "", "dir/sub>sub dir/sub/y>sub/y dir/x>x" },
                { "**/y", "", "dir>dir dir/sub>dir/sub dir/sub/y>dir/sub/y" },
                { "**/*.txt", "other", "a.txt>a.txt" },
                { "dir/** a.txt", "**/y", "dir>dir dir/x>dir/x a.txt>a.txt" },
                { "dir", "dir/*\n!dir/x", "dir>dir dir/x>dir/x" },
        };
        Place p = begin();

        open_with(&p, NULL);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *got = chosen(&p, rows[i][0], rows[i][1]);

                expect_str(got, rows[i][2]);
        }
        end(&p);
}

TEST(links_stay_inside) {
        Place p = begin();
        autofree char *link = str_format("%s/c/out", p.root), *in = str_format("%s/c/in", p.root);
        autofree char *got_out = NULL, *got_in = NULL;

        expect(symlink("/etc/hostname", link) == 0);
        expect(symlink("/dir/x", in) == 0);
        open_with(&p, NULL);
        got_out = selected(&p, "out", NULL);
        expect_str(got_out, "there is no 'out' in the context");
        got_in = selected(&p, "in", NULL);
        expect_str(got_in, "dir/x>");
        end(&p);
}

TEST(what_is_ignored_is_not_there) {
        Place p = begin();
        autofree char *all = NULL, *gone = NULL, *back = NULL;

        open_with(&p, "dir\nother");
        all = selected(&p, ".", NULL);
        expect_str(all, "a.txt>a.txt");
        gone = selected(&p, "dir/x", NULL);
        expect_str(gone, "there is no 'dir/x' in the context");
        open_with(&p, "*\n!dir/sub/y");
        back = selected(&p, ".", NULL);
        expect_str(back, "dir>dir dir/sub>dir/sub dir/sub/y>dir/sub/y");
        end(&p);
}

TEST(digest_is_of_names_modes_and_contents) {
        char first[DIGEST_LENGTH + 1], now[DIGEST_LENGTH + 1];
        Place p = begin();
        autofree char *path = str_format("%s/c/dir/x", p.root);
        const struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

        open_with(&p, NULL);
        free(selected(&p, "dir", first));
        expect(utimensat(AT_FDCWD, path, long_ago, 0) == 0);
        free(selected(&p, "dir", now));
        expect_str(now, first);
        expect(chmod(path, 0600) == 0);
        free(selected(&p, "dir", now));
        expect(!str_equal(now, first));
        expect(chmod(path, 0644) == 0);
        put(&p, "dir/x", "z");
        free(selected(&p, "dir", now));
        expect(!str_equal(now, first));
        put(&p, "dir/x", "x");
        free(selected(&p, "dir", now));
        expect_str(now, first);
        end(&p);
}
