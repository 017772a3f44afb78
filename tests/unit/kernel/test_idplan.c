/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/str.h"
#include "kernel/idplan.h"
#include "test.h"

/* "INSIDE:OUTSIDE:COUNT INSIDE:…" */
static char *text_of(const IdPlan *plan) {
        autostrv texts = NULL;

        expect_ok(idplan_write(plan, &texts));
        return strv_join(texts, " ");
}

static void expect_plan(const IdPlan *plan, const char *wanted) {
        autofree char *text = text_of(plan);

        expect_str(text, wanted);
}

static void put(IdPlan *plan, int64_t inside, int64_t outside, int64_t count) {
        expect_ok(idplan_put(plan, &(IdRange){ inside, outside, count }));
}

TEST(a_range_takes_its_numbers_on_both_sides) {
        autoidplan plan = {};

        expect_ok(idplan_add(&plan, 0, 0, 100));
        put(&plan, 10, 50, 5);
        expect_plan(&plan, "0:0:10 15:15:35 55:55:45 10:50:5");
}

TEST(a_range_that_covers_all_replaces_it) {
        autoidplan plan = {};

        expect_ok(idplan_add(&plan, 5, 5, 10));
        put(&plan, 0, 0, 100);
        expect_plan(&plan, "0:0:100");
}

TEST(a_range_beside_others_leaves_them) {
        autoidplan plan = {};

        expect_ok(idplan_add(&plan, 0, 0, 10));
        put(&plan, 10, 10, 10);
        expect_plan(&plan, "0:0:10 10:10:10");
}

TEST(nothing_is_no_range) {
        autoidplan plan = {};

        expect_ok(idplan_add(&plan, 0, 1, 0));
        expect(plan.n == 0);
}

TEST(who_lost_his_number_gets_the_free_one) {
        autoidplan plan = {};

        expect_ok(idplan_add(&plan, 0, 0, 2000));
        put(&plan, 1000, 0, 1);
        expect_ok(idplan_fill(&plan, 2000));
        expect(idplan_outside(&plan, 0) == 1000);
        expect(idplan_outside(&plan, 1000) == 0);
        expect(idplan_outside(&plan, 999) == 999);
        expect(idplan_outside(&plan, 2000) == -1);
}

TEST(both_directions_agree) {
        autoidplan plan = {};

        expect_ok(idplan_add(&plan, 0, 100, 10));
        expect_ok(idplan_add(&plan, 50, 7, 1));
        expect(idplan_inside(&plan, 105) == 5);
        expect(idplan_inside(&plan, 7) == 50);
        expect(idplan_inside(&plan, 110) == -1);
        expect(idplan_run(&plan, 105) == 5);
        expect(idplan_run(&plan, 8) == 0);
}

TEST(ranges_are_cut_where_the_outer_ones_are) {
        autoidplan plan = {}, own = {}, pieces = {};

        expect_ok(idplan_add(&own, 0, 1000, 1));
        expect_ok(idplan_add(&own, 1, 100000, 499));
        expect_ok(idplan_add(&own, 500, 100499, 500));
        expect_ok(idplan_add(&plan, 0, 1, 999));
        expect_ok(idplan_split(&plan, &own, &pieces));
        expect_plan(&pieces, "0:1:499 499:500:500");
        expect_ok(idplan_check(&plan, &own, "user", NULL));
}

static int check(const char *const *texts, Err *err) {
        autoidplan plan = {}, own = {};

        expect_ok(idplan_read((char *const *) texts, &plan));
        expect_ok(idplan_add(&own, 0, 1000, 1));
        expect_ok(idplan_add(&own, 1, 100000, 999));
        return idplan_check(&plan, &own, "user", err);
}

TEST(what_is_not_ones_own_is_refused) {
        const char *const beyond[] = { "0:990:11", NULL }, *const fits[] = { "0:990:10", NULL };
        autoerr err = {};

        expect(check(fits, NULL) == 0);
        expect(check(beyond, &err) == -EINVAL);
        expect_str(err.message, "user ids 990-1000 cannot be given to a container: you have not "
                                "got all of them");
}

TEST(a_number_twice_is_refused) {
        const char *const inside[] = { "0:1:10", "9:20:5", NULL }, *const outside[] = { "0:1:10",
                                                                                        "20:10:5",
                                                                                        NULL };

        expect(check(inside, NULL) == -EINVAL);
        expect(check(outside, NULL) == -EINVAL);
}

TEST(root_is_needed) {
        const char *const none[] = { "1:1:10", NULL };
        autoerr err = {};

        expect(check(none, &err) == -EINVAL);
        expect_str(err.message, "user id 0 is not mapped: a container is set up by its root");
}

TEST(words_are_read) {
        IdWord word;

        expect_ok(idplan_word("1000:@1001", "uidmap", &word, NULL));
        expect(word.machine && word.range.inside == 1000 && word.range.outside == 1001 &&
               word.range.count == 1);
        expect_ok(idplan_word("+u5:6:7", "uidmap", &word, NULL));
        expect(word.amends && word.user_only && !word.group_only && word.range.count == 7);
        expect_ok(idplan_word("ug5:6", "uidmap", &word, NULL));
        expect(!word.user_only && !word.group_only);
}

TEST(what_is_no_word_is_refused) {
        static const char *const bad[] = {
                "",      "1",      "1:",    ":1", "1:2:", "1:2:0",          "1:2:3:4",
                "x:1:1", "1:-1:1", "1:2:x", "+",  "1:@",  "4294967295:0:1", "0:0:4294967296",
                NULL
        };
        IdWord word;

        for (const char *const *text = bad; *text; text++)
                expect(idplan_word(*text, "uidmap", &word, NULL) == -EINVAL);
}
