/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/str.h"
#include "cli/lab_operand.h"
#include "engine/copy.h"
#include "kernel/process.h"

typedef struct CpOptions {
        const char *lab;
} CpOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(CpOptions, lab),
        {},
};

/* One of the two is in a node. */
typedef struct Copy {
        char *node, *path; /* there, absolute */
        const char *here;
        const char *name; /* of the source, without what leads to it */
        bool out;         /* of the node */
} Copy;

static const char *last_part(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* "NODE:PATH"; a slash before the colon makes it a path of ours. */
static bool is_in_node(const char *text) {
        const char *colon = strchr(text, ':');

        return colon && colon > text && !memchr(text, '/', (size_t) (colon - text));
}

static int read_operands(char *const *args, Copy *ret, Err *err) {
        const char *there, *colon;

        ret->out = is_in_node(args[0]);
        if (ret->out == is_in_node(args[1]))
                return err_hint(err,
                                refuse(err, EINVAL, "one of '%s' and '%s' has to be in a node",
                                       args[0], args[1]),
                                "NODE:PATH is; ./NODE:PATH is a file here");
        there = args[!ret->out];
        ret->here = args[ret->out];
        colon = strchr(there, ':');
        ret->node = strndup(there, (size_t) (colon - there));
        ret->path = colon[1] == '/' ? strdup(colon + 1) : str_format("/%s", colon + 1);
        ret->name = last_part(ret->out ? ret->path : ret->here);
        if (!ret->node || !ret->path)
                return fail(err, ENOMEM, "cannot copy");
        return *ret->name && !str_equal(ret->name, ".") && !str_equal(ret->name, "..")
                       ? 0
                       : refuse(err, EINVAL, "'%s' does not end in a name", args[0]);
}

/* ---- in the node ---- */

static void send_from_there(const void *data) {
        const Copy *c = data;
        autoerr err = {};

        (void) signal(SIGPIPE, SIG_IGN);
        (void) copy_send(STDOUT_FILENO, c->path, false, &err);
}

static void receive_there(const void *data) {
        const Copy *c = data;
        autoerr err = {};

        if (copy_receive(STDIN_FILENO, &(CopyTarget){ .path = c->path, .name = c->name }, &err) < 0)
                err_write(STDOUT_FILENO, &err);
}

/* ---- here ---- */

/* The other side's reason counts: ours is that it has ended. */
static int send_from_here(const Copy *c, int to, int answer, Err *err) {
        autoerr why = {};
        int r = copy_send(to, c->here, false, &why), there;

        close_fd(to);
        there = err_read(answer, err);
        if (there < 0)
                return err_prefix(err, there, "node '%s'", c->node);
        return r < 0 ? refuse(err, r, "%s", why.message ? why.message : "cannot copy") : 0;
}

static int copy(const Lab *lab, size_t node, const Copy *c, Err *err) {
        char *const args[] = { (char *) "cp", NULL };
        int in[2] = { -EBADF, -EBADF }, out[2], r;
        autoclose int pidfd = -EBADF;
        LabExec exec = { .args = args, .inside_data = c, .session = true };
        siginfo_t info;

        if (pipe2(out, O_CLOEXEC) < 0 || (!c->out && pipe2(in, O_CLOEXEC) < 0))
                return fail(err, errno, "cannot make a pipe");
        exec.inside = c->out ? send_from_there : receive_there;
        exec.stdio[0] = in[0];
        exec.stdio[1] = out[1];
        exec.stdio[2] = -EBADF;
        r = lab_exec(lab, node, &exec, &pidfd, err);
        close_fd(in[0]);
        close_fd(out[1]);
        if (r < 0)
                close_fd(in[1]);
        else if (c->out)
                r = copy_receive(out[0], &(CopyTarget){ .path = c->here, .name = c->name }, err);
        else
                r = send_from_here(c, in[1], out[0], err);
        close_fd(out[0]);
        if (pidfd >= 0)
                (void) process_reap(pidfd, &info);
        return r < 0 ? r : 0;
}

static int cmd_lab_cp(const CommandInput *in, Err *err) {
        const CpOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        Copy c = {};
        ssize_t node;
        int r = read_operands(in->args, &c, err);

        (void) signal(SIGPIPE, SIG_IGN);
        if (r >= 0)
                r = lab_operand_open(in->home, o->lab, &lab, err);
        if (r >= 0) {
                node = lab_find_node(lab, c.node, err);
                r = node < 0 ? (int) node : copy(lab, (size_t) node, &c, err);
        }
        free(c.node);
        free(c.path);
        return r;
}

COMMAND(lab_cp) = {
        .name = "lab cp",
        .group = "Labs",
        .synopsis = "[OPTION...] NODE:PATH PATH | PATH NODE:PATH",
        .summary = "Copy files out of a node, or into one",
        .options = options,
        .options_size = sizeof(CpOptions),
        .min_args = 2,
        .max_args = 2,
        .completes = "file",
        .run = cmd_lab_cp,
};
