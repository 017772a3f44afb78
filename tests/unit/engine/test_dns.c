/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/dns.h"
#include "engine/dns_message.h"
#include "engine/dns_servers.h"
#include "kernel/ns.h"
#include "test.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET)

/* The host is this process's namespaces, the container a network namespace more. */
typedef struct World {
        int netns;
        int asker; /* UDP socket inside */
        Dns *dns;
} World;

static int lo_up(void *context) {
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
        autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        (void) context;
        return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

static int new_netns(void) {
        autoclose int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int made;

        expect(unshare(CLONE_NEWNET) == 0);
        expect_ok(lo_up(NULL));
        made = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        expect(made >= 0 && setns(own, CLONE_NEWNET) == 0);
        return made;
}

static int open_socket(void *context) {
        struct sockaddr_in server = { .sin_family = AF_INET,
                                      .sin_port = htons(53),
                                      .sin_addr.s_addr = inet_addr("127.0.0.11") };
        int fd = socket(AF_INET, *(int *) context | SOCK_CLOEXEC, 0);

        expect(fd >= 0);
        if (connect(fd, (struct sockaddr *) &server, sizeof server) < 0) {
                close(fd);
                return -errno;
        }
        return fd;
}

static int asker(const World *w, int type) {
        return netns_run(w->netns, open_socket, &type);
}

static void put_name(const char *name, const char *ip) {
        autofree char *dir = str_format("/mnt/networks/lab/names/%s", name);
        autofree char *file = str_format("%s/%s", dir, ip);

        expect_ok(dir_make(AT_FDCWD, dir, 0700));
        expect_ok(file_create(AT_FDCWD, file, "id", 2, 0600));
}

static World world(DnsOptions options) {
        static Home home = { .run = (char *) "/mnt" };
        World w = {};

        options.network = "lab";
        expect_ok(lo_up(NULL));
        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        expect_ok(dir_make(AT_FDCWD, "/mnt/networks/lab/names", 0700));
        home.run_fd = home.data_fd = expect_ok(open("/mnt", O_RDONLY | O_DIRECTORY));
        w.netns = new_netns();
        expect_ok(dns_open(&home, w.netns, &options, &w.dns, NULL));
        w.asker = expect_ok(asker(&w, SOCK_DGRAM));
        return w;
}

/* Lets the name server work until fd is readable. */
static bool pump(World *w, int fd, int timeout_ms) {
        int64_t end_ms = clock_monotonic_ms() + timeout_ms;

        for (;;) {
                struct pollfd fds[DNS_POLL_MAX + 1];
                size_t n = dns_poll(w->dns, fds, DNS_POLL_MAX);
                int64_t left_ms = end_ms - clock_monotonic_ms();
                int wait_ms = dns_timeout_ms(w->dns);

                if (left_ms <= 0)
                        return false;
                fds[n] = (struct pollfd){ .fd = fd, .events = POLLIN };
                expect(poll(fds, n + 1,
                            wait_ms < 0 || wait_ms > left_ms ? (int) left_ms : wait_ms) >= 0);
                if (fds[n].revents)
                        return true;
                dns_run(w->dns, fds, n);
        }
}

static size_t make_query(uint8_t *message, const char *name, int type) {
        static uint16_t id = 100;
        uint8_t *p = message;

        memcpy(p, "\0\0\1\0\0\1\0\0\0\0\0\0", 12);
        dns_set_id(p, id++);
        for (p += 12; *name; name += strspn(name, ".")) {
                size_t n = strcspn(name, ".");

                *p++ = (uint8_t) n;
                memcpy(p, name, n);
                p += n;
                name += n;
        }
        memcpy(p, (uint8_t[]){ 0, (uint8_t) (type >> 8), (uint8_t) type, 0, 1 }, 5);
        return (size_t) (p + 5 - message);
}

/* The answer in words: its code and addresses. */
static char *words(const uint8_t *message, size_t size, size_t question_end) {
        static const char *const codes[] = { "ok", "broken", "failed", "unknown" };
        int records = message[6] << 8 | message[7];
        const uint8_t *p = message + question_end;
        autostr s = {};

        str_put(&s, codes[message[3] & 3]);
        for (; records > 0 && p + 12 <= message + size; records--) {
                size_t n = (size_t) (p[10] << 8 | p[11]);
                char text[INET6_ADDRSTRLEN] = "a name";

                if (n == 4 || n == 16)
                        inet_ntop(n == 4 ? AF_INET : AF_INET6, p + 12, text, sizeof text);
                str_printf(&s, " %s", text);
                p += 12 + n;
        }
        if (dns_is_truncated(message))
                str_put(&s, " cut");
        return str_take(&s);
}

static char *ask_type(World *w, const char *name, int type) {
        uint8_t message[4096];
        size_t n = make_query(message, name, type);
        ssize_t got;

        expect(send(w->asker, message, n, 0) == (ssize_t) n);
        if (!pump(w, w->asker, 5000))
                return strdup("silence");
        got = recv(w->asker, message, sizeof message, 0);
        expect(got >= (ssize_t) n);
        return words(message, (size_t) got, n);
}

#define expect_answer(w, name, type, wanted)                      \
        do {                                                      \
                autofree char *answer_ = ask_type(w, name, type); \
                expect_str(answer_, wanted);                      \
        } while (0)

TEST_IN(names_of_the_network_are_answered, NAMESPACES) {
        World w = world((DnsOptions){ .internal = true });

        expect_answer(&w, "web", DNS_TYPE_A, "unknown");
        put_name("web", "10.88.0.2");
        put_name("web", "fd00::2");
        put_name("old", "10.88.0.3");
        expect_answer(&w, "web", DNS_TYPE_A, "ok 10.88.0.2");
        expect_answer(&w, "WEB", DNS_TYPE_AAAA, "ok fd00::2");
        expect_answer(&w, "web.lab", DNS_TYPE_A, "ok 10.88.0.2");
        expect_answer(&w, "web.Lab", DNS_TYPE_A, "ok 10.88.0.2");
        expect_answer(&w, "web.other", DNS_TYPE_A, "unknown");
        expect_answer(&w, "old", DNS_TYPE_AAAA, "ok");
        expect_answer(&w, "old", 15, "ok");
        expect_answer(&w, "nobody", DNS_TYPE_AAAA, "unknown");
        expect_answer(&w, "", DNS_TYPE_A, "unknown");

        /* Gone with its file, although the directory is still there. */
        expect(unlink("/mnt/networks/lab/names/old/10.88.0.3") == 0);
        expect_answer(&w, "old", DNS_TYPE_A, "unknown");
        dns_free(w.dns);
}

TEST_IN(addresses_have_names, NAMESPACES) {
        World w = world((DnsOptions){ .internal = true });
        uint8_t message[512];
        size_t n;

        put_name("web", "10.88.0.2");
        put_name("0123456789ab", "10.88.0.2");
        put_name("an-alias", "10.88.0.2");
        n = make_query(message, "2.0.88.10.in-addr.arpa", DNS_TYPE_PTR);
        expect(send(w.asker, message, n, 0) > 0 && pump(&w, w.asker, 1000));
        expect(recv(w.asker, message, sizeof message, 0) == (ssize_t) n + 12 + 9);
        expect(memcmp(message + n + 12, "\3web\3lab", 9) == 0);
        expect_answer(&w, "9.0.88.10.in-addr.arpa", DNS_TYPE_PTR, "unknown");
        expect_answer(&w, "2.0.88.10.in-addr.arpa", DNS_TYPE_A, "ok");
        dns_free(w.dns);
}

TEST_IN(several_addresses_take_turns, NAMESPACES) {
        World w = world((DnsOptions){ .internal = true });
        char *first[3];

        put_name("pool", "10.88.0.2");
        put_name("pool", "10.88.0.3");
        put_name("pool", "10.88.0.4");
        for (int i = 0; i < 3; i++) {
                char *answer = ask_type(&w, "pool", DNS_TYPE_A);

                expect(strlen(answer) == strlen("ok 10.88.0.2 10.88.0.3 10.88.0.4"));
                first[i] = strndup(answer + 3, 9);
                free(answer);
        }
        expect(strcmp(first[0], first[1]) && strcmp(first[1], first[2]) &&
               strcmp(first[0], first[2]));
        for (int i = 0; i < 3; i++)
                free(first[i]);
        dns_free(w.dns);
}

static int upstream(const char *address, int port, int type) {
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t) port),
                                 .sin_addr.s_addr = inet_addr(address) };
        int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        expect(bind(fd, (struct sockaddr *) &a, sizeof a) == 0);
        if (type == SOCK_STREAM)
                expect(listen(fd, 5) == 0);
        return fd;
}

static size_t answer_query(uint8_t *message, size_t size, DnsCode code) {
        struct in6_addr address = { .s6_addr = { 192, 0, 2, 1 } };
        uint8_t query[4096];
        DnsQuestion q;
        DnsAnswer a;

        memcpy(query, message, size);
        expect_ok(dns_parse_query(query, size, &q));
        dns_begin(&a, message, 512, query, &q, code);
        if (code == DNS_NO_ERROR)
                dns_put_address(&a, &address, false, 60);
        return dns_end(&a, &q);
}

/* Waits for the forwarded query; @ret: who asks. */
static size_t forwarded(World *w, int server, uint8_t *message, struct sockaddr_in *ret) {
        socklen_t length = sizeof *ret;
        ssize_t n;

        expect(pump(w, server, 4000));
        n = recvfrom(server, message, 4096, 0, (struct sockaddr *) ret, &length);
        expect(n > 0);
        return (size_t) n;
}

static char *received(World *w, size_t question_end) {
        uint8_t message[4096];
        ssize_t n;

        if (!pump(w, w->asker, 4000))
                return strdup("silence");
        n = recv(w->asker, message, sizeof message, 0);
        return words(message, (size_t) n, question_end);
}

TEST_IN(other_names_are_asked_of_the_resolver, NAMESPACES) {
        char *const servers[] = { (char *) "127.0.0.53#5353", NULL };
        World w = world((DnsOptions){ .upstreams = servers });
        autoclose int server = upstream("127.0.0.53", 5353, SOCK_DGRAM);
        autofree char *answer = NULL;
        struct sockaddr_in from, other;
        uint8_t message[4096], forged[4096], asked[512];
        size_t n, size;

        size = make_query(asked, "Example.org", DNS_TYPE_A);
        expect(send(w.asker, asked, size, 0) == (ssize_t) size);
        n = forwarded(&w, server, message, &from);
        expect(n == size && memcmp(message + 2, asked + 2, n - 2) == 0);

        /* What does not match is passed over: wrong id, wrong question. */
        memcpy(forged, message, n);
        n = answer_query(message, n, DNS_NO_ERROR);
        memcpy(forged, message, n);
        forged[0] ^= 1;
        sendto(server, forged, n, 0, (struct sockaddr *) &from, sizeof from);
        memcpy(forged, message, n);
        forged[14] = 'y';
        sendto(server, forged, n, 0, (struct sockaddr *) &from, sizeof from);
        sendto(server, forged, 5, 0, (struct sockaddr *) &from, sizeof from);
        expect(!pump(&w, w.asker, 50));

        sendto(server, message, n, 0, (struct sockaddr *) &from, sizeof from);
        answer = received(&w, size);
        expect_str(answer, "ok 192.0.2.1");

        expect(send(w.asker, asked, size, 0) == (ssize_t) size);
        n = forwarded(&w, server, forged, &other);
        expect(other.sin_port != from.sin_port);
        dns_free(w.dns);
}

TEST_IN(silent_resolver_is_followed_by_the_next, NAMESPACES) {
        char *const servers[] = { (char *) "127.0.0.1:5301", (char *) "127.0.0.2:5302",
                                  (char *) "127.0.0.3:5303", NULL };
        World w = world((DnsOptions){ .upstreams = servers });
        int silent = upstream("127.0.0.1", 5301, SOCK_DGRAM);
        /* Nobody listens at the second; the third answers. */
        autoclose int server = upstream("127.0.0.3", 5303, SOCK_DGRAM);
        autofree char *answer = NULL;
        int64_t begun_ms = clock_monotonic_ms();
        struct sockaddr_in from;
        uint8_t message[4096], other[4096];
        size_t n, size;

        size = make_query(message, "example.org", DNS_TYPE_A);
        expect(send(w.asker, message, size, 0) > 0);
        n = forwarded(&w, server, message, &from);
        expect(clock_monotonic_ms() - begun_ms >= 900);
        expect(recv(silent, other, sizeof other, MSG_DONTWAIT) > 0);
        n = answer_query(message, n, DNS_NO_SUCH_NAME);
        sendto(server, message, n, 0, (struct sockaddr *) &from, sizeof from);
        answer = received(&w, size);
        expect_str(answer, "unknown");

        /* It is asked first from now on, and no other. */
        size = make_query(message, "example.org", DNS_TYPE_A);
        expect(send(w.asker, message, size, 0) > 0);
        n = forwarded(&w, server, message, &from);
        expect(recv(silent, other, sizeof other, MSG_DONTWAIT) < 0 && errno == EAGAIN);
        dns_free(w.dns);
        close(silent);
}

TEST_IN(failure_is_quick_without_a_resolver, NAMESPACES) {
        char *const servers[] = { (char *) "127.0.0.1:5301", NULL };
        World w = world((DnsOptions){ .upstreams = servers });
        int64_t begun_ms = clock_monotonic_ms();

        expect_answer(&w, "example.org", DNS_TYPE_A, "failed");
        expect(clock_monotonic_ms() - begun_ms < 500);
        dns_free(w.dns);
}

static char *exchange(World *w, int fd, const uint8_t *query, size_t size) {
        uint8_t message[2 + 65535];
        size_t filled = 0;

        message[0] = (uint8_t) (size >> 8);
        message[1] = (uint8_t) size;
        memcpy(message + 2, query, size);
        expect(send(fd, message, 2 + size, 0) == (ssize_t) (2 + size));
        while (filled < 2 || filled < 2U + (size_t) (message[0] << 8 | message[1])) {
                ssize_t n;

                if (!pump(w, fd, 4000))
                        return strdup("silence");
                n = recv(fd, message + filled, sizeof message - filled, 0);
                if (n <= 0)
                        return strdup("closed");
                filled += (size_t) n;
        }
        return words(message + 2, filled - 2, size);
}

TEST_IN(what_does_not_fit_is_asked_again_over_tcp, NAMESPACES) {
        World w = world((DnsOptions){ .internal = true });
        autofree char *cut = NULL, *whole = NULL, *again = NULL;
        autoclose int tcp = -EBADF;
        uint8_t query[512];
        size_t size;

        for (int i = 1; i <= 100; i++) {
                autofree char *ip = str_format("10.88.1.%d", i);

                put_name("crowd", ip);
        }
        expect(asker(&w, SOCK_STREAM) == -ECONNREFUSED);
        cut = ask_type(&w, "crowd", DNS_TYPE_A);
        expect(strncmp(cut, "ok 10.88.1.", 11) == 0 && str_ends_with(cut, " cut"));

        tcp = expect_ok(asker(&w, SOCK_STREAM));
        size = make_query(query, "crowd", DNS_TYPE_A);
        whole = exchange(&w, tcp, query, size);
        expect(!str_ends_with(whole, "cut"));
        for (int i = 1; i <= 100; i++) {
                autofree char *ip = str_format(" 10.88.1.%d", i);

                expect(strstr(whole, ip));
        }
        size = make_query(query, "nobody", DNS_TYPE_A);
        again = exchange(&w, tcp, query, size);
        expect_str(again, "unknown");
        dns_free(w.dns);
}

TEST_IN(tcp_is_forwarded_over_tcp, NAMESPACES) {
        char *const servers[] = { (char *) "127.0.0.1:5301", NULL };
        World w = world((DnsOptions){ .upstreams = servers });
        autoclose int udp = upstream("127.0.0.1", 5301, SOCK_DGRAM), tcp = -EBADF;
        autoclose int server = upstream("127.0.0.1", 5301, SOCK_STREAM), connection = -EBADF;
        autofree char *cut = NULL, *whole = NULL;
        struct sockaddr_in from;
        uint8_t message[4096], both[2048];
        size_t n, size;

        size = make_query(both, "example.org", DNS_TYPE_A);
        expect(send(w.asker, both, size, 0) > 0);
        n = forwarded(&w, udp, message, &from);
        n = answer_query(message, n, DNS_NO_ERROR);
        message[2] |= 2;
        sendto(udp, message, n, 0, (struct sockaddr *) &from, sizeof from);
        cut = received(&w, size);
        expect_str(cut, "ok 192.0.2.1 cut");

        /* Two questions at once on one connection. */
        tcp = expect_ok(asker(&w, SOCK_STREAM));
        message[0] = 0;
        message[1] = (uint8_t) size;
        memcpy(message + 2, both, size);
        memcpy(message + 2 + size, message, 2 + size);
        expect(send(tcp, message, 4 + 2 * size, 0) > 0);
        for (int i = 0; i < 2; i++) {
                expect(pump(&w, server, 2000));
                connection = close_fd(connection);
                connection = accept4(server, NULL, NULL, SOCK_CLOEXEC);
                expect(pump(&w, connection, 2000));
                expect(recv(connection, message, sizeof message, 0) == (ssize_t) (2 + size));
                n = answer_query(message + 2, size, DNS_NO_ERROR);
                message[1] = (uint8_t) n;
                expect(send(connection, message, 1, 0) == 1);
                expect(!pump(&w, tcp, 20));
                expect(send(connection, message + 1, 1 + n, 0) > 0);
                expect(pump(&w, tcp, 2000));
                expect(recv(tcp, message, sizeof message, 0) == (ssize_t) (2 + n));
                whole = words(message + 2, n, size);
                expect_str(whole, "ok 192.0.2.1");
                free(take_ptr(whole));
        }
        dns_free(w.dns);
}

TEST_IN(flood_is_answered_with_failure, NAMESPACES) {
        char *const servers[] = { (char *) "127.0.0.1:5301", NULL };
        World w = world((DnsOptions){ .upstreams = servers });
        int silent = upstream("127.0.0.1", 5301, SOCK_DGRAM);
        uint8_t message[512];

        for (int i = 0; i < 100; i++) {
                size_t n = make_query(message, "example.org", DNS_TYPE_A);

                expect(send(w.asker, message, n, 0) > 0);
        }
        for (int i = 0; i < 100 - 64; i++) {
                expect(pump(&w, w.asker, 5000));
                expect(recv(w.asker, message, sizeof message, 0) > 0);
                expect(dns_code(message) == DNS_SERVER_FAILURE);
        }
        put_name("web", "10.88.0.2");
        expect_answer(&w, "web", DNS_TYPE_A, "ok 10.88.0.2");
        dns_free(w.dns);
        close(silent);
}

static int bind_wildcard(void *context) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53) };
        int type = *(int *) context, on = 1, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

        expect(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
        if (bind(fd, (struct sockaddr *) &a, sizeof a) < 0 ||
            (type == SOCK_STREAM && listen(fd, 1) < 0))
                return -errno;
        return 0;
}

TEST_IN(name_server_in_the_container_finds_its_port_free, NAMESPACES) {
        World w = world((DnsOptions){ .internal = true });
        int udp = SOCK_DGRAM, tcp = SOCK_STREAM;

        expect_ok(netns_run(w.netns, bind_wildcard, &udp));
        expect_ok(netns_run(w.netns, bind_wildcard, &tcp));
        put_name("web", "10.88.0.2");
        expect_answer(&w, "web", DNS_TYPE_A, "ok 10.88.0.2");
        dns_free(w.dns);
}

TEST_IN(broken_packets_do_no_harm, NAMESPACES) {
        char *const servers[] = { (char *) "127.0.0.1:5301", NULL };
        World w = world((DnsOptions){ .upstreams = servers });
        uint8_t message[600];

        for (size_t n = 0; n < 30; n++) {
                (void) make_query(message, "example.org", DNS_TYPE_A);
                message[n] ^= 0xff;
                (void) send(w.asker, message, n, 0);
                (void) send(w.asker, message, sizeof message, 0);
                while (pump(&w, w.asker, 5))
                        (void) recv(w.asker, message, sizeof message, 0);
        }
        put_name("web", "10.88.0.2");
        expect_answer(&w, "web", DNS_TYPE_A, "ok 10.88.0.2");
        dns_free(w.dns);
}

TEST_IN(resolv_conf_is_read_again_when_it_changes, CLONE_NEWNS) {
        DnsServers servers = {};

        expect(mount("none", "/mnt", "tmpfs", 0, NULL) == 0);
        dns_servers_refresh(&servers, "/mnt/resolv.conf");
        expect(servers.n == 0);
        expect_ok(file_replace(AT_FDCWD, "/mnt/resolv.conf",
                               "# nameserver 9.9.9.9\nsearch x\nnameserver 10.0.0.1 ; why\n"
                               "nameserver\tfe80::1%lo\nnameserver bad\nnameserver ::1\n"
                               "nameserver 10.0.0.4",
                               127, 0644, false));
        dns_servers_refresh(&servers, "/mnt/resolv.conf");
        expect(servers.n == 3);
        expect(servers.list[0].v4.sin_addr.s_addr == inet_addr("10.0.0.1"));
        expect(servers.list[1].v6.sin6_scope_id == 1);
        expect(servers.list[2].v6.sin6_port == htons(53));
        expect_ok(file_replace(AT_FDCWD, "/mnt/resolv.conf", "nameserver 10.0.0.9\n", 20, 0644,
                               false));
        dns_servers_refresh(&servers, "/mnt/resolv.conf");
        expect(servers.n == 1);
        expect(unlink("/mnt/resolv.conf") == 0);
        dns_servers_refresh(&servers, "/mnt/resolv.conf");
        expect(servers.n == 0);
}
