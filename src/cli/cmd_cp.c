/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * isola cp: files between containers and here
 *
 * Each side is read or written by a process with that side's rights: a container's by a function of
 * ours inside of it (engine/inside.h), ours by this command.  An archive from standard input is
 * unpacked first by the helper that unpacks images, for no process of isola's own reads one.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/command.h"
#include "engine/copy.h"
#include "engine/inside.h"
#include "store/layer.h"
#include "store/tar_write.h"
#include "store/tree.h"

typedef struct CpOptions {
        bool archive, follow, quiet;
} CpOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "archive", CpOptions, archive,
                 "Keep owners and set-user-id bits; else what is written belongs to root inside, "
                 "to you here"),
        OPT_FLAG('L', "follow-link", CpOptions, follow,
                 "Copy what a symbolic link at the source leads to"),
        OPT_FLAG('q', "quiet", CpOptions, quiet, NULL),
        {},
};

/* Where from, or where to. */
typedef struct Place {
        Container *c; /* or NULL: here */
        char *path;   /* in a container absolute; NULL for an archive on a standard stream */
} Place;

typedef struct Copy {
        Place from, to;
        const CpOptions *options;
        bool contents; /* of a directory only what is in it */
        char *name;    /* of the source, without what leads to it */
} Copy;

static void copy_clear(Copy *c) {
        container_free(c->from.c);
        container_free(c->to.c);
        free(c->from.path);
        free(c->to.path);
        free(c->name);
}

/* ---- operands ---- */

/* "CONTAINER:PATH"; what begins with a slash or a point is a path of ours. */
static const char *container_path(const char *text) {
        const char *colon = *text == '/' || *text == '.' ? NULL : strchr(text, ':');

        return colon && colon > text ? colon + 1 : NULL;
}

static int read_place(const Home *home, const char *text, Place *ret, Err *err) {
        const char *path = container_path(text);
        autofree char *name = NULL;
        int r;

        if (!path) {
                if (str_equal(text, "-"))
                        return 0;
                ret->path = strdup(text);
                return ret->path ? 0 : fail(err, ENOMEM, "cannot copy");
        }
        name = strndup(text, (size_t) (path - 1 - text));
        ret->path = *path == '/' ? strdup(path) : str_format("/%s", path);
        if (!name || !ret->path)
                return fail(err, ENOMEM, "cannot copy");
        r = container_load(home, name, &ret->c, err);
        return r;
}

/* What the copy is called in a directory; none for "/", "." and "..", whose contents are meant. */
static int name_source(Copy *c, Err *err) {
        size_t n = strlen(c->from.path);
        const char *slash;

        while (n > 1 && c->from.path[n - 1] == '/')
                n--;
        c->name = strndup(c->from.path, n);
        if (!c->name)
                return fail(err, ENOMEM, "cannot copy");
        slash = strrchr(c->name, '/');
        if (slash)
                memmove(c->name, slash + 1, strlen(slash));
        c->contents = !*c->name || str_equal(c->name, ".") || str_equal(c->name, "..");
        return 0;
}

static int read_operands(const CommandInput *in, Copy *ret, Err *err) {
        int r = read_place(in->home, in->args[0], &ret->from, err);

        if (r >= 0)
                r = read_place(in->home, in->args[1], &ret->to, err);
        if (r < 0)
                return r;
        if (!ret->from.c && !ret->to.c)
                return err_hint(err,
                                refuse(err, EINVAL, "neither '%s' nor '%s' is in a container",
                                       in->args[0], in->args[1]),
                                "CONTAINER:PATH is; ./CONTAINER:PATH is a file here");
        if (!ret->from.path && isatty(STDIN_FILENO))
                return err_hint(err, refuse(err, EINVAL, "standard input is a terminal, no tar"),
                                "pipe a tar archive into it");
        if (!ret->to.path && isatty(STDOUT_FILENO))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "standard output is a terminal, a tar is not for reading"),
                                "redirect it, or name a file in place of '-'");
        if (ret->from.c && ret->to.c && str_equal(ret->from.c->id, ret->to.c->id) &&
            !container_is_up(ret->from.c))
                return err_hint(err,
                                refuse(err, EBUSY,
                                       "cannot copy within container '%s' while it does not run",
                                       ret->from.c->name),
                                "start it, or copy the files out and in again");
        return ret->from.path ? name_source(ret, err) : 0;
}

/* ---- inside ---- */

static int write_some(void *context, const void *bytes, size_t n) {
        return fd_write_all(*(int *) context, bytes, n);
}

static int send_archive(const Copy *c, Err *err) {
        autofree char *real =
                c->options->follow ? realpath(c->from.path, NULL) : strdup(c->from.path);
        int out = STDOUT_FILENO;
        autoclose int dir = -EBADF;
        char *slash;

        if (!real)
                return fail(err, errno, "cannot open '%s'", c->from.path);
        if (c->contents) {
                dir = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (dir < 0)
                        return fail(err, errno, "cannot open '%s'", c->from.path);
                return tar_write_plain(dir, NULL, write_some, &out, err);
        }
        for (size_t n = strlen(real); n > 1 && real[n - 1] == '/'; n--)
                real[n - 1] = '\0';
        slash = strrchr(real, '/');
        *slash = '\0';
        dir = open(slash == real ? "/" : real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return fail(err, errno, "cannot open '%s'", c->from.path);
        return tar_write_plain(dir, slash + 1, write_some, &out, err);
}

/* What went wrong goes to the stream that the side has no other use for. */
static void send_from_inside(const void *data) {
        const Copy *c = data;
        autoerr err = {};
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        r = c->to.path ? copy_send(STDOUT_FILENO, c->from.path, c->options->follow, &err)
                       : send_archive(c, &err);
        if (r < 0)
                err_write(STDIN_FILENO, &err);
}

static CopyTarget target_of(const Copy *c) {
        return (CopyTarget){ .path = c->to.path,
                             .name = c->contents || !c->from.path ? NULL : c->name,
                             .directory = !c->from.path,
                             .owners = c->options->archive };
}

static void receive_inside(const void *data) {
        const CopyTarget target = target_of(data);
        autoerr err = {};

        if (copy_receive(STDIN_FILENO, &target, &err) < 0)
                err_write(STDOUT_FILENO, &err);
}

/* ---- here ---- */

static int pass_on(int from, Err *err) {
        char block[65536];
        ssize_t n;

        while ((n = read(from, block, sizeof block)) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail(err, errno, "cannot read what the container has");
                if (fd_write_all(STDOUT_FILENO, block, (size_t) n) < 0)
                        return fail(err, errno, "cannot write to standard output");
        }
        return 0;
}

static int send_unpacked(const Copy *c, int to, Err *err) {
        autoptr(LayerDraft) draft = NULL;
        TreeReport report = {};
        TreeView view;
        int r = layer_draft(c->to.c->home, &draft, err);

        if (r < 0)
                return r;
        view = (TreeView){ .upper = draft->diff, .work = draft->work };
        r = tree_unpack(&view, STDIN_FILENO, UNPACK_FLAT, "/", 0, &report, err);
        return r < 0 ? r : copy_send(to, draft->diff, false, err);
}

static int send_from_here(const Copy *c, int to, Err *err) {
        return c->from.path ? copy_send(to, c->from.path, c->options->follow, err)
                            : send_unpacked(c, to, err);
}

static int receive_here(const Copy *c, int from, Err *err) {
        const CopyTarget target = target_of(c);

        return c->to.path ? copy_receive(from, &target, err) : pass_on(from, err);
}

/* ---- both sides at once ---- */

/* A side that is in a container: the function there, and where it says what went wrong. */
typedef struct Side {
        Inside *inside;
        int words;
} Side;

static int side_begin(Side *side, Container *container, const Copy *c, int stream, Err *err) {
        const bool sends = container == c->from.c;
        int words[2], r;
        InsideCall call = { .run = sends ? send_from_inside : receive_inside, .data = c };

        if (pipe2(words, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        call.stdio[0] = sends ? words[1] : stream;
        call.stdio[1] = sends ? stream : words[1];
        call.stdio[2] = -EBADF;
        r = inside_begin(container, &call, &side->inside, err);
        close_fd(words[1]);
        side->words = words[0];
        return r;
}

static void side_drop(Side *side) {
        side->inside = inside_free(side->inside);
        side->words = close_fd(side->words);
}

/* What it said counts; that it was killed does if it said nothing. */
static int side_end(Side *side, Err *err) {
        int r = 0;

        if (side->inside) {
                r = err_read(side->words, err);
                if (r >= 0)
                        r = inside_wait(side->inside, err);
        }
        side_drop(side);
        return r;
}

/* Each holds the lock of a container that does not run: always in the same order. */
static int begin_both(Side *from, Side *to, const Copy *c, const int ends[2], Err *err) {
        const bool from_first = c->from.c && (!c->to.c || strcmp(c->from.c->id, c->to.c->id) < 0);
        int r = 0;

        if (from_first)
                r = side_begin(from, c->from.c, c, ends[1], err);
        if (r >= 0 && c->to.c)
                r = side_begin(to, c->to.c, c, ends[0], err);
        if (r >= 0 && c->from.c && !from_first)
                r = side_begin(from, c->from.c, c, ends[1], err);
        return r;
}

static int run(const Copy *c, int ends[2], Err *err) {
        Side from = { .words = -EBADF }, to = { .words = -EBADF };
        autoerr here = {}, inside = {};
        int r = begin_both(&from, &to, c, ends, err), ours = 0, theirs;

        if (r < 0) {
                side_drop(&from);
                side_drop(&to);
                close_fd(ends[0]);
                close_fd(ends[1]);
                return r;
        }
        if (c->from.c)
                ends[1] = close_fd(ends[1]);
        if (c->to.c)
                ends[0] = close_fd(ends[0]);
        if (!c->from.c)
                ours = send_from_here(c, ends[1], &here);
        else if (!c->to.c)
                ours = receive_here(c, ends[0], &here);
        close_fd(ends[0]);
        close_fd(ends[1]);

        /* Whoever reads knows first, and tells what the sender told it; that a pipe broke follows
         * from something else. */
        theirs = side_end(&to, &inside);
        if (theirs >= 0)
                theirs = side_end(&from, &inside);
        else
                (void) side_end(&from, NULL);
        if (ours < 0 && (theirs >= 0 || theirs == -EPIPE || ours == -EREMOTEIO))
                return refuse(err, ours, "%s", here.message);
        return theirs < 0 ? refuse(err, theirs, "%s", inside.message) : 0;
}

static int cmd_cp(const CommandInput *in, Err *err) {
        Copy c = { .options = in->options };
        int ends[2], r = read_operands(in, &c, err);

        (void) signal(SIGPIPE, SIG_IGN);
        if (r >= 0 && pipe2(ends, O_CLOEXEC) < 0)
                r = fail(err, errno, "cannot make a pipe");
        if (r >= 0)
                r = run(&c, ends, err);
        copy_clear(&c);
        return r;
}

COMMAND(cp) = {
        .name = "cp",
        .alias = "container cp",
        .group = "Containers",
        .synopsis = "[OPTION...] [CONTAINER:]SOURCE [CONTAINER:]DESTINATION",
        .summary = "Copy files out of a container, or into one",
        .options = options,
        .options_size = sizeof(CpOptions),
        .min_args = 2,
        .max_args = 2,
        .completes = "file",
        .run = cmd_cp,
};
