/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "engine/ports.h"
#include "test.h"

static void listen_on(int port, int type) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        expect(bind(fd, (struct sockaddr *) &a, sizeof a) == 0);
        if (type == SOCK_STREAM)
                expect(listen(fd, 5) == 0);
        expect(dup(fd) >= 0); /* a second descriptor is not a second row */
}

/* A process in namespaces of its own that listens; returns its pid once it does. */
static pid_t start_listener(int namespaces, int port, int type) {
        int ready[2];
        char byte;
        pid_t pid;

        expect(pipe2(ready, O_CLOEXEC) == 0);
        expect(unshare(namespaces & CLONE_NEWPID) == 0);
        pid = fork();
        if (pid == 0) {
                expect(unshare(namespaces & ~CLONE_NEWPID) == 0);
                listen_on(port, type);
                close(ready[1]);
                pause();
                _exit(0);
        }
        close(ready[1]);
        expect(read(ready[0], &byte, 1) == 0);
        close(ready[0]);
        return pid;
}

static const PortEntry *find(const Ports *ports, int port) {
        const PortEntry *found = NULL;

        for (size_t i = 0; i < ports->n; i++)
                if (ports->entries[i].socket.port == port) {
                        expect(!found);
                        found = &ports->entries[i];
                }
        return found;
}

TEST_IN(listeners_of_every_namespace_are_found, CLONE_NEWNS | CLONE_NEWNET) {
        autoptr(Home) home = NULL;
        autoptr(Ports) ports = NULL;
        const PortEntry *here, *there;
        struct stat st;
        char path[64];
        pid_t pid;

        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        expect_ok(home_open("/mnt/data", "/mnt/run", &home, NULL));
        pid = start_listener(CLONE_NEWNET | CLONE_NEWPID, 1002, SOCK_DGRAM);
        listen_on(1001, SOCK_STREAM);

        expect_ok(ports_list(home, false, &ports, NULL));
        here = find(ports, 1001);
        expect(here && here->pid == getpid() && here->socket.protocol == IPPROTO_TCP);
        expect_str(here->address, "0.0.0.0");
        expect_str(port_state(&here->socket), "LISTEN");

        there = find(ports, 1002);
        expect(there && there->pid == pid && there->pid_inside == 1);
        expect(there->socket.protocol == IPPROTO_UDP && there->netns != here->netns);
        snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
        expect(stat(path, &st) == 0 && there->netns == st.st_ino);
        expect(strncmp(there->process, "test_engine_por", 15) == 0);
        expect_str(there->container, "");
        expect_str(there->published, "");
        kill(pid, SIGKILL);
        _exit(0); /* a leak checker's own process would be in the new pid namespace */
}

TEST_IN(namespace_without_a_process_is_found_by_its_mount, CLONE_NEWNS | CLONE_NEWNET) {
        autoclose int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        autoptr(Home) home = NULL;
        autoptr(Ports) ports = NULL;
        const PortEntry *there;

        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        expect_ok(home_open("/mnt/data", "/mnt/run", &home, NULL));
        expect(mknod("/mnt/pinned", S_IFREG | 0600, 0) == 0);
        expect(unshare(CLONE_NEWNET) == 0);
        expect(mount("/proc/self/ns/net", "/mnt/pinned", NULL, MS_BIND, NULL) == 0);
        listen_on(1003, SOCK_STREAM);
        expect(setns(own, CLONE_NEWNET) == 0);

        expect_ok(ports_list(home, false, &ports, NULL));
        there = find(ports, 1003);
        expect(there && there->pid == getpid());
}

TEST_IN(connections_are_shown_only_when_asked_for, CLONE_NEWNS | CLONE_NEWNET) {
        struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(1004) };
        autoclose int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        autoptr(Home) home = NULL;
        autoptr(Ports) ports = NULL;
        autoptr(Ports) all = NULL;
        bool seen = false;

        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        expect_ok(home_open("/mnt/data", "/mnt/run", &home, NULL));
        expect(ioctl(client, SIOCSIFFLAGS, &up) == 0);
        listen_on(1004, SOCK_STREAM);
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        expect(connect(client, (struct sockaddr *) &a, sizeof a) == 0);

        expect_ok(ports_list(home, false, &ports, NULL));
        expect(find(ports, 1004));
        expect_ok(ports_list(home, true, &all, NULL));
        for (size_t i = 0; i < all->n; i++)
                if (strcmp(all->entries[i].peer, "127.0.0.1:1004") == 0) {
                        expect_str(port_state(&all->entries[i].socket), "ESTAB");
                        expect(all->entries[i].pid == getpid());
                        seen = true;
                }
        expect(seen);
}
