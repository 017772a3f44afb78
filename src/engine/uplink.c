/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network.h"
#include "engine/pasta.h"
#include "engine/uplink.h"
#include "engine/uplink_return.h"
#include "kernel/idmap.h"
#include "kernel/ns.h"
#include "kernel/process.h"

#define DIRECTORY "rootless"
#define RECORD    "network.json"
/* Link-local and unique local (RFC 3927, RFC 4193): nobody's network has them. */
#define ADDRESS4 "169.254.77.1"
#define ADDRESS6 "fd69:736f:6c61::1"
#define GATEWAY6 "fd69:736f:6c61::2"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* $RUN/rootless/network.json */
typedef struct Record {
        char *boot;
        uint64_t inode, cookie;
        int pid; /* a process that held it */
} Record;

static const JsonField record_fields[] = {
        JSON_STRING(Record, boot, "boot"),
        JSON_U64(Record, inode, "inode"),
        JSON_U64(Record, cookie, "cookie"),
        JSON_INT(Record, pid, "pid"),
        {},
};
static const JsonType record_type = { sizeof(Record), record_fields };

int uplink_choose(Home *home, Err *err) {
        autoclose int netns = -EBADF, owner = -EBADF;

        if (!idmap_is_inside())
                return 0;
        netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (netns < 0)
                return fail(err, errno, "cannot open '/proc/self/ns/net'");
        owner = ioctl(netns, NS_GET_USERNS);
        if (owner >= 0) /* ours, or of one below */
                return 0;
        home->network = calloc(1, sizeof *home->network);
        if (!home->network)
                return fail(err, ENOMEM, "cannot open isola's directories");
        *home->network = (HomeNetwork){ -EBADF, -EBADF, -EBADF };
        return 0;
}

/* --- the namespace --- */

static int read_cookie(void *context) {
        uint64_t *cookie = context;
        socklen_t size = sizeof *cookie;
        autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) < 0)
                return -errno;
        return 0;
}

static bool is_it(int netns, const Record *record) {
        uint64_t cookie = 0;
        struct stat st;

        return fstat(netns, &st) >= 0 && st.st_ino == record->inode &&
               netns_run(netns, read_cookie, &cookie) >= 0 && cookie == record->cookie;
}

/* Opens the namespace by a descriptor of a process that holds it; negative if none does. */
static int held_by(int pid, const Record *record) {
        char path[64];
        autostrv numbers = NULL;

        snprintf(path, sizeof path, "/proc/%d/fd", pid);
        if (dir_list(AT_FDCWD, path, &numbers) < 0)
                return -ESRCH;
        strv_foreach(number, numbers) {
                autoclose int netns = -EBADF;
                struct stat st;

                snprintf(path, sizeof path, "/proc/%d/fd/%.16s", pid, *number);
                if (stat(path, &st) < 0 || st.st_ino != record->inode)
                        continue;
                netns = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
                if (netns >= 0 && is_it(netns, record))
                        return take_fd(netns);
        }
        return -ESRCH;
}

static bool is_in(const char *pid, ino_t userns) {
        char path[64];
        struct stat st;

        snprintf(path, sizeof path, "/proc/%.16s/ns/user", pid);
        return stat(path, &st) >= 0 && st.st_ino == userns;
}

static int scan(Record *record) {
        autostrv names = NULL;
        struct stat own;

        if (stat("/proc/self/ns/user", &own) < 0 || dir_list(AT_FDCWD, "/proc", &names) < 0)
                return -ESRCH;
        strv_foreach(name, names) {
                int pid, netns;

                if (parse_int(*name, 1, INT32_MAX, &pid) < 0 || pid == getpid() ||
                    !is_in(*name, own.st_ino))
                        continue;
                netns = held_by(pid, record);
                if (netns >= 0) {
                        record->pid = pid;
                        return netns;
                }
        }
        return -ESRCH;
}

/* It lives longest. */
static int held_by_pasta(int dir, const Record *record) {
        autofree char *text = NULL;
        int pid;

        if (file_read_line(dir, PASTA_PID, &text) < 0 || parse_int(text, 1, INT32_MAX, &pid) < 0)
                return -ESRCH;
        return held_by(pid, record);
}

static int find(int dir) {
        Record record = {};
        int netns = -ESRCH;

        if (json_load(&record_type, dir, RECORD, &record, NULL) >= 0 &&
            str_equal(record.boot, boot_id())) {
                netns = held_by_pasta(dir, &record);
                if (netns < 0)
                        netns = held_by(record.pid, &record);
                if (netns < 0) {
                        netns = scan(&record);
                        if (netns >= 0)
                                (void) json_save(&record_type, dir, RECORD, &record, false, NULL);
                }
        }
        json_clear(&record_type, &record);
        return netns;
}

static int prepare(void *context) {
        int r = uplink_return_make();

        if (r < 0)
                log_warn("published ports do not show the container who calls: %s", strerror(-r));
        return 0;
}

static int make(int dir) {
        Record record = { .boot = (char *) boot_id(), .pid = getpid() };
        autoclose int netns = netns_new();
        struct stat st;
        int r;

        if (netns < 0)
                return netns;
        log_debug("making the network namespace of the user's networks");
        r = network_loopback(netns, NULL);
        if (r >= 0)
                r = netns_run(netns, prepare, NULL);
        if (r >= 0)
                r = netns_run(netns, read_cookie, &record.cookie);
        if (r >= 0 && fstat(netns, &st) < 0)
                r = -errno;
        if (r < 0)
                return r;
        fault_point("uplink.made");
        record.inode = st.st_ino;
        r = json_save(&record_type, dir, RECORD, &record, false, NULL);
        return r < 0 ? r : take_fd(netns);
}

static int open_locked(const Home *home, int *ret_dir) {
        autoclose int dir = dir_open(home->run_fd, DIRECTORY, 0700);
        int lock = dir < 0 ? dir : lock_dir(dir, true);

        if (lock >= 0)
                *ret_dir = take_fd(dir);
        return lock;
}

/* Return: the namespace, borrowed; negative errno. */
static int open_netns(const Home *home, int dir) {
        HomeNetwork *n = home->network;

        if (n->netns < 0)
                n->netns = find(dir);
        if (n->netns < 0)
                n->netns = make(dir);
        return n->netns;
}

/* The same for who may not know where the lock is. */
static int open_anywhere(const Home *home) {
        HomeNetwork *n = home->network;
        autoclose int dir = -EBADF, lock = -EBADF;

        if (n->netns >= 0)
                return 0;
        if (n->lock < 0)
                lock = open_locked(home, &dir);
        else /* it is ours */
                dir = dir_open(home->run_fd, DIRECTORY, 0700);
        if (lock < 0 && n->lock < 0)
                return lock;
        return dir < 0 ? dir : open_netns(home, dir);
}

typedef struct Job {
        int (*run)(void *job, Err *err);
        void *job;
        Err *err;
} Job;

static int do_there(void *context) {
        const Job *j = context;

        return j->run(j->job, j->err);
}

int uplink_run(const Home *home, int (*run)(void *job, Err *err), void *job, Err *err) {
        autoerr why = {};
        int r;

        if (!home->network)
                return run(job, err);
        r = open_anywhere(home);
        if (r >= 0)
                r = netns_run(home->network->netns, do_there, &(Job){ run, job, &why });
        if (r < 0 && !why.message)
                return fail(err, r, "cannot enter the network namespace of your networks");
        if (r < 0 && err) {
                *err = why;
                why = (Err){};
        }
        return r;
}

/* --- pasta --- */

/* Where its number and its log are. */
static char *files_of(const Home *home) {
        return str_format("%s/" DIRECTORY, home->run);
}

/* A pidfd of the one that connects this very namespace; negative if none does. */
static int find_pasta(const Home *home, int dir, int netns) {
        autofree char *path = files_of(home);
        autoclose int pidfd = path ? pasta_find(dir, path) : -ENOMEM, held = -EBADF;
        Record record = {};
        struct stat st;

        if (pidfd < 0 || fstat(netns, &st) < 0 || netns_run(netns, read_cookie, &record.cookie) < 0)
                return -ESRCH;
        record.inode = st.st_ino;
        held = held_by(process_of_pidfd(pidfd), &record);
        return held < 0 ? -ESRCH : take_fd(pidfd);
}

static void end_pasta(const Home *home, int dir) {
        autofree char *path = files_of(home);
        autoclose int pidfd = path ? pasta_find(dir, path) : -ENOMEM;

        if (pidfd >= 0)
                pasta_end(pidfd);
}

static int start_pasta(const Home *home, Err *err) {
        const char *const options[] = { "--ns-ifname", "world",  "--tcp-ports", "none",
                                        "--udp-ports", "none",   "--tcp-ns",    "none",
                                        "--udp-ns",    "none",   "--address",   ADDRESS4,
                                        "--netmask",   "24",     "--gateway",   UPLINK_HOST4,
                                        "--address",   ADDRESS6, "--gateway",   GATEWAY6,
                                        NULL };
        HomeNetwork *n = home->network;
        autofree char *path = files_of(home);
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot run '" PASTA "'");
        r = pasta_start(&(PastaRun){ path, n->netns, (char *const *) options }, &n->starting, err);
        fault_point("uplink.started");
        return r;
}

int uplink_begin(const Home *home, Err *err) {
        HomeNetwork *n = home->network;
        autoclose int dir = -EBADF, lock = -EBADF, pasta = -EBADF;
        int r;

        if (!n)
                return 0;
        lock = open_locked(home, &dir);
        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/" DIRECTORY "'", home->run);
        r = open_netns(home, dir);
        if (r < 0)
                return fail(err, r, "cannot make a network namespace for your networks");
        pasta = find_pasta(home, dir, n->netns);
        if (pasta >= 0)
                return 0;
        end_pasta(home, dir); /* of a namespace that was lost */
        r = start_pasta(home, err);
        if (r == -ENOENT) {
                log_warn("containers reach nothing outside of their networks: '" PASTA
                         "' is not there (package passt)");
                return 0;
        }
        if (r >= 0)
                n->lock = take_fd(lock);
        return r;
}

static void tell_failure(const Home *home) {
        autoclose int dir = openat(home->run_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autofree char *reason = pasta_reason(dir);

        log_warn("containers reach nothing outside of their networks: '" PASTA "' failed: %s",
                 reason ? reason : "it gave no reason");
}

int uplink_find(const Home *home) {
        HomeNetwork *n = home->network;
        autoclose int dir =
                n ? openat(home->run_fd, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

        if (dir < 0)
                return -ESRCH;
        if (n->netns < 0)
                n->netns = find(dir);
        return n->netns < 0 ? -ESRCH : find_pasta(home, dir, n->netns);
}

/* It puts itself into the background once all is set up. */
void uplink_finish(const Home *home) {
        HomeNetwork *n = home->network;

        if (!n || n->starting < 0)
                return;
        if (pasta_wait(n->starting) < 0)
                tell_failure(home);
        n->starting = close_fd(n->starting);
        n->lock = close_fd(n->lock);
        fault_point("uplink.connected");
}

void uplink_end(const Home *home, bool (*in_use)(const Home *home)) {
        HomeNetwork *n = home->network;
        autoclose int dir = -EBADF, lock = -EBADF;

        if (!n || n->lock >= 0 || file_access(home->run_fd, DIRECTORY "/" PASTA_PID, F_OK) < 0)
                return;
        lock = open_locked(home, &dir);
        if (lock < 0 || in_use(home))
                return;
        /* Whichever namespace it connects: once its number is gone, nobody finds it. */
        end_pasta(home, dir);
        fault_point("uplink.ended");
        (void) unlinkat(dir, PASTA_PID, 0);
        (void) unlinkat(dir, PASTA_LOG, 0);
}
