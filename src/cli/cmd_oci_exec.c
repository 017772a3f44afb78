/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/str.h"
#include "cli/oci.h"
#include "cli/oci_foreground.h"
#include "runtime/strict.h"

typedef struct OciExecOptions {
        const char *process, *pid_file, *console_socket, *pidfd_socket, *cwd, *user, *apparmor,
                *label, *cgroup;
        const char **env, **caps, **groups;
        bool detach, tty, no_new_privs, ignore_paused, no_subreaper;
        int preserve_fds;
} OciExecOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('p', "process", OciExecOptions, process, "FILE",
                   "Read the process from FILE instead", "file"),
        OPT_FLAG('d', "detach", OciExecOptions, detach, "Let it run in the background"),
        OPT_STRING(0, "pid-file", OciExecOptions, pid_file, "FILE", "Write its pid to FILE",
                   "file"),
        OPT_STRING(0, "console-socket", OciExecOptions, console_socket, "PATH",
                   "Send the terminal's master to this socket", "file"),
        OPT_STRING(0, "pidfd-socket", OciExecOptions, pidfd_socket, "PATH",
                   "Send the process's pidfd to this socket", "file"),
        OPT_FLAG('t', "tty", OciExecOptions, tty, "Give it a terminal"),
        OPT_STRING(0, "cwd", OciExecOptions, cwd, "DIR", "Start in DIR"),
        OPT_LIST('e', "env", OciExecOptions, env, "NAME=VALUE", "Set a variable"),
        OPT_STRING('u', "user", OciExecOptions, user, "UID[:GID]", "Run as UID"),
        OPT_LIST('g', "additional-gids", OciExecOptions, groups, "GID", "Be in this group, too"),
        OPT_LIST('c', "cap", OciExecOptions, caps, "CAPABILITY", "Give it a capability"),
        OPT_FLAG(0, "no-new-privs", OciExecOptions, no_new_privs, "Let it gain no privileges"),
        OPT_STRING(0, "apparmor", OciExecOptions, apparmor, "PROFILE",
                   "Confine it by an AppArmor profile"),
        OPT_STRING(0, "process-label", OciExecOptions, label, "LABEL", "Give it a SELinux label"),
        OPT_STRING(0, "cgroup", OciExecOptions, cgroup, "PATH",
                   "Place it below the container's cgroup"),
        OPT_INT(0, "preserve-fds", OciExecOptions, preserve_fds, "N",
                "Pass N more descriptors on, from 3"),
        OPT_FLAG(0, "ignore-paused", OciExecOptions, ignore_paused,
                 "Wait in a paused container instead of refusing"),
        OPT_FLAG(0, "no-subreaper", OciExecOptions, no_subreaper, NULL),
        {},
};

/* An option that is not given leaves the container's own. */
static int set(char **member, const char *value) {
        return value ? str_set(member, value) : 0;
}

static int set_user(const char *text, OciUser *user, Err *err) {
        autostrv parts = NULL;
        int uid, gid = (int) user->gid;

        if (!text)
                return 0;
        if (strv_split(text, ":", false, &parts) < 0)
                return fail(err, ENOMEM, "cannot read the user");
        if (strv_length(parts) > 2 || parse_int(parts[0], 0, INT32_MAX, &uid) < 0 ||
            (parts[1] && parse_int(parts[1], 0, INT32_MAX, &gid) < 0))
                return refuse(err, EINVAL, "'%s' is not UID or UID:GID", text);
        user->uid = uid;
        user->gid = gid;
        return 0;
}

static int add_groups(const char **groups, OciUser *user, Err *err) {
        for (const char **group = groups; group && *group; group++) {
                int64_t *gid;
                int number;

                if (parse_int(*group, 0, INT32_MAX, &number) < 0)
                        return refuse(err, EINVAL, "'%s' is not a group's number", *group);
                gid = json_grow(&user->additional_gids, &user->n_additional_gids, sizeof *gid);
                if (!gid)
                        return fail(err, ENOMEM, "cannot read the groups");
                *gid = number;
        }
        return 0;
}

/* runc adds to the sets that count for a program that is executed by any user. */
static int add_caps(const char **caps, OciProcess *p, Err *err) {
        if (caps && !p->capabilities)
                p->capabilities = calloc(1, sizeof *p->capabilities);
        for (const char **cap = caps; cap && *cap; cap++) {
                OciCapabilities *c = p->capabilities;

                if (!c || strv_add(&c->bounding, *cap) < 0 || strv_add(&c->effective, *cap) < 0 ||
                    strv_add(&c->permitted, *cap) < 0 || strv_add(&c->ambient, *cap) < 0)
                        return fail(err, ENOMEM, "cannot read the capabilities");
        }
        return 0;
}

/* The container's own process with other arguments. */
static int derive_process(const CommandInput *in, OciProcess *p, Err *err) {
        const OciExecOptions *o = in->options;
        int r;

        p->args = strv_free(p->args);
        p->terminal = o->tty;
        r = strv_copy(in->args + 1, &p->args);
        if (r >= 0)
                r = set(&p->cwd, o->cwd);
        if (r >= 0)
                r = set(&p->apparmor_profile, o->apparmor);
        if (r >= 0)
                r = set(&p->selinux_label, o->label);
        for (const char **env = o->env; env && *env && r >= 0; env++)
                r = strv_env_set(&p->env, *env);
        if (r < 0)
                return fail(err, r, "cannot describe the process");
        p->no_new_privileges = p->no_new_privileges || o->no_new_privs;
        r = set_user(o->user, &p->user, err);
        if (r >= 0)
                r = add_groups(o->groups, &p->user, err);
        return r < 0 ? r : add_caps(o->caps, p, err);
}

/* What is to run takes the place of the container's own process in @spec. */
static int load_process(const CommandInput *in, OciSpec *spec, Err *err) {
        const OciExecOptions *o = in->options;
        autoptr(OciProcess) p = NULL;
        int r;

        if (!o->process && in->n_args < 2)
                return err_hint(err, refuse(err, EINVAL, "no program to execute"),
                                "give it behind the container's id, or use --process");
        if (!o->process)
                return derive_process(in, spec->process, err);
        p = calloc(1, sizeof *p);
        if (!p)
                return fail(err, ENOMEM, "cannot read '%s'", o->process);
        r = json_load(&oci_process_type, AT_FDCWD, o->process, p, err);
        if (r < 0)
                return r;
        p->terminal = p->terminal || o->tty;
        oci_process_free(spec->process);
        spec->process = take_ptr(p);
        return 0;
}

static int check_terminal(const OciExecOptions *o, const OciProcess *p, Err *err) {
        if (p->terminal && o->detach && !o->console_socket)
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "the process wants a terminal, and nobody would hold it"),
                                "give --console-socket, or leave --detach away");
        if (o->console_socket && !p->terminal)
                return refuse(err, EINVAL,
                              "a console socket is of no use to a process without a terminal");
        return 0;
}

static int cmd_oci_exec(const CommandInput *in, Err *err) {
        const OciExecOptions *o = in->options;
        OciExec exec = { .pid_file = o->pid_file,
                         .console_socket = o->console_socket,
                         .pidfd_socket = o->pidfd_socket,
                         .cgroup = o->cgroup,
                         .ignore_paused = o->ignore_paused };
        autoptr(OciContainer) c = NULL;
        autoptr(OciSpec) spec = NULL;
        int pidfd, console, r;
        autorelay relay;

        relay_init(&relay);
        r = oci_operand(in, &c, err);
        if (r >= 0)
                r = bundle_load_kept(c->dir, c->record.bundle, &spec, err);
        /* Before anything else is done: it executes this program again. */
        if (r >= 0)
                r = runtime_seal_for(spec, err);
        if (r >= 0)
                r = load_process(in, spec, err);
        if (r >= 0)
                r = check_terminal(o, spec->process, err);
        if (r >= 0)
                r = oci_inherited(o->preserve_fds, spec->process, &exec.preserve_fds, err);
        if (r < 0)
                return r;
        strict_apply(spec, spec->process);
        exec.spec = spec;
        exec.process = spec->process;
        if (!o->detach) {
                r = relay_signals(&relay);
                if (r < 0)
                        return fail(err, r, "cannot receive signals");
        }
        r = oci_exec(c, &exec, &pidfd, &console, err);
        if (r < 0)
                return r;
        if (!o->detach)
                return oci_wait_for(&relay, pidfd, console, err);
        close_fd(pidfd);
        close_fd(console);
        return 0;
}

COMMAND(oci_exec) = {
        .name = "oci exec",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID [COMMAND [ARGUMENT...]]",
        .summary = "Run one more process in a container",
        .options = options,
        .options_size = sizeof(OciExecOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .options_first = true,
        .no_home = true,
        .run = cmd_oci_exec,
};
