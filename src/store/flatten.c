/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/overlay.h"
#include "store/flatten.h"

static int open_all(char *const *lowers, int **ret, size_t *ret_n, Err *err) {
        size_t n = strv_length(lowers);

        *ret = calloc(n + 1, sizeof **ret);
        if (!*ret)
                return fail(err, ENOMEM, "cannot read the layers");
        for (; *ret_n < n; (*ret_n)++) {
                int layer = open(lowers[*ret_n], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                if (layer < 0)
                        return fail(err, errno, "cannot open the layer '%s'", lowers[*ret_n]);
                (*ret)[*ret_n] = layer;
        }
        return 0;
}

static void close_all(int *layers, size_t n) {
        for (size_t i = 0; i < n; i++)
                close_fd(layers[i]);
        free(layers);
}

int flatten_open_with(char *const *lowers, char *const *data, Err *err) {
        OverlayLayers layers = { .upper = -EBADF, .work = -EBADF };
        int *opened = NULL, *contents = NULL, r;
        size_t n = 0, n_contents = 0;

        r = open_all(lowers, &opened, &n, err);
        if (r >= 0)
                r = open_all(data, &contents, &n_contents, err);
        if (r >= 0 && n == 1 && n_contents == 0) {
                r = opened[0];
                n = 0;
        } else if (r >= 0) {
                layers.lowers = opened;
                layers.n = n;
                layers.data = contents;
                layers.n_data = n_contents;
                r = overlay_new(&layers, err);
        }
        close_all(opened, n);
        close_all(contents, n_contents);
        return r;
}

int flatten_open(char *const *lowers, Err *err) {
        return flatten_open_with(lowers, NULL, err);
}
