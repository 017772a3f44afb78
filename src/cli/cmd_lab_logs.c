/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/lab_operand.h"
#include "engine/container.h"
#include "engine/log.h"

#define WATCH_MS 100

typedef struct LogsOptions {
        const char *lab, *tail;
        bool follow, exec;
} LogsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('x', "exec", LogsOptions, exec, "What the commands of its exec wrote"),
        OPT_FLAG('f', "follow", LogsOptions, follow, "Go on until its command ends"),
        OPT_LAB(LogsOptions, lab),
        OPT_STRING('n', "tail", LogsOptions, tail, "N", "Only the last N lines (all)"),
        {},
};

/* ---- a file of the lab's ---- */

/* Where the last @lines lines begin. */
static off_t find_tail(int fd, int64_t lines) {
        off_t end = lseek(fd, 0, SEEK_END), at = end;
        char block[4096];

        if (lines < 0)
                return 0;
        while (at > 0) {
                size_t size = at < (off_t) sizeof block ? (size_t) at : sizeof block;
                ssize_t n = pread(fd, block, size, at - (off_t) size);

                if (n != (ssize_t) size)
                        return at;
                for (size_t i = size; i-- > 0;)
                        if (block[i] == '\n' && at - (off_t) size + (off_t) i != end - 1 &&
                            --lines <= 0)
                                return at - (off_t) size + (off_t) i + 1;
                at -= (off_t) size;
        }
        return 0;
}

static int copy_on(int fd, Err *err) {
        char block[65536];
        ssize_t n;

        while ((n = read(fd, block, sizeof block)) > 0)
                if (fd_write_all(STDOUT_FILENO, block, (size_t) n) < 0)
                        return fail(err, errno, "cannot write the log");
        return n < 0 ? fail(err, errno, "cannot read the log") : 0;
}

/* Nothing more comes once the node or its command has ended; what still writes then are others. */
static bool is_over(const Lab *lab, size_t node) {
        int code;

        return !lab_node_runs(lab, node) || lab_node_command(lab, node, &code) == LAB_COMMAND_ENDED;
}

static int show_file(const Lab *lab, size_t node, const char *directory, int64_t tail, bool follow,
                     Err *err) {
        autofree char *path = str_format("%s/%s", directory, lab->state.nodes[node].name);
        autoclose int fd = path ? openat(lab->dir, path, O_RDONLY | O_CLOEXEC) : -1;
        bool over = false;
        int r;

        if (fd < 0 && errno == ENOENT)
                return 0; /* it has no command, and never wrote anything */
        if (fd < 0 ||
            lseek(fd, tail == 0 ? lseek(fd, 0, SEEK_END) : find_tail(fd, tail), SEEK_SET) < 0)
                return fail(err, errno, "cannot read the log of '%s'", lab->state.nodes[node].name);
        do {
                over = !follow || is_over(lab, node);
                r = copy_on(fd, err);
                if (r >= 0 && !over)
                        (void) poll(NULL, 0, WATCH_MS);
        } while (r >= 0 && !over);
        return r;
}

/* ---- a container's ---- */

static bool container_is_over(void *context) {
        struct pollfd process = { .fd = *(int *) context, .events = POLLIN };

        return poll(&process, 1, 0) > 0;
}

static int show_container(const Lab *lab, size_t node, int64_t tail, bool follow, Err *err) {
        const char *id = lab->state.nodes[node].container;
        LogQuery query = { .tail = tail, .output = STDOUT_FILENO, .error = STDERR_FILENO };
        autoptr(Container) c = NULL;
        autoclose int writer = -EBADF;
        int r = id ? container_load(lab->home, id, &c, err)
                   : refuse(err, ESRCH, "node '%s' is not started", lab->state.nodes[node].name);

        if (r < 0)
                return r;
        if (follow)
                writer = container_monitor_pidfd(c);
        if (writer >= 0) {
                query.follow = true;
                query.ended = container_is_over;
                query.context = &writer;
                query.ended_fd = writer;
        }
        r = container_dir(c);
        return r < 0 ? fail(err, r, "cannot read the log of container '%s'", c->name)
                     : log_read(r, &query, err);
}

static int cmd_lab_logs(const CommandInput *in, Err *err) {
        const LogsOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        int64_t tail = -1;
        ssize_t node;
        int r;

        if (o->tail && !str_equal(o->tail, "all") && (parse_i64(o->tail, &tail) < 0 || tail < 0))
                return refuse(err, EINVAL, "--tail '%s' is neither a number of lines nor 'all'",
                              o->tail);
        r = lab_operand_open(in->home, o->lab, &lab, err);
        if (r < 0)
                return r;
        node = lab_find_node(lab, in->args[0], err);
        if (node < 0)
                return (int) node;
        if (o->exec)
                return show_file(lab, (size_t) node, "exec", tail, false, err);
        if (lab->topology->nodes[node].image)
                return show_container(lab, (size_t) node, tail, o->follow, err);
        return show_file(lab, (size_t) node, "logs", tail, o->follow, err);
}

COMMAND(lab_logs) = {
        .name = "lab logs",
        .group = "Labs",
        .synopsis = "[OPTION...] NODE",
        .summary = "Show what a node's command has written",
        .options = options,
        .options_size = sizeof(LogsOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "node",
        .run = cmd_lab_logs,
};
