/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "kernel/ns.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define VISITOR_STACK (1u << 20)

const NsKind ns_kinds[NS_KINDS] = {
        { "network", "net", CLONE_NEWNET }, { "ipc", "ipc", CLONE_NEWIPC },
        { "uts", "uts", CLONE_NEWUTS },     { "pid", "pid", CLONE_NEWPID },
        { "time", "time", CLONE_NEWTIME },  { "cgroup", "cgroup", CLONE_NEWCGROUP },
        { "mount", "mnt", CLONE_NEWNS },    { "user", "user", CLONE_NEWUSER },
};

const NsKind *ns_kind(const char *name) {
        for (size_t i = 0; i < NS_KINDS; i++)
                if (strcmp(ns_kinds[i].name, name) == 0)
                        return &ns_kinds[i];
        return NULL;
}

int ns_open(const NsKind *kind, const char *path, Err *err) {
        autoclose int ns = -EBADF;
        int type;

        ns = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (ns < 0)
                return fail(err, errno, "cannot open the %s namespace '%s'", kind->name, path);

        type = ioctl(ns, NS_GET_NSTYPE);
        if (type < 0)
                return refuse(err, EINVAL, "'%s' is not a namespace", path);
        if (type != kind->flag)
                return refuse(err, EINVAL, "'%s' is not a %s namespace", path, kind->name);
        return take_fd(ns);
}

int ns_same(int a, int b) {
        struct stat first, second;

        if (fstat(a, &first) < 0 || fstat(b, &second) < 0)
                return -errno;
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* Whether it could come back from another one: only who has rights over its own may enter it. */
static bool can_return(int own) {
        int owner = ioctl(own, NS_GET_USERNS);

        close_fd(owner);
        return owner >= 0;
}

typedef struct Visit {
        int netns;
        int (*run)(void *context);
        void *context;
        int result;
} Visit;

static int visit(void *data) {
        Visit *v = data;

        v->result = (v->netns < 0 ? unshare(CLONE_NEWNET) : setns(v->netns, CLONE_NEWNET)) < 0
                            ? -errno
                            : v->run(v->context);
        _exit(0);
}

/*
 * Sends a process that does not come back, with our memory and descriptors, while we wait: as
 * vfork() does, with a stack of its own.
 */
static int send_visitor(int netns, int (*run)(void *context), void *context) {
        Visit v = { netns, run, context, -ECHILD };
        char *stack = mmap(NULL, VISITOR_STACK, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
        pid_t pid;
        int r;

        if (stack == MAP_FAILED)
                return -errno;
        pid = clone(visit, stack + VISITOR_STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD,
                    &v);
        r = pid < 0 ? -errno : 0;
        while (pid >= 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
                ;
        (void) munmap(stack, VISITOR_STACK);
        return r < 0 ? r : v.result;
}

static int open_own(void *context) {
        int *netns = context;

        *netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        return *netns < 0 ? -errno : 0;
}

int netns_new(void) {
        int netns = -EBADF;
        int r = send_visitor(-EBADF, open_own, &netns);

        return r < 0 ? r : netns;
}

int netns_run(int netns, int (*run)(void *context), void *context) {
        autoclose int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        int r;

        if (own < 0)
                return -errno;
        if (!can_return(own))
                return send_visitor(netns, run, context);
        if (setns(netns, CLONE_NEWNET) < 0)
                return -errno;
        r = run(context);
        /* Nothing may go on in a namespace that is not its own; there is no reason to fail. */
        if (setns(own, CLONE_NEWNET) < 0)
                abort();
        return r;
}
