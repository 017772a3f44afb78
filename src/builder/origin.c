/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where files come from that are not the build context's: other stages, images, named contexts. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "builder/step.h"
#include "oci/reference.h"
#include "transfer/pull.h"
#include "transfer/registries.h"

void origin_clear(Origin *origin) {
        strv_free(origin->lowers);
        *origin = (Origin){};
}

static int use_layers(Origin *ret, char *const *lowers, const char *chain, Err *err) {
        memcpy(ret->chain, chain, strlen(chain) + 1);
        return strv_copy(lowers, &ret->lowers) < 0 ? fail(err, ENOMEM, "cannot copy") : 0;
}

static int pull(Build *build, const char *name, const OciPlatform *platform, Image **ret,
                Err *err) {
        autofree char *text = platform_text(platform);
        const PullOptions options = { .platform = text };
        char digest[DIGEST_LENGTH + 1];
        bool new;

        if (!text)
                return fail(err, ENOMEM, "cannot pull '%s'", name);
        build_say(build, "Pulling %s\n", name);
        return pull_image(build->home, name, &options, ret, digest, &new, err);
}

int build_find_image(Build *build, const char *name, const OciPlatform *platform, Image **ret,
                     Err *err) {
        autoptr(Reference) reference = NULL;
        autofree char *full = NULL, *resolved = NULL;
        autoptr(Image) other = NULL;
        autoerr why = {};
        bool damaged = false;
        int r;

        if (build->request->pull != PULL_ALWAYS) {
                r = image_load_for(build->home, name, platform, &other, err);
                damaged = r == -EUCLEAN;
                if (r > 0 || (r < 0 && r != -ENOENT && !damaged) ||
                    build->request->pull == PULL_NEVER ||
                    reference_parse(name, &reference, NULL) < 0) {
                        *ret = take_ptr(other);
                        return r < 0 ? r : 0;
                }
                if (!damaged)
                        err_clear(err);
        }
        r = registries_complete_name(name, &full, &resolved, damaged ? &why : err);
        if (r < 0)
                return damaged ? -EUCLEAN : r;
        if (resolved) {
                build_say(build, "%s\n", resolved);
                if (build->request->pull != PULL_ALWAYS &&
                    image_load_for(build->home, full, platform, ret, NULL) > 0)
                        return 0;
                *ret = image_free(*ret);
        }
        r = pull(build, full, platform, ret, &why);
        if (r < 0 && damaged)
                return -EUCLEAN;
        err_clear(err);
        if (r >= 0)
                return 0;
        /* One for another platform is here: what the stage wants says the error better. */
        if (other) {
                *ret = take_ptr(other);
                return 0;
        }
        refuse(err, r, "there is no image '%s' here, and it cannot be pulled: %s", name,
               why.message ? why.message : strerror(-r));
        return why.hint ? err_hint(err, r, "%s", why.hint) : r;
}

/* A stage that is not there yet would else be taken for an image. */
static int refuse_later(const Build *build, size_t present, const char *from, const char *what,
                        Err *err) {
        int stage = stages_find(build->plan, build->plan->n, from), number;

        if (stage == (int) present)
                return refuse(err, EINVAL, "%s%s is the stage itself", what, from);
        if (stage >= 0)
                return err_hint(err,
                                refuse(err, EINVAL, "%s%s is a stage that comes later", what, from),
                                "put it before this one");
        if (parse_int(from, 0, INT_MAX, &number) == 0)
                return refuse(err, EINVAL, "%s%s: there are %zu stages, counted from 0", what, from,
                              build->plan->n);
        return 0;
}

int origin_find(Build *build, size_t before, const char *from, const char *what, Origin *ret,
                Err *err) {
        const NamedContext *named;
        int stage = stages_find(build->plan, before, from);
        autoptr(Image) image = NULL;
        int r;

        if (strchr(from, '$'))
                return refuse(err, EINVAL, "%s%s: variables are not allowed here", what, from);
        r = named_context_use(build, from, &named, err);
        if (r < 0)
                return r;
        if (named && named->context) {
                ret->context = named->context;
                return 0;
        }
        if (!named && stage < 0) {
                r = refuse_later(build, before, from, what, err);
                if (r < 0)
                        return r;
        }
        if (!named && stage >= 0)
                return use_layers(ret, build->stages[stage].lowers,
                                  stage_chain(&build->stages[stage]), err);
        r = build_find_image(build, named ? named_context_image(build, named) : from,
                             &build->arguments.target, &image, err);
        if (r < 0)
                return err_prefix(err, r, "%s%s names no stage and no image", what, from);
        return use_layers(ret, image->lowers, image->top_chain_id, err);
}
