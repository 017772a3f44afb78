/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "netlink/clsact.h"
#include "netlink/nl.h"

static struct tcmsg place_header(int index, bool egress) {
        return (struct tcmsg){
                .tcm_family = AF_UNSPEC,
                .tcm_ifindex = index,
                .tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS),
        };
}

static struct tcmsg qdisc_header(int index) {
        return (struct tcmsg){
                .tcm_family = AF_UNSPEC,
                .tcm_ifindex = index,
                .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
                .tcm_parent = TC_H_CLSACT,
        };
}

typedef struct Kind {
        int index;
        char name[16];
} Kind;

static int take_kind(const struct nlmsghdr *message, void *context) {
        const struct tcmsg *tcm = NLMSG_DATA(message);
        Kind *kind = context;

        if (tcm->tcm_ifindex == kind->index && tcm->tcm_parent == TC_H_CLSACT) {
                const char *name = nl_string(nl_find(message, sizeof *tcm, TCA_KIND));

                snprintf(kind->name, sizeof kind->name, "%s", name ? name : "");
        }
        return 0;
}

/* What has clsact's place: "clsact", "ingress", or "" for nothing. */
static int find_kind(int nl, int index, Kind *ret, Err *err) {
        struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = index };
        NlMessage m;

        *ret = (Kind){ .index = index };
        nl_begin(&m, RTM_GETQDISC, NLM_F_DUMP, &tcm, sizeof tcm);
        /* Linux hides those that every interface has, unless asked for. */
        nl_put(&m, TCA_DUMP_INVISIBLE, NULL, 0);
        return nl_dump(nl, &m, take_kind, ret, err);
}

int clsact_make(int nl, int index, Err *err) {
        struct tcmsg tcm = qdisc_header(index);
        autoerr reason = {};
        NlMessage m;
        Kind kind;
        int r;

        nl_begin(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm, sizeof tcm);
        nl_put_string(&m, TCA_KIND, "clsact");
        r = nl_call(nl, &m, &reason);
        if (r == -ENOENT)
                return err_hint(err, refuse(err, ENOENT, "this kernel has no clsact"),
                                "it is the option CONFIG_NET_SCH_INGRESS");
        if (r != -EEXIST)
                return r < 0 ? refuse(err, r, "%s", reason.message) : 0;

        /* ingress has the same place, and takes a filter for what is sent as one for what came. */
        r = find_kind(nl, index, &kind, err);
        if (r >= 0 && !str_equal(kind.name, "clsact"))
                return err_hint(
                        err, refuse(err, EBUSY, "it has the queueing discipline '%s'", kind.name),
                        "`tc qdisc del dev INTERFACE ingress` removes it");
        return r < 0 ? r : 0;
}

int clsact_remove(int nl, int index, Err *err) {
        struct tcmsg tcm = qdisc_header(index);
        autoerr reason = {};
        NlMessage m;
        Kind kind;
        int r;

        r = find_kind(nl, index, &kind, err);
        if (r < 0 || !str_equal(kind.name, "clsact"))
                return r < 0 ? r : 0;
        nl_begin(&m, RTM_DELQDISC, 0, &tcm, sizeof tcm);
        r = nl_call(nl, &m, &reason);
        if (r < 0 && r != -ENOENT && r != -ENODEV)
                return refuse(err, r, "%s", reason.message);
        return 0;
}

static void put_filter(NlMessage *m, uint16_t type, uint16_t flags, const ClsactFilter *filter) {
        struct tcmsg tcm = place_header(filter->index, filter->egress);

        /* One filter at each priority: those of one priority are asked in no order that is told. */
        tcm.tcm_handle = 1;
        tcm.tcm_info = TC_H_MAKE((uint32_t) filter->priority << 16, htons(ETH_P_ALL));
        nl_begin(m, type, flags, &tcm, sizeof tcm);
        nl_put_string(m, TCA_KIND, "bpf");
}

int clsact_attach(int nl, const ClsactFilter *filter, int program, Err *err) {
        size_t options;
        NlMessage m;

        put_filter(&m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, filter);
        options = nl_nest(&m, TCA_OPTIONS);
        nl_put_u32(&m, TCA_BPF_FD, (uint32_t) program);
        nl_put_string(&m, TCA_BPF_NAME, filter->name);
        nl_put_u32(&m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
        nl_end(&m, options);
        return nl_call(nl, &m, err);
}

int clsact_detach(int nl, const ClsactFilter *filter, Err *err) {
        NlMessage m;

        put_filter(&m, RTM_DELTFILTER, 0, filter);
        return nl_call(nl, &m, err);
}

typedef struct Walk {
        bool egress;
        int (*each)(const ClsactFilter *filter, void *context);
        void *context;
        int stopped; /* what @each said */
} Walk;

static int take_filter(const struct nlmsghdr *message, void *context) {
        const struct tcmsg *tcm = NLMSG_DATA(message);
        const struct nlattr *options = nl_find(message, sizeof *tcm, TCA_OPTIONS);
        const char *kind = nl_string(nl_find(message, sizeof *tcm, TCA_KIND));
        ClsactFilter filter = { .index = tcm->tcm_ifindex };
        Walk *walk = context;
        const char *name;

        /* A priority is announced by a message of its own, without a filter. */
        filter.program = nl_u32(nl_find_nested(options, TCA_BPF_ID), 0);
        if (walk->stopped < 0 || !str_equal(kind, "bpf") || !filter.program)
                return 0;
        name = nl_string(nl_find_nested(options, TCA_BPF_NAME));
        snprintf(filter.name, sizeof filter.name, "%s", name ? name : "");
        filter.egress = walk->egress;
        filter.priority = (uint16_t) (TC_H_MAJ(tcm->tcm_info) >> 16);
        walk->stopped = walk->each(&filter, walk->context);
        return 0;
}

int clsact_each(int nl, int index, bool egress,
                int (*each)(const ClsactFilter *filter, void *context), void *context, Err *err) {
        struct tcmsg tcm = place_header(index, egress);
        Walk walk = { egress, each, context, 0 };
        NlMessage m;
        int r;

        nl_begin(&m, RTM_GETTFILTER, NLM_F_DUMP, &tcm, sizeof tcm);
        r = nl_dump(nl, &m, take_filter, &walk, err);
        return r < 0 ? r : walk.stopped;
}

typedef struct InterfaceWalk {
        int (*each)(int index, void *context);
        void *context;
} InterfaceWalk;

static int take_interface(const struct nlmsghdr *message, void *context) {
        const struct tcmsg *tcm = NLMSG_DATA(message);
        const InterfaceWalk *walk = context;

        if (tcm->tcm_parent != TC_H_CLSACT ||
            !str_equal(nl_string(nl_find(message, sizeof *tcm, TCA_KIND)), "clsact"))
                return 0;
        return walk->each(tcm->tcm_ifindex, walk->context);
}

int clsact_each_interface(int nl, int (*each)(int index, void *context), void *context, Err *err) {
        struct tcmsg tcm = { .tcm_family = AF_UNSPEC };
        InterfaceWalk walk = { each, context };
        NlMessage m;

        nl_begin(&m, RTM_GETQDISC, NLM_F_DUMP, &tcm, sizeof tcm);
        return nl_dump(nl, &m, take_interface, &walk, err);
}

static int count(const struct nlmsghdr *message, void *context) {
        ++*(unsigned *) context;
        return 0;
}

int clsact_is_used(int nl, int index, Err *err) {
        unsigned n = 0;

        for (int egress = 0; egress < 2; egress++) {
                struct tcmsg tcm = place_header(index, egress);
                NlMessage m;
                int r;

                nl_begin(&m, RTM_GETTFILTER, NLM_F_DUMP, &tcm, sizeof tcm);
                r = nl_dump(nl, &m, count, &n, err);
                if (r < 0)
                        return r;
        }
        return n > 0;
}
