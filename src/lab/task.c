/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/str.h"
#include "kernel/process.h"
#include "lab/task.h"

#define LINE_MAX_SHOWN 4096

int lab_task_start(const Lab *lab, size_t node, char *const *args, int output, LabTask *ret,
                   Err *err) {
        const LabExec exec = { .args = args, .stdio = { -EBADF, output, output }, .session = true };
        int pidfd;
        pid_t pid;

        pid = lab_exec(lab, node, &exec, &pidfd, err);
        if (pid < 0) {
                close_fd(output);
                return pid;
        }
        *ret = (LabTask){ pidfd, output, pid, lab->topology->nodes[node].image };
        return 0;
}

int lab_task_collect(LabTask *task) {
        siginfo_t info;
        int r = process_reap(task->pidfd, &info);

        task->pidfd = close_fd(task->pidfd);
        if (r < 0)
                return r;
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

void lab_task_kill(LabTask *task) {
        siginfo_t info;

        if (task->pidfd < 0)
                return;
        if (task->kept)
                (void) kill(task->pid, SIGTERM);
        else
                (void) kill(-task->pid, SIGKILL);
        if (task->kept)
                (void) process_reap(task->pidfd, &info);
        else
                process_kill_and_reap(task->pidfd);
        task->pidfd = close_fd(task->pidfd);
}

char *lab_task_last_line(const LabTask *task, off_t from) {
        char text[LINE_MAX_SHOWN + 1], *line;
        off_t end = task->output < 0 ? 0 : lseek(task->output, 0, SEEK_END);
        ssize_t n;

        if (end - from > LINE_MAX_SHOWN)
                from = end - LINE_MAX_SHOWN;
        n = end > from ? pread(task->output, text, sizeof text - 1, from) : 0;
        while (n > 0 && strchr(" \t\r\n", text[n - 1]))
                n--;
        if (n <= 0)
                return NULL;
        text[n] = '\0';
        line = strrchr(text, '\n');
        return str_printable(line ? line + 1 : text);
}

void lab_task_clear(LabTask *task) {
        lab_task_kill(task);
        task->output = close_fd(task->output);
}
