/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/str.h"
#include "engine/idrange.h"
#include "kernel/idmap.h"

#define FIRST  0x10000000u
#define END    0x70000000u
#define RANGES ((END - FIRST) / IDRANGE_SIZE)

typedef struct RangePath {
        char text[24];
} RangePath;

static RangePath path_of(unsigned number) {
        RangePath p;

        snprintf(p.text, sizeof p.text, "ids/%u", number);
        return p;
}

/* Ids are random: starting at a place of its own, a container hardly ever meets another. */
static unsigned start_of(const char *container) {
        char start[9] = "";

        memcpy(start, container, strnlen(container, 8));
        return (unsigned) strtoul(start, NULL, 16) % RANGES;
}

int idrange_take(const Home *home, const char *container, uint64_t *ret, Err *err) {
        unsigned first = start_of(container);
        int r;

        *ret = 0;
        if (idmap_is_inside())
                return 0;
        for (unsigned i = 0; i < RANGES; i++) {
                unsigned number = (first + i) % RANGES;

                r = owner_create(home->run_fd, path_of(number).text, container);
                if (r == -ENOENT) {
                        r = dir_make(home->run_fd, "ids", 0700);
                        if (r >= 0)
                                r = owner_create(home->run_fd, path_of(number).text, container);
                }
                if (r == -EEXIST)
                        continue;
                if (r < 0)
                        return fail(err, r, "cannot take a range of user ids in '%s/ids'",
                                    home->run);
                *ret = FIRST + (uint64_t) number * IDRANGE_SIZE;
                return 0;
        }
        return refuse(err, ENOSPC, "all %u ranges of user ids are in use", RANGES);
}

void idrange_release(const Home *home, const char *container, uint64_t base) {
        RangePath path = path_of((unsigned) ((base - FIRST) / IDRANGE_SIZE));
        autofree char *owner = NULL;

        if (base < FIRST || base >= END)
                return;
        if (owner_read(home->run_fd, path.text, &owner) < 0 || !str_equal(owner, container))
                return;
        (void) unlinkat(home->run_fd, path.text, 0);
}

void idrange_release_all(const Home *home, const char *container) {
        unsigned first = start_of(container);

        for (unsigned i = 0; i < RANGES; i++) {
                autofree char *owner = NULL;
                unsigned number = (first + i) % RANGES;

                /* It would have taken the first free one. */
                if (owner_read(home->run_fd, path_of(number).text, &owner) < 0)
                        return;
                if (str_equal(owner, container))
                        (void) unlinkat(home->run_fd, path_of(number).text, 0);
        }
}
