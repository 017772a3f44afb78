/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <sys/eventfd.h>

#include "measure/tcp.h"
#include "pair.h"

static void moves_bytes(int family, bool reverse) {
        autotcp result = {};
        TcpOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(family, &a, &b);
        o = tcp_defaults(&a, &b);
        o.flows = 3;
        o.reverse = reverse;
        o.bytes = 1 << 20;
        o.duration_ns = 60 * NS_PER_S;
        expect_well(tcp(&o, &result, &err), err);
        expect(result.n_flows == 3 && result.received == 3 << 20 && !result.stopped);
        for (size_t i = 0; i < 3; i++)
                expect(result.flows[i].received == 1 << 20);
        expect(result.goodput_bps > 0 && result.fairness > 0.3 && result.fairness < 1.001);
        expect(result.congestion[0] && result.connect_ms > 0);
}

TEST_IN(all_bytes_of_all_flows_arrive, CLONE_NEWNET) {
        moves_bytes(AF_INET, false);
}

TEST_IN(the_other_side_may_send, CLONE_NEWNET) {
        moves_bytes(AF_INET6, true);
}

TEST_IN(by_time_it_watches_the_kernels_figures, CLONE_NEWNET) {
        autotcp result = {};
        TcpOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        o = tcp_defaults(&a, &b);
        o.congestion = "reno";
        o.duration_ns = 350 * NS_PER_MS;
        expect_well(tcp(&o, &result, &err), err);
        expect_str(result.congestion, "reno");
        expect(result.goodput.count >= 1 && result.flows[0].window.count >= 1);
        expect(result.flows[0].mss > 500 && result.flows[0].window.min > 0);
        expect(result.received > 0);
}

TEST_IN(unknown_congestion_control_is_refused, CLONE_NEWNET) {
        autotcp result = {};
        TcpOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        o = tcp_defaults(&a, &b);
        o.congestion = "cubik";
        expect(tcp(&o, &result, &err) < 0);
        printf("# %s\n", err.message);
        expect(strstr(err.message, "'cubik'") && strstr(err.hint, "available"));
}

TEST_IN(without_a_way_there_is_no_connection, CLONE_NEWNET) {
        autotcp result = {};
        TcpOptions o;
        Station a, b;
        autoerr err = {};

        pair_make(AF_INET, &a, &b);
        pair_cut(a.netns, "left");
        o = tcp_defaults(&b, &b);
        o.from.netns = a.netns;
        expect(tcp(&o, &result, &err) == -ENETUNREACH);
        printf("# %s\n", err.message);
        expect(strstr(err.message, "cannot connect to 10.9.0.2 over TCP"));
}

TEST_IN(a_port_where_nobody_listens_refuses, CLONE_NEWNET) {
        Station a, b;

        pair_make(AF_INET, &a, &b);
        expect(tcp_try(a.netns, &b.address, 9, 10 * NS_PER_S, -EBADF) == -ECONNREFUSED);
}

/* Established connections of a network namespace, by the kernel's table of them. */
static bool is_connected(int netns) {
        char line[512];
        bool found = false;
        FILE *f;

        expect(setns(netns, CLONE_NEWNET) == 0);
        f = fopen("/proc/thread-self/net/tcp", "re");
        expect(f);
        while (!found && fgets(line, sizeof line, f))
                found = strstr(line, " 01 ");
        fclose(f);
        return found;
}

TEST_IN(stopped_it_has_what_it_has, CLONE_NEWNET) {
        autoclose int stop = eventfd(0, EFD_CLOEXEC);
        autotcp result = {};
        TcpOptions o;
        Station a, b;
        autoerr err = {};
        pid_t pid;

        pair_make(AF_INET, &a, &b);
        o = tcp_defaults(&a, &b);
        o.duration_ns = 1000 * NS_PER_S;
        o.stop = stop;
        pid = fork();
        if (pid == 0) {
                while (!is_connected(b.netns))
                        usleep(1000);
                usleep(10000);
                eventfd_write(stop, 1);
                _exit(0);
        }
        expect(tcp(&o, &result, &err) >= 0 || err.code == -ECANCELED);
        waitpid(pid, NULL, 0);
        expect(err.code == -ECANCELED || (result.stopped && result.seconds < 900));
}
