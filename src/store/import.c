/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/str.h"
#include "oci/reference.h"
#include "store/image.h"
#include "store/layer.h"

/* SOURCE_DATE_EPOCH if there is one, so that the same archive gives the same image. */
static char *creation_time(Err *err) {
        int64_t epoch;
        char *text;

        if (source_date_epoch(&epoch, err) < 0)
                return NULL;
        text = clock_rfc3339(epoch == TAR_NO_CLAMP ? clock_now_ns() : epoch * 1000000000);
        if (!text)
                (void) fail(err, ENOMEM, "cannot make an image");
        return text;
}

static int add_history(OciImage *config, const char *comment, Err *err) {
        OciHistory *entry;

        free(config->created);
        config->created = creation_time(err);
        if (!config->created)
                return -EINVAL;
        entry = json_grow(&config->history, &config->n_history, sizeof *entry);
        if (!entry)
                return fail(err, ENOMEM, "cannot make an image");
        entry->created = strdup(config->created);
        entry->comment = strdup(comment);
        return entry->created && entry->comment ? 0 : fail(err, ENOMEM, "cannot make an image");
}

int image_import(const Home *home, const ImportSource *source, OciImage *config, const char *name,
                 TreeReport *ret_report, Image **ret, Err *err) {
        char *const names[] = { (char *) name, NULL };
        autoptr(LayerDraft) draft = NULL;
        autoptr(Reference) checked = NULL;
        autoptr(Layer) layer = NULL;
        TreeView view;
        int r;

        if (name) {
                /* Said before the work is done. */
                r = reference_parse(name, &checked, err);
                if (r < 0)
                        return r;
        }
        r = layer_draft(home, &draft, err);
        if (r < 0)
                return r;
        view = (TreeView){ .upper = draft->diff, .work = draft->work };
        r = tree_unpack(&view, source->archive, UNPACK_FLAT, "/", 0, ret_report, err);
        if (r >= 0 && source->check)
                r = source->check(source->context, err);
        if (r < 0)
                return r;
        fault_point("import.unpacked");
        r = layer_commit(draft, NULL, &layer, err);
        if (r >= 0)
                r = add_history(config, source->comment, err);
        if (r < 0)
                return r;
        return image_create(home, config, (char *[]){ layer->chain_id, NULL }, name ? names : NULL,
                            ret, err);
}
