/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The Dockerfile and the build context
 *
 * An archive, from a file or standard input, is unpacked by the sandboxed helper
 * into a directory that is gone when the build ends.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

static int open_spool(const LayerDraft *draft, Err *err) {
        int file = open(draft->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        return file < 0 ? fail(err, errno, "cannot keep the context") : file;
}

/* Keeps all of standard input in a file without a name. */
static int spool_stdin(const Build *build, Err *err) {
        autoclose int file = open_spool(build->scratch, err);
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

static int spool_url(const LayerDraft *draft, const char *url, int64_t *ret_modified, Err *err) {
        autoclose int file = open_spool(draft, err);
        int r = file < 0 ? file : url_fetch(url, file, 0, ret_modified, err);

        if (r >= 0 && lseek(file, 0, SEEK_SET) < 0)
                r = fail(err, errno, "cannot read what '%s' is", url);
        return r < 0 ? r : take_fd(file);
}

/* Gives the spool a name in the draft's files. */
static int keep_spool(const LayerDraft *draft, int file, int64_t modified, Err *err) {
        const struct timespec times[2] = { { .tv_sec = modified }, { .tv_sec = modified } };
        autoclose int diff = open(draft->diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char path[32];

        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        if (diff < 0 || futimens(file, times) < 0 ||
            linkat(AT_FDCWD, path, diff, "context", AT_SYMLINK_FOLLOW) < 0)
                return fail(err, errno, "cannot keep a context");
        return 0;
}

int build_fetch_files(const Build *build, const char *url, LayerDraft *draft, Err *err) {
        const TreeView view = { .upper = draft->diff, .work = draft->work };
        autofree char *shown = url_redact(url);
        autoclose int file = -EBADF;
        unsigned char head[512] = {};
        TreeReport report;
        int64_t modified;
        ssize_t n;
        int r;

        build_say(build, "Fetching %s\n", shown ? shown : "");
        file = spool_url(draft, url, &modified, err);
        n = file < 0 ? 0 : pread(file, head, sizeof head, 0);
        if (file < 0 || n < 0)
                return file < 0 ? file : fail(err, errno, "cannot read '%s'", shown);
        if (!archive_begins(head, (size_t) n))
                return keep_spool(draft, file, modified, err);
        r = tree_unpack(&view, file, UNPACK_PLAIN, "/", 0, &report, err);
        return r < 0 ? err_prefix(err, r, "cannot unpack '%s'", shown) : 0;
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
        int64_t modified;
        size_t size;
        int r;

        if (standard && str_equal(build->request->file, "-"))
                return refuse(err, EINVAL, "context and Dockerfile cannot both be standard input");
        r = make_scratch(build, err);
        if (r < 0)
                return r;
        file = standard ? spool_stdin(build, err)
                        : spool_url(build->scratch, context, &modified, err);
        if (file < 0)
                return file;
        if (lseek(file, 0, SEEK_SET) < 0)
                return fail(err, errno, "cannot read the context");
        if (!is_text(file))
                return unpack_context(build, file, standard ? "standard input" : context, err);
        r = fd_read_text(file, FILE_MAX, &build->text, &size);
        return r < 0 ? fail(err, r, "cannot read a Dockerfile from '%s'", context) : 0;
}

const char *build_word(const Build *build, const char *name) {
        strv_foreach(word, build->request->arguments) {
                const char *value = str_after(*word, name);

                if (value && *value == '=')
                        return value + 1;
                if (value && !*value)
                        return getenv(name);
        }
        return NULL;
}

static int fetch_repository(Build *build, GitUrl *url, Err *err) {
        const char *keep = build_word(build, "BUILDKIT_CONTEXT_KEEP_GIT_DIR");
        bool wanted = false;
        int r;

        build_say(build, "Fetching %s\n", url->remote);
        if (keep && parse_bool(keep, &wanted) >= 0 && wanted)
                url->keep_git_dir = true;
        r = git_source_open(build->home, &build->secrets, url, true, &build->git, err);
        if (r >= 0)
                build_say(build, " ---> %s\n", build->git->commit.peeled);
        return r < 0 ? r : git_source_fetch(build->git, err);
}

/* A context that is neither a directory nor a file here: a repository, a URL, standard input. */
static int open_remote(Build *build, const char **ret, Err *err) {
        const char *context = build->request->context;
        GitUrl *url = NULL;
        int r = git_url_parse(context, &url, err);

        if (r < 0)
                return r;
        if (r > 0) {
                r = fetch_repository(build, url, err);
                *ret = r < 0 ? context : build->git->directory;
                return r;
        }
        if (!str_equal(context, "-") && !url_is_http(context))
                return 0;
        r = read_stream(build, err);
        if (r >= 0)
                *ret = build->scratch->diff;
        return r;
}

/* Makes what the request calls its context a directory, if it is none. */
static int find_directory(Build *build, const char **ret, Err *err) {
        const char *context = build->request->context;
        autoclose int file = -EBADF;
        struct stat st;
        int r;

        *ret = context;
        if (str_equal(context, "-") || stat(context, &st) < 0)
                return open_remote(build, ret, err);
        if (!S_ISREG(st.st_mode))
                return 0;
        file = open(context, O_RDONLY | O_CLOEXEC);
        if (file < 0)
                return fail(err, errno, "cannot read the context '%s'", context);
        r = unpack_context(build, file, context, err);
        if (r >= 0)
                *ret = build->scratch->diff;
        return r;
}

/* Somebody else made its files: no link in it may lead out, and the Dockerfile is named from its
 * root. */
static bool is_foreign(const Build *build) {
        return build->scratch || build->git;
}

int build_open_context(Build *build, Err *err) {
        const char *file = build->request->file, *directory;
        autoptr(Ignore) ignore = NULL;
        int r;

        r = find_directory(build, &directory, err);
        if (r < 0)
                return r;
        if (str_equal(file, "-"))
                file = NULL;
        r = is_foreign(build) ? context_read_inner_ignore(directory, file, &ignore, err)
                              : context_read_ignore(directory, file, &ignore, err);
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
                r = is_foreign(build) ? read_inner(build, usual[i], ret, ret_size)
                                      : file_read(context_dir(build->context), usual[i], FILE_MAX,
                                                  ret, ret_size);
        }
        return r;
}

int build_read_file(Build *build, Err *err) {
        const char *wanted = build->request->file, *place = wanted ? wanted : "Dockerfile";
        const char *check = build_word(build, "BUILDKIT_DOCKERFILE_CHECK");
        autofree char *text = take_ptr(build->text);
        size_t size = text ? strlen(text) : 0;
        int r = 0;

        if (text)
                place = "Dockerfile";
        else if (wanted && is_foreign(build) && !str_equal(wanted, "-"))
                r = read_inner(build, wanted, &text, &size);
        else if (str_equal(wanted, "-"))
                r = fd_read_text(STDIN_FILENO, FILE_MAX, &text, &size);
        else if (wanted)
                r = file_read(AT_FDCWD, wanted, FILE_MAX, &text, &size);
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
        if (r >= 0 && check && str_set(&build->file->check, check) < 0)
                r = fail(err, ENOMEM, "cannot read '%s'", place);
        return r;
}
