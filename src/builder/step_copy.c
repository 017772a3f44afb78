/* SPDX-License-Identifier: GPL-2.0-or-later */

/* COPY, ADD and WORKDIR: what is copied from where to where, and with whose name on it. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/expand.h"
#include "builder/step.h"
#include "store/filemode.h"
#include "transfer/url.h"

/* With --link nothing of the image is looked at: the layer fits on any other. */
static TreeView view_of(const Step *step, const LayerDraft *draft) {
        return (TreeView){ .lowers = step->link ? NULL : step->state->lowers,
                           .upper = draft->diff,
                           .work = draft->work };
}

static void tell_left_out(const Step *step, const TreeReport *report) {
        if (report->devices > 0)
                log_warn("%s: %lld device nodes were left out; a container has its own /dev",
                         step->instruction->name, (long long) report->devices);
}

static int copy(const Step *step, const LayerDraft *draft, TreeItem *items, size_t n, Err *err) {
        TreeView view = view_of(step, draft);
        TreeReport report = {};
        TreeCopy what = {
                .source_dir = step->origin.context ? context_path(step->origin.context) : NULL,
                .source_lowers = step->origin.lowers,
                .items = items,
                .n_items = n,
                .patterns = step->origin.context ? NULL : step->sources,
                .parents = step->parents,
                .exclude = step->exclude,
                .dest = step->dest,
                .dest_is_dir = step->dest_is_dir,
                .owner = step->owner,
                .mode = step->mode,
        };
        int r = tree_copy(&view, &what, &report, err);

        if (r >= 0)
                tell_left_out(step, &report);
        return r;
}

/* Adds the here-documents to what is copied. */
static TreeItem *with_contents(const Step *step, size_t *ret_n) {
        const Selection *s = &step->selection;
        TreeItem *items = calloc(s->n_items + step->n_contents + 1, sizeof *items);

        if (items && s->n_items)
                memcpy(items, s->items, s->n_items * sizeof *items);
        if (items && step->n_contents)
                memcpy(items + s->n_items, step->contents, step->n_contents * sizeof *items);
        *ret_n = s->n_items + step->n_contents;
        return items;
}

static int carry_out_copy(Step *step, const LayerDraft *draft, Err *err) {
        size_t n;
        autofree TreeItem *items = with_contents(step, &n);

        return items ? copy(step, draft, items, n, err) : fail(err, ENOMEM, "cannot copy");
}

/* Names under which nothing else than an archive is meant. */
static bool says_archive(const char *name) {
        static const char *const ends[] = { ".tar",  ".tar.gz",  ".tgz",  ".tar.xz",
                                            ".txz",  ".tar.zst", ".tzst", ".tar.zstd",
                                            ".tbz2", ".tar.bz2", ".tbz" };

        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
                if (str_ends_with(name, ends[i]))
                        return true;
        return false;
}

/*
 * Whether there is a tar archive in a compressed file can only be told by unpacking it, which is
 * tried on a draft of its own until the first byte of content.
 *
 * Return: 1 for yes, 0 for no.
 */
static int holds_archive(const Step *step, int file, Err *err) {
        autoptr(LayerDraft) draft = NULL;
        TreeReport report;
        int r;

        r = layer_draft(step->build->home, &draft, err);
        if (r < 0)
                return r;
        r = tree_unpack(&(TreeView){ .upper = draft->diff, .work = draft->work }, file,
                        UNPACK_PLAIN, "/", 1, &report, NULL);
        if (lseek(file, 0, SEEK_SET) < 0)
                return fail(err, errno, "cannot read it again");
        return r != -EBADMSG;
}

/*
 * ADD unpacks a file that is an archive.
 *
 * Return: 1 if it was one, 0 if not.
 */
static int unpack(const Step *step, const LayerDraft *draft, const char *from, Err *err) {
        TreeView view = view_of(step, draft);
        autoclose int archive = -EBADF;
        unsigned char head[512] = {};
        TreeReport report = {};
        struct stat st;
        ssize_t n;
        int r;

        archive = openat(context_dir(step->origin.context), from,
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (archive < 0 && errno == ELOOP)
                return 0;
        if (archive < 0 || fstat(archive, &st) < 0)
                return fail(err, errno, "cannot read '%s'", from);
        if (!S_ISREG(st.st_mode))
                return 0;
        n = pread(archive, head, sizeof head, 0);
        if (n < 0)
                return fail(err, errno, "cannot read '%s'", from);
        r = archive_begins(head, (size_t) n);
        if (r > 0 && memcmp(head + 257, "ustar", 5) != 0 && !says_archive(from))
                r = holds_archive(step, archive, err);
        if (r <= 0)
                return r < 0 ? err_prefix(err, r, "cannot unpack '%s'", from) : 0;

        r = tree_unpack(&view, archive, UNPACK_PLAIN, step->dest, 0, &report, err);
        if (r < 0)
                return err_prefix(err, r, "cannot unpack '%s'", from);
        tell_left_out(step, &report);
        return 1;
}

/* What came from the network is unpacked only if that is said. */
static int add_download(Step *step, const LayerDraft *draft, TreeItem *item, Err *err) {
        autofree char *path = str_format("%s/%s", step->fetched->diff, item->from);
        TreeView view = view_of(step, draft);
        TreeReport report = {};
        TreeCopy what = { .source_dir = step->fetched->diff,
                          .items = item,
                          .n_items = 1,
                          .dest = step->dest,
                          .dest_is_dir = step->dest_is_dir,
                          .owner = step->owner,
                          .mode = step->mode };
        autoclose int archive = -EBADF;
        int r;

        if (!instruction_flag(step->instruction, "unpack") || !step->unpack)
                return tree_copy(&view, &what, &report, err);
        archive = path ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
        if (archive < 0)
                return fail(err, errno, "cannot read '%s'", item->from);
        r = tree_unpack(&view, archive, UNPACK_PLAIN, step->dest, 0, &report, err);
        return r < 0 ? err_prefix(err, r, "cannot unpack '%s'", item->from) : 0;
}

static int add_downloads(Step *step, const LayerDraft *draft, Err *err) {
        int r = step_fetch(step, err);

        for (size_t i = 0; r >= 0 && i < step->n_downloads; i++)
                r = add_download(step, draft, &step->downloads[i], err);
        return r;
}

/* Sources that are archives go in unpacked, the others together as COPY has it. */
static int carry_out_add(Step *step, const LayerDraft *draft, Err *err) {
        size_t n_items, n = 0;
        autofree TreeItem *others = with_contents(step, &n_items);
        TreeView view;
        int r;

        if (!others)
                return fail(err, ENOMEM, "cannot add");
        view = view_of(step, draft);
        r = add_downloads(step, draft, err);
        if (r >= 0)
                r = step_copy_repositories(step, &view, err);
        if (r < 0 || ((step->urls || step->n_repositories) && n_items == 0))
                return r;
        for (size_t i = 0; i < n_items; i++) {
                const TreeItem item = others[i];

                /* What a directory holds is copied as it is, archives too. */
                r = step->unpack && !item.content && strv_has(step->selection.files, item.from)
                            ? unpack(step, draft, item.from, err)
                            : 0;
                if (r < 0)
                        return r;
                if (r == 0)
                        others[n++] = item;
        }
        if (n == 0 && n_items > 0)
                return 0;
        return copy(step, draft, others, n, err);
}

static int carry_out_workdir(Step *step, const LayerDraft *draft, Err *err) {
        return copy(step, draft, NULL, 0, err);
}

static int add_content(Step *step, const Heredoc *heredoc, Err *err) {
        TreeItem *item = json_grow(&step->contents, &step->n_contents, sizeof *item);
        autofree char *text = heredoc_text(heredoc);

        if (!item || !text)
                return fail(err, ENOMEM, "cannot copy");
        item->from = strdup(heredoc->name);
        item->to = strdup("");
        if (!item->from || !item->to)
                return fail(err, ENOMEM, "cannot copy");
        if (heredoc->expand)
                return expand_text(text, step->state->variables, &item->content, err);
        item->content = take_ptr(text);
        return 0;
}

/* COPY takes nothing from the network. */
static int add_copied(Step *step, const char *source, Err *err) {
        autoptr(GitUrl) url = NULL;
        int r = git_url_parse(source, &url, err);

        if (r < 0)
                return r;
        if (url_is_http(source) || (r > 0 && !url->guessed))
                return err_hint(err,
                                refuse(err, EINVAL, "'%s' is a %s, which COPY does not fetch",
                                       url ? url->remote : source, r > 0 ? "repository" : "URL"),
                                "use ADD");
        return strv_add(&step->sources, source) < 0 ? fail(err, ENOMEM, "cannot copy") : 0;
}

static int add_path(Step *step, const char *word, Err *err) {
        autofree char *source = NULL;
        int r;

        r = step_expand(step, word, &source, err);
        if (r < 0)
                return r;
        if (step->instruction->kind == INSTRUCTION_COPY)
                return add_copied(step, source, err);
        r = step_add_repository(step, source, err);
        if (r != 0)
                return r < 0 ? r : 0;
        if (url_is_http(source))
                return strv_add(&step->urls, source) < 0 ? fail(err, ENOMEM, "cannot add") : 0;
        return strv_add(&step->sources, source) < 0 ? fail(err, ENOMEM, "cannot copy") : 0;
}

static size_t count_sources(const Step *step) {
        return strv_length(step->sources) + strv_length(step->urls) + step->n_contents +
               step->n_repositories;
}

static int read_dest(Step *step, const char *word, Err *err) {
        const char *base = step->state->image.config.working_dir;
        autofree char *dest = NULL, *joined = NULL;
        size_t n;
        int r;

        r = step_expand(step, word, &dest, err);
        if (r < 0)
                return r;
        if (!*dest)
                return refuse(err, EINVAL, "%s has an empty destination '%s'",
                              step->instruction->name, word);
        joined = *dest == '/' ? strdup(dest)
                              : str_format("%s/%s", str_empty(base) ? "" : base, dest);
        step->dest = joined ? path_clean(joined) : NULL;
        if (!step->dest)
                return fail(err, ENOMEM, "cannot copy");
        n = strlen(dest);
        step->dest_is_dir = dest[n - 1] == '/' || str_equal(dest, ".") || str_equal(dest, "..") ||
                            str_ends_with(dest, "/.") || str_ends_with(dest, "/..");
        if (!step->dest_is_dir && count_sources(step) > 1) {
                refuse(err, EINVAL, "%s has several sources, but '%s' is no directory",
                       step->instruction->name, dest);
                return err_hint(err, -EINVAL, "write '%s/'", dest);
        }
        return 0;
}

/* The last word is the destination. */
static int read_paths(Step *step, Err *err) {
        char *const *args = step->instruction->args;
        size_t n = strv_length(args);
        int r = 0;

        if (n > 2 && instruction_flag(step->instruction, "checksum"))
                return refuse(err, EINVAL, "ADD --checksum is for one source");
        for (size_t i = 0; r >= 0 && i + 1 < n; i++) {
                const Heredoc *heredoc =
                        instruction_heredoc(step->instruction, args[i], step->build->file->escape);

                r = heredoc ? add_content(step, heredoc, err) : add_path(step, args[i], err);
        }
        return r < 0 ? r : read_dest(step, args[n - 1], err);
}

/* Puts variables into a flag's value; NULL stays NULL. */
static int read_flag(const Step *step, const char *name, char **ret, Err *err) {
        const char *value = instruction_flag(step->instruction, name);

        return value ? step_expand(step, value, ret, err) : 0;
}

static int read_mode(Step *step, Err *err) {
        mode_t ignored;
        int r = read_flag(step, "chmod", &step->mode, err);

        if (r < 0 || !step->mode)
                return r;
        if (file_mode_apply(step->mode, 0, false, &ignored) < 0)
                return refuse(err, EINVAL, "--chmod=%s is no mode such as 755 or u=rw,go=r",
                              step->mode);
        return 0;
}

static int read_owner(Step *step, Err *err) {
        int r = read_flag(step, "chown", &step->owner, err);

        if (r < 0 || !step->owner)
                return r;
        if (!*step->owner || *step->owner == ':')
                return refuse(err, EINVAL, "--chown=%s names no user",
                              instruction_flag(step->instruction, "chown"));
        return 0;
}

static int read_exclude(Step *step, Err *err) {
        autostrv patterns = NULL;
        int r;

        if (instruction_flags(step->instruction, "exclude", &patterns) < 0)
                return fail(err, ENOMEM, "cannot copy");
        strv_foreach(pattern, patterns) {
                autofree char *text = NULL;

                r = step_expand(step, *pattern, &text, err);
                if (r < 0)
                        return r;
                if (!pattern_is_valid(text))
                        return refuse(err, EINVAL,
                                      "--exclude=%s is no pattern: a '[' is not closed", text);
                if (strv_add(&step->exclude, text) < 0)
                        return fail(err, ENOMEM, "cannot copy");
        }
        return 0;
}

/* Those of repositories have been read with them. */
static int read_checksum(Step *step, Err *err) {
        int r = read_flag(step, "checksum", &step->checksum, err);

        if (r < 0)
                return r;
        if (instruction_flag(step->instruction, "keep-git-dir") && !step->n_repositories)
                return refuse(err, EINVAL, "ADD --keep-git-dir is for repositories");
        if (!step->checksum || step->n_repositories)
                return 0;
        if (!step->urls)
                return refuse(err, EINVAL,
                              "ADD --checksum is for sources from the network, which '%s' is not",
                              step->sources ? step->sources[0] : "<<");
        if (!digest_is_valid(step->checksum))
                return refuse(err, EINVAL, "--checksum=%s is no digest such as sha256:…",
                              step->checksum);
        return 0;
}

static int read_switches(Step *step, Err *err) {
        int r;

        r = instruction_flag_is_set(step->instruction, "link", err);
        if (r < 0)
                return r;
        step->link = r > 0;
        r = instruction_flag_is_set(step->instruction, "parents", err);
        if (r < 0)
                return r;
        step->parents = r > 0;
        step->unpack = true;
        if (instruction_flag(step->instruction, "unpack")) {
                r = instruction_flag_is_set(step->instruction, "unpack", err);
                step->unpack = r > 0;
        }
        return r < 0 ? r : read_checksum(step, err);
}

static int read_flags(Step *step, Err *err) {
        int r = read_mode(step, err);

        if (r >= 0)
                r = read_owner(step, err);
        if (r >= 0)
                r = read_exclude(step, err);
        return r < 0 ? r : read_switches(step, err);
}

static int select_files(Step *step, CacheKey *key, Err *err) {
        autofree char *text = strv_join(step->exclude, "\n");
        autoptr(Ignore) exclude = NULL;
        ContextQuery query = { .sources = step->sources,
                               .into = step->dest_is_dir,
                               .parents = step->parents };
        int r;

        if (!text)
                return fail(err, ENOMEM, "cannot copy");
        r = ignore_parse(text, "--exclude", &exclude, err);
        if (r < 0)
                return r;
        query.exclude = step->exclude ? exclude : NULL;
        r = context_select(step->origin.context, &query, &step->selection, err);
        if (r < 0)
                return r;
        /* A directory's contents need one, and several things cannot be one file. */
        step->dest_is_dir |= step->parents ||
                             step->selection.n_sources + step->n_contents +
                                             strv_length(step->urls) + step->n_repositories >
                                     1 ||
                             (!step->selection.files && !step->n_contents && !step->urls);
        cache_key_add(key, step->selection.digest);
        return 0;
}

/* The selection's digest, or for another stage's files that stage's chain and the patterns. */
static int add_sources(Step *step, CacheKey *key, Err *err) {
        const char *from = instruction_flag(step->instruction, "from");
        size_t present = (size_t) (step->state - step->build->stages);
        int r;

        for (size_t i = 0; i < step->n_contents; i++) {
                cache_key_add(key, step->contents[i].from);
                cache_key_add(key, step->contents[i].content);
        }
        r = step_add_downloads(step, key, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < step->n_repositories; i++)
                git_source_add_key(step->repositories[i], key);
        step->origin.context = from ? NULL : step->build->context;
        if (from) {
                r = origin_find(step->build, present, from, "COPY --from=", &step->origin, err);
                if (r < 0)
                        return r;
        }
        if (step->origin.context)
                return select_files(step, key, err);
        if (!step->origin.lowers)
                return refuse(err, ENOENT, "COPY --from=%s: it has no files", from);
        cache_key_add(key, step->origin.chain);
        cache_key_add_list(key, step->sources);
        return 0;
}

static void add_repository_text(const GitUrl *url, Str *text) {
        str_printf(text, " %s", url->remote);
        if (url->ref || url->subdir)
                str_printf(text, "#%s", url->ref ? url->ref : "");
        if (url->subdir)
                str_printf(text, ":%s", url->subdir);
}

static void add_text(const Step *step, Str *text) {
        const char *from = instruction_flag(step->instruction, "from");

        str_put(text, step->instruction->name);
        if (from)
                str_printf(text, " --from=%s", from);
        if (step->owner)
                str_printf(text, " --chown=%s", step->owner);
        if (step->mode)
                str_printf(text, " --chmod=%s", step->mode);
        if (step->link)
                str_put(text, " --link");
        if (step->parents)
                str_put(text, " --parents");
        strv_foreach(pattern, step->exclude)
                str_printf(text, " --exclude=%s", *pattern);
        strv_foreach(source, step->sources)
                str_printf(text, " %s", *source);
        strv_foreach(url, step->urls) {
                autofree char *shown = url_redact(*url);

                str_printf(text, " %s", shown ? shown : "");
        }
        for (size_t i = 0; i < step->n_repositories; i++)
                add_repository_text(step->repositories[i]->url, text);
        for (size_t i = 0; i < step->n_contents; i++)
                str_printf(text, " <<%s", step->contents[i].from);
        str_printf(text, " %s", step->dest);
}

int step_prepare_copy(Step *step, Err *err) {
        bool add = step->instruction->kind == INSTRUCTION_ADD;
        autostr text = {};
        CacheKey key;
        int r;

        r = read_paths(step, err);
        if (r >= 0)
                r = read_flags(step, err);
        if (r < 0)
                return r;

        step_begin_key(step, &key, add ? step->unpack ? "add" : "add packed" : "copy");
        r = add_sources(step, &key, err);
        if (r < 0)
                return r;
        cache_key_add(&key, step->dest);
        cache_key_add(&key, step->dest_is_dir ? "into" : "as");
        cache_key_add(&key, step->owner);
        cache_key_add(&key, step->mode);
        cache_key_add(&key, step->link ? "link" : NULL);
        cache_key_add(&key, step->parents ? "parents" : NULL);
        cache_key_add_list(&key, step->exclude);
        cache_key_end(&key, step->key);

        add_text(step, &text);
        step->created_by = str_take(&text);
        step->carry_out = add ? carry_out_add : carry_out_copy;
        return step->created_by ? 0 : fail(err, ENOMEM, "cannot copy");
}

int step_prepare_workdir(Step *step, Err *err) {
        CacheKey key;

        step->dest = strdup(step->state->image.config.working_dir);
        if (!step->dest)
                return fail(err, ENOMEM, "cannot make the working directory");
        step->dest_is_dir = true;
        /* BuildKit's rule: it belongs to who will work there. */
        if (!str_empty(step->state->image.config.user) &&
            str_set(&step->owner, step->state->image.config.user) < 0)
                return fail(err, ENOMEM, "cannot make the working directory");
        step_begin_key(step, &key, "workdir");
        cache_key_add(&key, step->dest);
        cache_key_add(&key, step->owner);
        cache_key_end(&key, step->key);
        step->carry_out = carry_out_workdir;
        return 0;
}

int step_prepare_root(Step *step, Err *err) {
        CacheKey key;
        int r;

        step->dest = strdup("/");
        if (!step->dest || strv_add(&step->sources, ".") < 0)
                return fail(err, ENOMEM, "cannot copy");
        step->dest_is_dir = true;
        step_begin_key(step, &key, "root");
        r = select_files(step, &key, err);
        if (r < 0)
                return r;
        cache_key_end(&key, step->key);
        step->carry_out = carry_out_copy;
        return 0;
}
