/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/image_prune.h"
#include "cli/list_filter.h"
#include "engine/container.h"
#include "store/image.h"
#include "store/image_mount.h"

char *image_user(const char *image_id, void *context) {
        Container **list = NULL;
        char *name = NULL;
        size_t n = 0;

        if (image_is_mounted(context, image_id))
                return strdup("(mounted)");
        if (container_list(context, true, &list, &n, NULL) < 0)
                return strdup("(unknown)");
        for (size_t i = 0; i < n && !name; i++)
                if (str_equal(list[i]->image, image_id))
                        name = strdup(list[i]->name);
        container_list_free(list, n);
        return name;
}

static bool is_wanted(const Image *image, const ImagePrune *how) {
        int64_t created = 0;

        /* A part goes with the name of the whole. */
        if ((image->names && !how->all) || image->is_part)
                return false;
        strv_foreach(label, how->labels)
                if (!label_fits(image->config.config.labels, *label))
                        return false;
        if (image->config.created)
                (void) clock_parse_rfc3339(image->config.created, &created);
        return created < how->before_ns;
}

/* One that got a user in the meantime stays, and is no failure. */
static void prune_one(const Home *home, const Image *image, uint64_t *total) {
        autofree char *user = image_user(image->id, (void *) home);
        autostrv log = NULL;
        autoerr err = {};
        int r;

        if (user)
                return;
        r = image_remove(home, image->id, true, image_user, (void *) home, &log, &err);
        if (r < 0) {
                if (r != -ENOENT && r != -EBUSY)
                        (void) command_complain(&err);
                return;
        }
        strv_foreach(line, log)
                puts(*line);
        *total += (uint64_t) image->size;
}

void images_finish_removals(const Home *home) {
        image_finish_removals(home, image_user, (void *) home, false);
}

int images_prune(const Home *home, const ImagePrune *how, uint64_t *ret_bytes, Err *err) {
        Image **list = NULL;
        size_t n = 0;
        int r = image_list(home, &list, &n, err);

        for (size_t i = 0; i < n && r >= 0; i++)
                if (is_wanted(list[i], how))
                        prune_one(home, list[i], ret_bytes);
        image_list_free(list, n);
        image_finish_removals(home, image_user, (void *) home, true);
        return r;
}

int prune_filters(const char *const *filters, int64_t *ret_before_ns, char ***ret_labels,
                  Err *err) {
        *ret_before_ns = INT64_MAX;
        strv_foreach(filter, filters) {
                const char *when = str_after(*filter, "until="), *label;

                if (when && clock_parse_when(when, ret_before_ns) < 0)
                        return refuse(err, EINVAL, "'%s' is no time, nor a span such as 24h", when);
                label = str_after(*filter, "label=");
                if (!when && !(label && ret_labels))
                        return err_hint(err, refuse(err, EINVAL, "unknown filter '%s'", *filter),
                                        ret_labels ? "until=24h or label=KEY[=VALUE]"
                                                   : "until=24h");
                if (label && ret_labels && strv_add(ret_labels, label) < 0)
                        return fail(err, ENOMEM, "cannot read the filters");
        }
        return 0;
}
