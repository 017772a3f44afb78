/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "kernel/ns.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

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

int netns_run(int netns, int (*run)(void *context), void *context) {
        autoclose int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        int r;

        if (own < 0 || setns(netns, CLONE_NEWNET) < 0)
                return -errno;
        r = run(context);
        /* Nothing may go on in a namespace that is not its own; there is no reason to fail. */
        if (setns(own, CLONE_NEWNET) < 0)
                abort();
        return r;
}
