/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "base/str.h"
#include "cli/lab_checks.h"
#include "kernel/process.h"
#include "lab/link.h"

#define OUTPUT_MAX (64 << 10) /* bytes of a command's output that are kept */

static int give_netns(void *context, size_t node, Err *err) {
        return lab_node_netns(context, node, err);
}

static int set_link(void *context, size_t link, bool up, Err *err) {
        return lab_link_cut(context, link, !up, err);
}

/* Reads until the end of the pipe or of the time.  1: all of it; 0: not in time. */
static int read_output(int fd, int64_t until_ns, Str *output) {
        char part[4096];

        for (;;) {
                int r = probe_wait(fd, POLLIN, -EBADF, until_ns);
                ssize_t n;

                if (r <= 0)
                        return r;
                n = read(fd, part, sizeof part);
                if (n == 0)
                        return 1;
                if (n < 0)
                        return -errno;
                if (output->length + (size_t) n <= OUTPUT_MAX)
                        str_put_bytes(output, part, (size_t) n);
        }
}

static int run_command(void *context, size_t node, const char *command, int64_t timeout_ns,
                       int *ret_code, char **ret_output, Err *err) {
        char *const args[] = { (char *) "sh", (char *) "-c", (char *) command, NULL };
        int64_t until = monotonic_ns() + timeout_ns;
        int out[2], pidfd = -EBADF, r;
        autostr output = {};
        siginfo_t info;
        pid_t pid;

        if (pipe2(out, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        pid = lab_exec(context, node, &(LabExec){ .args = args, .stdio = { -1, out[1], out[1] } },
                       &pidfd, err);
        close_fd(out[1]);
        r = pid < 0 ? pid : read_output(out[0], until, &output);
        /* What closed its output may go on. */
        if (r > 0)
                r = probe_wait(pidfd, POLLIN, -EBADF, until);
        close_fd(out[0]);
        if (pid < 0)
                return r;
        if (r <= 0)
                (void) pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        r = r < 0    ? fail(err, r, "cannot read what '%s' writes", command)
            : r == 0 ? refuse(err, ETIMEDOUT, "'%s' did not end within %.1f s", command,
                              (double) timeout_ns / 1e9)
                     : 0;
        if (process_reap(pidfd, &info) < 0 && r >= 0)
                r = refuse(err, ECHILD, "cannot tell how '%s' ended", command);
        close_fd(pidfd);
        if (r < 0)
                return r;
        *ret_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        *ret_output = str_take(&output);
        return *ret_output ? 0 : fail(err, ENOMEM, "cannot keep what '%s' writes", command);
}

CheckLab lab_checks(Lab *lab, int stop) {
        return (CheckLab){ .topology = lab->topology,
                           .context = lab,
                           .stop = stop,
                           .netns = give_netns,
                           .set_link = set_link,
                           .exec = run_command };
}
