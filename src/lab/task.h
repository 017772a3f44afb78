/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A program in a node that the lab itself wants run: a command of exec, a health check. */

#include "lab/lab.h"

typedef struct LabTask {
        int pidfd;  /* readable once it has ended; -EBADF: none runs */
        int output; /* what it wrote, or negative; the task's own */
        pid_t pid;
        bool kept; /* in a container: by a process that has to be asked to kill it */
} LabTask;
#define LAB_TASK_NONE ((LabTask){ -EBADF, -EBADF, 0, false })

/* @output: where it writes, the task's from now on; negative: nowhere. */
int lab_task_start(const Lab *lab, size_t node, char *const *args, int output, LabTask *ret,
                   Err *err);
/* Takes the status of one that has ended: its exit code, 128 and more for a signal; negative errno.
 */
int lab_task_collect(LabTask *task);
/* Kills it, and what it has started that has not gone away from it. */
void lab_task_kill(LabTask *task);
/* The last line that is no blank one from @from on, printable, the caller's; NULL: there is none.
 */
char *lab_task_last_line(const LabTask *task, off_t from);
void lab_task_clear(LabTask *task);
#define autotask __attribute__((__cleanup__(lab_task_clear))) LabTask
