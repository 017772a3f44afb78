/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "stage.h"

static const char *complaint(const char *object, const char *program) {
        static char words[1024];
        json_t *shown = NULL;
        autoerr err = {};

        expect(filter_check(object, program, &shown, &err) < 0);
        expect(!shown);
        snprintf(words, sizeof words, "%s; %s", err.message, err.hint ? err.hint : "");
        return words;
}

TEST(object_is_verified_and_described) {
        json_t *shown = NULL, *map;
        autoerr err = {};

        set_the_stage();
        expect_well(filter_check(TEST_OBJECT("types"), NULL, &shown, &err), err);
        keep(shown);
        expect_str(text(json_object_get(shown, "action")), "\"count\"");
        expect_str(text(json_object_get(shown, "parameters")), "{\"limit\":5}");
        expect_str(text(json_object_get(json_array_get(json_object_get(shown, "programs"), 0),
                                        "name")),
                   "\"types\"");
        expect(json_array_size(json_object_get(shown, "maps")) == 5);
        map = json_array_get(json_object_get(shown, "maps"), 0);
        expect_str(text(map),
                   "{\"key\":{\"dport\":0,\"protocol\":0,\"saddr\":\"::\"},\"kind\":\"hash\","
                   "\"maxEntries\":4,\"name\":\"rules\",\"value\":{\"name\":\"\",\"offset\":0,"
                   "\"on\":false,\"rate\":0,\"verdict\":\"ISOLA_PASS\"}}");
}

TEST(every_filter_of_an_object_is_verified) {
        json_t *shown = NULL;
        autoerr err = {};

        set_the_stage();
        expect_well(filter_check(TEST_OBJECT("several"), NULL, &shown, &err), err);
        expect(json_array_size(json_object_get(shown, "programs")) == 2);
        json_decref(shown);
        shown = NULL;
        expect_well(filter_check(TEST_OBJECT("several"), "apply", &shown, &err), err);
        expect(json_array_size(json_object_get(shown, "programs")) == 1);
        json_decref(shown);
}

TEST(what_is_no_filter_is_refused_with_words) {
        FilterSpec both = { .object = TEST_OBJECT("several"), .action = FILTER_COUNT };
        const char *how = "compile it with clang -O2 -g -target bpf, and isola_filter.h", *got;
        char wanted[1024];
        autoerr err = {};

        set_the_stage();
        got = complaint("/proc/self/exe", NULL);
        snprintf(wanted, sizeof wanted,
                 "cannot load '/proc/self/exe': '/proc/self/exe' is no filter: it is not an object "
                 "file for BPF with what -g adds; %s",
                 how);
        expect_str(got, wanted);
        expect(strstr(complaint("/proc/self/status", NULL), "is no filter: it is not an object"));
        expect(strstr(complaint("/", NULL), "cannot read filter '/': Is a directory"));
        expect(strstr(complaint(TEST_OBJECT("wide"), NULL),
                      "isola_filter.h is of another version"));
        expect(strstr(complaint(TEST_OBJECT("bare"), NULL),
                      "is no filter: it does not include isola_filter.h"));
        expect(strstr(complaint(TEST_OBJECT("without_debug"), NULL), "is no filter: "));
        expect(strstr(complaint(TEST_OBJECT("longname"), NULL),
                      "has a map 'name_of_sixteen_', whose name is longer than the 15 bytes"));
        expect(strstr(complaint(TEST_OBJECT("several"), "forget"),
                      "has no filter 'forget'; it has learn, apply"));

        expect(filter_attach(PORT(false), &both, NULL, &err) == -EINVAL);
        expect(strstr(err.message, "has 2 filters, say which"));
        expect_str(err.hint, "it has learn, apply");
}

TEST(what_the_verifier_refuses_is_told_in_its_words) {
        const char *words;

        set_the_stage();
        words = complaint(TEST_OBJECT("greedy"), NULL);
        expect(strstr(words, "the kernel's verifier says '"));
        expect(strstr(words, "map_value_or_null"));
        expect(strstr(words, "it was at: return *number == p->length"));
}

/* Whatever bytes there are in place of an object file: a sentence and no crash. */
TEST(damaged_object_is_refused_or_verified) {
        autofree char *whole = NULL;
        char path[] = "/tmp/isola-object-XXXXXX";
        autoclose int fd = -EBADF;
        size_t size, refused = 0;

        set_the_stage();
        expect_ok(file_read(AT_FDCWD, OBJECT("count"), 1 << 20, &whole, &size));
        fd = mkstemp(path);
        expect(fd >= 0);
        for (size_t i = 0; i < 40; i++) {
                size_t at = i * 7919 % size;
                char before = whole[at];
                json_t *shown = NULL;
                autoerr err = {};
                int r;

                whole[at] = (char) ~before;
                expect(pwrite(fd, whole, size, 0) == (ssize_t) size);
                whole[at] = before;
                r = filter_check(path, NULL, &shown, &err);
                expect((r < 0) == (err.message != NULL));
                refused += r < 0;
                json_decref(shown);
        }
        expect(ftruncate(fd, (off_t) size / 2) == 0);
        expect(filter_check(path, NULL, &(json_t *){ NULL }, NULL) < 0);
        expect(unlink(path) == 0);
        expect(refused > 0);
}
