/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Running a program in a node from the command line. */

#include <signal.h>

#include "cli/lab_run.h"
#include "cli/operands.h"
#include "engine/container.h"
#include "engine/relay.h"
#include "kernel/process.h"

/* A container's program has what isola exec gives it: its user, its limits, and no terminal of
 * ours but one of its own. */
static int run_in_container(const Lab *lab, size_t node, const LabExec *exec, Err *err) {
        const ExecRequest request = {
                .args = (char **) exec->args,
                .env = (char **) exec->env,
                .working_dir = exec->workdir,
                .input = true,
                .tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
        };
        autoptr(Container) c = NULL;
        int r, code = 0;

        if (!lab->state.nodes[node].container)
                return refuse(err, ESRCH, "node '%s' is not started", lab->state.nodes[node].name);
        r = container_load(lab->home, lab->state.nodes[node].container, &c, err);
        if (r >= 0)
                r = container_exec(c, &request, &code, err);
        if (r >= 0)
                return code;
        r = start_failure_code(err_prefix(err, r, "node '%s'", lab->state.nodes[node].name));
        command_complain(err);
        return r;
}

int lab_run(const Lab *lab, const char *node, const LabExec *exec, Err *err) {
        autoclose int pidfd = -EBADF;
        siginfo_t info = {};
        ssize_t index = lab_find_node(lab, node, err);
        int r;

        if (index < 0)
                return (int) index;
        if (lab->topology->nodes[index].image)
                return run_in_container(lab, (size_t) index, exec, err);
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
