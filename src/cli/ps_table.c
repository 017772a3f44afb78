/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/ps_table.h"

/* "-q1,2,3": these and no others; procps has it, busybox has not. */
static char *quick_option(const pid_t *pids, size_t n) {
        autostr s = {};

        for (size_t i = 0; i < n; i++)
                str_printf(&s, "%s%d", i == 0 ? "-q" : ",", pids[i]);
        return str_take(&s);
}

/* Starts ps(1) with the user's options and opens what it prints.  @quick: or NULL. */
static FILE *start_ps(char *const *words, const char *quick, pid_t *ret_pid, Err *err) {
        char *const all[] = { (char *) "-ef", NULL };
        posix_spawn_file_actions_t actions;
        autostrv command = NULL;
        int ends[2], r;

        if (strv_add(&command, "ps") < 0 || strv_extend(&command, words[0] ? words : all) < 0 ||
            (quick && strv_add(&command, quick) < 0) ||
            posix_spawn_file_actions_init(&actions) != 0) {
                fail(err, ENOMEM, "cannot list the processes");
                return NULL;
        }
        if (pipe2(ends, O_CLOEXEC) < 0) {
                fail(err, errno, "cannot make a pipe");
                posix_spawn_file_actions_destroy(&actions);
                return NULL;
        }
        r = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        if (r == 0 && quick)
                r = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY,
                                                     0);
        if (r == 0)
                r = posix_spawnp(ret_pid, command[0], &actions, NULL, command, environ);
        posix_spawn_file_actions_destroy(&actions);
        close_fd(ends[1]);
        if (r != 0) {
                close_fd(ends[0]);
                fail(err, r, "cannot run 'ps'");
                return NULL;
        }
        return fdopen(ends[0], "r");
}

/* Which of a line's words, counted from 0, stands under the heading; -1 if none does. */
static int column_of(const char *heading, const char *title) {
        autostrv words = NULL;

        if (strv_split(heading, " \t\n", true, &words) < 0)
                return -1;
        for (int i = 0; words && words[i]; i++)
                if (str_equal(words[i], title))
                        return i;
        return -1;
}

static bool is_of(const char *line, int column, const pid_t *pids, size_t n) {
        autostrv words = NULL;
        int pid;

        if (strv_split(line, " \t\n", true, &words) < 0 || (int) strv_length(words) <= column ||
            parse_int(words[column], 1, INT32_MAX, &pid) < 0)
                return false;
        for (size_t i = 0; i < n; i++)
                if (pids[i] == pid)
                        return true;
        return false;
}

/* Return: 1 if it printed the table, 0 if ps does not want such options, negative errno. */
static int try_print(const pid_t *pids, size_t n, char *const *words, const char *quick, Err *err) {
        autofree char *line = NULL;
        size_t size = 0;
        int column = -1, status;
        pid_t ps;
        FILE *out = start_ps(words, quick, &ps, err);

        if (!out)
                return -EIO;
        for (bool first = true; getline(&line, &size, out) > 0; first = false) {
                if (first)
                        column = column_of(line, "PID");
                if (column >= 0 && (first || is_of(line, column, pids, n)))
                        command_print(STDOUT_FILENO, line);
        }
        fclose(out);
        if (waitpid(ps, &status, 0) < 0 || status != 0)
                return 0;
        return column < 0 ? refuse(err, EINVAL, "'ps' printed no column PID") : 1;
}

int ps_table_print(const pid_t *pids, size_t n, char *const *words, Err *err) {
        autofree char *quick = quick_option(pids, n);
        int r;

        if (!quick)
                return fail(err, ENOMEM, "cannot list the processes");
        r = try_print(pids, n, words, quick, err);
        if (r == 0)
                r = try_print(pids, n, words, NULL, err);
        if (r == 0)
                return refuse(err, EINVAL, "'ps' has failed");
        return r < 0 ? r : 0;
}
