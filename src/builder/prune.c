/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "builder/cache.h"
#include "builder/cache_mount.h"
#include "builder/prune.h"
#include "engine/container.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/layout.h"
#include "store/needed.h"
#include "store/record.h"

#define CACHE_DIR "build-cache"

static int add_chains(const Image *image, char ***ret) {
        autostrv chains = NULL;
        int r = record_chain_ids(image, &chains);

        return r < 0 ? r : strv_extend(ret, chains);
}

/* Layers that an image stands on; -EUCLEAN if nobody can say. */
static int image_layers(const Home *home, char ***ret, Err *err) {
        OciIndex index = {};
        int r = layout_load_index(home, &index, err);

        if (r < 0)
                return r;
        r = needed_layers(home, &index, ret);
        json_clear(&oci_index_type, &index);
        if (r < 0)
                log_warn("an image is damaged: until 'isola store check --repair' was there, no "
                         "layer can be told to be of no use");
        return r < 0 ? -EUCLEAN : 0;
}

/* Layers that an image half removed, or a container, stands on. */
static int used_layers(const Home *home, char ***ret, Err *err) {
        autostrv files = NULL;
        Container **containers = NULL;
        size_t n_containers = 0;
        int r = 0;

        if (dir_list(home->data_fd, "images", &files) >= 0)
                for (char **file = files; r >= 0 && file && *file; file++) {
                        autoptr(Image) dead = NULL;

                        if (str_after(*file, RECORD_BURIED_PREFIX) &&
                            record_load_buried(home, *file, &dead) >= 0)
                                r = add_chains(dead, ret);
                }
        if (r < 0)
                return fail(err, r, "cannot tell which layers are needed");
        r = container_list(home, true, &containers, &n_containers, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_containers && r >= 0; i++)
                strv_foreach(lower, containers[i]->lowers) {
                        const char *hex = strstr(*lower, "/layers/");

                        if (hex && r >= 0)
                                r = strv_addf(ret, "sha256:%.*s", DIGEST_HEX_LENGTH,
                                              hex + strlen("/layers/"));
                }
        container_list_free(containers, n_containers);
        return r < 0 ? fail(err, r, "cannot tell which layers are needed") : 0;
}

/* Every layer that is not needed, with its size. */
static int spare_layers(const Home *home, char ***ret, int64_t *ret_bytes, Err *err) {
        autostrv needed = NULL;
        autostrv names = NULL;
        int r;

        r = image_layers(home, &needed, err);
        if (r == -EUCLEAN)
                return 0;
        if (r >= 0)
                r = used_layers(home, &needed, err);
        if (r < 0)
                return r;
        r = dir_list(home->data_fd, "layers", &names);
        if (r < 0)
                return r == -ENOENT ? 0 : fail(err, r, "cannot list the layers");
        strv_foreach(name, names) {
                autofree char *chain = str_format("sha256:%s", *name);
                autoptr(Layer) layer = NULL;

                if (!chain || !digest_is_valid(chain) || strv_has(needed, chain))
                        continue;
                if (layer_load(home, chain, &layer, NULL) >= 0)
                        *ret_bytes += layer->size;
                if (strv_add(ret, chain) < 0)
                        return fail(err, ENOMEM, "cannot list the layers");
        }
        return 0;
}

static bool is_step(const char *name) {
        return strlen(name) == DIGEST_HEX_LENGTH && !name[strspn(name, "0123456789abcdef")];
}

static int list_steps(const Home *home, char ***ret, Err *err) {
        int r = dir_list(home->data_fd, CACHE_DIR, ret);

        return r < 0 && r != -ENOENT ? fail(err, r, "cannot list the build cache") : 0;
}

int build_cache_use(const Home *home, CacheUse *ret, Err *err) {
        autostrv steps = NULL;
        autostrv layers = NULL;
        CacheMountInfo *mounts = NULL;
        int r;

        r = list_steps(home, &steps, err);
        if (r >= 0)
                r = spare_layers(home, &layers, &ret->bytes, err);
        if (r >= 0)
                r = cache_mount_list(home, &mounts, &ret->n_mounts, err);
        if (r < 0)
                return r;
        strv_foreach(step, steps)
                ret->n_steps += is_step(*step);
        ret->n_layers = strv_length(layers);
        for (size_t i = 0; i < ret->n_mounts; i++)
                ret->mount_bytes += (int64_t) mounts[i].size;
        ret->bytes += ret->mount_bytes;
        cache_mount_list_free(mounts, ret->n_mounts);
        return 0;
}

/* When a record was written; 0 for one that is gone. */
static int64_t changed_ns(const Home *home, const char *name) {
        autofree char *path = str_format(CACHE_DIR "/%s", name);
        struct stat st;

        if (!path || fstatat(home->data_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}

/* Forgets steps; @kept: the layers that remaining ones name. */
static int forget_steps(const Home *home, const PruneRequest *request, char ***kept, CacheUse *ret,
                        Err *err) {
        autostrv steps = NULL;
        int r;

        r = list_steps(home, &steps, err);
        strv_foreach(step, steps) {
                autofree char *path = str_format(CACHE_DIR "/%s", *step);
                autofree char *key = str_format("sha256:%s", *step);
                autorecord record = {};

                if (r < 0 || !path || !key)
                        return r < 0 ? r : fail(err, ENOMEM, "cannot prune");
                if (!is_step(*step))
                        continue;
                if (changed_ns(home, *step) < request->before_ns) {
                        (void) unlinkat(home->data_fd, path, 0);
                        ret->n_steps++;
                } else if (cache_load(home, key, &record) >= 0 && record.chain_id &&
                           strv_add(kept, record.chain_id) < 0) {
                        return fail(err, ENOMEM, "cannot prune");
                }
        }
        return r;
}

static int bury_layers(const Home *home, char *const *kept, CacheUse *ret, Err *err) {
        autostrv layers = NULL;
        int64_t ignored = 0;
        int r;

        r = spare_layers(home, &layers, &ignored, err);
        if (r < 0)
                return r;
        strv_foreach(chain, layers) {
                autoptr(Layer) layer = NULL;

                if (strv_has(kept, *chain))
                        continue;
                if (layer_load(home, *chain, &layer, NULL) >= 0)
                        ret->bytes += layer->size;
                r = layer_bury(home, *chain, err);
                if (r < 0)
                        return r;
                ret->n_layers++;
        }
        return 0;
}

static int remove_mounts(const Home *home, const PruneRequest *request, CacheUse *ret, Err *err) {
        CacheMountInfo *mounts = NULL;
        size_t n = 0;
        int r;

        r = request->mounts ? cache_mount_list(home, &mounts, &n, err) : 0;
        for (size_t i = 0; i < n && r >= 0; i++) {
                if (mounts[i].used_ns >= request->before_ns)
                        continue;
                r = cache_mount_remove(home, mounts[i].name, err);
                if (r > 0) {
                        ret->n_mounts++;
                        ret->mount_bytes += (int64_t) mounts[i].size;
                        ret->bytes += (int64_t) mounts[i].size;
                }
        }
        cache_mount_list_free(mounts, n);
        return r < 0 ? r : 0;
}

int build_cache_prune(const Home *home, const PruneRequest *request, CacheUse *ret, Err *err) {
        autoclose int alone = openat(home->data_fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autostrv kept = NULL;
        int r;

        if (alone >= 0 && flock(alone, LOCK_EX | LOCK_NB) < 0)
                return err_hint(err, refuse(err, EBUSY, "a build or a pull is at work"),
                                "wait for its end");
        r = forget_steps(home, request, &kept, ret, err);
        if (r >= 0)
                r = bury_layers(home, kept, ret, err);
        if (r >= 0)
                r = remove_mounts(home, request, ret, err);
        alone = close_fd(alone);
        layer_remove_dead(home);
        return r;
}
