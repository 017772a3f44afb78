/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/context.h"
#include "builder/filehash.h"
#include "kernel/resolve.h"

#define IGNORE_MAX (16u << 20)
#define DEPTH_MAX  1000 /* directories in each other */

struct Context {
        char *path;
        int dir;
        Ignore *ignore;
        FileHashes *hashes;
};

/* One context_select() on its way. */
typedef struct Walk {
        Context *context;
        const ContextQuery *query;
        Selection *selection;
        Digest digest;
        int depth;
        bool may_repeat; /* several sources may mean the same file */
        Err *err;
} Walk;

/* @root: what links cannot lead out of; or AT_FDCWD. */
static int read_ignore(int root, const char *path, Ignore **ret, Err *err) {
        const char *slash = strrchr(path, '/');
        autofree char *text = NULL;
        autoclose int file = -EBADF;
        struct stat st;
        int r;

        if (root == AT_FDCWD) {
                r = file_read(AT_FDCWD, path, IGNORE_MAX, &text, NULL);
        } else {
                file = resolve_open(root, path, O_RDONLY | O_NONBLOCK);
                r = file < 0 ? file : fstat(file, &st) < 0 || !S_ISREG(st.st_mode) ? -EINVAL : 0;
                if (r >= 0)
                        r = fd_read_text(file, IGNORE_MAX, &text, NULL);
        }
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot read '%s'", path);
        return ignore_parse(text, slash ? slash + 1 : path, ret, err);
}

static int read_ignores(int root, const char *prefix, const char *file, Ignore **ret, Err *err) {
        char *paths[] = { file ? str_format("%s.dockerignore", file)
                               : str_format("%sDockerfile.dockerignore", prefix),
                          str_format("%s.dockerignore", prefix),
                          str_format("%s.containerignore", prefix) };
        int r = 0;

        for (size_t i = 0; i < 3 && r >= 0 && !*ret; i++)
                r = paths[i] ? read_ignore(root, paths[i], ret, err)
                             : fail(err, ENOMEM, "cannot open the context");
        for (size_t i = 0; i < 3; i++)
                free(paths[i]);
        return r;
}

int context_read_ignore(const char *path, const char *file, Ignore **ret, Err *err) {
        autofree char *prefix = str_format("%s/", path);

        return prefix ? read_ignores(AT_FDCWD, prefix, file, ret, err)
                      : fail(err, ENOMEM, "cannot open the context");
}

int context_read_inner_ignore(const char *path, const char *file, Ignore **ret, Err *err) {
        autoclose int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return root < 0 ? fail(err, errno, "cannot open the context '%s'", path)
                        : read_ignores(root, "", file, ret, err);
}

int context_open(const Home *home, const char *path, Ignore *ignore, Context **ret, Err *err) {
        autoptr(Context) context = calloc(1, sizeof *context);

        if (!context) {
                ignore_free(ignore);
                return fail(err, ENOMEM, "cannot open the context '%s'", path);
        }
        context->ignore = ignore;
        context->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (context->dir < 0) {
                int code = errno;

                fail(err, code, "cannot open the context '%s'", path);
                return code == ENOTDIR ? err_hint(err, -code, "give the directory that holds it")
                                       : -code;
        }
        context->path = realpath(path, NULL);
        if (!context->path)
                return fail(err, errno, "cannot open the context '%s'", path);
        context->hashes = filehashes_load(home, context->path);
        if (!context->hashes)
                return fail(err, ENOMEM, "cannot open the context '%s'", path);
        *ret = take_ptr(context);
        return 0;
}

Context *context_free(Context *context) {
        if (context) {
                filehashes_free(context->hashes);
                ignore_free(context->ignore);
                close_fd(context->dir);
                free(context->path);
                free(context);
        }
        return NULL;
}

const char *context_path(const Context *context) {
        return context->path;
}

const Ignore *context_ignore(const Context *context) {
        return context->ignore;
}

int context_dir(const Context *context) {
        return context->dir;
}

void selection_clear(Selection *selection) {
        for (size_t i = 0; i < selection->n_items; i++) {
                free(selection->items[i].from);
                free(selection->items[i].to);
                free(selection->items[i].content);
        }
        free(selection->items);
        strv_free(selection->files);
        *selection = (Selection){};
}

static void digest_add_text(Digest *digest, const char *text) {
        digest_add(digest, text, strlen(text) + 1);
}

static const char *last_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static int digest_content(Walk *walk, int dir, const char *name, const char *path,
                          const struct stat *st) {
        char hash[DIGEST_HEX_LENGTH];
        autoclose int file = -EBADF;
        struct stat opened;
        char target[PATH_MAX];
        ssize_t n;
        int r;

        if (S_ISLNK(st->st_mode)) {
                n = readlinkat(dir, name, target, sizeof target - 1);
                if (n < 0)
                        return fail(walk->err, errno, "cannot read '%s'", path);
                target[n] = 0;
                digest_add_text(&walk->digest, target);
        }
        if (!S_ISREG(st->st_mode))
                return 0;
        if (!filehash_known(walk->context->hashes, st, hash)) {
                file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
                r = file < 0 || fstat(file, &opened) < 0
                            ? -errno
                            : filehash_get(walk->context->hashes, file, &opened, hash);
                if (r < 0)
                        return fail(walk->err, r, "cannot read '%s'", path);
        }
        digest_add(&walk->digest, hash, sizeof hash);
        return 0;
}

/* Notes one entry and what it holds. */
static int add_entry(Walk *walk, int dir, const char *name, const char *from, const char *to,
                     const struct stat *st) {
        Selection *s = walk->selection;
        uint32_t mode = st->st_mode & (S_IFMT | 07777);
        TreeItem *item;

        item = json_grow(&s->items, &s->n_items, sizeof *item);
        if (!item)
                return fail(walk->err, ENOMEM, "cannot read '%s'", from);
        item->from = strdup(from);
        item->to = strdup(to);
        if (!item->from || !item->to)
                return fail(walk->err, ENOMEM, "cannot read '%s'", from);

        /* Of a socket a file with nothing in it remains, as with BuildKit. */
        if (S_ISSOCK(st->st_mode)) {
                mode = S_IFREG | (st->st_mode & 07777);
                item->content = strdup("");
                if (!item->content)
                        return fail(walk->err, ENOMEM, "cannot read '%s'", from);
        }
        /* A file that becomes the destination itself may still keep its name, if that turns out
         * to be a directory. */
        digest_add_text(&walk->digest, *to ? to : last_name(from));
        digest_add(&walk->digest, &mode, sizeof mode);
        return digest_content(walk, dir, name, from, st);
}

static bool can_be_copied(const struct stat *st) {
        return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode) ||
               S_ISSOCK(st->st_mode);
}

/* Moves the last item to @index: a directory comes before what is in it. */
static void move_last(Selection *s, size_t index) {
        TreeItem last = s->items[s->n_items - 1];

        memmove(&s->items[index + 1], &s->items[index],
                (s->n_items - 1 - index) * sizeof *s->items);
        s->items[index] = last;
}

/* One path that a source stands for. */
typedef struct ContextSource {
        const char *path, *pivot; /* with --parents: the directory that names begin below */
} ContextSource;

static int walk_directory(Walk *walk, int dir, const char *from, const char *to);

static int walk_entry(Walk *walk, int dir, const char *name, const char *from, const char *to) {
        const Ignore *ignore = walk->context->ignore, *exclude = walk->query->exclude;
        bool ignored = ignore_matches(ignore, from), excluded = ignore_matches(exclude, to);
        bool left_out = ignored || excluded;
        size_t before = walk->selection->n_items;
        autoclose int below = -EBADF;
        struct stat st;
        int r;

        if ((ignored && !ignore_looks_below(ignore, from)) ||
            (excluded && !ignore_looks_below(exclude, to)))
                return 0;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(walk->err, errno, "cannot read '%s'", from);
        if (left_out && !S_ISDIR(st.st_mode))
                return 0;
        if (!can_be_copied(&st)) {
                log_warn("'%s' is neither file, directory nor link; it is not copied", from);
                return 0;
        }
        if (!left_out) {
                r = add_entry(walk, dir, name, from, to, &st);
                if (r < 0)
                        return r;
        }
        if (!S_ISDIR(st.st_mode))
                return 0;
        below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0)
                return fail(walk->err, errno, "cannot read '%s'", from);
        r = walk_directory(walk, below, from, to);
        if (r < 0 || !left_out || walk->selection->n_items == before)
                return r;

        /* It was left out, but something in it was taken back in. */
        r = add_entry(walk, dir, name, from, to, &st);
        if (r < 0)
                return r;
        move_last(walk->selection, before);
        return 0;
}

static int walk_directory(Walk *walk, int dir, const char *from, const char *to) {
        autostrv names = NULL;
        int r;

        if (++walk->depth > DEPTH_MAX)
                return refuse(walk->err, ELOOP, "'%s' is nested too deeply", from);
        r = dir_list(dir, ".", &names);
        if (r < 0)
                return fail(walk->err, r, "cannot read '%s'", from);
        strv_foreach(name, names) {
                autofree char *path =
                        str_equal(from, ".") ? strdup(*name) : str_format("%s/%s", from, *name);
                autofree char *place = *to ? str_format("%s/%s", to, *name) : strdup(*name);

                if (!path || !place)
                        return fail(walk->err, ENOMEM, "cannot read '%s'", from);
                r = walk_entry(walk, dir, *name, path, place);
                if (r < 0)
                        return r;
        }
        walk->depth--;
        return 0;
}

/* Where an open file is below the context, links resolved: "a/b", or "." for the context. */
static int path_below(const Context *context, int file, char **ret) {
        char link[32], target[PATH_MAX];
        const char *rest;
        ssize_t n;

        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        n = readlink(link, target, sizeof target - 1);
        if (n < 0)
                return -errno;
        target[n] = 0;
        rest = str_equal(context->path, "/") ? target : str_after(target, context->path);
        if (!rest || (*rest && *rest != '/'))
                return -EXDEV; /* moved away while we looked */
        while (*rest == '/')
                rest++;
        *ret = strdup(*rest ? rest : ".");
        return *ret ? 0 : -ENOMEM;
}

static int not_there(Walk *walk, const char *source, bool ignored) {
        refuse(walk->err, ENOENT, "there is no '%s' in the context", source);
        return ignored ? err_hint(walk->err, -ENOENT, ".dockerignore leaves it out")
                       : err_hint(walk->err, -ENOENT, "the context is '%s'", walk->context->path);
}

/* Looked for from the end, as what belongs together came last. */
static bool has_item(const Selection *s, const char *to) {
        for (size_t i = s->n_items; i-- > 0;)
                if (str_equal(s->items[i].to, to))
                        return true;
        return false;
}

/* --parents: the directories between the pivot and @from are entries of their own. */
static int add_parents(Walk *walk, const char *from, const char *to) {
        size_t skipped = strlen(from) - strlen(to);

        for (const char *slash = strchr(to, '/'); slash; slash = strchr(slash + 1, '/')) {
                autofree char *above = strndup(from, skipped + (size_t) (slash - to));
                autofree char *place = strndup(to, (size_t) (slash - to));
                struct stat st;
                int r;

                if (!above || !place)
                        return fail(walk->err, ENOMEM, "cannot read '%s'", from);
                if (has_item(walk->selection, place))
                        continue;
                if (fstatat(walk->context->dir, above, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return fail(walk->err, errno, "cannot read '%s'", above);
                r = add_entry(walk, walk->context->dir, above, above, place, &st);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What a source is called below the destination with --parents: what follows the pivot. */
static const char *below_pivot(const char *from, const char *pivot) {
        const char *rest = str_equal(pivot, ".") ? from : str_after(from, pivot);

        return rest && (rest == from || !*rest || *rest == '/') ? rest + strspn(rest, "/") : from;
}

static int add_with_parents(Walk *walk, const char *from, const struct stat *st, const char *to) {
        autoclose int dir = -EBADF;
        int r;

        if (str_equal(from, ".") || !*to) {
                dir = openat(walk->context->dir, from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                return dir < 0 ? fail(walk->err, errno, "cannot read '%s'", from)
                               : walk_directory(walk, dir, from, "");
        }
        if (ignore_matches(walk->query->exclude, to) && !S_ISDIR(st->st_mode))
                return 0;
        r = add_parents(walk, from, to);
        if (r < 0 || (walk->may_repeat && has_item(walk->selection, to)))
                return r;
        return walk_entry(walk, walk->context->dir, from, from, to);
}

/* One source whose name is known. */
static int add_source(Walk *walk, const ContextSource *source, bool into) {
        const char *path = source->path;
        autofree char *from = NULL;
        autoclose int found = -EBADF, dir = -EBADF;
        struct stat st;
        int r;

        found = resolve_open(walk->context->dir, path, O_PATH);
        if (found == -ENOENT || found == -ENOTDIR)
                return not_there(walk, path, false);
        if (found < 0)
                return fail(walk->err, found, "cannot read '%s'", path);
        r = path_below(walk->context, found, &from);
        if (r < 0 || fstat(found, &st) < 0)
                return fail(walk->err, r < 0 ? r : errno, "cannot read '%s'", path);
        if ((ignore_matches(walk->context->ignore, path) ||
             ignore_matches(walk->context->ignore, from)) &&
            !(S_ISDIR(st.st_mode) && ignore_looks_below(walk->context->ignore, from)))
                return not_there(walk, path, true);
        if (!can_be_copied(&st))
                return refuse(walk->err, EINVAL, "'%s' is neither a file nor a directory", path);

        walk->selection->n_sources++;
        if (walk->query->parents)
                return add_with_parents(walk, from, &st, below_pivot(from, source->pivot));
        if (S_ISDIR(st.st_mode)) {
                dir = openat(found, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (dir < 0)
                        return fail(walk->err, errno, "cannot read '%s'", path);
                digest_add_text(&walk->digest, "directory");
                return walk_directory(walk, dir, from, "");
        }
        if (ignore_matches(walk->query->exclude, last_name(path)))
                return 0;
        if (strv_add(&walk->selection->files, from) < 0)
                return fail(walk->err, ENOMEM, "cannot read '%s'", path);
        return add_entry(walk, walk->context->dir, from, from, into ? last_name(path) : "", &st);
}

static int match_parts(Walk *walk, const char *path, char *const *parts, char ***ret);

/* "**": what follows it here, and at every depth below; alone, everything. */
static int match_deep(Walk *walk, const char *path, int dir, char *const *parts, char ***ret) {
        autostrv names = NULL;
        int r;

        r = dir < 0 ? dir : dir_list(dir, ".", &names);
        if (r < 0)
                return fail(walk->err, r, "cannot read '%s'", path);
        if (parts[1]) {
                r = match_parts(walk, path, parts + 1, ret);
                if (r < 0)
                        return r;
        }
        strv_foreach(name, names) {
                autofree char *below = *path ? str_format("%s/%s", path, *name) : strdup(*name);
                struct stat st;

                if (!below)
                        return fail(walk->err, ENOMEM, "cannot read '%s'", path);
                if (fstatat(dir, *name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return fail(walk->err, errno, "cannot read '%s'", below);
                if (!parts[1] && !S_ISDIR(st.st_mode) &&
                    !ignore_matches(walk->context->ignore, below) && strv_add(ret, below) < 0)
                        return fail(walk->err, ENOMEM, "cannot read '%s'", below);
                r = S_ISDIR(st.st_mode) ? match_parts(walk, below, parts, ret) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Adds to @ret what matches the pattern's parts from @parts on, below the directory @path. */
static int match_parts(Walk *walk, const char *path, char *const *parts, char ***ret) {
        autoclose int dir =
                resolve_open(walk->context->dir, *path ? path : ".", O_RDONLY | O_DIRECTORY);
        autostrv names = NULL;
        int r;

        if (dir == -ENOENT || dir == -ENOTDIR)
                return 0;
        if (walk->query->parents && str_equal(parts[0], "**"))
                return match_deep(walk, path, dir, parts, ret);
        r = dir < 0 ? dir : dir_list(dir, ".", &names);
        strv_foreach(name, names) {
                autofree char *below = NULL;

                if (!pattern_matches(parts[0], *name))
                        continue;
                below = *path ? str_format("%s/%s", path, *name) : strdup(*name);
                if (!below)
                        return fail(walk->err, ENOMEM, "cannot read '%s'", path);
                if (parts[1]) {
                        r = match_parts(walk, below, parts + 1, ret);
                        if (r < 0)
                                return r;
                } else if (!ignore_matches(walk->context->ignore, below) ||
                           ignore_looks_below(walk->context->ignore, below)) {
                        if (strv_add(ret, below) < 0)
                                return fail(walk->err, ENOMEM, "cannot read '%s'", path);
                }
        }
        return r < 0 ? fail(walk->err, r, "cannot read '%s'", path) : 0;
}

static int expand_source(Walk *walk, const char *source, char ***ret) {
        autofree char *clean = path_clean(*source ? source : ".");
        autostrv parts = NULL;
        const char *path;

        if (!clean)
                return fail(walk->err, ENOMEM, "cannot read '%s'", source);
        if (str_equal(clean, "..") || str_after(clean, "../")) {
                refuse(walk->err, EPERM, "'%s' is outside of the context", source);
                return err_hint(walk->err, -EPERM,
                                "only files below the directory given to build can be copied");
        }
        path = clean + strspn(clean, "/");
        if (!*path)
                path = ".";
        if (!pattern_has_wildcard(path))
                return strv_add(ret, path) < 0 ? fail(walk->err, ENOMEM, "cannot read '%s'", source)
                                               : 0;
        if (!pattern_is_valid(path))
                return refuse(walk->err, EINVAL, "'%s' is no pattern: a '[' is not closed", source);
        if (strv_split(path, "/", true, &parts) < 0)
                return fail(walk->err, ENOMEM, "cannot read '%s'", source);
        return match_parts(walk, "", parts, ret);
}

/* The part before "/./", cleaned; "." without one. */
static char *pivot_of(const char *source) {
        const char *pivot = strstr(source, "/./");
        autofree char *base = pivot ? strndup(source, (size_t) (pivot - source)) : strdup(".");
        autofree char *clean = base ? path_clean(*base ? base : ".") : NULL;
        const char *rest = clean ? clean + strspn(clean, "/") : NULL;

        return rest ? strdup(*rest ? rest : ".") : NULL;
}

/* Looks up what one source of the query stands for; @paths and @pivots go side by side. */
static int find_sources(Walk *walk, const char *source, char ***paths, char ***pivots) {
        autofree char *pivot = pivot_of(source);
        int r = pivot ? expand_source(walk, source, paths)
                      : fail(walk->err, ENOMEM, "cannot read '%s'", source);

        while (r >= 0 && strv_length(*pivots) < strv_length(*paths))
                if (strv_add(pivots, pivot) < 0)
                        return fail(walk->err, ENOMEM, "cannot read '%s'", source);
        return r;
}

int context_select(Context *context, const ContextQuery *query, Selection *ret, Err *err) {
        Walk walk = { .context = context, .query = query, .selection = ret, .err = err };
        autostrv paths = NULL;
        autostrv pivots = NULL;
        bool into = query->into;
        int r;

        digest_begin(&walk.digest);
        strv_foreach(source, query->sources) {
                r = find_sources(&walk, *source, &paths, &pivots);
                if (r < 0)
                        return r;
        }

        into |= strv_length(paths) > 1;
        walk.may_repeat = strv_length(query->sources) > 1;
        for (size_t i = 0; paths && paths[i]; i++) {
                r = add_source(&walk, &(ContextSource){ paths[i], pivots[i] }, into);
                if (r < 0)
                        return r;
        }
        digest_add(&walk.digest, &into, sizeof into);
        digest_end(&walk.digest, ret->digest);
        return 0;
}

bool archive_begins(const unsigned char *head, size_t n) {
        static const struct {
                const char *magic;
                size_t length;
        } kinds[] = { { "\x1f\x8b", 2 },
                      { "\xfd"
                        "7zXZ\0",
                        6 },
                      { "\x28\xb5\x2f\xfd", 4 } };

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (n >= kinds[i].length && memcmp(head, kinds[i].magic, kinds[i].length) == 0)
                        return 1;
        if (n >= 10 && memcmp(head, "BZh", 3) == 0 && memcmp(head + 4, "1AY&SY", 6) == 0)
                return true;
        return n >= 262 && memcmp(head + 257, "ustar", 5) == 0;
}
