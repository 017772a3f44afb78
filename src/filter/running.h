/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Programs that the kernel runs, found by their ids
 *
 * A filter of a place has the name "isola:NAME" and the id of a program; the
 * program tells the ids of its maps.  Whatever is gone meanwhile is -ENOENT.
 */

#include <stdint.h>

#include "filter/filter.h"
#include "netlink/clsact.h"

struct bpf_map_info;

/* Gives a filter the name under which the kernel keeps it. */
void running_set_name(ClsactFilter *filter, const char *name);
/* The name of one of isola's filters; NULL of another's. */
const char *running_name(const ClsactFilter *filter);

/* Calls @each for a program's maps; the descriptor is borrowed.  A value other than 0 ends it and
 * is returned. */
int running_each_map(uint32_t program,
                     int (*each)(int fd, const struct bpf_map_info *info, void *context),
                     void *context);
/* Opens the map that has a name in the kernel; a descriptor, -ENOENT. */
int running_open_map(uint32_t program, const char *name);

/* Puts what place, program and its maps say into *ret. */
int running_read(const ClsactFilter *filter, Filter *ret, Err *err);
/* Sets the counters to 0. */
int running_reset(uint32_t program);

/* The number of processors that a map may have values for; negative errno. */
int running_processors(void);
