/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Directories of control groups: names, making them, removing them. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define RACES_MAX     64
#define MOUNTINFO_MAX (16u << 20)

bool cgroup_list_has(const char *list, const char *word) {
        size_t length = strlen(word);

        for (const char *p = list; p; p = strchr(p, ',')) {
                p += *p == ',';
                if (strncmp(p, word, length) == 0 && strchr(",\n", p[length]))
                        return true;
        }
        return false;
}

/* Another mount may cover what mountinfo has there. */
static bool is_root_of(int dir, const char *type) {
        struct statfs fs;

        return fstatfs(dir, &fs) == 0 &&
               fs.f_type == (str_equal(type, "cgroup2") ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

/* "36 25 0:31 / /mnt/cg rw - cgroup2 cgroup2 rw,nsdelegate" (proc_pid_mountinfo(5)) */
int cgroup_find_mounted(const char *type, const char *option) {
        autofree char *text = NULL, *words = str_format(" - %s ", type);
        char *save = NULL;
        int r;

        r = words ? file_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL)
                  : -ENOMEM;
        if (r < 0)
                return r;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                const char *options = strrchr(line, ' ');
                autofree char *path = NULL;
                autoclose int dir = -EBADF;

                if (!strstr(line, words) || (option && !cgroup_list_has(options + 1, option)) ||
                    sscanf(line, "%*s %*s %*s / %ms", &path) != 1)
                        continue;
                dir = open(path, OPEN_DIRECTORY);
                if (dir >= 0 && is_root_of(dir, type))
                        return take_fd(dir);
        }
        return -ENOENT;
}

int cgroup_clean_path(const char *path, char **ret) {
        autostrv names = NULL;
        autostr clean = {};
        size_t n = 0;
        int r;

        r = strv_split(path, "/", true, &names);
        if (r < 0)
                return r;
        /* ".." is followed in words: no cgroup directory is a link. */
        strv_foreach(name, names) {
                char *word = *name;

                if (str_equal(word, "."))
                        continue;
                if (!str_equal(word, "..")) {
                        *name = names[n];
                        names[n++] = word;
                } else if (n > 0)
                        n--;
        }
        for (size_t i = 0; i < n; i++)
                str_printf(&clean, "%s%s", i ? "/" : "", names[i]);
        if (n == 0)
                return -EINVAL;
        *ret = str_take(&clean);
        return *ret ? 0 : -ENOMEM;
}

static int make_parents(int root, const char *name, size_t *made) {
        autofree char *path = strdup(name);

        if (!path)
                return -ENOMEM;
        for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                size_t length = (size_t) (slash - path);
                int r;

                *slash = 0;
                r = mkdirat(root, path, 0755) < 0 ? -errno : 0;
                *slash = '/';
                if (r < 0 && r != -EEXIST)
                        return r;
                if (r == 0 && (*made == 0 || length < *made))
                        *made = length;
        }
        return 0;
}

int cgroup_make_directory(int root, const char *name, size_t *made) {
        size_t first = 0;
        int r = -ENOENT;

        for (int i = 0; i < RACES_MAX && r == -ENOENT; i++) {
                r = mkdirat(root, name, 0755) < 0 ? -errno : 0;
                if (r == 0 && first == 0)
                        first = strlen(name);
                if (r == -ENOENT) {
                        int parents = make_parents(root, name, &first);

                        if (parents < 0)
                                r = parents;
                }
        }
        if (r < 0)
                cgroup_unmake_directory(root, name, first);
        else if (made)
                *made = first;
        return r;
}

void cgroup_unmake_directory(int root, const char *name, size_t made) {
        autofree char *path = strdup(name);

        if (!path || made == 0)
                return;
        (void) cgroup_remove_directory(root, path, false, 0);
        for (char *slash = strrchr(path, '/'); slash && (size_t) (slash - path) >= made;
             slash = strrchr(path, '/')) {
                *slash = 0;
                if (unlinkat(root, path, AT_REMOVEDIR) < 0)
                        return;
        }
}

static void remove_parents(int root, const char *name) {
        autofree char *path = strdup(name);

        for (char *slash = path ? strrchr(path, '/') : NULL; slash; slash = strrchr(path, '/')) {
                *slash = 0;
                if (unlinkat(root, path, AT_REMOVEDIR) < 0)
                        return;
        }
}

bool cgroup_is_child(const struct dirent *entry) {
        return entry->d_type == DT_DIR && !str_equal(entry->d_name, ".") &&
               !str_equal(entry->d_name, "..");
}

/* What one hierarchy has below a place; takes @root. */
static int add_children(int root, const char *name, char ***names) {
        autoclose int top = root, dir = root < 0 ? root : openat(root, name, OPEN_DIRECTORY);
        DIR *list = dir < 0 ? NULL : fdopendir(dir);
        int r = 0;

        if (root < 0 || dir < 0)
                r = root < 0 ? root : -errno;
        else if (!list)
                return -errno;
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        (void) take_fd(dir);
        for (struct dirent *e = readdir(list); e && r >= 0; e = readdir(list))
                if (cgroup_is_child(e) && !strv_has(*names, e->d_name))
                        r = strv_add(names, e->d_name);
        (void) closedir(list);
        return r;
}

int cgroup_children(const char *path, char ***ret) {
        autofree char *name = NULL;
        autostrv names = NULL;
        unsigned mounted = 0;
        int r;

        r = cgroup_clean_path(path, &name);
        if (r >= 0)
                r = add_children(cgroup_v2_root(), name, &names);
        if (r >= 0 && !cgroup_is_unified())
                r = cgroup_v1_mounted(&mounted);
        for (CgroupController i = 0; r >= 0 && i < CGROUP_N_CONTROLLERS; i++)
                if (mounted & 1u << i)
                        r = add_children(cgroup_v1_root(i), name, &names);
        if (r >= 0)
                *ret = take_ptr(names);
        return r < 0 ? r : 0;
}

/* Gives the name of a directory below @dir; 0 if there is none. */
static int find_child(int dir, char name[NAME_MAX + 1]) {
        autoclose int copy = openat(dir, ".", OPEN_DIRECTORY);
        DIR *list = copy < 0 ? NULL : fdopendir(copy);
        struct dirent *e;

        if (!list)
                return -errno;
        (void) take_fd(copy);
        do
                e = readdir(list);
        while (e && !cgroup_is_child(e));
        if (e)
                (void) snprintf(name, NAME_MAX + 1, "%s", e->d_name);
        (void) closedir(list);
        return e != NULL;
}

static int move_to(int *dir, const char *name) {
        int next = openat(*dir, name, OPEN_DIRECTORY);

        if (next < 0)
                return -errno;
        close_fd(*dir);
        *dir = next;
        return 0;
}

/*
 * Removes the directories below @top, deepest first, up to one that is in use.  A container may
 * have nested them as deep as it likes: neither descriptors nor the stack grow with that.  The way
 * back is "..", since a cgroup never gets another parent.
 */
static int remove_children(int top) {
        autoclose int at = openat(top, ".", OPEN_DIRECTORY);
        bool entered = false; /* and removed nothing since */
        size_t depth = 0;

        if (at < 0)
                return -errno;
        for (;;) {
                char name[NAME_MAX + 1];
                int r = find_child(at, name);

                if (r < 0 || (r == 0 && depth == 0))
                        return r;
                if (r == 0 && entered)
                        return -EBUSY; /* a process */
                if (r == 0) {
                        r = move_to(&at, "..");
                        depth--;
                } else if (unlinkat(at, name, AT_REMOVEDIR) == 0)
                        entered = false;
                else if (errno != EBUSY)
                        return -errno;
                else {
                        r = move_to(&at, name);
                        entered = true;
                        depth++;
                }
                if (r < 0)
                        return r;
        }
}

int cgroup_remove_directory(int root, const char *name, bool parents, int timeout_ms) {
        int64_t end = clock_monotonic_ms() + timeout_ms;
        autoclose int dir = -EBADF;
        int r, pause = 1;

        while (unlinkat(root, name, AT_REMOVEDIR) < 0) {
                int64_t left = end - clock_monotonic_ms();

                if (errno == ENOENT)
                        break;
                if (errno != EBUSY)
                        return -errno;
                if (dir < 0)
                        dir = openat(root, name, OPEN_DIRECTORY);
                if (dir < 0 && errno != ENOENT)
                        return -errno;
                if (dir < 0)
                        continue;

                r = left > 0 ? cgroup_v2_wait(dir, "populated", 0, (int) left) : -EBUSY;
                if (r == -ENOENT) { /* v1 has no events */
                        (void) poll(NULL, 0, pause);
                        pause = pause < 32 ? 2 * pause : pause;
                } else if (r < 0 && r != -ENODEV)
                        return r == -ETIMEDOUT ? -EBUSY : r;
                (void) remove_children(dir); /* whether it is enough is seen above */
        }
        if (parents)
                remove_parents(root, name);
        return 0;
}

/* The usual case, on the path of every container: the places are empty, at the usual mounts.
 * -ENOENT if it is not there. */
static int remove_quickly(const char *name, const char *hierarchy, bool parents) {
        autofree char *path =
                str_format(CGROUP_MOUNTS "%s%s/%s", *hierarchy ? "/" : "", hierarchy, name);
        char *slash;

        if (!path)
                return -ENOMEM;
        if (rmdir(path) < 0)
                return -errno;
        slash = path + strlen(path);
        for (size_t left = strlen(name); parents && left > 0; left--) {
                if (*--slash != '/')
                        continue;
                *slash = 0;
                if (rmdir(path) < 0)
                        break;
        }
        return 0;
}

static int remove_slowly(const char *name, bool parents, int timeout_ms) {
        autoclose int root = cgroup_v2_root();
        unsigned mounted = 0;
        int r, last;

        if (root >= 0)
                r = cgroup_remove_directory(root, name, parents, timeout_ms);
        else
                r = root == -ENOENT ? 0 : root;
        last = cgroup_v1_mounted(&mounted);
        r = r < 0 ? r : last;
        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS; i++) {
                autoclose int v1 = mounted & 1u << i ? cgroup_v1_root(i) : -ENOENT;

                last = v1 < 0 && v1 != -ENOENT ? v1 : 0;
                if (v1 >= 0 && file_access(v1, name, F_OK) == 0)
                        last = cgroup_remove_directory(v1, name, parents, timeout_ms);
                r = r < 0 ? r : last;
        }
        return r;
}

static int remove_hybrid_quickly(const char *name, bool parents) {
        int r = remove_quickly(name, "unified", parents);

        for (CgroupController i = 0; i < CGROUP_N_CONTROLLERS && (r >= 0 || r == -ENOENT); i++)
                r = remove_quickly(name, cgroup_controller_name(i), parents);
        return r;
}

static int remove_place(const char *path, bool parents, int timeout_ms) {
        autofree char *name = NULL;
        int r;

        r = cgroup_clean_path(path, &name);
        if (r < 0)
                return r;
        if (cgroup_is_unified())
                r = remove_quickly(name, "", parents);
        else
                r = cgroup_v2_is_at(CGROUP_V2_BESIDE_V1) ? remove_hybrid_quickly(name, parents)
                                                         : -EBUSY;
        return r < 0 && r != -ENOENT ? remove_slowly(name, parents, timeout_ms) : 0;
}

int cgroup_remove_unified(const char *path, bool parents) {
        autofree char *name = NULL;
        int r = cgroup_clean_path(path, &name);

        return r < 0 ? r : remove_quickly(name, cgroup_is_unified() ? "" : "unified", parents);
}

int cgroup_remove(const char *name, int timeout_ms) {
        return remove_place(name, true, timeout_ms);
}

int cgroup_remove_leaf(const char *name, int timeout_ms) {
        return remove_place(name, false, timeout_ms);
}
