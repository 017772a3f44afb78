/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "store/tree.h"
#include "base/str.h"
#include "store/sandbox.h"

int tree_unpack(const TreeView *view, int archive, UnpackMode mode, const char *dest,
                int64_t max_bytes, TreeReport *ret, Err *err) {
        HelperRequest request = { .verb = (char *) "unpack",
                                  .dest = (char *) dest,
                                  .unpack_mode = (int) mode,
                                  .max_bytes = max_bytes };
        const SandboxJob job = { .view = view, .archive = archive, .request = &request };

        return sandbox_run(&job, ret, err);
}

int tree_copy(const TreeView *view, const TreeCopy *copy, TreeReport *ret, Err *err) {
        HelperRequest request = { .verb = (char *) "copy",
                                  .dest = (char *) copy->dest,
                                  .items = copy->items,
                                  .n_items = copy->n_items,
                                  .patterns = (char **) copy->patterns,
                                  .dest_is_dir = copy->dest_is_dir,
                                  .keep_owners = copy->source_lowers != NULL,
                                  .owner = (char *) copy->owner,
                                  .parents = copy->parents,
                                  .exclude = (char **) copy->exclude,
                                  .mode = (char *) copy->mode };
        const SandboxJob job = { .view = view,
                                 .archive = -EBADF,
                                 .source_dir = copy->source_dir,
                                 .source_lowers = copy->source_lowers,
                                 .request = &request };

        return sandbox_run(&job, ret, err);
}
