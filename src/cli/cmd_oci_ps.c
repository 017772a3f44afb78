/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/str.h"
#include "cli/oci.h"

typedef struct OciPsOptions {
        const char *format;
} OciPsOptions;

static const Option options[] = {
        OPT_STRING('f', "format", OciPsOptions, format, "FORMAT", "Print a table or json (table)",
                   "table|json"),
        {},
};

static void print_json(const pid_t *pids, size_t n) {
        printf("[");
        for (size_t i = 0; i < n; i++)
                printf("%s%d", i ? "," : "", pids[i]);
        printf("]\n");
}

/* Starts ps(1) with the user's options and opens what it prints. */
static FILE *start_ps(char *const *words, pid_t *ret_pid, Err *err) {
        char *const all[] = { (char *) "-ef", NULL };
        posix_spawn_file_actions_t actions;
        autostrv command = NULL;
        int ends[2], r;

        if (strv_add(&command, "ps") < 0 || strv_extend(&command, words[0] ? words : all) < 0 ||
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
        if (r == 0)
                r = posix_spawnp(ret_pid, command[0], &actions, NULL, command, environ);
        posix_spawn_file_actions_destroy(&actions);
        close_fd(ends[1]);
        if (r != 0) {
                close_fd(ends[0]);
                err_hint(err, fail(err, r, "cannot run 'ps'"),
                         "--format json needs no other program");
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

/* What ps(1) prints of these processes, with whatever columns the user wants, as runc does. */
static int print_table(const pid_t *pids, size_t n, char *const *words, Err *err) {
        autofree char *line = NULL;
        size_t size = 0;
        int column = -1, status;
        pid_t ps;
        FILE *out = start_ps(words, &ps, err);

        if (!out)
                return -EIO;
        for (bool first = true; getline(&line, &size, out) > 0; first = false) {
                if (first)
                        column = column_of(line, "PID");
                if (first || (column >= 0 && is_of(line, column, pids, n)))
                        command_print(STDOUT_FILENO, line);
        }
        fclose(out);
        if (waitpid(ps, &status, 0) < 0 || status != 0)
                return refuse(err, EINVAL, "'ps' has failed");
        return column < 0 ? refuse(err, EINVAL, "'ps' printed no column PID") : 0;
}

static int cmd_oci_ps(const CommandInput *in, Err *err) {
        const OciPsOptions *o = in->options;
        autoptr(OciContainer) c = NULL;
        autoptr(Cgroup) cgroup = NULL;
        autofree pid_t *pids = NULL;
        size_t n;
        int r;

        if (o->format && !str_equal(o->format, "json") && !str_equal(o->format, "table"))
                return refuse(err, EINVAL, "the format is table or json, not '%s'", o->format);
        r = oci_operand(in, &c, err);
        if (r < 0)
                return r;
        if (oci_container_status(c) == OCI_STOPPED)
                return refuse(err, ESRCH,
                              "cannot list the processes of '%s': container not running", c->id);
        if (!c->record.cgroup)
                return refuse(err, ENODEV,
                              "container '%s' has no cgroup that would tell its processes", c->id);
        r = cgroup_open(c->record.cgroup, &cgroup);
        if (r >= 0)
                r = cgroup_pids(cgroup, &pids, &n);
        if (r < 0)
                return fail(err, r, "cannot list the processes of container '%s'", c->id);
        if (str_equal(o->format, "json")) {
                print_json(pids, n);
                return 0;
        }
        return print_table(pids, n, in->args + 1, err);
}

COMMAND(oci_ps) = {
        .name = "oci ps",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID [PS-OPTION...]",
        .summary = "List the processes of a container",
        .options = options,
        .options_size = sizeof(OciPsOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .options_first = true,
        .no_home = true,
        .run = cmd_oci_ps,
};
