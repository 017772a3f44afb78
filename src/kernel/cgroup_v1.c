/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Version 1: one hierarchy for each controller, a directory only where a limit asks
 *
 * A new cpuset is empty and takes no process until it has processors and memory
 * nodes, so it inherits its parent's first (cpusets(7)).
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define SELF_MAX 65536

/* How /proc and mount options call it. */
static const char *option_name(CgroupController controller) {
        return controller == CGROUP_SYSTEMD ? "name=systemd" : cgroup_controller_name(controller);
}

static bool is_v1(int dir) {
        struct statfs fs;

        return fstatfs(dir, &fs) == 0 && fs.f_type == CGROUP_SUPER_MAGIC;
}

/*
 * "5:devices:/a" is one hierarchy with its controllers, "1:name=systemd:/" one without any, "0::/"
 * version 2 (cgroups(7)).
 */
int cgroup_v1_mounted(unsigned *ret) {
        autofree char *text = NULL;
        char *save = NULL;
        unsigned found = 0;
        int r;

        *ret = 0;
        r = file_read(AT_FDCWD, "/proc/self/cgroup", SELF_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *words = strchr(line, ':'), *end = words ? strchr(words + 1, ':') : NULL;

                if (!end)
                        continue;
                *end = 0;
                for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++)
                        if (cgroup_list_has(words + 1, option_name(i)))
                                found |= 1u << i;
        }
        *ret = found;
        return 0;
}

int cgroup_v1_root(CgroupController controller) {
        autoclose int dir = -EBADF;
        char path[64];

        (void) snprintf(path, sizeof path, "/sys/fs/cgroup/%s", cgroup_controller_name(controller));
        dir = open(path, OPEN_DIRECTORY);
        if (dir >= 0 && is_v1(dir))
                return take_fd(dir);
        return cgroup_find_mounted("cgroup", option_name(controller));
}

int cgroup_v1_open(CgroupController controller, const char *name) {
        autofree char *path =
                str_format("/sys/fs/cgroup/%s/%s", cgroup_controller_name(controller), name);
        autoclose int dir = -EBADF, root = -EBADF;
        char usual[64];

        if (!path)
                return -ENOMEM;
        dir = open(path, OPEN_DIRECTORY);
        if (dir >= 0 && is_v1(dir))
                return take_fd(dir);
        if (dir < 0 && errno != ENOENT)
                return -errno;
        (void) snprintf(usual, sizeof usual, "/sys/fs/cgroup/%s/cgroup.procs",
                        cgroup_controller_name(controller));
        if (dir < 0 && access(usual, F_OK) == 0)
                return -ENOENT;

        root = cgroup_v1_root(controller);
        if (root < 0)
                return root;
        dir = close_fd(dir);
        dir = openat(root, name, OPEN_DIRECTORY);
        return dir < 0 ? -errno : take_fd(dir);
}

/* Gives every new cpuset on the way down what its parent has. */
static int inherit_cpuset(int root, const char *name) {
        static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
        autofree char *path = strdup(name), *parent = strdup(".");
        char *slash = path;

        if (!path || !parent)
                return -ENOMEM;
        do {
                slash = strchr(slash + (slash != path), '/');
                if (slash)
                        *slash = 0;
                for (size_t i = 0; i < 2; i++) {
                        autofree char *here = str_format("%s/%s", path, files[i]),
                                      *above = str_format("%s/%s", parent, files[i]), *have = NULL,
                                      *value = NULL;
                        int r;

                        if (!here || !above)
                                return -ENOMEM;
                        r = file_read_line(root, here, &have);
                        if (r >= 0 && str_empty(have))
                                r = file_read_line(root, above, &value);
                        if (r >= 0 && value)
                                r = file_write(root, here, value);
                        if (r < 0)
                                return r;
                }
                free(parent);
                parent = strdup(path);
                if (!parent)
                        return -ENOMEM;
                if (slash)
                        *slash = '/';
        } while (slash);
        return 0;
}

int cgroup_v1_make(Cgroup *c, CgroupController controller) {
        autoclose int root = -EBADF;
        size_t made = 0;
        bool there;
        int r;

        if (c->v1[controller] >= 0)
                return 1;
        root = cgroup_v1_root(controller);
        if (root < 0)
                return root;

        r = cgroup_make_directory(root, c->name, &made);
        there = r == -EEXIST;
        if (r < 0 && !there)
                return r;
        if (controller == CGROUP_CPUSET)
                r = inherit_cpuset(root, c->name);
        if (r >= 0 || there) {
                c->v1[controller] = openat(root, c->name, OPEN_DIRECTORY);
                r = c->v1[controller] < 0 ? -errno : there;
        }
        if (r < 0)
                cgroup_unmake_directory(root, c->name, made);
        else
                c->v1_made[controller] = made;
        return r;
}

int cgroup_v1_write(const Cgroup *c, const CgroupSetting *s, Err *err) {
        int r;

        r = file_write(c->v1[s->controller], s->file, cgroup_setting_text(s));
        if (r == -ENOENT && s->wish)
                return 0;
        if (r == -ENOENT && s->alternative)
                return r;
        return r < 0 ? cgroup_cannot_set(s, r, err) : 0;
}

int cgroup_v1_is_frozen(const Cgroup *c) {
        autofree char *state = NULL;
        int r;

        r = file_read_line(c->v1[CGROUP_FREEZER], "freezer.state", &state);
        return r < 0 ? r : str_equal(state, "FROZEN");
}

int cgroup_v1_freeze(const Cgroup *c, bool frozen, int timeout_ms) {
        int64_t end = clock_monotonic_ms() + timeout_ms;
        int r, pause = 1;

        for (;;) {
                /* Written again each time: a process that was forking can miss the first one. */
                r = file_write(c->v1[CGROUP_FREEZER], "freezer.state",
                               frozen ? "FROZEN" : "THAWED");
                if (r < 0)
                        return r;
                r = cgroup_v1_is_frozen(c);
                if (r < 0 || r == frozen)
                        return r < 0 ? r : 0;
                if (clock_monotonic_ms() >= end)
                        return -ETIMEDOUT;
                (void) poll(NULL, 0, pause); /* v1 has no event to wait for */
                pause = pause < 32 ? 2 * pause : pause;
        }
}
