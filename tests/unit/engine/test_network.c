/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/network.h"
#include "test.h"

#define HOST (CLONE_NEWNET | CLONE_NEWNS)
#define ID3  "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define ID2  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A host with directories of its own that are gone with the test's mount namespace. */
static Home *scratch(void) {
        Home *home;

        if (system("ip link set lo up") != 0)
                skip("ip is not installed");
        expect(mount("none", "/mnt", "tmpfs", 0, "mode=755") == 0);
        expect_ok(home_open("/mnt/data", "/mnt/run", &home, NULL));
        return home;
}

static int current_netns(void) {
        return expect_ok(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

static int new_netns(void) {
        int here = current_netns(), there;

        expect(unshare(CLONE_NEWNET) == 0);
        there = current_netns();
        expect(setns(here, CLONE_NEWNET) == 0);
        close(here);
        return there;
}

/* What a command prints, without the newlines at its end. */
static char *output_of(const char *command) {
        FILE *pipe = popen(command, "r");
        char *text = calloc(1, 65536);
        size_t n;

        expect(pipe && text);
        n = fread(text, 1, 65535, pipe);
        expect(pclose(pipe) == 0);
        while (n > 0 && text[n - 1] == '\n')
                text[--n] = 0;
        return text;
}

static void expect_output(const char *command, const char *wanted) {
        autofree char *text = output_of(command);

        expect_str(text, wanted);
}

/* As explained in err.message. */
#define expect_success(call)                            \
        do {                                            \
                autoerr why_ = {};                      \
                Err *err = &why_;                       \
                if ((call) < 0) {                       \
                        printf("# %s\n", why_.message); \
                        expect(!"expected to succeed"); \
                }                                       \
        } while (0)

/* Runs in a child: answers each TCP connection, and each UDP packet, with the peer's address. */
static void serve(int port, int ready) {
        struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port) };
        int tcp = socket(AF_INET6, SOCK_STREAM, 0), udp = socket(AF_INET6, SOCK_DGRAM, 0), one = 1;

        setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(tcp, (struct sockaddr *) &at, sizeof at) < 0 || listen(tcp, 5) < 0 ||
            bind(udp, (struct sockaddr *) &at, sizeof at) < 0)
                _exit(1);
        close(ready);
        for (;;) {
                struct pollfd fds[] = { { tcp, POLLIN, 0 }, { udp, POLLIN, 0 } };
                struct sockaddr_in6 from;
                socklen_t size = sizeof from;
                char text[INET6_ADDRSTRLEN], byte;

                poll(fds, 2, -1);
                if (fds[0].revents) {
                        int peer = accept(tcp, (struct sockaddr *) &from, &size);

                        inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text);
                        if (write(peer, text, strlen(text)) < 0)
                                _exit(1);
                        close(peer);
                        continue;
                }
                if (recvfrom(udp, &byte, 1, 0, (struct sockaddr *) &from, &size) != 1)
                        _exit(1);
                inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text);
                sendto(udp, text, strlen(text), 0, (struct sockaddr *) &from, size);
        }
}

static void serve_in(int netns, int port) {
        pid_t parent = getpid();
        int ready[2];
        char byte;

        expect(pipe2(ready, O_CLOEXEC) == 0);
        if (fork() > 0) {
                close(ready[1]);
                expect(read(ready[0], &byte, 1) == 0);
                close(ready[0]);
                return;
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || setns(netns, CLONE_NEWNET) < 0)
                _exit(1);
        serve(port, ready[1]);
}

/* Asks a server, from a namespace; returns whom it saw, or the error's name. */
static const char *ask_within(int ms, int netns, int type, const char *address, int port) {
        static char text[64];
        bool is6 = strchr(address, ':');
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };
        struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port) };
        struct timeval wait = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
        int here = current_netns(), fd, r;
        ssize_t n;

        expect(inet_pton(is6 ? AF_INET6 : AF_INET, address,
                         is6 ? (void *) &to6.sin6_addr : (void *) &to.sin_addr) == 1);
        expect(setns(netns, CLONE_NEWNET) == 0);
        fd = socket(is6 ? AF_INET6 : AF_INET, type, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        r = is6 ? connect(fd, (struct sockaddr *) &to6, sizeof to6)
                : connect(fd, (struct sockaddr *) &to, sizeof to);
        if (r == 0 && type == SOCK_DGRAM)
                r = send(fd, "?", 1, 0) == 1 ? 0 : -1;
        n = r < 0 ? -1 : recv(fd, text, sizeof text - 1, 0);
        if (n < 0)
                snprintf(text, sizeof text, "%s", strerrorname_np(errno));
        else
                text[n] = 0;
        close(fd);
        expect(setns(here, CLONE_NEWNET) == 0);
        close(here);
        return str_after(text, "::ffff:") ? str_after(text, "::ffff:") : text;
}

static const char *ask_by(int netns, int type, const char *address, int port) {
        return ask_within(4000, netns, type, address, port);
}

static const char *ask(int netns, const char *address, int port) {
        return ask_by(netns, SOCK_STREAM, address, port);
}

static bool got_through(const char *answer) {
        return strchr(answer, '.') || strchr(answer, ':');
}

/* What is dropped has no end: a while must do. */
static bool is_blocked(int netns, const char *address, int port) {
        return !got_through(ask_within(300, netns, SOCK_STREAM, address, port));
}

typedef struct Box {
        int netns;
        Endpoint e;
} Box;

static void box_clear(Box *box) {
        endpoint_clear(&box->e);
}
#define autobox      __attribute__((__cleanup__(box_clear))) Box
#define autoendpoint __attribute__((__cleanup__(endpoint_clear))) Endpoint

static Box connected_as(const Home *home, const Network *n, const char *id, char *const *names) {
        Box box = { .netns = new_netns() };

        expect_success(network_reserve(home, n, id, NULL, NULL, names, &box.e, err));
        expect_success(network_attach(home, n, &box.e, box.netns, err));
        return box;
}

static Box connected(const Home *home, const Network *n, const char *id) {
        return connected_as(home, n, id, NULL);
}

/* Another host, 192.0.2.9 and 2001:db8::9, on the same wire as this one, .1 and ::1. */
static int neighbour(void) {
        int netns = new_netns(), here = current_netns();
        autofree char *command = NULL;

        command = str_format("ip link add wan type veth peer name eth0 netns /proc/%d/fd/%d && "
                             "ip link set wan up && ip addr add 192.0.2.1/24 dev wan && "
                             "ip addr add 2001:db8::1/64 dev wan nodad",
                             getpid(), netns);
        expect(system(command) == 0);
        expect(setns(netns, CLONE_NEWNET) == 0);
        expect(system("ip link set lo up && ip link set eth0 up && "
                      "ip addr add 192.0.2.9/24 dev eth0 && "
                      "ip addr add 2001:db8::9/64 dev eth0 nodad") == 0);
        expect(setns(here, CLONE_NEWNET) == 0);
        return netns;
}

static void set_br_netfilter(const char *value) {
        test_write("/proc/sys/net/bridge/bridge-nf-call-iptables", value);
        test_write("/proc/sys/net/bridge/bridge-nf-call-ip6tables", value);
}

static void publish_and_ask(void) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        PublishedPort ports[] = { { .protocol = IPPROTO_TCP, .host_port = 8080, .port = 80 },
                                  { .protocol = IPPROTO_UDP, .host_port = 8080, .port = 80 },
                                  { .protocol = IPPROTO_TCP, .port = 80 } };
        int here = current_netns(), other = neighbour();
        autobox web = {}, client = {};

        expect_success(network_load(home, "bridge", &n, err));
        web = connected(home, n, ID);
        client = connected(home, n, ID2);
        serve_in(web.netns, 80);
        expect_success(network_publish(home, ID, &web.e, ports, 3, err));
        expect(ports[2].host_port == 49153);

        expect_str(ask(here, web.e.ip_address, 80), "10.88.0.1");
        expect_str(ask(client.netns, web.e.ip_address, 80), client.e.ip_address);
        expect_str(ask(here, "127.0.0.1", 8080), "10.88.0.1");
        expect_str(ask(here, "127.0.0.1", 49153), "10.88.0.1");
        expect_str(ask(here, "192.0.2.1", 8080), "192.0.2.1");
        expect_str(ask(here, "10.88.0.1", 8080), "10.88.0.1");
        expect_str(ask(other, "192.0.2.1", 8080), "192.0.2.9");
        expect(got_through(ask(client.netns, "192.0.2.1", 8080)));
        expect(got_through(ask(client.netns, "10.88.0.1", 8080)));
        expect_str(ask(web.netns, "192.0.2.1", 8080), "10.88.0.1");

        expect_str(ask_by(here, SOCK_DGRAM, "127.0.0.1", 8080), "10.88.0.1");
        expect_str(ask_by(other, SOCK_DGRAM, "192.0.2.1", 8080), "192.0.2.9");
        expect_str(ask_by(web.netns, SOCK_DGRAM, "192.0.2.1", 8080), "10.88.0.1");

        expect_str(ask(here, web.e.ip6_address, 80), n->gateway6);
        expect_str(ask(other, "2001:db8::1", 8080), "2001:db8::9");
        expect_str(ask(here, "2001:db8::1", 8080), "2001:db8::1");
        expect(got_through(ask(client.netns, "2001:db8::1", 8080)));
        expect_str(ask(web.netns, "2001:db8::1", 8080), n->gateway6);

        network_release(home, ID, &web.e, ports, 3);
        close(ports[0].reserved);
        expect_str(ask(here, "127.0.0.1", 8080), "ECONNREFUSED");
        expect_output("nft -j list table inet isola | grep -c elem.*8080 || true", "0");
}

static bool is_link(const char *path) {
        char text[256];

        return readlink(path, text, sizeof text) > 0;
}

TEST_IN(published_port_is_reached_from_everywhere, HOST) {
        if (access("/proc/sys/net/bridge", F_OK) == 0)
                set_br_netfilter("0");
        publish_and_ask();
}

TEST_IN(published_port_is_reached_from_everywhere_with_br_netfilter, HOST) {
        if (access("/proc/sys/net/bridge", F_OK) < 0)
                skip("br_netfilter is not loaded");
        set_br_netfilter("1");
        publish_and_ask();
}

TEST_IN(container_reaches_its_gateway, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        char *const aliases[] = { (char *) "Web", (char *) "aaaaaaaaaaaa", NULL };
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
        struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(7) };
        struct timeval patience = { .tv_sec = 20 };
        int netns = new_netns(), server, server6, client, client6;
        autoendpoint e = {};
        char byte;

        expect_success(network_load(home, "bridge", &n, err));
        expect_str(n->subnet, "10.88.0.0/16");
        expect_success(network_reserve(home, n, ID, NULL, NULL, aliases, &e, err));
        expect_str(e.ip_address, "10.88.0.2");
        expect_str(e.mac_address, "02:42:0a:58:00:02");
        expect(is_link("/mnt/run/networks/bridge/names/web/10.88.0.2"));
        expect_success(network_attach(home, n, &e, netns, err));

        expect(inet_pton(AF_INET, "10.88.0.1", &to.sin_addr) == 1);
        expect(inet_pton(AF_INET6, n->gateway6, &to6.sin6_addr) == 1);
        server = socket(AF_INET, SOCK_DGRAM, 0);
        server6 = socket(AF_INET6, SOCK_DGRAM, 0);
        expect(bind(server, (struct sockaddr *) &to, sizeof to) == 0);
        expect(bind(server6, (struct sockaddr *) &to6, sizeof to6) == 0);
        setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(server6, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);

        expect(setns(netns, CLONE_NEWNET) == 0);
        client = socket(AF_INET, SOCK_DGRAM, 0);
        client6 = socket(AF_INET6, SOCK_DGRAM, 0);
        expect(sendto(client, "4", 1, 0, (struct sockaddr *) &to, sizeof to) == 1);
        expect(sendto(client6, "6", 1, 0, (struct sockaddr *) &to6, sizeof to6) == 1);
        expect(recv(server, &byte, 1, 0) == 1 && byte == '4');
        expect(recv(server6, &byte, 1, 0) == 1 && byte == '6');

        expect_output("ip -br addr show dev lo | tr -s ' '", "lo UNKNOWN 127.0.0.1/8 ::1/128 ");
        expect_output("ip route show default", "default via 10.88.0.1 dev eth0 proto static ");
}

static Network *created(const Home *home, const char *name, bool internal) {
        Network *n = calloc(1, sizeof *n);

        expect(n);
        n->name = strdup(name);
        n->internal = internal;
        n->ipv6 = true;
        expect_success(network_create(home, n, err));
        return n;
}

TEST_IN(networks_do_not_reach_each_other, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) red = created(home, "red", false);
        autoptr(Network) blue = created(home, "blue", false);
        PublishedPort port = { .protocol = IPPROTO_TCP, .host_port = 8080, .port = 80 };
        int here = current_netns(), other = neighbour();
        autobox a = connected(home, red, ID), b = connected(home, blue, ID2);

        serve_in(a.netns, 80);
        serve_in(b.netns, 80);
        serve_in(other, 80);
        expect(is_blocked(a.netns, b.e.ip_address, 80));
        expect(is_blocked(b.netns, a.e.ip_address, 80));
        expect(is_blocked(a.netns, b.e.ip6_address, 80));
        expect_str(ask(here, b.e.ip_address, 80), blue->gateway);

        /* The world is reached with this host's address; a published port from everywhere. */
        expect_str(ask(a.netns, "192.0.2.9", 80), "192.0.2.1");
        expect_str(ask(a.netns, "2001:db8::9", 80), "2001:db8::1");
        expect_success(network_publish(home, ID2, &b.e, &port, 1, err));
        expect(got_through(ask(a.netns, "192.0.2.1", 8080)));
}

TEST_IN(other_hosts_reach_published_ports_only, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        PublishedPort port = { .protocol = IPPROTO_TCP,
                               .host_ip = (char *) "127.0.0.1",
                               .host_port = 8080,
                               .port = 80 };
        int here = current_netns(), other = neighbour();
        autobox web = {};

        expect_success(network_load(home, "bridge", &n, err));
        web = connected(home, n, ID);
        serve_in(web.netns, 80);
        expect_success(network_publish(home, ID, &web.e, &port, 1, err));
        expect_str(ask(here, "127.0.0.1", 8080), "10.88.0.1");
        expect(is_blocked(here, "192.0.2.1", 8080));

        /* A neighbour that routes to the container, and to 127.0.0.1, over this host. */
        expect(setns(other, CLONE_NEWNET) == 0);
        expect(system("ip route add 10.88.0.0/16 via 192.0.2.1 && ip -6 route add default via "
                      "2001:db8::1 && ip addr del 127.0.0.1/8 dev lo && "
                      "ip route add 127.0.0.1/32 via 192.0.2.1 src 192.0.2.9 && "
                      "ip route del local 127.0.0.1 table local 2>/dev/null; "
                      "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet") == 0);
        expect(setns(here, CLONE_NEWNET) == 0);
        expect(is_blocked(other, web.e.ip_address, 80));
        expect(is_blocked(other, web.e.ip6_address, 80));
        expect(is_blocked(other, "127.0.0.1", 8080));
}

/* CVE-2020-8558: route_localnet must not open this host's loopback services to containers. */
TEST_IN(container_does_not_reach_loopback_of_its_host, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        int here = current_netns();
        autobox box = {};

        expect_success(network_load(home, "bridge", &n, err));
        box = connected(home, n, ID);
        serve_in(here, 5432);
        expect_str(ask(here, "127.0.0.1", 5432), "127.0.0.1");
        expect(got_through(ask(box.netns, "10.88.0.1", 5432)));
        expect(setns(box.netns, CLONE_NEWNET) == 0);
        expect(system("ip addr del 127.0.0.1/8 dev lo && echo 1 > "
                      "/proc/sys/net/ipv4/conf/all/route_localnet && "
                      "ip route add 127.0.0.1/32 via 10.88.0.1 src 10.88.0.2") == 0);
        expect(setns(here, CLONE_NEWNET) == 0);
        expect(is_blocked(box.netns, "127.0.0.1", 5432));
}

TEST_IN(internal_network_reaches_nothing_outside, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = created(home, "inner", true);
        PublishedPort port = { .protocol = IPPROTO_TCP, .host_port = 8080, .port = 80 };
        int here = current_netns(), other = neighbour();
        autobox a = connected(home, n, ID), b = connected(home, n, ID2);
        autoerr why = {};

        serve_in(here, 22);
        serve_in(other, 80);
        serve_in(b.netns, 80);
        expect_str(ask(a.netns, b.e.ip_address, 80), a.e.ip_address);
        expect_str(ask(a.netns, b.e.ip6_address, 80), a.e.ip6_address);
        expect_str(ask(a.netns, "192.0.2.9", 80), "ENETUNREACH");
        expect(is_blocked(a.netns, n->gateway, 22));
        expect(got_through(ask(here, b.e.ip_address, 80)));
        expect(got_through(ask(here, b.e.ip6_address, 80)));

        /* Not with a route of its own either. */
        expect(setns(a.netns, CLONE_NEWNET) == 0);
        expect(system("ip route add default via 10.89.0.1") == 0);
        expect(setns(here, CLONE_NEWNET) == 0);
        expect(is_blocked(a.netns, "192.0.2.9", 80));

        expect(network_publish(home, ID, &a.e, &port, 1, &why) == -EINVAL);
        expect_str(why.message, "ports cannot be published: network 'inner' is internal");
}

TEST_IN(flushed_table_is_built_anew, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        PublishedPort port = { .protocol = IPPROTO_TCP, .host_port = 8080, .port = 80 };
        int here = current_netns();
        autobox web = {}, other = {};

        expect_success(network_load(home, "bridge", &n, err));
        web = connected(home, n, ID);
        serve_in(web.netns, 80);
        expect_success(network_publish(home, ID, &web.e, &port, 1, err));
        expect(system("nft add table inet theirs && nft flush ruleset && "
                      "nft add table inet theirs") == 0);
        expect(is_blocked(here, "127.0.0.1", 8080));

        other = connected(home, n, ID2);
        expect_str(ask(here, "127.0.0.1", 8080), "10.88.0.1");
        expect(system("nft list table inet theirs >/dev/null") == 0);
}

TEST_IN(taken_port_is_refused_with_its_owner, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9000) };
        PublishedPort port = { .protocol = IPPROTO_TCP, .host_port = 9000, .port = 80 };
        PublishedPort twice[] = { { .protocol = IPPROTO_TCP, .host_port = 9001, .port = 80 },
                                  { .protocol = IPPROTO_TCP, .host_port = 9001, .port = 81 } };
        autofree char *words = str_format(
                "port 9000/tcp is already in use by process 'test_engine_net' (pid %d)", getpid());
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        autoerr why = {};
        autobox a = {}, b = {};

        expect_success(network_load(home, "bridge", &n, err));
        a = connected(home, n, ID);
        b = connected(home, n, ID2);
        expect(bind(fd, (struct sockaddr *) &at, sizeof at) == 0 && listen(fd, 1) == 0);
        expect(network_publish(home, ID, &a.e, &port, 1, &why) == -EADDRINUSE);
        expect_str(why.message, words);
        err_clear(&why);
        close(fd);

        expect(network_publish(home, ID, &a.e, twice, 2, &why) == -EINVAL);
        expect_str(why.message, "port 9001/tcp is published twice");
        err_clear(&why);
        expect(access("/mnt/run/ports/tcp-9001", F_OK) < 0 && errno == ENOENT);

        expect_success(network_publish(home, ID, &a.e, &port, 1, err));
        expect(network_publish(home, ID2, &b.e, &port, 1, &why) == -EADDRINUSE);
        expect_str(why.message, "port 9000/tcp is already published by container 'aaaaaaaaaaaa'");

        /* Nor does giving up take it from its owner. */
        network_release(home, ID2, &b.e, &port, 1);
        expect(!is_link("/mnt/run/networks/bridge/address/10.88.0.3"));
        expect_output("nft list map inet isola ports4 | grep -c 9000", "1");
        err_clear(&why);

        port.host_ip = (char *) "192.0.2.77";
        port.host_port = 9002;
        expect(network_publish(home, ID2, &b.e, &port, 1, &why) == -EADDRNOTAVAIL);
        expect_str(why.message,
                   "cannot publish port 9002/tcp: '192.0.2.77' is no address of this host");
}

/* A client that sends from one port all the time is one flow. */
static const char *say(int client, int port) {
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t) port),
                                  .sin_addr = { htonl(0xc0000201) } };
        static char text[64];
        ssize_t n;

        if (sendto(client, "?", 1, 0, (struct sockaddr *) &to, sizeof to) < 0)
                return "";
        n = recv(client, text, sizeof text - 1, 0);
        text[n < 0 ? 0 : n] = 0;
        return text;
}

TEST_IN(flow_that_was_there_before_finds_the_container, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        PublishedPort port = { .protocol = IPPROTO_UDP, .host_port = 8080, .port = 80 };
        struct timeval wait = { .tv_usec = 300000 };
        int here = current_netns(), other = neighbour(), client;
        autobox a = {}, b = {};

        expect_success(network_load(home, "bridge", &n, err));
        a = connected(home, n, ID);
        b = connected(home, n, ID2);
        serve_in(a.netns, 80);
        serve_in(b.netns, 80);
        expect(setns(other, CLONE_NEWNET) == 0);
        client = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        expect_str(say(client, 8080), "");
        expect(setns(here, CLONE_NEWNET) == 0);

        expect_success(network_publish(home, ID, &a.e, &port, 1, err));
        (void) say(client, 8080); /* may still get the refusal from before */
        expect(got_through(say(client, 8080)));

        network_release(home, ID, &a.e, &port, 1);
        close(port.reserved);
        close(port.reserved6);
        expect_success(network_publish(home, ID2, &b.e, &port, 1, err));
        expect(got_through(say(client, 8080)));
        expect_output("grep -c 'dport=8080.*src=10.88.0.3' /proc/net/nf_conntrack", "1");
}

TEST_IN(large_range_is_published_at_once, HOST) {
        enum { COUNT = 450 };
        static PublishedPort ports[COUNT];
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        int here = current_netns();
        autobox web = {};

        expect_success(network_load(home, "bridge", &n, err));
        web = connected(home, n, ID);
        serve_in(web.netns, 80);
        for (int i = 0; i < COUNT; i++)
                ports[i] = (PublishedPort){ .protocol = IPPROTO_TCP,
                                            .host_port = 20000 + i,
                                            .port = 80 };
        expect_success(network_publish(home, ID, &web.e, ports, COUNT, err));
        expect_str(ask(here, "127.0.0.1", 20000 + COUNT - 1), "10.88.0.1");
        network_release(home, ID, &web.e, ports, COUNT);
        expect_output("nft list map inet isola ports4 | grep -c 200 || true", "0");
        expect_output("ls /mnt/run/ports /mnt/run/networks/bridge/address",
                      "/mnt/run/networks/bridge/address:\n\n/mnt/run/ports:");
}

TEST_IN(wanted_addresses_are_checked, HOST) {
        static const struct {
                const char *ip, *words;
        } bad[] = {
                { "10.89.0.7x", "'10.89.0.7x' is not an IPv4 address" },
                { "10.88.0.7",
                  "address '10.88.0.7' is not in subnet '10.89.0.0/24' of network 'red'" },
                { "10.89.0.1", "address '10.89.0.1' is the gateway of network 'red'" },
                { "10.89.0.0", "address '10.89.0.0' stands for the whole network 'red'" },
                { "10.89.0.255", "address '10.89.0.255' stands for the whole network 'red'" },
                { "10.89.0.9", "address '10.89.0.9' is already used by container 'aaaaaaaaaaaa'" },
        };
        autoptr(Home) home = scratch();
        autoptr(Network) n = created(home, "red", false);
        autoendpoint e = {};

        expect_success(network_reserve(home, n, ID, "10.89.0.9", NULL, NULL, &e, err));
        expect_str(e.ip_address, "10.89.0.9");
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                autoerr why = {};
                autoendpoint none = {};

                expect(network_reserve(home, n, ID2, bad[i].ip, NULL, NULL, &none, &why) < 0);
                expect_str(why.message, bad[i].words);
                expect(!none.network);
        }
        network_release(home, ID, &e, NULL, 0);
        endpoint_clear(&e);
        expect_success(network_reserve(home, n, ID2, "10.89.0.9", NULL, NULL, &e, err));
}

TEST_IN(addresses_run_out_and_come_back_late, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = calloc(1, sizeof *n);
        Endpoint e[5] = {};
        autoendpoint more = {};
        autoerr why = {};

        n->name = strdup("tiny");
        n->subnet = strdup("10.99.0.0/29");
        expect_success(network_create(home, n, err));
        for (int i = 0; i < 5; i++)
                expect_success(network_reserve(home, n, ID, NULL, NULL, NULL, &e[i], err));
        expect_str(e[4].ip_address, "10.99.0.6");
        expect(network_reserve(home, n, ID, NULL, NULL, NULL, &more, &why) == -ENOSPC);
        expect_str(why.message, "network 'tiny' has no address left in '10.99.0.0/29'");

        network_release(home, ID, &e[1], NULL, 0);
        network_release(home, ID, &e[3], NULL, 0);
        expect_success(network_reserve(home, n, ID, NULL, NULL, NULL, &more, err));
        expect_str(more.ip_address, "10.99.0.3");
        network_release(home, ID, &more, NULL, 0);
        endpoint_clear(&more);
        expect_success(network_reserve(home, n, ID, NULL, NULL, NULL, &more, err));
        expect_str(more.ip_address, "10.99.0.5");
        for (int i = 0; i < 5; i++)
                endpoint_clear(&e[i]);
}

TEST_IN(two_homes_do_not_share_a_subnet, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Home) other = NULL;
        autoptr(Network) n = NULL;
        autoptr(Network) m = NULL;
        autobox a = {}, b = {};

        expect_ok(home_open("/mnt/data2", "/mnt/run2", &other, NULL));
        expect_success(network_load(home, "bridge", &n, err));
        expect_success(network_load(other, "bridge", &m, err));
        expect_str(m->subnet, n->subnet);
        m = network_free(m);

        a = connected(home, n, ID);
        expect_success(network_load(other, "bridge", &m, err));
        expect_str(m->subnet, "10.89.0.0/24");
        b = connected(other, m, ID2);
        serve_in(b.netns, 80);
        expect(is_blocked(a.netns, b.e.ip_address, 80));
        expect(got_through(ask(current_netns(), b.e.ip_address, 80)));
}

TEST_IN(subnet_that_was_taken_meanwhile_is_refused, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = created(home, "red", false);
        int netns = new_netns();
        autoerr why = {};
        autoendpoint e = {};

        expect(system("ip link add theirs type bridge && ip addr add 10.89.0.77/26 dev theirs && "
                      "ip link set theirs up") == 0);
        expect_success(network_reserve(home, n, ID, NULL, NULL, NULL, &e, err));
        expect(network_attach(home, n, &e, netns, &why) == -EADDRINUSE);
        expect_str(why.message, "cannot connect to network 'red': subnet '10.89.0.0/24' of network "
                                "'red' overlaps with this host's route through interface 'theirs'");
}

static bool is_first(const char *container, void *context) {
        return str_equal(container, ID);
}

static bool is_none(const char *container, void *context) {
        return false;
}

TEST_IN(sweep_takes_from_the_dead_only, HOST) {
        autoptr(Home) home = scratch();
        autoptr(Network) n = NULL;
        char *const names[] = { (char *) "both", NULL };
        PublishedPort port = { .protocol = IPPROTO_TCP, .host_port = 8080, .port = 80 };
        int here = current_netns();
        autoendpoint e = {};
        autobox a = {}, b = {};

        expect_success(network_load(home, "bridge", &n, err));
        a = connected_as(home, n, ID, names);
        b = connected_as(home, n, ID2, names);
        expect_success(network_publish(home, ID2, &b.e, &port, 1, err));
        serve_in(a.netns, 80);
        serve_in(b.netns, 80);

        expect_success(network_reserve(home, n, ID3, NULL, NULL, names, &e, err));
        network_release_all(home, ID3);
        expect_output("ls /mnt/run/networks/bridge/names/both | grep -c '^10'", "2");
        expect(got_through(ask(here, "127.0.0.1", 8080)));

        expect_success(network_sweep(home, is_first, NULL, err));
        expect_output("ls /mnt/run/networks/bridge/address | grep -c '^10'", "1");
        expect_output("ls /mnt/run/networks/bridge/names/both | grep -c '^10'", "1");
        expect_output("ls /mnt/run/ports", "");
        expect_output("nft list map inet isola ports4 | grep -c 8080 || true", "0");
        expect(got_through(ask(here, "10.88.0.2", 80)));

        expect_success(network_sweep(home, is_none, NULL, err));
        expect_output("ls /mnt/run/networks/bridge/address /mnt/run/networks/bridge/names",
                      "/mnt/run/networks/bridge/address:\n\n/mnt/run/networks/bridge/names:");
        expect_output("ip -br link show type bridge", "");
}
