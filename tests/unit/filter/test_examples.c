/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The filters of share/filters, as they are shipped. */

#include "netlink/addr.h"
#include "stage.h"

static void use(const char *object, const char *name, bool egress, FilterVerdict action,
                const char *parameters) {
        autostrv list = NULL;
        FilterSpec spec = { .name = name, .object = object, .action = action };

        expect_ok(strv_split(parameters, " ", true, &list));
        spec.parameters = list;
        attach(PORT(egress), &spec);
}

/* Real sockets: the port is 10.1.0.1, the host 10.1.0.2. */
typedef struct Interface {
        const char *name, *address;
} Interface;

static int give_address(void *context) {
        const Interface *interface = context;
        autoclose int nl = expect_ok(nl_open());
        NlMessage m;
        Address a;

        expect_ok(addr_parse(interface->address, &a));
        nl_begin_empty(&m);
        addr_next_add(&m, (int) if_nametoindex(interface->name), &a);
        return nl_call(nl, &m, NULL);
}

static void give_addresses(void) {
        expect_ok(give_address(&(Interface){ "port", "10.1.0.1/24" }));
        expect_ok(netns_run(stage.there, give_address, &(Interface){ "host", "10.1.0.2/24" }));
}

static int open_tcp(void *context) {
        return expect_ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int open_listener(void *context) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(80) };
        int fd = open_tcp(NULL);

        expect(bind(fd, (struct sockaddr *) &at, sizeof at) == 0 && listen(fd, 1) == 0);
        return fd;
}

static int connect_to(int fd, const char *address) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };

        expect(inet_pton(AF_INET, address, &to.sin_addr) == 1);
        return connect(fd, (struct sockaddr *) &to, sizeof to) < 0 ? -errno : 0;
}

static void exchange(int a, int b, size_t n) {
        autofree char *bytes = calloc(1, n);

        /* Fits the buffers of both, so that one process may be at either end. */
        expect(send(a, bytes, n, 0) == (ssize_t) n);
        expect(recv(b, bytes, n, MSG_WAITALL) == (ssize_t) n);
        expect(send(b, bytes, n, 0) == (ssize_t) n);
        expect(recv(a, bytes, n, MSG_WAITALL) == (ssize_t) n);
}

TEST(count_counts_bundled_tcp_as_packets) {
        autoclose int listener = -EBADF, a = -EBADF, b = -EBADF;
        Filter f;

        set_the_stage();
        give_addresses();
        use(OBJECT("count"), NULL, false, FILTER_COUNT, "protocol=6");
        listener = open_listener(NULL);
        a = netns_run(stage.there, open_tcp, NULL);
        expect_ok(connect_to(a, "10.1.0.1"));
        b = expect_ok(accept(listener, NULL, NULL));
        exchange(a, b, 60000);
        f = look(PORT(false), "count");
        expect(f.counters[FILTER_COUNT].packets >= 60000 / 1448);
        expect(f.counters[FILTER_COUNT].bytes >= 60000);
}

TEST(firewall_lets_the_first_rule_that_fits_decide) {
        const Packet web = { .protocol = IPPROTO_TCP, .dport = 80 },
                     other = { .protocol = IPPROTO_TCP, .dport = 81 },
                     friend = { .protocol = IPPROTO_TCP, .dport = 81, .from = "10.9.255.1" },
                     stranger = { .protocol = IPPROTO_TCP, .dport = 81, .from = "10.10.0.1" },
                     six = { .from = "fd00:1::5", .to = "fd00::2" },
                     seven = { .from = "fd00:2::5", .to = "fd00::2" },
                     piece = { .protocol = IPPROTO_TCP, .dport = 80, .fragment = 0x0010 };
        Frame arp = { .n = 0 }, cut = frame(&web), got;

        set_the_stage();
        use(OBJECT("firewall"), NULL, true, FILTER_COUNT, "");
        to_host(&other);
        expect(arrives(stage.host, &other)); /* there are no rules yet */
        set_entry(
                "firewall", "rules",
                "key=0 value.protocol=6 value.first_port=80 value.last_port=80 value.verdict=accept");
        set_entry("firewall", "rules", "key=5 value.source=10.9.0.0/16 value.verdict=accept");
        set_entry("firewall", "rules", "key=6 value.source=fd00:1::/32 value.verdict=accept");
        set_entry("firewall", "rules", "key=63 value.verdict=drop");

        to_host(&other);
        to_host(&stranger);
        to_host(&seven);
        to_host(&piece);
        to_host(&web);
        expect(arrives(stage.host, &web));
        to_host(&friend);
        expect(arrives(stage.host, &friend));
        to_host(&six);
        expect(arrives(stage.host, &six));

        put_ethernet(&arp, ETH_P_ARP);
        put(&arp, (uint8_t[28]){ 0, 1, 8, 0, 6, 4, 0, 1 }, 28);
        cut.n = 40;
        send_frame(stage.port, &cut);
        send_frame(stage.port, &arp);
        expect(receive(stage.host, 5000, &got) && got.n == arp.n);
        expect(is_silent(stage.host));
        expect(look(PORT(true), "firewall").counters[FILTER_DROP].packets == 5);
        expect(look(PORT(true), "firewall").counters[FILTER_ACCEPT].packets == 3);
}

TEST(firewall_counts_by_rule) {
        json_t *values, *value;
        json_int_t packets = 0;
        size_t i;

        set_the_stage();
        use(OBJECT("firewall"), NULL, true, FILTER_COUNT, "");
        set_entry("firewall", "rules", "key=3 value.protocol=17 value.verdict=count");
        to_host(&(Packet){});
        to_host(&(Packet){});
        to_host(&(Packet){ .protocol = IPPROTO_TCP });
        values = json_object_get(json_array_get(dump("firewall", "hits"), 3), "values");
        json_array_foreach(values, i, value) packets +=
                json_integer_value(json_object_get(value, "packets"));
        expect(packets == 2);
}

static void guard(const char *parameters) {
        set_the_stage();
        use(OBJECT("stateful"), NULL, false, FILTER_DROP, parameters);
        use(OBJECT("stateful"), NULL, true, FILTER_DROP, parameters);
}

/* Whether a packet to the host arrives, after all that the host sent was seen. */
static bool is_let_in(const Packet *p) {
        to_host(p);
        return look(PORT(true), "stateful").counters[FILTER_DROP].packets == 0
                       ? arrives(stage.host, p)
                       : false;
}

static bool is_kept_out(const Packet *p) {
        Filter f = look(PORT(true), "stateful");

        expect_ok(filter_reset(&f, NULL));
        to_host(p);
        f = look(PORT(true), "stateful");
        expect(is_silent(stage.host));
        expect_ok(filter_reset(&f, NULL));
        return f.counters[FILTER_DROP].packets == 1;
}

TEST(stateful_lets_answers_in_and_nothing_else) {
        const Packet syn = { .protocol = IPPROTO_TCP, .flags = 2 },
                     answer = { .protocol = IPPROTO_TCP,
                                .flags = 0x12,
                                .from = "10.0.0.2",
                                .to = "10.0.0.1",
                                .sport = 2000,
                                .dport = 1000 },
                     astray = { .protocol = IPPROTO_TCP,
                                .flags = 0x12,
                                .from = "10.0.0.2",
                                .to = "10.0.0.1",
                                .sport = 2000,
                                .dport = 1001 },
                     udp = {},
                     reply = { .from = "10.0.0.2", .to = "10.0.0.1", .sport = 2000, .dport = 1000 };
        Filter f;

        guard("");
        expect(is_kept_out(&answer));
        expect(is_kept_out(&reply));
        from_host(&syn);
        asked(PORT(false), "stateful", 1);
        expect(is_let_in(&answer));
        expect(is_kept_out(&astray));
        expect(is_kept_out(&reply));
        from_host(&udp);
        asked(PORT(false), "stateful", 2);
        expect(is_let_in(&reply));

        /* A flow does not begin with anything but a SYN, on the way out either. */
        from_host(&(Packet){ .protocol = IPPROTO_TCP, .flags = 0x10, .sport = 5 });
        f = asked(PORT(false), "stateful", 3);
        expect(f.counters[FILTER_DROP].packets == 1);
        /* Nor is a later fragment anybody's. */
        from_host(&(Packet){ .fragment = 0x0010 });
        f = asked(PORT(false), "stateful", 4);
        expect(f.counters[FILTER_DROP].packets == 2);

        expect(json_array_size(dump("stateful", "flows")) == 2);
}

TEST(stateful_lets_errors_about_flows_in) {
        const Frame known = frame(&(Packet){}), unknown = frame(&(Packet){ .dport = 99 });
        uint8_t about_known[36] = { 3, 4 }, about_unknown[36] = { 3, 4 };
        Packet error = { .protocol = IPPROTO_ICMP,
                         .from = "10.0.0.254",
                         .to = "10.0.0.1",
                         .payload = about_known,
                         .n_payload = 36 };

        memcpy(about_known + 8, known.bytes + 14, 28);
        memcpy(about_unknown + 8, unknown.bytes + 14, 28);
        guard("");
        expect(is_kept_out(&error));
        from_host(&(Packet){});
        asked(PORT(false), "stateful", 1);
        expect(is_let_in(&error));
        error.payload = about_unknown;
        expect(is_kept_out(&error));
}

TEST(stateful_lets_pass_what_links_need) {
        Packet six = { .from = "fe80::1",
                       .to = "ff02::1",
                       .protocol = IPPROTO_ICMPV6,
                       .payload = (uint8_t[24]){ 135 },
                       .n_payload = 24 };

        guard("");
        to_host(&six);
        expect(arrives(stage.host, &six));
        six.payload = (uint8_t[24]){ 143 };
        to_host(&six);
        expect(arrives(stage.host, &six));
        six.payload = (uint8_t[24]){ 128 };
        expect(is_kept_out(&six));
        expect(json_array_size(dump("stateful", "flows")) == 0);
}

TEST(stateful_forgets_flows) {
        const Packet syn = { .protocol = IPPROTO_TCP, .flags = 2 },
                     answer = { .protocol = IPPROTO_TCP,
                                .flags = 0x12,
                                .from = "10.0.0.2",
                                .to = "10.0.0.1",
                                .sport = 2000,
                                .dport = 1000 },
                     reply = { .from = "10.0.0.2", .to = "10.0.0.1", .sport = 2000, .dport = 1000 };

        guard("other=0 established=0");
        from_host(&(Packet){});
        from_host(&syn);
        asked(PORT(false), "stateful", 2);
        expect(is_kept_out(&reply));
        expect(is_let_in(&answer)); /* which makes it established */
        expect(is_kept_out(&answer));
}

TEST(stateful_knows_which_side_is_outside) {
        const Packet reply = { .from = "10.0.0.2", .to = "10.0.0.1", .sport = 2000, .dport = 1000 };
        Filter f;

        guard("uplink=true");
        from_host(&(Packet){});
        f = asked(PORT(false), "stateful", 1);
        expect(f.counters[FILTER_DROP].packets == 1);
        to_host(&reply);
        expect(arrives(stage.host, &reply));
        from_host(&(Packet){});
        f = asked(PORT(false), "stateful", 2);
        expect(f.counters[FILTER_DROP].packets == 1);
}

TEST(stateful_is_passed_by_real_connections_one_way) {
        autoclose int listener = -EBADF, inside = -EBADF, a = -EBADF, b = -EBADF, c = -EBADF;

        guard("");
        give_addresses();
        listener = open_listener(NULL);
        a = netns_run(stage.there, open_tcp, NULL);
        expect_ok(connect_to(a, "10.1.0.1"));
        b = expect_ok(accept(listener, NULL, NULL));
        exchange(a, b, 20000);

        inside = netns_run(stage.there, open_listener, NULL);
        c = expect_ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        expect(connect_to(c, "10.1.0.2") == -EINPROGRESS);
        expect(look(PORT(true), "stateful").counters[FILTER_DROP].packets >= 1);
        expect(poll(&(struct pollfd){ inside, POLLIN, 0 }, 1, 0) == 0);
}

TEST(tokenbucket_holds_so_many_bytes_for_each_source) {
        const Packet p = { .payload = "0123456789012345678901234567890123456789012345678901234567",
                           .n_payload = 58 },
                     q = { .from = "10.0.0.9" };
        json_t *list;
        Filter f;

        set_the_stage();
        use(OBJECT("tokenbucket"), NULL, false, FILTER_DROP, "rate=1 burst=1000");
        for (int i = 0; i < 15; i++)
                from_host(&p); /* 100 bytes */
        from_host(&q);
        f = asked(PORT(false), "tokenbucket", 16);
        expect(f.counters[FILTER_PASS].packets == 11);
        expect(f.counters[FILTER_DROP].packets == 5 && f.counters[FILTER_DROP].bytes == 500);
        list = dump("tokenbucket", "sources");
        expect(json_array_size(list) == 2);
        for (size_t i = 0; i < 2; i++) {
                json_t *entry = json_array_get(list, i), *value = json_object_get(entry, "value");
                bool first =
                        strcmp(json_string_value(json_object_get(entry, "key")), "10.0.0.1") == 0;

                expect(json_integer_value(json_object_get(value, "passed_bytes")) ==
                       (first ? 1000 : 42));
                expect(json_integer_value(json_object_get(value, "matched_bytes")) ==
                       (first ? 500 : 0));
        }
}

TEST(tokenbucket_fills_again) {
        Filter f;

        set_the_stage();
        use(OBJECT("tokenbucket"), NULL, false, FILTER_DROP, "rate=10000 burst=42");
        for (uint64_t i = 1; i <= 3; i++) {
                from_host(&(Packet){});
                asked(PORT(false), "tokenbucket", i);
                nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL); /* 50 bytes */
        }
        f = look(PORT(false), "tokenbucket");
        expect(f.counters[FILTER_PASS].packets == 3);
}

TEST(heavyhitters_finds_flows_over_the_threshold) {
        const Packet p = { .payload = "0123456789012345678901234567890123456789012345678901234567",
                           .n_payload = 58 };
        json_t *list, *hitter;
        Filter f;

        set_the_stage();
        use(OBJECT("heavyhitters"), NULL, false, FILTER_COUNT, "threshold=1000 window=0");
        for (uint16_t i = 0; i < 50; i++)
                from_host(&(Packet){ .sport = (uint16_t) (i + 1) });
        for (int i = 0; i < 9; i++)
                from_host(&p);
        f = asked(PORT(false), "heavyhitters", 59);
        expect(f.counters[FILTER_COUNT].packets == 0);
        from_host(&p);
        from_host(&p);
        f = asked(PORT(false), "heavyhitters", 61);
        expect(f.counters[FILTER_COUNT].packets == 2);
        list = dump("heavyhitters", "hitters");
        expect(json_array_size(list) == 1);
        hitter = json_array_get(list, 0);
        expect_str(text(json_object_get(hitter, "key")),
                   "{\"daddr\":\"10.0.0.2\",\"dport\":2000,\"protocol\":17,\"saddr\":\"10.0.0.1\","
                   "\"sport\":1000}");
        expect(json_integer_value(json_object_get(json_object_get(hitter, "value"), "bytes")) ==
               1100);
}

TEST(heavyhitters_counts_by_source) {
        Filter f;

        set_the_stage();
        use(OBJECT("heavyhitters"), NULL, false, FILTER_COUNT,
            "threshold=420 window=0 by_source=true");
        for (uint16_t i = 0; i < 10; i++)
                from_host(&(Packet){ .sport = (uint16_t) (i + 1) });
        f = asked(PORT(false), "heavyhitters", 10);
        expect(f.counters[FILTER_COUNT].packets == 1);
}

TEST(heavyhitters_begins_anew_with_each_window) {
        Filter f;

        set_the_stage();
        use(OBJECT("heavyhitters"), NULL, false, FILTER_COUNT, "threshold=84 window=1");
        for (uint64_t i = 1; i <= 5; i++) {
                from_host(&(Packet){});
                f = asked(PORT(false), "heavyhitters", i);
                nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
        }
        expect(f.counters[FILTER_COUNT].packets == 0);
}

static const uint8_t linux_options[] = { 2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
                                         0, 1, 0, 0,   0, 0, 1, 3,  3, 7 };

TEST(synprint_tells_kinds_of_syns_apart) {
        const Packet syn = { .protocol = IPPROTO_TCP,
                             .flags = 2,
                             .window = 64240,
                             .ttl = 57,
                             .options = linux_options,
                             .n_options = sizeof linux_options },
                     scan = { .protocol = IPPROTO_TCP,
                              .flags = 2,
                              .window = 1024,
                              .ttl = 50,
                              .options = linux_options,
                              .n_options = 4,
                              .from = "10.0.0.66" };
        json_t *list, *first;
        Filter f;

        set_the_stage();
        use(OBJECT("synprint"), NULL, false, FILTER_COUNT, "");
        from_host(&syn);
        from_host(&syn);
        from_host(&(Packet){ .protocol = IPPROTO_TCP, .flags = 0x10 });
        from_host(&(Packet){});
        f = asked(PORT(false), "synprint", 4);
        expect(f.counters[FILTER_COUNT].packets == 2);
        list = dump("synprint", "prints");
        expect(json_array_size(list) == 1);
        first = json_array_get(list, 0);
        expect_str(text(json_object_get(first, "key")),
                   "{\"mss\":1460,\"options\":\"MSTNW\",\"scale\":7,\"ttl\":64,\"window\":64240}");
        expect(json_integer_value(json_object_get(json_object_get(first, "value"), "packets")) ==
               2);

        set_entry("synprint", "verdicts",
                  "key.window=1024 key.mss=1460 key.ttl=64 key.scale=0 key.options=M value=drop");
        from_host(&scan);
        from_host(&syn);
        f = asked(PORT(false), "synprint", 6);
        expect(f.counters[FILTER_DROP].packets == 1 && f.counters[FILTER_COUNT].packets == 3);
}

/* A segment with timestamps. */
static void timestamped(bool out, uint8_t flags, uint32_t value, uint32_t echo, size_t n) {
        uint8_t options[12] = { 1, 1, 8, 10 };
        Packet p = { .protocol = IPPROTO_TCP,
                     .flags = flags,
                     .options = options,
                     .n_options = 12,
                     .payload = "data",
                     .n_payload = n };

        value = htonl(value);
        echo = htonl(echo);
        memcpy(options + 4, &value, 4);
        memcpy(options + 8, &echo, 4);
        if (out) {
                p.from = "10.0.0.2";
                p.to = "10.0.0.1";
                p.sport = 2000;
                p.dport = 1000;
        }
        (out ? to_host : from_host)(&p);
}

static uint64_t nanoseconds(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

static json_int_t time_of(json_t *times, const char *name) {
        return json_integer_value(json_object_get(json_object_get(times, "value"), name));
}

static void measure(void) {
        set_the_stage();
        use(OBJECT("rtt"), NULL, false, FILTER_COUNT, "");
        use(OBJECT("rtt"), NULL, true, FILTER_COUNT, "");
}

TEST(rtt_is_from_a_packet_to_its_answer) {
        uint64_t begin, before, after;
        json_t *list, *times;
        json_int_t in_histogram = 0;
        size_t i;
        json_t *n;

        measure();
        begin = nanoseconds();
        timestamped(true, 0x18, 100, 0, 4);
        before = nanoseconds();
        timestamped(true, 0x18, 100, 0, 4); /* the same again: the first counts */
        timestamped(true, 0x10, 101, 0, 0); /* an acknowledgement, which nobody answers */
        nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
        after = nanoseconds();
        timestamped(false, 0x10, 500, 100, 0);
        asked(PORT(false), "rtt", 1);
        expect(look(PORT(false), "rtt").counters[FILTER_COUNT].packets == 1);

        list = dump("rtt", "times");
        expect(json_array_size(list) == 1);
        times = json_array_get(list, 0);
        expect_str(text(json_object_get(times, "key")),
                   "{\"daddr\":\"10.0.0.1\",\"dport\":1000,\"protocol\":6,\"saddr\":\"10.0.0.2\","
                   "\"sport\":2000}");
        expect(time_of(times, "samples") == 1);
        expect(time_of(times, "last") >= (json_int_t) (after - before));
        expect(time_of(times, "last") <= (json_int_t) (nanoseconds() - begin));
        expect(time_of(times, "least") == time_of(times, "last"));
        expect(time_of(times, "most") == time_of(times, "last"));
        json_array_foreach(json_object_get(json_object_get(times, "value"), "histogram"), i, n) {
                in_histogram += json_integer_value(n);
                if (json_integer_value(n))
                        expect(i == 64u - (size_t) __builtin_clzl(
                                                  (unsigned long) time_of(times, "last") / 1000));
        }
        expect(in_histogram == 1);

        /* An answer counts once, and the acknowledgement was not waited for. */
        timestamped(false, 0x10, 501, 100, 0);
        timestamped(false, 0x10, 501, 101, 0);
        asked(PORT(false), "rtt", 3);
        expect(look(PORT(false), "rtt").counters[FILTER_COUNT].packets == 1);
}

TEST(rtt_is_measured_of_real_connections) {
        autoclose int listener = -EBADF, a = -EBADF, b = -EBADF;
        json_t *list;

        measure();
        give_addresses();
        listener = open_listener(NULL);
        a = netns_run(stage.there, open_tcp, NULL);
        expect_ok(connect_to(a, "10.1.0.1"));
        b = expect_ok(accept(listener, NULL, NULL));
        exchange(a, b, 1000);
        /* Both directions: to the host and to the listener. */
        list = dump("rtt", "times");
        expect(json_array_size(list) == 2);
        for (size_t i = 0; i < 2; i++) {
                json_t *times = json_array_get(list, i);

                expect(time_of(times, "samples") >= 1);
                expect(time_of(times, "least") > 0);
                expect(time_of(times, "sum") >= time_of(times, "most"));
        }
}
