/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/signal_name.h"
#include "base/str.h"
#include "cli/operands.h"

#define AT_ONCE 32

typedef enum Outcome { DONE = 0, FAILED = 1, MISSING = 2 } Outcome;

/* Prints what went wrong. */
static Outcome run_one(const CommandInput *in, const char *name, ContainerVerb verb) {
        autoptr(Container) c = NULL;
        autoerr err = {};
        int r;

        r = container_load(in->home, name, &c, &err);
        if (r == -ENOENT) {
                command_complain(&err);
                return MISSING;
        }
        if (r >= 0)
                r = verb(c, in->options, &err);
        if (r < 0)
                command_complain(&err);
        return r < 0 ? FAILED : DONE;
}

int operands_each(const CommandInput *in, ContainerVerb verb) {
        int code = 0;

        for (char **name = in->args; *name; name++) {
                Outcome outcome = run_one(in, *name, verb);

                if (outcome == DONE)
                        puts(*name);
                else
                        code = 1;
        }
        return code;
}

/* Waits for the process that deals with a name; one that could not be made is done here. */
static Outcome finish(const CommandInput *in, const char *name, pid_t pid, ContainerVerb verb) {
        Outcome outcome = FAILED;
        int status;

        if (pid < 0)
                outcome = run_one(in, name, verb);
        else if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
                outcome = (Outcome) WEXITSTATUS(status);
        if (outcome == DONE)
                puts(name);
        return outcome;
}

static int run_all(const CommandInput *in, ContainerVerb verb, bool missing_is_fine) {
        pid_t pids[AT_ONCE];
        int code = 0;

        fflush(stdout);
        for (int i = 0; i < in->n_args + AT_ONCE; i++) {
                int done = i - AT_ONCE;

                if (done >= 0 && done < in->n_args) {
                        Outcome outcome = finish(in, in->args[done], pids[done % AT_ONCE], verb);

                        if (outcome == FAILED || (outcome == MISSING && !missing_is_fine))
                                code = 1;
                }
                if (i >= in->n_args)
                        continue;
                /* One alone needs no process of its own. */
                pids[i % AT_ONCE] = in->n_args > 1 ? fork() : -1;
                if (pids[i % AT_ONCE] == 0)
                        _exit(run_one(in, in->args[i], verb));
        }
        return code;
}

int operands_all(const CommandInput *in, ContainerVerb verb) {
        return run_all(in, verb, false);
}

int operands_all_if_there(const CommandInput *in, ContainerVerb verb) {
        return run_all(in, verb, true);
}

int operand_terminal(bool input, bool tty, Err *err) {
        if (!input || !tty || isatty(STDIN_FILENO))
                return 0;
        return err_hint(err, refuse(err, EINVAL, "standard input is not a terminal"),
                        "leave out -t to pass on a file or a pipe");
}

int start_failure_code(int r) {
        switch (r) {
        case -ENOENT:
                return 127;
        case -EACCES:
        case -ENOEXEC:
        case -EISDIR:
                return 126;
        default:
                return 125;
        }
}

int operand_signal(const char *text, int *ret, Err *err) {
        *ret = signal_parse(text);
        if (*ret >= 0)
                return 0;
        return err_hint(err, refuse(err, EINVAL, "'%s' is not a signal", text),
                        "name one of signal(7), such as TERM, HUP or 9");
}

int operand_stop_timeout(const Container *c, const char *asked, int64_t *ret_ms, Err *err) {
        int seconds;

        if (!asked) {
                *ret_ms = container_stop_timeout_ms(c);
                return 0;
        }
        if (parse_int(asked, -1, 1000000000, &seconds) < 0)
                return refuse(err, EINVAL, "'%s' is not a number of seconds, or -1 for ever",
                              asked);
        *ret_ms = seconds < 0 ? -1 : (int64_t) seconds * 1000;
        return 0;
}
