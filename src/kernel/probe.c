/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/probe.h"
#include "kernel/process.h"

/* Making a network namespace waits until the kernel has cleaned up those that ended before. */
#define TRIAL_TIMEOUT_MS 60000

typedef struct Answer {
        int answer;
        char detail[PROBE_DETAIL_MAX];
} Answer;

static void try_in_child(const ProbeFeature *feature, const ProbePlace *place, int out) {
        Answer a = {};

        a.answer = feature->trial(place, a.detail);
        if (a.answer > 0)
                a.answer = 0;
        (void) !write(out, &a, sizeof a); /* fits a pipe: whole or not at all */
        _exit(0);
}

void probe_run(const ProbeFeature *feature, const ProbePlace *place, ProbeResult *ret) {
        autoclose int in = -EBADF, out = -EBADF, pidfd = -EBADF;
        Answer a = { .answer = -EIO };
        struct pollfd p;
        int ends[2];
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) == 0) {
                in = ends[0];
                out = ends[1];
                pid = process_clone(0, -EBADF, &pidfd);
                if (pid == 0)
                        try_in_child(feature, place, out);
                out = close_fd(out);
                p = (struct pollfd){ .fd = in, .events = POLLIN };
                if (pid > 0 && poll(&p, 1, TRIAL_TIMEOUT_MS) != 1)
                        a.answer = -ETIMEDOUT;
                else if (pid > 0 && read(in, &a, sizeof a) != sizeof a)
                        a = (Answer){ .answer = -EIO };
                if (pid > 0)
                        process_kill_and_reap(pidfd);
        }
        *ret = (ProbeResult){ .feature = feature, .answer = a.answer };
        memcpy(ret->detail, a.detail, sizeof ret->detail);
        ret->detail[sizeof ret->detail - 1] = 0;
}
