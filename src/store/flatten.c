/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/overlay.h"
#include "store/flatten.h"

static int open_all(char *const *lowers, int *fds, Err *err) {
        for (size_t i = 0; lowers[i]; i++) {
                fds[i] = open(lowers[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fds[i] < 0)
                        return fail(err, errno, "cannot open the layer '%s'", lowers[i]);
        }
        return 0;
}

int flatten_open(char *const *lowers, Err *err) {
        size_t n = strv_length(lowers);
        autofree int *fds = calloc(n + 1, sizeof *fds);
        int r;

        if (!fds)
                return fail(err, ENOMEM, "cannot read the layers");
        for (size_t i = 0; i < n; i++)
                fds[i] = -EBADF;
        r = open_all(lowers, fds, err);
        if (r >= 0 && n == 1)
                return fds[0];
        if (r >= 0)
                r = overlay_new(
                        &(OverlayLayers){ .lowers = fds, .n = n, .upper = -EBADF, .work = -EBADF },
                        err);
        for (size_t i = 0; i < n; i++)
                close_fd(fds[i]);
        return r;
}
