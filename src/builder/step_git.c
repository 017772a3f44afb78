/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ADD of a repository: its files, all of them or those of a directory, go into the destination
 *
 * The commit is the key; nothing is fetched while the cache knows the result.
 */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "builder/step.h"

/* --keep-git-dir, which the URL may say, too. */
static int read_keep(Step *step, GitUrl *url, Err *err) {
        int keep = instruction_flag_is_set(step->instruction, "keep-git-dir", err);

        if (keep < 0 || !instruction_flag(step->instruction, "keep-git-dir"))
                return keep < 0 ? keep : 0;
        if (url->keeps_git_dir && url->keep_git_dir != (keep > 0))
                return refuse(err, EINVAL, "ADD says --keep-git-dir=%s, but '%s' does not",
                              keep ? "true" : "false", url->remote);
        url->keep_git_dir = keep > 0;
        return 0;
}

static int read_checksum(const Step *step, GitUrl *url, Err *err) {
        const char *text = instruction_flag(step->instruction, "checksum");
        autofree char *checksum = NULL;
        int r = text ? step_expand(step, text, &checksum, err) : 0;

        if (r < 0 || !text)
                return r;
        if (!*checksum || checksum[strspn(checksum, "0123456789abcdefABCDEF")])
                return refuse(err, EINVAL, "--checksum=%s is no commit of '%s'", checksum,
                              url->remote);
        if (url->checksum && !str_equal(url->checksum, checksum))
                return refuse(err, EINVAL, "ADD says --checksum=%s, but '%s' says %s", checksum,
                              url->remote, url->checksum);
        return str_set(&url->checksum, checksum) < 0 ? fail(err, ENOMEM, "cannot add") : 0;
}

int step_add_repository(Step *step, const char *source, Err *err) {
        autoptr(GitUrl) url = NULL;
        GitSource **slot;
        int r = git_url_parse(source, &url, err);

        if (r <= 0 || url->guessed)
                return r < 0 ? r : 0;
        r = read_keep(step, url, err);
        if (r >= 0)
                r = read_checksum(step, url, err);
        if (r < 0)
                return r;
        slot = json_grow(&step->repositories, &step->n_repositories, sizeof *slot);
        if (!slot)
                return fail(err, ENOMEM, "cannot add");
        r = git_source_open(step->build->home, &step->build->secrets, take_ptr(url), false, slot,
                            err);
        return r < 0 ? r : 1;
}

int step_copy_repositories(Step *step, const TreeView *view, Err *err) {
        char *const everything[] = { (char *) ".", NULL };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < step->n_repositories; i++) {
                GitSource *git = step->repositories[i];
                TreeReport report = {};
                TreeCopy what = { .patterns = everything,
                                  .exclude = step->exclude,
                                  .dest = step->dest,
                                  .dest_is_dir = step->dest_is_dir,
                                  .owner = step->owner,
                                  .mode = step->mode };

                r = git_source_fetch(git, err);
                what.source_dir = git->directory;
                if (r >= 0)
                        r = tree_copy(view, &what, &report, err);
        }
        return r;
}
