/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/progress.h"
#include "cli/run_image.h"
#include "cli/transfer_options.h"
#include "engine/container.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "transfer/registries.h"

int run_image_check(const RunOptions *o, Err *err) {
        OciPlatform platform = {};
        int r = 0;

        if (o->pull && !str_equal(o->pull, "missing") && !str_equal(o->pull, "never") &&
            !str_equal(o->pull, "always"))
                return refuse(err, EINVAL, "pull policy '%s' is not missing, always or never",
                              o->pull);
        if (o->platform) {
                r = platform_parse(o->platform, &platform, err);
                platform_clear(&platform);
        }
        return r;
}

/* The image that is here, and whether it is for the platform that is asked for. */
static int find(const Home *home, const RunOptions *o, const char *name, Image **ret,
                bool *ret_fits, Err *err) {
        OciPlatform platform = {};
        int r;

        *ret_fits = true;
        if (!o->platform)
                return image_load(home, name, ret, err);
        r = platform_parse(o->platform, &platform, err);
        if (r >= 0)
                r = image_load_for(home, name, &platform, ret, err);
        *ret_fits = r > 0;
        platform_clear(&platform);
        return r < 0 ? r : 0;
}

/* On standard error, as standard output is the container's. */
static int pull(const Home *home, const RunOptions *o, const Reference *ref, Err *err) {
        autoprogress progress = {};
        PullOptions options = { .platform = o->platform };
        autofree char *text = reference_text(ref);
        char digest[DIGEST_LENGTH + 1];
        autoptr(Image) image = NULL;
        bool new;
        int r;

        if (!text)
                return fail(err, ENOMEM, "cannot pull");
        progress_init(&progress, stderr, o->quiet);
        progress_watch(&progress, &options.watcher, "Pull complete");
        r = pull_image(home, text, &options, &image, digest, &new, err);
        if (r >= 0 && !o->quiet)
                fprintf(stderr, "Digest: %s\nStatus: %s for %s\n", digest,
                        new ? "Downloaded newer image" : "Image is up to date", text);
        return r;
}

/* Where the name is short and not here: what registries.conf makes of it, which may be here.
 * @r: what looking for it gave; the same for the name to go on with. */
static int complete(const Home *home, const RunOptions *o, char **name, int r, Image **image,
                    bool *fits, Err *err) {
        autofree char *full = NULL, *why = NULL;
        int done;

        if (r != -ENOENT)
                return r;
        done = registries_complete_name(*name, &full, &why, err);
        if (done < 0)
                return done == -ENOENT ? -EIO : done;
        if (!why)
                return r;
        if (!o->quiet)
                fprintf(stderr, "%s\n", why);
        free(*name);
        *name = take_ptr(full);
        return find(home, o, *name, image, fits, NULL);
}

int run_image(const Home *home, const RunOptions *o, char **name, Err *err) {
        bool always = str_equal(o->pull, "always");
        autoptr(Reference) ref = NULL;
        autoptr(Image) image = NULL;
        autoerr missing = {}, why = {};
        bool fits, damaged;
        int r;

        if (str_equal(*name, HOST_IMAGE) || str_equal(o->pull, "never"))
                return 0;
        if (!always && !o->platform && image_is_named(home, *name))
                return 0;
        r = find(home, o, *name, &image, &fits, &missing);
        if (r >= 0 && !always && fits)
                return 0;
        /* What is no name, but an id, cannot be pulled. */
        if ((r < 0 && r != -ENOENT && r != -EUCLEAN) || digest_is_valid(*name) ||
            reference_parse(*name, &ref, NULL) < 0)
                return 0;
        damaged = r == -EUCLEAN;
        r = complete(home, o, name, r, &image, &fits, err);
        if (r < 0 && r != -ENOENT && r != -EUCLEAN)
                return r;
        if (r >= 0 && !always && fits)
                return 0;
        ref = reference_free(ref);
        if (reference_parse(*name, &ref, err) < 0)
                return err->code;
        if (damaged && !o->quiet)
                fprintf(stderr, "%s\n", missing.message);
        else if (r < 0 && !o->quiet)
                fprintf(stderr, "Unable to find image '%s%s' locally\n", *name,
                        ref->tag && !str_ends_with(*name, ref->tag) ? ":latest" : "");
        if (r >= 0)
                return pull(home, o, ref, err);
        r = pull(home, o, ref, &why);
        if (r >= 0)
                return 0;
        if (damaged)
                (void) refuse(err, r, "%s, and it cannot be pulled: %s", missing.message,
                              why.message ? why.message : strerror(-r));
        else
                (void) refuse(err, r, "there is no image '%s' here, and it cannot be pulled: %s",
                              *name, why.message ? why.message : strerror(-r));
        if (missing.hint && str_after(missing.hint, "did you mean"))
                return err_hint(err, r, "%s", missing.hint);
        return why.hint ? err_hint(err, r, "%s", why.hint) : r;
}

int run_image_choose(const Home *home, const RunOptions *o, Container *c, Err *err) {
        autoptr(Image) image = NULL;
        bool fits;
        int r;

        if (!o->platform || str_equal(c->config.image, HOST_IMAGE))
                return 0;
        r = find(home, o, c->config.image, &image, &fits, err);
        if (r < 0)
                return r;
        return str_set(&c->image, image->id) < 0 ? fail(err, ENOMEM, "cannot make a container") : 0;
}
