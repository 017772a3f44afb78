/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/ports.h"
#include "kernel/ns.h"
#include "netlink/nl.h"

/* A socket found, before it is known whose it is. */
typedef struct Found {
        DiagSocket socket;
        uint64_t netns;
        bool has_holder;
} Found;

typedef struct Netns {
        uint64_t inode;
        int fd;
} Netns;

typedef struct Scan {
        bool all;
        Netns *netns;
        size_t n_netns;
        Found *found;
        size_t n_found, room_found;
        PortEntry *entries;
        size_t n_entries, room_entries;
        Container **containers;
        size_t n_containers;
        uint64_t *container_netns; /* one for each container, 0 if it has the host's */
        uint64_t present;          /* the namespace being read */
} Scan;

static void scan_clear(Scan *s) {
        for (size_t i = 0; i < s->n_netns; i++)
                (void) close_fd(s->netns[i].fd);
        for (size_t i = 0; i < s->n_entries; i++) {
                free(s->entries[i].address);
                free(s->entries[i].peer);
                free(s->entries[i].process);
                free(s->entries[i].container);
                free(s->entries[i].published);
        }
        free(s->netns);
        free(s->found);
        free(s->entries);
        free(s->container_netns);
        container_list_free(s->containers, s->n_containers);
}

/* Makes room for one more element of a growing array. */
static int make_room(void **array, size_t n, size_t *room, size_t size) {
        void *longer;

        if (n < *room)
                return 0;
        longer = realloc(*array, (*room ? *room * 2 : 64) * size);
        if (!longer)
                return -ENOMEM;
        *array = longer;
        *room = *room ? *room * 2 : 64;
        return 0;
}

static bool is_number(const char *s) {
        return *s >= '1' && *s <= '9';
}

static int add_netns(Scan *s, int dir, const char *path) {
        autoclose int fd = -EBADF;
        Netns *longer;
        struct stat st;

        if (fstatat(dir, path, &st, 0) < 0)
                return 0; /* it has just ended, or it is not ours to see */
        for (size_t i = 0; i < s->n_netns; i++)
                if (s->netns[i].inode == st.st_ino)
                        return 0;

        fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return 0;
        longer = realloc(s->netns, (s->n_netns + 1) * sizeof *longer);
        if (!longer)
                return -ENOMEM;
        s->netns = longer;
        s->netns[s->n_netns++] = (Netns){ st.st_ino, take_fd(fd) };
        return 0;
}

/* Namespaces without a process, held by a mount such as those of `ip netns`. */
static int add_mounted(Scan *s) {
        autofree char *text = NULL;

        if (file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 24, &text, NULL) < 0)
                return 0;
        for (char *line = text, *next; line && *line; line = next) {
                char *root, *point;

                next = strchr(line, '\n');
                if (next)
                        *next++ = 0;
                root = strstr(line, " net:[");
                if (!root)
                        continue;
                point = strchr(root + 1, ' ');
                if (!point)
                        continue;
                point[1 + strcspn(point + 1, " ")] = 0;
                if (add_netns(s, AT_FDCWD, point + 1) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int find_netns(Scan *s, DIR *proc) {
        struct dirent *entry;
        int r;

        r = add_netns(s, AT_FDCWD, "/proc/self/ns/net");
        while (r >= 0 && (entry = readdir(proc))) {
                char path[64];

                if (!is_number(entry->d_name))
                        continue;
                snprintf(path, sizeof path, "%.16s/ns/net", entry->d_name);
                r = add_netns(s, dirfd(proc), path);
        }
        return r < 0 ? r : add_mounted(s);
}

static int take_socket(const DiagSocket *socket, void *context) {
        Scan *s = context;
        void *array = s->found;
        int r;

        r = make_room(&array, s->n_found, &s->room_found, sizeof *s->found);
        if (r < 0)
                return r;
        s->found = array;
        s->found[s->n_found++] = (Found){ .socket = *socket, .netns = s->present };
        return 0;
}

/* Runs in the namespace. */
static int dump_here(void *context) {
        autoclose int nl = nl_open_protocol(NETLINK_SOCK_DIAG);
        Scan *s = context;
        autoerr err = {};
        int r;

        if (nl < 0)
                return nl;
        r = diag_dump(nl, s->all, take_socket, s, &err);
        if (r < 0)
                log_debug("network namespace %llu: %s", (unsigned long long) s->present,
                          err.message);
        return r == -ENOMEM ? r : 0;
}

static int by_inode(const void *a, const void *b) {
        const Found *x = a, *y = b;

        return (x->socket.inode > y->socket.inode) - (x->socket.inode < y->socket.inode);
}

static int dump_all(Scan *s, Err *err) {
        bool entered = false;

        for (size_t i = 0; i < s->n_netns; i++) {
                int r;

                s->present = s->netns[i].inode;
                /* Not even a setns() for the own one, which needs no privilege to be read. */
                r = i == 0 ? dump_here(s) : netns_run(s->netns[i].fd, dump_here, s);
                if (r == -ENOMEM)
                        return fail(err, r, "cannot list sockets");
                entered |= r >= 0 && i > 0;
                if (r < 0)
                        log_debug("cannot enter network namespace %llu: %s",
                                  (unsigned long long) s->present, strerror(-r));
        }
        if (s->n_netns > 1 && !entered)
                log_warn("cannot enter the other network namespaces; showing this one's sockets");
        if (s->n_found > 0)
                qsort(s->found, s->n_found, sizeof *s->found, by_inode);
        return 0;
}

static char *endpoint_text(const DiagSocket *s, const uint8_t *address, int port) {
        char text[INET6_ADDRSTRLEN] = "";

        inet_ntop(s->family, address, text, sizeof text);
        if (port < 0)
                return strdup(text);
        return str_format(s->family == AF_INET6 ? "[%s]:%d" : "%s:%d", text, port);
}

static int add_entry(Scan *s, const Found *f, int pid, const char *process, int pid_inside) {
        const DiagSocket *socket = &f->socket;
        void *array = s->entries;
        PortEntry *e;

        if (make_room(&array, s->n_entries, &s->room_entries, sizeof *e) < 0)
                return -ENOMEM;
        s->entries = array;
        e = &s->entries[s->n_entries];
        *e = (PortEntry){ .socket = *socket,
                          .netns = f->netns,
                          .pid = pid,
                          .pid_inside = pid_inside,
                          .address = endpoint_text(socket, socket->address, -1),
                          .peer = socket->peer_port
                                          ? endpoint_text(socket, socket->peer, socket->peer_port)
                                          : strdup(""),
                          .process = strdup(process),
                          .container = strdup(""),
                          .published = strdup("") };
        s->n_entries++;
        return e->address && e->peer && e->process && e->container && e->published ? 0 : -ENOMEM;
}

/* The last of "NSpid:\t123\t4\t1": the number in the innermost pid namespace. */
static int read_inner_pid(int proc, const char *pid) {
        autofree char *text = NULL;
        char path[64], *line, *last;
        int inner;

        snprintf(path, sizeof path, "%.16s/status", pid);
        if (file_read(proc, path, 65536, &text, NULL) < 0)
                return 0;
        line = strstr(text, "\nNSpid:");
        if (!line)
                return 0;
        line += 1;
        line[strcspn(line, "\n")] = 0;
        last = strrchr(line, '\t');
        return last && parse_int(last + 1, 1, 1 << 30, &inner) >= 0 ? inner : 0;
}

/* What is read of a process once one of its sockets is found. */
typedef struct Holder {
        const char *pid;
        int number, inner;
        char *name;
} Holder;

static int add_holder(Scan *s, int proc, Holder *h, uint64_t inode) {
        Found key = { .socket.inode = (uint32_t) inode };
        Found *f = s->n_found ? bsearch(&key, s->found, s->n_found, sizeof key, by_inode) : NULL;
        char path[64];

        if (!f || inode == 0)
                return 0;
        if (!h->name) {
                snprintf(path, sizeof path, "%.16s/comm", h->pid);
                if (file_read_line(proc, path, &h->name) < 0)
                        return 0;
                h->inner = read_inner_pid(proc, h->pid);
        }
        f->has_holder = true;
        return add_entry(s, f, h->number, h->name, h->inner);
}

/* A process may hold a socket by several descriptors. */
static bool is_repeated(const Scan *s, const Holder *h, uint64_t inode) {
        for (size_t i = s->n_entries; i > 0 && s->entries[i - 1].pid == h->number; i--)
                if (s->entries[i - 1].socket.inode == inode)
                        return true;
        return false;
}

static int scan_process(Scan *s, int proc, const char *pid) {
        char path[64], link[64];
        Holder holder = { .pid = pid };
        struct dirent *entry;
        DIR *fds;
        int r = 0, fd;

        if (parse_int(pid, 1, 1 << 30, &holder.number) < 0)
                return 0;
        snprintf(path, sizeof path, "%.16s/fd", pid);
        fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fds = fd < 0 ? NULL : fdopendir(fd);
        if (!fds) {
                (void) close_fd(fd);
                return 0;
        }
        while (r >= 0 && (entry = readdir(fds))) {
                ssize_t n = entry->d_name[0] == '.'
                                    ? 0
                                    : readlinkat(fd, entry->d_name, link, sizeof link - 1);
                uint64_t inode;

                if (n < 10 || memcmp(link, "socket:[", 8) != 0)
                        continue;
                link[n - 1] = 0;
                if (parse_u64(link + 8, &inode) >= 0 && !is_repeated(s, &holder, inode))
                        r = add_holder(s, proc, &holder, inode);
        }
        (void) closedir(fds);
        free(holder.name);
        return r;
}

static int find_holders(Scan *s, DIR *proc) {
        struct dirent *entry;

        rewinddir(proc);
        while ((entry = readdir(proc)))
                if (is_number(entry->d_name) && scan_process(s, dirfd(proc), entry->d_name) < 0)
                        return -ENOMEM;
        /* The kernel's own, and those of processes that are not ours to see. */
        for (size_t i = 0; i < s->n_found; i++)
                if (!s->found[i].has_holder && (s->found[i].socket.inode || s->all) &&
                    add_entry(s, &s->found[i], 0, "", 0) < 0)
                        return -ENOMEM;
        return 0;
}

static int load_containers(Scan *s, const Home *home, Err *err) {
        struct stat own = {}, st;
        int r;

        r = container_list(home, false, &s->containers, &s->n_containers, err);
        if (r < 0)
                return r;
        s->container_netns = calloc(s->n_containers + 1, sizeof *s->container_netns);
        if (!s->container_netns)
                return fail(err, ENOMEM, "cannot list sockets");
        (void) stat("/proc/self/ns/net", &own);
        for (size_t i = 0; i < s->n_containers; i++) {
                char path[64];

                snprintf(path, sizeof path, "/proc/%d/ns/net", s->containers[i]->state.pid);
                if (stat(path, &st) >= 0 && st.st_ino != own.st_ino)
                        s->container_netns[i] = st.st_ino;
        }
        return 0;
}

/* The container whose cgroup the process is in, or whose monitor it is; NULL. */
static const Container *container_of_process(const Scan *s, int pid) {
        autofree char *text = NULL;
        char path[64];

        for (size_t i = 0; i < s->n_containers; i++)
                if (s->containers[i]->state.pid == pid ||
                    s->containers[i]->state.monitor_pid == pid)
                        return s->containers[i];
        snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
        if (pid == 0 || file_read(AT_FDCWD, path, 65536, &text, NULL) < 0)
                return NULL;
        for (size_t i = 0; i < s->n_containers; i++)
                if (strstr(text, s->containers[i]->id))
                        return s->containers[i];
        return NULL;
}

static const Container *container_of_netns(const Scan *s, uint64_t netns) {
        for (size_t i = 0; i < s->n_containers; i++)
                if (s->container_netns[i] == netns)
                        return s->containers[i];
        return NULL;
}

static bool is_loopback(const DiagSocket *s) {
        static const uint8_t loopback6[16] = { [15] = 1 };

        return s->family == AF_INET ? s->address[0] == 127
                                    : memcmp(s->address, loopback6, sizeof loopback6) == 0;
}

/* Writes where the host's ports lead here, from the state of the container that has the network. */
static char *published_text(const Container *c, const DiagSocket *socket) {
        autofree char *wanted =
                str_format("%d/%s", socket->port, socket->protocol == IPPROTO_UDP ? "udp" : "tcp");
        autostr text = {};

        for (size_t i = 0; wanted && i < c->state.n_ports; i++) {
                const PortMap *map = &c->state.ports[i];

                for (size_t k = 0; str_equal(map->port, wanted) && k < map->n_bindings; k++) {
                        const PortBinding *b = &map->bindings[k];
                        const char *ip = str_empty(b->host_ip) ? "0.0.0.0" : b->host_ip;

                        if (text.length > 0)
                                str_put(&text, ", ");
                        str_printf(&text, strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip, b->host_port);
                }
        }
        return str_take(&text);
}

static int name_containers(Scan *s) {
        for (size_t i = 0; i < s->n_entries; i++) {
                PortEntry *e = &s->entries[i];
                const Container *network = container_of_netns(s, e->netns);
                const Container *c = container_of_process(s, e->pid);

                if (!c)
                        c = network;
                if (c) {
                        free(e->container);
                        e->container = strdup(c->name);
                }
                if (network && diag_is_listening(&e->socket) && !is_loopback(&e->socket)) {
                        free(e->published);
                        e->published = published_text(network, &e->socket);
                }
                if (!e->container || !e->published)
                        return -ENOMEM;
        }
        return 0;
}

static int by_port(const void *a, const void *b) {
        const PortEntry *x = a, *y = b;

        if (x->socket.port != y->socket.port)
                return x->socket.port - y->socket.port;
        if (x->socket.protocol != y->socket.protocol)
                return x->socket.protocol - y->socket.protocol;
        if (strcmp(x->address, y->address) != 0)
                return strcmp(x->address, y->address);
        return x->pid - y->pid;
}

int ports_list(const Home *home, bool all, Ports **ret, Err *err) {
        __attribute__((__cleanup__(scan_clear))) Scan scan = { .all = all };
        DIR *proc = opendir("/proc");
        Ports *ports;
        int r;

        if (!proc)
                return fail(err, errno, "cannot list '/proc'");
        r = find_netns(&scan, proc);
        if (r < 0)
                r = fail(err, r, "cannot list network namespaces");
        if (r >= 0)
                r = dump_all(&scan, err);
        if (r >= 0) {
                r = find_holders(&scan, proc);
                if (r < 0)
                        r = fail(err, r, "cannot list the holders of sockets");
        }
        (void) closedir(proc);
        if (r >= 0)
                r = load_containers(&scan, home, err);
        if (r < 0)
                return r;
        if (name_containers(&scan) < 0)
                return fail(err, ENOMEM, "cannot list sockets");

        ports = calloc(1, sizeof *ports);
        if (!ports)
                return fail(err, ENOMEM, "cannot list sockets");
        if (scan.n_entries > 0)
                qsort(scan.entries, scan.n_entries, sizeof *scan.entries, by_port);
        ports->entries = take_ptr(scan.entries);
        ports->n = scan.n_entries;
        scan.n_entries = 0;
        *ret = ports;
        return 0;
}

Ports *ports_free(Ports *ports) {
        if (ports) {
                Scan scan = { .entries = ports->entries, .n_entries = ports->n };

                scan_clear(&scan);
                free(ports);
        }
        return NULL;
}

const char *port_state(const DiagSocket *s) {
        static const char *const names[] = {
                [TCP_ESTABLISHED] = "ESTAB",
                [TCP_SYN_SENT] = "SYN-SENT",
                [TCP_SYN_RECV] = "SYN-RECV",
                [TCP_FIN_WAIT1] = "FIN-WAIT-1",
                [TCP_FIN_WAIT2] = "FIN-WAIT-2",
                [TCP_TIME_WAIT] = "TIME-WAIT",
                [TCP_CLOSE] = "UNCONN",
                [TCP_CLOSE_WAIT] = "CLOSE-WAIT",
                [TCP_LAST_ACK] = "LAST-ACK",
                [TCP_LISTEN] = "LISTEN",
                [TCP_CLOSING] = "CLOSING",
                [12] = "SYN-RECV",
                [13] = "BOUND", /* TCP_BOUND_INACTIVE, since Linux 6.8 */
        };

        if (s->state < 1 || s->state >= (int) (sizeof names / sizeof *names))
                return "?";
        return names[s->state];
}
