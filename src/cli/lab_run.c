/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Running a program in a node from the command line. */

#include <signal.h>

#include "cli/lab_run.h"
#include "cli/operands.h"
#include "engine/relay.h"
#include "kernel/process.h"

int lab_run(const Lab *lab, const char *node, const LabExec *exec, Err *err) {
        autoclose int pidfd = -EBADF;
        siginfo_t info = {};
        ssize_t index = lab_find_node(lab, node, err);
        int r;

        if (index < 0)
                return (int) index;
        /* The keyboard's signals are for the program, which is in the same process group. */
        (void) signal(SIGINT, SIG_IGN);
        (void) signal(SIGQUIT, SIG_IGN);
        r = lab_exec(lab, (size_t) index, exec, &pidfd, err);
        if (r < 0) {
                r = start_failure_code(r);
                command_complain(err);
                return r;
        }
        r = process_reap(pidfd, &info);
        return r < 0 ? fail(err, r, "cannot wait for '%s'", exec->args[0]) : exit_code_of(&info);
}
