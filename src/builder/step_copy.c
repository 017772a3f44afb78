/* SPDX-License-Identifier: GPL-2.0-or-later */

/* COPY, ADD and WORKDIR: what is copied from where to where, and with whose name on it. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "builder/expand.h"
#include "builder/step.h"

static TreeView view_of(const Step *step, const LayerDraft *draft) {
        return (TreeView){ .lowers = step->state->lowers,
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
                .source_dir = step->source_lowers ? NULL : context_path(step->build->context),
                .source_lowers = step->source_lowers,
                .items = items,
                .n_items = n,
                .patterns = step->source_lowers ? step->sources : NULL,
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

static int carry_out_copy(Step *step, const LayerDraft *draft, Err *err) {
        return copy(step, draft, step->selection.items, step->selection.n_items, err);
}

/* True for what the helper can unpack, by its first bytes; bzip2 is known and refused. */
static int is_archive(const unsigned char *head, size_t n, Err *err) {
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
                return refuse(err, EOPNOTSUPP,
                              "it is compressed with bzip2, which is not "
                              "supported; use gzip, xz or zstd");
        return n >= 262 && memcmp(head + 257, "ustar", 5) == 0;
}

/* Names under which nothing else than an archive is meant. */
static bool says_archive(const char *name) {
        static const char *const ends[] = { ".tar", ".tar.gz",  ".tgz",  ".tar.xz",
                                            ".txz", ".tar.zst", ".tzst", ".tar.zstd" };

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

        archive = openat(context_dir(step->build->context), from,
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
        r = is_archive(head, (size_t) n, err);
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

/* Sources that are archives go in unpacked, the others together as COPY has it. */
static int carry_out_add(Step *step, const LayerDraft *draft, Err *err) {
        autofree TreeItem *others = calloc(step->selection.n_items + 1, sizeof *others);
        size_t n = 0;
        int r;

        if (!others)
                return fail(err, ENOMEM, "cannot add");
        for (size_t i = 0; i < step->selection.n_items; i++) {
                const TreeItem *item = &step->selection.items[i];

                /* What a directory holds is copied as it is, archives too. */
                r = strv_has(step->selection.files, item->from)
                            ? unpack(step, draft, item->from, err)
                            : 0;
                if (r < 0)
                        return r;
                if (r == 0)
                        others[n++] = *item;
        }
        if (n == 0 && step->selection.n_items > 0)
                return 0;
        return copy(step, draft, others, n, err);
}

static int carry_out_workdir(Step *step, const LayerDraft *draft, Err *err) {
        return copy(step, draft, NULL, 0, err);
}

static bool is_remote(const char *source) {
        static const char *const schemes[] = { "http://", "https://", "ftp://",
                                               "git://",  "ssh://",   "git@" };

        for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
                if (strncasecmp(source, schemes[i], strlen(schemes[i])) == 0)
                        return true;
        return false;
}

/* The last word is the destination. */
static int read_paths(Step *step, Err *err) {
        char *const *args = step->instruction->args;
        size_t n = strv_length(args);
        autofree char *dest = NULL, *joined = NULL;
        const char *base = step->state->image.config.working_dir;
        int r;

        for (size_t i = 0; i + 1 < n; i++) {
                autofree char *source = NULL;

                r = step_expand(step, args[i], &source, err);
                if (r < 0)
                        return r;
                if (is_remote(source)) {
                        refuse(err, EOPNOTSUPP, "%s of '%s' from the network is not supported yet",
                               step->instruction->name, source);
                        return err_hint(err, -EOPNOTSUPP,
                                        "download it beforehand, or with RUN in the image");
                }
                if (strv_add(&step->sources, source) < 0)
                        return fail(err, ENOMEM, "cannot copy");
        }
        r = step_expand(step, args[n - 1], &dest, err);
        if (r < 0)
                return r;
        if (!*dest)
                return refuse(err, EINVAL, "%s has an empty destination '%s'",
                              step->instruction->name, args[n - 1]);
        joined = *dest == '/' ? strdup(dest)
                              : str_format("%s/%s", str_empty(base) ? "" : base, dest);
        step->dest = joined ? path_clean(joined) : NULL;
        if (!step->dest)
                return fail(err, ENOMEM, "cannot copy");
        n = strlen(dest);
        step->dest_is_dir = dest[n - 1] == '/' || str_equal(dest, ".") || str_equal(dest, "..") ||
                            str_ends_with(dest, "/.") || str_ends_with(dest, "/..");
        if (!step->dest_is_dir && strv_length(step->sources) > 1) {
                refuse(err, EINVAL, "%s has several sources, but '%s' is no directory",
                       step->instruction->name, dest);
                return err_hint(err, -EINVAL, "write '%s/'", dest);
        }
        return 0;
}

static int read_mode(Step *step, Err *err) {
        const char *flag = instruction_flag(step->instruction, "chmod");
        autofree char *text = NULL;
        unsigned long mode;
        char *end;
        int r;

        step->mode = -1;
        if (!flag)
                return 0;
        r = step_expand(step, flag, &text, err);
        if (r < 0)
                return r;
        mode = strtoul(text, &end, 8);
        if (*text < '0' || *text > '7' || *end || mode > 07777)
                return refuse(err, EINVAL, "--chmod=%s is no octal mode such as 755", text);
        step->mode = (int) mode;
        return 0;
}

static int read_owner(Step *step, Err *err) {
        const char *flag = instruction_flag(step->instruction, "chown");
        int r;

        if (!flag)
                return 0;
        r = step_expand(step, flag, &step->owner, err);
        if (r < 0)
                return r;
        if (!*step->owner || *step->owner == ':')
                return refuse(err, EINVAL, "--chown=%s names no user", flag);
        return 0;
}

/* COPY --from: an earlier stage by name or number, or an image. */
static int find_origin(Step *step, const char *from, char *ret_chain, Err *err) {
        Build *build = step->build;
        size_t present = (size_t) (step->state - build->stages);
        int stage = stages_find(build->plan, present, from);
        autoptr(Image) image = NULL;
        int r;

        if (strchr(from, '$'))
                return refuse(err, EINVAL, "COPY --from=%s: variables are not allowed here", from);
        if (stage >= 0) {
                memcpy(ret_chain, stage_chain(&build->stages[stage]),
                       strlen(stage_chain(&build->stages[stage])) + 1);
                return strv_copy(build->stages[stage].lowers, &step->source_lowers) < 0
                               ? fail(err, ENOMEM, "cannot copy")
                               : 0;
        }
        r = image_load(build->home, from, &image, err);
        if (r < 0)
                return err_prefix(err, r, "COPY --from=%s names no stage and no image", from);
        memcpy(ret_chain, image->top_chain_id, sizeof image->top_chain_id);
        return strv_copy(image->lowers, &step->source_lowers) < 0 ? fail(err, ENOMEM, "cannot copy")
                                                                  : 0;
}

/* The selection's digest, or for another stage's files that stage's chain and the patterns. */
static int add_content(Step *step, CacheKey *key, Err *err) {
        const char *from = instruction_flag(step->instruction, "from");
        char chain[DIGEST_LENGTH + 1];
        int r;

        if (!from) {
                r = context_select(step->build->context, step->sources, step->dest_is_dir,
                                   &step->selection, err);
                if (r < 0)
                        return r;
                /* A directory's contents need one, and several things cannot be one file. */
                step->dest_is_dir |= step->selection.n_sources > 1 || !step->selection.files;
                cache_key_add(key, step->selection.digest);
                return 0;
        }

        r = find_origin(step, from, chain, err);
        if (r < 0)
                return r;
        if (!step->source_lowers)
                return refuse(err, ENOENT, "COPY --from=%s: it has no files", from);
        cache_key_add(key, chain);
        cache_key_add_list(key, step->sources);
        return 0;
}

static void add_text(const Step *step, Str *text) {
        const char *from = instruction_flag(step->instruction, "from");

        str_put(text, step->instruction->name);
        if (from)
                str_printf(text, " --from=%s", from);
        if (step->owner)
                str_printf(text, " --chown=%s", step->owner);
        if (step->mode >= 0)
                str_printf(text, " --chmod=%o", (unsigned) step->mode);
        strv_foreach(source, step->sources)
                str_printf(text, " %s", *source);
        str_printf(text, " %s", step->dest);
}

int step_prepare_copy(Step *step, Err *err) {
        bool add = step->instruction->kind == INSTRUCTION_ADD;
        autostr text = {};
        char mode[16];
        CacheKey key;
        int r;

        r = read_paths(step, err);
        if (r >= 0)
                r = read_mode(step, err);
        if (r >= 0)
                r = read_owner(step, err);
        if (r < 0)
                return r;

        step_begin_key(step, &key, add ? "add" : "copy");
        r = add_content(step, &key, err);
        if (r < 0)
                return r;
        cache_key_add(&key, step->dest);
        cache_key_add(&key, step->dest_is_dir ? "into" : "as");
        cache_key_add(&key, step->owner);
        snprintf(mode, sizeof mode, "%d", step->mode);
        cache_key_add(&key, mode);
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
        step->mode = -1;
        step_begin_key(step, &key, "workdir");
        cache_key_add(&key, step->dest);
        cache_key_end(&key, step->key);
        step->carry_out = carry_out_workdir;
        return 0;
}
