/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "stage.h"

static const FilterSpec count = { .object = OBJECT("count"), .action = FILTER_COUNT };

static FilterSpec acting(FilterVerdict action, const char *target) {
        return (FilterSpec){ .object = OBJECT("count"), .action = action, .target = target };
}

static int attach_error(const FilterPlace *at, const FilterSpec *spec, const char *words,
                        const char *hint) {
        autoerr err = {};
        int r = filter_attach(at, spec, NULL, &err);

        expect(r < 0);
        expect_str(err.message, words);
        expect_str(err.hint ? err.hint : "", hint);
        return r;
}

static int add_line(const Filter *f, void *context) {
        str_printf(context, "%s %s %u %s %s%s%s; ", f->interface, f->egress ? "out" : "in",
                   f->priority, f->name, filter_verdict_name(f->action), f->target ? ":" : "",
                   f->target_name);
        return 0;
}

static const char *list(const char *interface) {
        autoerr err = {};
        Str lines = {};

        expect_well(filter_each(stage.here, interface, add_line, &lines, &err), err);
        return keep(str_take(&lines));
}

static bool has_clsact(const char *interface) {
        char command[128];

        snprintf(command, sizeof command, "tc qdisc show dev %s | grep -q clsact", interface);
        return system(command) == 0;
}

TEST(what_matches_is_counted_and_goes_on) {
        Filter f;

        set_the_stage();
        attach(PORT(false), &count);
        from_host(&(Packet){});
        from_host(&(Packet){ .protocol = IPPROTO_TCP });
        from_host(&(Packet){ .payload = "12345678", .n_payload = 8 });
        f = asked(PORT(false), "count", 3);
        expect(f.counters[FILTER_COUNT].packets == 2);
        expect(f.counters[FILTER_COUNT].bytes == 42 + 50);
        expect(f.counters[FILTER_PASS].packets == 1 && f.counters[FILTER_PASS].bytes == 54);

        expect_ok(filter_reset(&f, NULL));
        f = asked(PORT(false), "count", 0);
}

TEST(what_matches_is_dropped_on_its_way_out) {
        const Packet tcp = { .protocol = IPPROTO_TCP };
        FilterSpec drop = acting(FILTER_DROP, NULL);

        set_the_stage();
        to_host(&(Packet){});
        expect(arrives(stage.host, &(Packet){}));
        attach(PORT(true), &drop);
        to_host(&(Packet){});
        to_host(&tcp);
        expect(arrives(stage.host, &tcp) && is_silent(stage.host));
        expect(look(PORT(true), "count").counters[FILTER_DROP].packets == 1);
}

TEST(what_matches_leaves_elsewhere_too_or_instead) {
        FilterSpec mirror = acting(FILTER_MIRROR, "tap"), redirect = acting(FILTER_REDIRECT, "tap");
        const Packet tcp = { .protocol = IPPROTO_TCP };

        set_the_stage();
        attach(PORT(true), &mirror);
        to_host(&(Packet){});
        to_host(&tcp);
        expect(arrives(stage.host, &(Packet){}) && arrives(stage.host, &tcp));
        expect(arrives(stage.sink, &(Packet){}) && is_silent(stage.sink));
        expect_ok(filter_detach(PORT(true), "count", NULL));

        attach(PORT(true), &redirect);
        to_host(&(Packet){});
        to_host(&tcp);
        expect(arrives(stage.host, &tcp) && is_silent(stage.host));
        expect(arrives(stage.sink, &(Packet){}) && is_silent(stage.sink));
        expect_ok(filter_detach(PORT(true), "count", NULL));

        /* The same of what comes in. */
        attach(PORT(false), &redirect);
        from_host(&(Packet){});
        expect(arrives(stage.sink, &(Packet){}) && is_silent(stage.sink));
        expect(asked(PORT(false), "count", 1).counters[FILTER_REDIRECT].packets == 1);
}

TEST(mirror_whose_target_is_gone_is_told) {
        FilterSpec mirror = acting(FILTER_MIRROR, "tap");
        autoclose int nl = -EBADF;
        Filter f;

        set_the_stage();
        attach(PORT(false), &mirror);
        expect_str(list("port"), "port in 10 count mirror:tap; ");
        nl = expect_ok(nl_open());
        expect_ok(link_remove(nl, "tap", NULL));
        from_host(&(Packet){});
        f = asked(PORT(false), "count", 1);
        expect(f.counters[FILTER_FAILED].packets == 1 && f.counters[FILTER_MIRROR].packets == 0);
        expect_str(list("port"), "port in 10 count mirror:; ");
}

TEST(filters_are_asked_by_priority_until_one_decides) {
        FilterSpec first = count, accept = acting(FILTER_ACCEPT, NULL),
                   drop = acting(FILTER_DROP, NULL);

        set_the_stage();
        first.name = "first";
        first.priority = 5;
        accept.name = "accept";
        drop.name = "drop";
        attach(PORT(true), &accept);
        attach(PORT(true), &drop);
        attach(PORT(true), &first);
        attach(PORT(false), &first);
        attach(&(FilterPlace){ stage.here, "tap", false }, &drop);
        expect_str(list("port"), "port in 5 first count; port out 5 first count; "
                                 "port out 10 accept accept; port out 20 drop drop; ");
        expect(strstr(list(NULL), "tap in 10 drop drop; "));

        to_host(&(Packet){});
        expect(arrives(stage.host, &(Packet){}));
        expect(look(PORT(true), "first").counters[FILTER_COUNT].packets == 1);
        expect(look(PORT(true), "accept").counters[FILTER_ACCEPT].packets == 1);
        expect(look(PORT(true), "drop").counters[FILTER_DROP].packets == 0);

        expect_ok(filter_detach(PORT(true), "accept", NULL));
        to_host(&(Packet){});
        expect(is_silent(stage.host));
        expect(look(PORT(true), "drop").counters[FILTER_DROP].packets == 1);
}

TEST(last_filter_leaves_nothing_behind) {
        uint32_t program;
        FilterMap *map = NULL;

        set_the_stage();
        attach(PORT(false), &count);
        program = attach(PORT(true), &count).program;
        expect(has_clsact("port"));
        expect_ok(filter_detach(PORT(false), "count", NULL));
        expect(has_clsact("port"));
        expect_ok(filter_detach(PORT(true), "count", NULL));
        expect(!has_clsact("port"));
        expect_str(list(NULL), "");
        /* The program goes with a grace period. */
        while (filter_map_open(program, "rodata", &map, NULL) == 0) {
                map = filter_map_free(map);
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
}

TEST(filters_end_with_their_interface) {
        autoclose int nl = -EBADF;
        FilterMap *map = NULL;
        uint32_t program;

        set_the_stage();
        program = attach(PORT(false), &count).program;
        nl = expect_ok(nl_open());
        expect_ok(link_remove(nl, "port", NULL));
        while (filter_map_open(program, "rodata", &map, NULL) == 0) {
                map = filter_map_free(map);
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
}

TEST(failed_attachment_leaves_the_place_as_it_was) {
        FilterSpec spec = count;

        set_the_stage();
        spec.object = TEST_OBJECT("greedy");
        expect(filter_attach(PORT(false), &spec, NULL, NULL) < 0);
        expect(!has_clsact("port"));
        attach(PORT(false), &count);
        spec = count;
        spec.name = "second";
        spec.priority = 10;
        attach_error(PORT(false), &spec,
                     "cannot attach filter 'second' to 'port' (in): priority 10 is taken", "");
        expect_str(list(NULL), "port in 10 count count; ");
}

TEST(what_cannot_be_attached_is_refused_with_words) {
        FilterSpec spec = count, none = acting(FILTER_COUNT, "tap"), late = count, other = count;

        set_the_stage();
        expect(attach_error(&(FilterPlace){ stage.here, "eth9", false }, &spec,
                            "cannot attach filter 'count' to 'eth9' (in): cannot find interface "
                            "'eth9': No such device",
                            "") == -ENODEV);
        expect(attach_error(PORT(false), &none,
                            "cannot attach filter '" OBJECT(
                                    "count") "' to 'port' (in): a filter "
                                             "drops, accepts, counts, mirrors or redirects",
                            "") == -EINVAL);
        late.priority = 65536;
        expect(attach_error(PORT(false), &late,
                            "cannot attach filter '" OBJECT(
                                    "count") "' to 'port' (in): 65536 is "
                                             "no priority: it is from 1 to 65535",
                            "") == -ERANGE);
        spec.name = "-x";
        expect(attach_error(PORT(false), &spec,
                            "cannot attach filter '" OBJECT("count") "' to 'port' (in): '-x' "
                                                                     "cannot be a filter's name",
                            "it has letters, digits, '_', '.' and '-', and begins with one of the "
                            "first two") == -EINVAL);
        spec = acting(FILTER_MIRROR, "eth9");
        expect(attach_error(PORT(false), &spec,
                            "cannot attach filter 'count' to 'port' (in): cannot find interface "
                            "'eth9': No such device",
                            "") == -ENODEV);
        late = count;
        late.priority = 65530;
        attach(PORT(false), &late);
        expect(attach_error(PORT(false), &count,
                            "cannot attach filter 'count' to 'port' (in): there is a filter "
                            "'count' already",
                            "") == -EEXIST);
        other.name = "other";
        expect(attach_error(PORT(false), &other,
                            "cannot attach filter 'other' to 'port' (in): there is no priority "
                            "behind 65530",
                            "") == -ERANGE);
        expect(!has_clsact("tap"));
}

TEST(filter_says_what_becomes_of_its_matches_unless_told) {
        FilterSpec own = { .object = OBJECT("tokenbucket") },
                   told = { .object = OBJECT("tokenbucket"),
                            .action = FILTER_COUNT,
                            .name = "told" },
                   bad = { .object = TEST_OBJECT("target") };

        set_the_stage();
        expect(attach(PORT(false), &own).action == FILTER_DROP);
        expect(attach(PORT(false), &told).action == FILTER_COUNT);
        expect(attach_error(PORT(false), &bad,
                            "cannot attach filter 'target' to 'port' (in): its ISOLA_ACTION is "
                            "none of ISOLA_DROP, ISOLA_ACCEPT and ISOLA_COUNT",
                            "") == -EINVAL);
}

TEST(root_of_a_user_namespace_is_refused_with_words) {
        autoerr err = {};

        set_the_stage();
        expect(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
        expect(filter_attach(&(FilterPlace){ -EBADF, "lo", false }, &count, NULL, &err) == -EPERM);
        expect_str(err.message,
                   "cannot attach filter 'count' to 'lo' (in): the kernel does not take "
                   "it: Operation not permitted");
        expect_str(err.hint,
                   "BPF programs are loaded by root of the machine, not of a user namespace");
}

TEST(filter_that_is_not_there_is_refused_with_those_that_are) {
        autoerr err = {};

        set_the_stage();
        attach(PORT(false), &count);
        expect(filter_detach(PORT(false), "counts", &err) == -ENOENT);
        expect_str(err.message, "there is no filter 'counts' for what comes in by 'port'");
        expect_str(err.hint, "there is count");
        err_clear(&err);
        expect(filter_detach(PORT(true), "count", &err) == -ENOENT);
        expect_str(err.message, "there is no filter 'count' for what goes out of 'port'");
        expect(!err.hint);
}

TEST(parameters_are_each_places_own) {
        char *tcp[] = { (char *) "protocol=6", NULL };
        FilterSpec spec = count;

        set_the_stage();
        spec.parameters = tcp;
        attach(PORT(false), &spec);
        attach(PORT(true), &count);
        from_host(&(Packet){ .protocol = IPPROTO_TCP });
        from_host(&(Packet){});
        to_host(&(Packet){});
        expect(asked(PORT(false), "count", 2).counters[FILTER_COUNT].bytes == 54);
        expect(asked(PORT(true), "count", 1).counters[FILTER_COUNT].bytes == 42);
}

TEST(parameter_that_does_not_fit_is_refused_with_words) {
        static const char *const cases[][3] = {
                { "speed=5", "cannot set 'speed': the parameter has no member 'speed'",
                  "it has protocol" },
                { "protocol=256", "parameter.protocol cannot be '256': it wants a number that fits",
                  "it is unsigned and has 8 bits" },
                { "protocol", "parameter 'protocol' is not NAME=VALUE", "" },
                { "=6", "parameter '=6' is not NAME=VALUE", "" },
        };

        set_the_stage();
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char *parameters[] = { (char *) cases[i][0], NULL }, words[256];
                FilterSpec spec = count;

                spec.parameters = parameters;
                snprintf(words, sizeof words, "cannot attach filter 'count' to 'port' (in): %s",
                         cases[i][1]);
                attach_error(PORT(false), &spec, words, cases[i][2]);
        }
}

TEST(filters_of_one_name_share_their_maps) {
        FilterSpec learn = { .name = "sizes",
                             .object = TEST_OBJECT("several"),
                             .program = "learn",
                             .action = FILTER_COUNT },
                   apply = { .name = "sizes",
                             .object = TEST_OBJECT("several"),
                             .program = "apply",
                             .action = FILTER_DROP },
                   alone = apply,
                   unlike = { .name = "sizes",
                              .object = TEST_OBJECT("other"),
                              .action = FILTER_DROP };
        const Packet small = {}, large = { .payload = "x", .n_payload = 1 };

        set_the_stage();
        alone.name = "alone";
        attach(PORT(false), &learn);
        attach(PORT(true), &apply);
        attach(PORT(true), &alone);
        from_host(&small);
        asked(PORT(false), "sizes", 1);
        to_host(&small);
        to_host(&large);
        expect(arrives(stage.host, &large) && is_silent(stage.host));
        expect_str(text(dump("sizes", "sizes")), "[{\"key\":42,\"value\":1}]");
        expect(look(PORT(true), "alone").counters[FILTER_PASS].packets == 1);

        expect(attach_error(&(FilterPlace){ stage.here, "tap", false }, &unlike,
                            "cannot attach filter 'sizes' to 'tap' (in): map 'sizes' of the "
                            "filters called 'sizes' looks different",
                            "detach those, or give this one another name") == -EEXIST);

        /* What was learnt stays as long as one of them does. */
        expect_ok(filter_detach(PORT(false), "sizes", NULL));
        to_host(&small);
        to_host(&large);
        expect(arrives(stage.host, &large) && is_silent(stage.host));
}

TEST(another_programs_filters_are_left_alone) {
        set_the_stage();
        attach(PORT(false), &count);
        expect(system("tc filter add dev port ingress prio 7 bpf da obj " TEST_OBJECT(
                       "bare") " sec tc 2>/dev/null") == 0);
        expect_str(list("port"), "port in 10 count count; ");
        expect_ok(filter_detach(PORT(false), "count", NULL));
        expect(system("tc filter show dev port ingress | grep -q 'pref 7 bpf'") == 0);
}

TEST(actions_are_read) {
        const char *target;
        FilterVerdict v;
        autoerr err = {};

        expect_ok(filter_action_parse("drop", &v, &target, NULL));
        expect(v == FILTER_DROP && !target);
        expect_ok(filter_action_parse("mirror:eth1", &v, &target, NULL));
        expect(v == FILTER_MIRROR);
        expect_str(target, "eth1");
        expect(filter_action_parse("mirror", &v, &target, &err) == -EINVAL);
        expect_str(err.message, "'mirror' does not say to which interface: 'mirror:INTERFACE'");
        err_clear(&err);
        expect(filter_action_parse("redirect:", &v, &target, &err) == -EINVAL);
        err_clear(&err);
        expect(filter_action_parse("drop:eth1", &v, &target, &err) == -EINVAL);
        expect_str(err.message, "'drop:eth1' has an interface, which 'drop' has not");
        err_clear(&err);
        expect(filter_action_parse("pass", &v, &target, &err) == -EINVAL);
        expect_str(err.message, "'pass' is not what can be done with a packet");
}
