/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/auto.h"
#include "netlink/clsact.h"
#include "netlink/link.h"
#include "netlink/nl.h"
#include "test.h"

/* Loading programs takes the machine's root, which a user namespace of the test's own has not. */
static int enter(void) {
        int nl;

        if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
                skip("needs root, to load BPF programs");
        nl = expect_ok(nl_open());
        expect_ok(link_add_veth(nl, &(LinkEnd){ "left", -EBADF }, &(LinkEnd){ "right", -EBADF },
                                NULL));
        return nl;
}

/* A program that only returns a number. */
static int program(int verdict) {
        const struct bpf_insn code[] = {
                { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
                { .code = BPF_JMP | BPF_EXIT },
        };
        union bpf_attr attr = {
                .prog_type = BPF_PROG_TYPE_SCHED_CLS,
                .insns = (uint64_t) (uintptr_t) code,
                .insn_cnt = 2,
                .license = (uint64_t) (uintptr_t) "GPL",
        };
        int fd = (int) syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr);

        if (fd < 0 && (errno == EPERM || errno == ENOSYS))
                skip("BPF programs cannot be loaded here");
        return expect_ok(fd);
}

static int say(const ClsactFilter *filter, void *context) {
        char *text = context;

        expect(filter->program > 0);
        sprintf(text + strlen(text), "%s %u %s, ", filter->egress ? "out" : "in", filter->priority,
                filter->name);
        return 0;
}

static const char *list(int nl, int index, bool egress) {
        static char text[512];

        *text = 0;
        expect_ok(clsact_each(nl, index, egress, say, text, NULL));
        return text;
}

/* Whether a datagram to 127.0.0.1 arrives; loopback's packets are sent and received at once. */
static bool passes(void) {
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        autoclose int in = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        autoclose int out = socket(AF_INET, SOCK_DGRAM, 0);
        socklen_t size = sizeof to;
        char byte;

        expect(bind(in, (struct sockaddr *) &to, sizeof to) == 0);
        expect(getsockname(in, (struct sockaddr *) &to, &size) == 0);
        /* A packet dropped on its way out is told to the sender. */
        if (sendto(out, "x", 1, 0, (struct sockaddr *) &to, sizeof to) < 0)
                return false;
        return recv(in, &byte, 1, 0) == 1;
}

TEST(filters_are_listed_by_priority_and_place) {
        autoclose int nl = enter(), p = program(TC_ACT_OK);
        int index = (int) if_nametoindex("left");

        expect_ok(clsact_make(nl, index, NULL));
        expect_ok(clsact_make(nl, index, NULL));
        expect_str(list(nl, index, false), "");
        expect_ok(clsact_attach(nl, &(ClsactFilter){ index, false, 20, "second" }, p, NULL));
        expect_ok(clsact_attach(nl, &(ClsactFilter){ index, false, 10, "first" }, p, NULL));
        expect_ok(clsact_attach(nl, &(ClsactFilter){ index, true, 10, "other" }, p, NULL));
        expect_str(list(nl, index, false), "in 10 first, in 20 second, ");
        expect_str(list(nl, index, true), "out 10 other, ");
        expect(clsact_is_used(nl, index, NULL) == 1);

        expect_ok(clsact_detach(nl, &(ClsactFilter){ index, false, 10 }, NULL));
        expect_str(list(nl, index, false), "in 20 second, ");
        expect(clsact_detach(nl, &(ClsactFilter){ index, false, 10 }, NULL) == -ENOENT);

        expect_ok(clsact_remove(nl, index, NULL));
        expect_ok(clsact_remove(nl, index, NULL));
        expect_str(list(nl, index, false), "");
        expect(clsact_is_used(nl, index, NULL) == 0);
}

static int add_index(int index, void *context) {
        *(int *) context += index;
        return 0;
}

TEST(interfaces_that_have_it_are_found) {
        autoclose int nl = enter();
        int left = (int) if_nametoindex("left"), right = (int) if_nametoindex("right"), sum = 0;

        expect_ok(clsact_each_interface(nl, add_index, &sum, NULL));
        expect(sum == 0);
        expect_ok(clsact_make(nl, right, NULL));
        expect_ok(clsact_each_interface(nl, add_index, &sum, NULL));
        expect(sum == right);
        expect_ok(clsact_make(nl, left, NULL));
        sum = 0;
        expect_ok(clsact_each_interface(nl, add_index, &sum, NULL));
        expect(sum == left + right);
}

TEST(priority_that_is_taken_is_refused) {
        autoclose int nl = enter(), p = program(TC_ACT_OK);
        int index = (int) if_nametoindex("left");

        expect_ok(clsact_make(nl, index, NULL));
        expect_ok(clsact_attach(nl, &(ClsactFilter){ index, false, 10, "a" }, p, NULL));
        expect(clsact_attach(nl, &(ClsactFilter){ index, false, 10, "b" }, p, NULL) == -EEXIST);
        expect_str(list(nl, index, false), "in 10 a, ");
}

TEST(verdicts_count_in_the_order_of_priorities) {
        autoclose int nl = enter(), drop = program(TC_ACT_SHOT), next = program(TC_ACT_UNSPEC),
                      pass = program(TC_ACT_OK);
        int lo = (int) if_nametoindex("lo");
        NlMessage m;

        nl_begin_empty(&m);
        link_next_up(&m, lo);
        expect_ok(nl_call(nl, &m, NULL));
        expect(passes());
        expect_ok(clsact_make(nl, lo, NULL));
        expect_ok(clsact_attach(nl, &(ClsactFilter){ lo, false, 30, "drop" }, drop, NULL));
        expect(!passes());
        expect_ok(clsact_attach(nl, &(ClsactFilter){ lo, false, 10, "next" }, next, NULL));
        expect(!passes());
        expect_ok(clsact_attach(nl, &(ClsactFilter){ lo, false, 20, "pass" }, pass, NULL));
        expect(passes());
        expect_ok(clsact_attach(nl, &(ClsactFilter){ lo, true, 10, "drop" }, drop, NULL));
        expect(!passes());
}

TEST(place_of_an_ingress_discipline_is_refused) {
        autoclose int nl = enter();
        int index = (int) if_nametoindex("left");
        struct tcmsg tcm = { .tcm_ifindex = index,
                             .tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0),
                             .tcm_parent = TC_H_INGRESS };
        autoerr err = {};
        NlMessage m;

        nl_begin(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm, sizeof tcm);
        nl_put_string(&m, TCA_KIND, "ingress");
        expect_ok(nl_call(nl, &m, NULL));
        expect(clsact_make(nl, index, &err) == -EBUSY);
        expect_str(err.message, "it has the queueing discipline 'ingress'");
        expect_ok(clsact_remove(nl, index, NULL));
        err_clear(&err);
        expect(clsact_make(nl, index, &err) == -EBUSY);
}

TEST(filters_end_with_their_interface) {
        autoclose int nl = enter(), p = program(TC_ACT_OK);
        int index = (int) if_nametoindex("left");
        autoerr err = {};

        expect_ok(clsact_make(nl, index, NULL));
        expect_ok(clsact_attach(nl, &(ClsactFilter){ index, false, 10, "a" }, p, NULL));
        expect_ok(link_remove(nl, "left", NULL));
        expect_str(list(nl, index, false), "");
        expect(clsact_make(nl, index, &err) == -ENODEV);
        expect(clsact_attach(nl, &(ClsactFilter){ index, false, 10, "a" }, p, NULL) == -ENODEV);
}
