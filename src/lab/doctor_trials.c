/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Trials of what nodes and links need beyond one kind of interface, and of other people's programs.
 * Each runs in a child of its own. */

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/search.h"
#include "base/str.h"
#include "kernel/command.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "lab/doctor_internal.h"
#include "netlink/device_probe.h"
#include "netlink/link.h"
#include "openflow/ovs.h"
#include "wire/tap.h"

/* ---- nodes ---- */

/* All that a light node's first process asks of the kernel. */
static int be_a_node(void) {
        const LinkEnd a = { .name = "eth1", .netns = -EBADF }, b = { .name = "b", .netns = -EBADF };
        autoclose int proc = mount_new("proc", NULL, &(MountAttr){}, NULL);
        autoclose int sys = proc < 0 ? proc : mount_new("sysfs", NULL, &(MountAttr){}, NULL);
        autoclose int nl = sys < 0 ? sys : nl_open();

        return nl < 0 ? nl : link_add_veth(nl, &a, &b, NULL);
}

static int try_node(const ProbePlace *place, char detail[]) {
        const uint64_t all = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS |
                             CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP;
        int status = 0;
        pid_t pid = process_clone(all, -EBADF, NULL);

        if (pid == 0) {
                int r = be_a_node();

                _exit(r < 0 ? -r : 0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return pid < 0 ? pid : -ECHILD;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* ---- links ---- */

static int try_tap(const ProbePlace *place, char detail[]) {
        int r = probe_new_network();

        return r < 0 ? r : tap_open("probe", NULL);
}

static int try_realtime(const ProbePlace *place, char detail[]) {
        const struct sched_param parameter = { .sched_priority = 10 };

        return sched_setscheduler(0, SCHED_FIFO, &parameter) < 0 ? -errno : 0;
}

static int try_capture(const ProbePlace *place, char detail[]) {
        int r = probe_new_network();

        if (r < 0)
                return r;
        r = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
        return r < 0 ? -errno : r;
}

/* Lets the verifier look at a program that passes everything on. */
static int try_filter(const ProbePlace *place, char detail[]) {
        const struct bpf_insn pass[] = {
                { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
                { .code = BPF_JMP | BPF_EXIT },
        };
        int r = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "probe", "GPL", pass,
                              sizeof pass / sizeof *pass, NULL);

        return r < 0 ? r : 0;
}

static int try_bbr(const ProbePlace *place, char detail[]) {
        autofree char *all = NULL;
        int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (s < 0)
                return -errno;
        if (file_read_line(AT_FDCWD, "/proc/sys/net/ipv4/tcp_available_congestion_control", &all) >=
            0)
                (void) snprintf(detail, PROBE_DETAIL_MAX, "there is %s", all);
        return setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3) < 0 ? -errno : 0;
}

static const ProbeFeature node_features[] = {
        { "Nodes", "a light node's namespaces", true, "no lab can be made", try_node,
          "run as root, or allow user namespaces: sysctl -w user.max_user_namespaces=65536 and, "
          "where it exists, kernel.unprivileged_userns_clone=1" },
        { "Links", "emulator (TAP)", false, "links with delay, loss and so on are refused", try_tap,
          "load tun (modprobe tun) and make /dev/net/tun writable" },
        { "Links", "real-time priority", false,
          "'lab up --realtime' emulates with normal priority, later on a busy machine",
          try_realtime, "run as root with CAP_SYS_NICE" },
        { "Links", "captures", false, "lab capture is refused", try_capture,
          "boot a kernel that has CONFIG_PACKET" },
        { "Links", "filters (BPF)", false, "lab filter is refused", try_filter,
          "run as root with CAP_BPF and CAP_NET_ADMIN" },
        { "Measuring", "TCP's BBR", false, "'congestion: bbr' is refused", try_bbr,
          "modprobe tcp_bbr" },
};

const ProbeFeature *doctor_node_features(size_t *ret_n) {
        *ret_n = sizeof node_features / sizeof *node_features;
        return node_features;
}

/* ---- programs ---- */

/* Says its version, by "PROGRAM OPTION": it is there, and so is all that it needs. */
static int try_program(const char *name, const char *option, char *detail) {
        autofree char *file = search_program(name), *words = NULL;
        const char *const args[] = { file, option, NULL };
        int r = file ? command_run(args, &words) : -ENOENT;

        if (r < 0)
                return r;
        (void) snprintf(detail, PROBE_DETAIL_MAX, "%.*s", (int) strcspn(words, "\n"), words);
        return r == 0 ? 0 : -ENOEXEC;
}

static int try_openvswitch(const ProbePlace *place, char detail[]) {
        int r = ovs_check(NULL);

        return r < 0 ? r : try_program("ovs-vswitchd", "--version", detail);
}

static int try_frr(const ProbePlace *place, char detail[]) {
        return try_program("/usr/lib/frr/zebra", "--version", detail);
}

#define PROGRAM_TRIAL(name, program)                                    \
        static int try_##name(const ProbePlace *place, char detail[]) { \
                return try_program(program, "--version", detail);       \
        }
PROGRAM_TRIAL(bird, "bird")
PROGRAM_TRIAL(clang, "clang")
PROGRAM_TRIAL(tcpdump, "tcpdump")

static const ProbeFeature programs[] = {
        { "Programs", "Open vSwitch", false, "nodes of kind ovs-bridge are refused",
          try_openvswitch, "apt-get install openvswitch-switch" },
        { "Programs", "FRRouting", false, "routers cannot run it", try_frr, "apt-get install frr" },
        { "Programs", "BIRD", false, "routers cannot run it", try_bird, "apt-get install bird2" },
        { "Programs", "clang", false, "filters of one's own cannot be compiled", try_clang,
          "apt-get install clang" },
        { "Programs", "tcpdump", false, "captures are read elsewhere", try_tcpdump,
          "apt-get install tcpdump" },
};

const ProbeFeature *doctor_programs(size_t *ret_n) {
        *ret_n = sizeof programs / sizeof *programs;
        return programs;
}
