/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The Dockerfile and the build context
 *
 * An archive, from a file or standard input, is unpacked by the sandboxed helper
 * into a directory that is gone when the build ends.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "builder/step.h"
#include "kernel/resolve.h"
#include "transfer/url.h"

#define FILE_MAX (16u << 20)

static int make_scratch(Build *build, Err *err) {
        return build->scratch ? 0 : layer_draft(build->home, &build->scratch, err);
}

static int unpack_context(Build *build, int archive, const char *name, Err *err) {
        TreeView view;
        TreeReport report;
        int r = make_scratch(build, err);

        if (r < 0)
                return r;
        view = (TreeView){ .upper = build->scratch->diff, .work = build->scratch->work };
        r = tree_unpack(&view, archive, UNPACK_PLAIN, "/", 0, &report, err);
        return r < 0 ? err_prefix(err, r, "cannot use '%s' as a context", name) : 0;
}

static int open_spool(const Build *build, Err *err) {
        int file = open(build->scratch->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        return file < 0 ? fail(err, errno, "cannot keep the context") : file;
}

/* Keeps all of standard input in a file without a name. */
static int spool_stdin(const Build *build, Err *err) {
        autoclose int file = open_spool(build, err);
        char buffer[16384];
        ssize_t n;

        if (file < 0)
                return file;
        while ((n = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) {
                int r = fd_write_all(file, buffer, (size_t) n);

                if (r < 0)
                        return fail(err, r, "cannot keep what standard input brings");
        }
        return n < 0 ? fail(err, errno, "cannot read standard input") : take_fd(file);
}

static int spool_url(const Build *build, const char *url, Err *err) {
        autoclose int file = open_spool(build, err);
        int64_t modified;
        int r = file < 0 ? file : url_fetch(url, file, 0, &modified, err);

        return r < 0 ? r : take_fd(file);
}

/* A Dockerfile is text; whatever else comes is an archive, or refused as one. */
static bool is_text(int file) {
        char head[512];
        ssize_t n = pread(file, head, sizeof head, 0);

        for (ssize_t i = 0; i < n; i++)
                if ((unsigned char) head[i] < 9 || (head[i] > 13 && head[i] < 32))
                        return false;
        return true;
}

/* "-" or a URL: an archive of the context, or a Dockerfile that needs none. */
static int read_stream(Build *build, Err *err) {
        const char *context = build->request->context;
        bool standard = str_equal(context, "-");
        autoclose int file = -EBADF;
        size_t size;
        int r;

        if (standard && str_equal(build->request->file, "-"))
                return refuse(err, EINVAL, "context and Dockerfile cannot both be standard input");
        r = make_scratch(build, err);
        if (r < 0)
                return r;
        file = standard ? spool_stdin(build, err) : spool_url(build, context, err);
        if (file < 0)
                return file;
        if (lseek(file, 0, SEEK_SET) < 0)
                return fail(err, errno, "cannot read the context");
        if (!is_text(file))
                return unpack_context(build, file, standard ? "standard input" : context, err);
        r = fd_read_text(file, FILE_MAX, &build->text, &size);
        return r < 0 ? fail(err, r, "cannot read a Dockerfile from '%s'", context) : 0;
}

static int refuse_remote(const char *context, Err *err) {
        refuse(err, EOPNOTSUPP, "the context '%s' is a repository, which is not supported yet",
               context);
        return err_hint(err, -EOPNOTSUPP, "clone it and give its directory");
}

/* Makes what the request calls its context a directory, if it is none. */
static int find_directory(Build *build, const char **ret, Err *err) {
        const char *context = build->request->context;
        autoclose int file = -EBADF;
        struct stat st;
        int r;

        *ret = context;
        if (str_after(context, "git@") || (strstr(context, "://") && !url_is_http(context)) ||
            (url_is_http(context) && (str_ends_with(context, ".git") || strstr(context, ".git#"))))
                return refuse_remote(context, err);
        if (str_equal(context, "-") || url_is_http(context)) {
                r = read_stream(build, err);
        } else {
                if (stat(context, &st) < 0 || !S_ISREG(st.st_mode))
                        return 0;
                file = open(context, O_RDONLY | O_CLOEXEC);
                if (file < 0)
                        return fail(err, errno, "cannot read the context '%s'", context);
                r = unpack_context(build, file, context, err);
        }
        if (r >= 0)
                *ret = build->scratch->diff;
        return r;
}

int build_open_context(Build *build, Err *err) {
        const char *file = build->request->file, *directory;
        autofree char *inner = NULL;
        autoptr(Ignore) ignore = NULL;
        int r;

        r = find_directory(build, &directory, err);
        if (r < 0)
                return r;
        /* In an archive, the Dockerfile is named from its root. */
        if (build->scratch && file && !str_equal(file, "-")) {
                inner = str_format("%s/%s", directory, file);
                if (!inner)
                        return fail(err, ENOMEM, "cannot open the context");
                file = inner;
        }
        r = context_read_ignore(directory, file, &ignore, err);
        if (r < 0)
                return r;
        return context_open(build->home, directory, take_ptr(ignore), &build->context, err);
}

/* An archive's file must not lead out of it by a link. */
static int read_inner(const Build *build, const char *name, char **ret, size_t *ret_size) {
        autoclose int file = resolve_open(context_dir(build->context), name, O_RDONLY);

        return file < 0 ? file : fd_read_text(file, FILE_MAX, ret, ret_size);
}

static int read_usual(const Build *build, const char **ret_place, char **ret, size_t *ret_size) {
        static const char *const usual[] = { "Dockerfile", "Containerfile" };
        int r = -ENOENT;

        for (size_t i = 0; r == -ENOENT && i < 2; i++) {
                *ret_place = usual[i];
                r = build->scratch ? read_inner(build, usual[i], ret, ret_size)
                                   : file_read(context_dir(build->context), usual[i], FILE_MAX, ret,
                                               ret_size);
        }
        return r;
}

int build_read_file(Build *build, Err *err) {
        const char *wanted = build->request->file, *place = wanted ? wanted : "Dockerfile";
        autofree char *text = take_ptr(build->text);
        size_t size = text ? strlen(text) : 0;
        int r = 0;

        if (text)
                place = "Dockerfile";
        else if (wanted && build->scratch && !str_equal(wanted, "-"))
                r = read_inner(build, wanted, &text, &size);
        else if (wanted)
                r = file_read(AT_FDCWD, str_equal(wanted, "-") ? "/dev/stdin" : wanted, FILE_MAX,
                              &text, &size);
        else
                r = read_usual(build, &place, &text, &size);
        if (r == -ENOENT && !wanted) {
                refuse(err, r, "there is no Dockerfile in '%s'", build->request->context);
                return err_hint(err, r, "name the file with --file");
        }
        if (r < 0)
                return fail(err, r, "cannot read '%s'", place);
        r = containerfile_parse(text, size, place, &build->file, err);
        build->text = take_ptr(text);
        return r;
}
