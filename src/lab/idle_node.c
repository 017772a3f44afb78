/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/caps.h"
#include "kernel/idmap.h"
#include "kernel/ns.h"
#include "lab/host_tree.h"
#include "lab/idle_node.h"
#include "lab/node.h"
#include "lab/place.h"

#define STACK_SIZE 4096
#define LOOK_MS    1
#define WAIT_MS    10000

typedef struct IdleNode {
        IdleNodes *all;
        const char *name;
} IdleNode;

bool node_is_idle(const Node *n) {
        return !n->image && n->kind != NODE_OVS_BRIDGE && !n->cmd && strv_length(n->binds) == 0 &&
               strv_length(n->sysctls) == 0 && !node_is_limited(n);
}

bool idle_nodes_are_possible(void) {
        return !idmap_is_inside() && (caps_permitted() & 1ull << CAP_SYS_PTRACE) != 0 &&
               syscall(SYS_close_range, ~0u, ~0u, 0) == 0;
}

int idle_nodes_open(IdleNodes *all, size_t most, int release, Err *err) {
        *all = (IdleNodes){ .release = release };
        all->nodes = calloc(most + 1, sizeof *all->nodes);
        all->stacks = mmap(NULL, (most + 1) * STACK_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (!all->nodes || all->stacks == MAP_FAILED)
                return fail(err, ENOMEM, "cannot make the lab's nodes");
        return 0;
}

static void reap_all(void) {
        while (syscall(SYS_wait4, -1, NULL, WNOHANG, NULL) > 0)
                ;
}

/* Runs on a page of stack, in memory that the maker and all others use at the same time. */
static int idle_main(void *data) {
        const IdleNode *n = data;
        const uint64_t signals = 1ull << (SIGCHLD - 1) | 1ull << (SIGTERM - 1);
        unsigned release = (unsigned) n->all->release;
        char byte;

        if (syscall(SYS_sethostname, n->name, strlen(n->name)) < 0)
                syscall(SYS_exit_group, 1);
        syscall(SYS_prctl, PR_SET_NAME, "isola-node", 0, 0, 0);
        syscall(SYS_close_range, 0, release - 1, 0);
        syscall(SYS_close_range, release + 1, ~0u, 0);
        atomic_fetch_add(&n->all->ready, 1);
        /* The maker's death closes the pipe without a byte. */
        if (syscall(SYS_read, release, &byte, 1) != 1)
                syscall(SYS_exit_group, 1);
        syscall(SYS_close_range, 0, ~0u, 0);
        /* Ends at SIGTERM from outside, and all processes of the node with it. */
        while (syscall(SYS_rt_sigtimedwait, &signals, NULL, NULL, sizeof signals) != SIGTERM)
                reap_all();
        syscall(SYS_exit_group, 0);
        return 0;
}

pid_t idle_node_clone(IdleNodes *all, int flags, const char *name) {
        IdleNode *n = &all->nodes[all->n];
        char *stack = all->stacks + (size_t) (all->n + 1) * STACK_SIZE;
        pid_t pid;

        *n = (IdleNode){ all, name };
        pid = clone(idle_main, stack, flags | CLONE_VM | SIGCHLD, n);
        if (pid < 0)
                return -errno;
        all->n++;
        return pid;
}

int idle_nodes_settle(IdleNodes *all) {
        for (int left = WAIT_MS; all->n > 0 && atomic_load(&all->ready) < all->n; left -= LOOK_MS)
                if (left <= 0 || waitpid(-1, NULL, WNOHANG) > 0 || poll(NULL, 0, LOOK_MS) < 0)
                        return -ECHILD;
        if (all->n > 0)
                (void) prctl(PR_SET_DUMPABLE, 0);
        return 0;
}

/* ---- files ---- */

void idle_files_close(IdleFiles *f) {
        f->fabric = close_fd(f->fabric);
        f->node = close_fd(f->node);
        f->lock = close_fd(f->lock);
}

static bool is_proc(const char *path) {
        struct statfs fs;

        return statfs(path, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int open_mounts(int pid, Err *err) {
        autofree char *path = str_format("/proc/%d/ns/mnt", pid);

        return path ? ns_open(ns_kind("mount"), path, err) : fail(err, ENOMEM, "no memory");
}

int idle_files_open(const Lab *lab, size_t node, IdleFiles *ret, Err *err) {
        autofree char *proc = str_format("/proc/%d/root/proc", lab->state.nodes[node].pid);
        IdleFiles files = IDLE_FILES_NONE;
        int r = proc ? 0 : fail(err, ENOMEM, "no memory");

        *ret = files;
        if (r < 0 || is_proc(proc))
                return r;
        r = files.node = open_mounts(lab->state.nodes[node].pid, err);
        if (r >= 0)
                r = files.fabric = open_mounts(lab->state.fabric.pid, err);
        if (r >= 0) {
                files.lock = openat(lab->dir, "files", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                r = files.lock < 0 ? fail(err, errno, "cannot lock the node's files") : 0;
        }
        if (r < 0) {
                idle_files_close(&files);
                return r;
        }
        *ret = files;
        return 0;
}

static int make_files(const IdleFiles *f, Err *err) {
        NodeMounts mounts = NODE_MOUNTS_NONE;
        int r;

        if (is_proc("/proc"))
                return 0; /* somebody was faster */
        if (setns(f->fabric, CLONE_NEWNS) < 0)
                return fail(err, errno, "cannot enter the lab's fabric");
        r = node_mounts_open(&mounts, err);
        if (setns(f->node, CLONE_NEWNS) < 0 || chdir("/") < 0)
                r = r < 0 ? r : fail(err, errno, "cannot enter the node");
        if (r >= 0)
                r = node_mounts_attach(&mounts, err);
        node_mounts_close(&mounts);
        return r;
}

int idle_files_make(const IdleFiles *f, Err *err) {
        struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int r;

        if (f->node < 0)
                return 0;
        if (fcntl(f->lock, F_OFD_SETLKW, &all) < 0)
                return fail(err, errno, "cannot lock the node's files");
        r = make_files(f, err);
        all.l_type = F_UNLCK;
        (void) fcntl(f->lock, F_OFD_SETLK, &all);
        return r;
}
