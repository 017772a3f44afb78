/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "test.h"
#include "wire/trace.h"

#define MS 1000000LL

static Trace *parse(const char *text) {
        autoerr err = {};
        Trace *t = NULL;

        if (trace_parse(text, strlen(text), "trace", &t, &err) < 0)
                printf("# %s\n", err.message);
        expect(t);
        return t;
}

static void expect_refused(const char *text, const char *message) {
        autoerr err = {};
        Trace *t = NULL;

        expect(trace_parse(text, strlen(text), "trace", &t, &err) == -EINVAL && !t);
        expect_str(err.message, message);
}

TEST(mahimahis_lines_are_opportunities_that_begin_again_at_the_last_ones_time) {
        autoptr(Trace) t = parse("# a comment\n1\n1\n4\n10\n");
        TraceCursor c = { .origin_ns = 1000 * MS };

        expect(t->n == 4 && t->period_ns == 10 * MS && t->mean_bps == 4 * 1500 * 8 * 100);
        expect(trace_send(t, &c, 1000 * MS, 1500) == 1001 * MS);
        expect(trace_send(t, &c, 1001 * MS, 1500) == 1001 * MS); /* the second of them */
        expect(trace_send(t, &c, 1001 * MS, 1500) == 1004 * MS);
        expect(trace_send(t, &c, 1004 * MS, 1500) == 1010 * MS);
        expect(trace_send(t, &c, 1010 * MS, 1500) == 1011 * MS); /* again */
}

TEST(an_opportunity_carries_several_small_packets_of_that_time_and_a_large_packet_takes_several) {
        autoptr(Trace) t = parse("2\n4\n6\n8\n");
        TraceCursor c = {};

        expect(trace_send(t, &c, 0, 700) == 2 * MS);
        expect(trace_send(t, &c, 2 * MS, 700) == 2 * MS);
        expect(trace_send(t, &c, 2 * MS, 700) == 4 * MS); /* 100 bytes of it in the first */
        expect(trace_send(t, &c, 4 * MS, 3000) == 8 * MS);
        expect(c.left == 900);
        /* What nobody waited for is lost. */
        expect(trace_send(t, &c, 9 * MS, 100) == 10 * MS && c.left == 1400);
}

TEST(opportunities_that_passed_while_nobody_waited_are_lost) {
        autoptr(Trace) t = parse("1\n2\n3\n4\n5\n");
        TraceCursor c = {};

        expect(trace_send(t, &c, 0, 1500) == 1 * MS);
        expect(trace_send(t, &c, 3 * MS + 1, 1500) == 4 * MS);
        expect(trace_send(t, &c, 1002 * MS + 500, 1500) == 1003 * MS);
        expect(trace_send(t, &c, 1005 * MS, 1500) == 1005 * MS);
        expect(trace_send(t, &c, 5000 * MS, 1500) == 5000 * MS);
}

TEST(a_long_time_at_full_load_gives_the_mean_rate) {
        autoptr(Trace) t = parse("0\n3\n3\n7\n7\n7\n20\n");
        TraceCursor c = {};
        int64_t now = 0;

        for (int i = 0; i < 70000; i++)
                now = trace_send(t, &c, now, 1500);
        expect(now >= 199980 * MS && now <= 200000 * MS);
        expect(t->mean_bps == 7 * 1500 * 8 * 50);
}

TEST(a_csv_says_rates_over_time) {
        autoptr(Trace) t = parse("time,rate,delay,loss\n0,8mbit,10ms,0%\r\n1.5,0,20,1%\n"
                                 "2000ms,16mbit, 5ms, 2%\n");
        TraceCursor c = {};

        expect(t->n == 3 && t->period_ns == 2500 * MS && t->has_delay && t->has_loss);
        expect(t->mean_bps == 8000000);
        expect(trace_send(t, &c, 0, 1000) == 1 * MS);
        expect(trace_send(t, &c, 1499 * MS + MS / 2, 1000) == 2000 * MS + MS / 4);
        expect(trace_send(t, &c, 2499 * MS + MS * 3 / 4, 1000) == 2500 * MS + MS / 2);
        expect(trace_row(t, 0, 1600 * MS)->delay_ns == 20 * MS);
        expect(trace_row(t, 0, 4499 * MS)->loss == 0.01);
        expect(trace_row(t, 100 * MS, 2600 * MS)->delay_ns == 10 * MS);
        expect(trace_row(t, 100 * MS, 50 * MS)->delay_ns == 10 * MS);
}

TEST(without_a_header_the_columns_are_time_and_rate) {
        autoptr(Trace) t = parse("5,1000000\n6,2000000\n");

        expect(!t->has_delay && !t->has_loss && t->period_ns == 7000 * MS);
        expect(trace_row(t, 0, 0)->rate_bps == 1000000);
        expect(trace_row(t, 0, 6500 * MS)->rate_bps == 2000000);
}

TEST(one_row_is_a_rate_for_ever) {
        autoptr(Trace) t = parse("time,rate\n3,12mbit\n");
        TraceCursor c = {};

        expect(t->mean_bps == 12000000 && trace_send(t, &c, 999500 * MS, 1500) == 999501 * MS);
}

TEST(a_trace_that_carries_next_to_nothing_still_answers_at_once) {
        autoptr(Trace) t = parse("0,0\n0.5,2\n1,0\n");
        autoptr(Trace) rare = parse("2592000000\n");
        TraceCursor c = {}, d = {};

        /* One bit in each second and a half, at the end of half a second of two. */
        expect(t->period_ns == 1500 * MS && trace_send(t, &c, 0, 1) == 7 * 1500 * MS + 1000 * MS);
        expect(trace_send(t, &c, 0, 65536) == (65536 * 8 - 1) * 1500 * MS + 1000 * MS);
        expect(trace_send(rare, &d, 0, 3000) == 2 * 2592000000 * MS);
        for (int i = 0; i < 2000; i++)
                expect(trace_send(rare, &d, d.at_ns, 3000) <= TIME_FAR);
        expect(trace_send(rare, &d, d.at_ns, 3000) == TIME_FAR);
        expect(trace_send(t, &c, TIME_FAR, 3000) == TIME_FAR);
}

TEST(what_is_no_trace_is_refused_with_its_line) {
        expect_refused("1\n2\n1\n", "trace:3: '1' does not belong into a trace");
        expect_refused("2592000001\n", "trace:1: '2592000001' does not belong into a trace");
        expect_refused("31d,1mbit\n", "trace:1: '31d' does not belong into a trace");
        expect_refused("1\nx\n", "trace:2: 'x' does not belong into a trace");
        expect_refused("1 2\n", "trace:1: '2' does not belong into a trace");
        expect_refused("", "trace: nothing is ever delivered in this trace");
        expect_refused("0\n", "trace: nothing is ever delivered in this trace");
        expect_refused("time,rate\n0,0\n", "trace: nothing is ever delivered in this trace");
        expect_refused("time,speed\n", "trace:1: 'speed' does not belong into a trace");
        expect_refused("rate,time\n", "trace:1: 'rate' does not belong into a trace");
        expect_refused("time,delay\n", "trace:1: 'time' does not belong into a trace");
        expect_refused("0,1mbit\n1\n", "trace:2: '1' does not belong into a trace");
        expect_refused("0,1mbit,5\n", "trace:1: '5' does not belong into a trace");
        expect_refused("0,1mbit\n0,2mbit\n", "trace:2: '0' does not belong into a trace");
        expect_refused("time,rate\n0,fast\n", "trace:2: 'fast' is no rate");
        expect_refused("time,rate,loss\n0,1mbit,gemodel 1% 1%\n",
                       "trace:2: '0' does not belong into a trace");
}
