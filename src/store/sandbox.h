/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Locking the image helper in
 *
 * sandbox_run() clones a child into new user, mount, pid, network, IPC, UTS and cgroup
 * namespaces.  Its ids are 65536 that nobody else uses (SANDBOX_ID_BASE); the
 * tree to fill is an idmapped mount on which these are the tree's 0 to 65535, so what it writes
 * belongs on disk to the numbers in the archive.  The child makes that tree its root, drops the
 * machine's mounts, keeps six descriptors, limits itself and executes the static helper by
 * descriptor; the helper drops capabilities it has no use for and installs its seccomp list
 * before it reads the first byte.  It dies with its parent.
 *
 * What it could do if its parser were taken over: write in the tree that was to be filled
 * anyway, and use processor time.
 */

#include "base/auto.h"
#include "store/helper.h"
#include "store/tree.h"

/* Behind the containers' ranges, see engine/idrange.h. */
#define SANDBOX_ID_BASE 1879048192

typedef struct SandboxJob {
        const TreeView *view;       /* NULL: the root is empty and read-only */
        int archive;                /* or -EBADF */
        const char *source_dir;     /* see TreeCopy; or NULL */
        char *const *source_lowers; /* or NULL */
        HelperRequest *request;
        Description *description; /* where what is described goes, or NULL */
} SandboxJob;

/*
 * Return: 0; the helper's own negative errno and sentence; -EPROTO if it died; -ENOENT with a hint
 * if it is not installed.
 */
int sandbox_run(const SandboxJob *job, TreeReport *ret, Err *err);

/*
 * The same in two steps, for several at once.  What the job points at must stay until the end;
 * sandbox_fd() is readable once the helper has something to say.
 */
typedef struct SandboxRun SandboxRun;
int sandbox_start(const SandboxJob *job, SandboxRun **ret, Err *err);
int sandbox_fd(const SandboxRun *run);
int sandbox_finish(SandboxRun *run, TreeReport *ret, Err *err);
/* Ends the helper if it is still at work. */
SandboxRun *sandbox_free(SandboxRun *run);
DEFINE_AUTOPTR(SandboxRun, sandbox_free)

/* Opens the helper: $ISOLA_LIBEXEC, beside the running binary or in the libexec directory
 * beside its bin, or where it was meant to be installed. */
int sandbox_find_helper(Err *err);
/* Same for another program of the same place. */
int sandbox_find_program(const char *name, Err *err);
/* For who is about to leave this mount namespace: if nobody else is in it, it is taken apart then,
 * and /proc/self/exe no longer leads to what is beside the running binary. */
int sandbox_keep_programs(void);
