/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/cgroup.h"
#include "runtime/cgroup_view.h"

#define PROC_TEXT_MAX (1u << 20)

static bool all_in(const char *words, char *const *list) {
        autostrv wanted = NULL;

        if (strv_split(words, ",", true, &wanted) < 0)
                return false;
        strv_foreach(word, wanted)
                if (!strv_has(list, *word))
                        return false;
        return true;
}

/* Octal escapes of mountinfo ("\040") back to what they stand for, in place. */
static void unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from; to++) {
                bool escaped = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
                               from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7';

                *to = escaped ? (char) ((from[1] - '0') << 6 | (from[2] - '0') << 3 |
                                        (from[3] - '0'))
                              : *from;
                from += escaped ? 4 : 1;
        }
        *to = 0;
}

/*
 * One line of mountinfo (proc_pid_mountinfo(5)), cut into words; where the hierarchy's root is
 * mounted, or NULL if it is another mount.
 */
static char *mount_point(char *line, const char *controllers) {
        autostrv words = NULL;
        autostrv options = NULL;
        size_t n, dash = 6;

        if (!strstr(line, *controllers ? " - cgroup " : " - cgroup2 ") ||
            strv_split(line, " ", true, &words) < 0)
                return NULL;
        n = strv_length(words);
        while (dash < n && !str_equal(words[dash], "-"))
                dash++;
        if (dash + 3 >= n || !str_equal(words[3], "/") ||
            strv_split(words[dash + 3], ",", true, &options) < 0 || !all_in(controllers, options))
                return NULL;
        unescape(words[4]);
        return strdup(words[4]);
}

static char *find_mount(const char *mountinfo, const char *controllers) {
        autostrv lines = NULL;

        if (strv_split(mountinfo, "\n", true, &lines) < 0)
                return NULL;
        strv_foreach(line, lines) {
                char *where = mount_point(*line, controllers);

                if (where)
                        return where;
        }
        return NULL;
}

static int add_hierarchy(CgroupView *view, const char *mountinfo, const char *controllers,
                         const char *path) {
        autofree char *where = find_mount(mountinfo, controllers);
        CgroupHierarchy *h;

        if (!where)
                return 0;
        h = json_grow(&view->hierarchies, &view->n_hierarchies, sizeof *h);
        if (!h)
                return -ENOMEM;
        h->name = strdup(strrchr(where, '/') + 1);
        h->unified = !*controllers;
        view->n_legacy += !h->unified;
        h->options = strdup(controllers);
        h->place = str_format("%s%s", where, path);
        return h->name && h->options && h->place ? 0 : -ENOMEM;
}

static bool is_within(const char *path, const char *own) {
        const char *below = *path == '/' ? str_after(path + 1, own) : NULL;

        return below && (!*below || *below == '/');
}

/* Whether a hierarchy of version 1 is among the places, which are lines as below. */
static bool is_in_legacy(const char *own, const char *text) {
        autostrv lines = NULL;

        if (strv_split(text, "\n", true, &lines) < 0)
                return true;
        strv_foreach(line, lines) {
                const char *controllers = strchr(*line, ':');
                const char *path = controllers ? strchr(controllers + 1, ':') : NULL;

                if (path && path > controllers + 1 && is_within(path + 1, own))
                        return true;
        }
        return false;
}

/* Lines like "4:memory:/place" (cgroups(7)). */
static int read_places(CgroupView *view, const char *own, const char *text, const char *mountinfo) {
        autostrv lines = NULL;
        int r = strv_split(text, "\n", true, &lines);

        for (char **line = lines; r >= 0 && line && *line; line++) {
                char *controllers = strchr(*line, ':');
                char *path = controllers ? strchr(controllers + 1, ':') : NULL;

                if (!path)
                        continue;
                *path++ = 0;
                if (is_within(path, own))
                        r = add_hierarchy(view, mountinfo, controllers + 1, path);
        }
        return r;
}

int cgroup_view_read(const char *own, CgroupView *ret, Err *err) {
        autofree char *places = NULL, *mountinfo = NULL;
        CgroupView view = {};
        int r;

        if (own && !cgroup_is_unified()) {
                r = file_read(AT_FDCWD, "/proc/self/cgroup", PROC_TEXT_MAX, &places, NULL);
                if (r >= 0 && !is_in_legacy(own, places)) {
                        *ret = view;
                        return 0;
                }
                if (r >= 0)
                        r = file_read(AT_FDCWD, "/proc/self/mountinfo", PROC_TEXT_MAX, &mountinfo,
                                      NULL);
                if (r >= 0)
                        r = read_places(&view, own, places, mountinfo);
                if (r < 0) {
                        cgroup_view_clear(&view);
                        return fail(err, r, "cannot find the process's control groups");
                }
        }
        *ret = view;
        return 0;
}

void cgroup_view_clear(CgroupView *view) {
        for (size_t i = 0; i < view->n_hierarchies; i++) {
                free(view->hierarchies[i].name);
                free(view->hierarchies[i].options);
                free(view->hierarchies[i].place);
        }
        free(view->hierarchies);
        *view = (CgroupView){};
}

/* The hierarchy, whose root is the process's place in a namespace of its own; else that place. */
static int make_hierarchy(const CgroupView *view, const CgroupHierarchy *h, const MountAttr *attr,
                          Err *err) {
        autostrv options = NULL;
        int tree;

        if (!view->own) {
                tree = mount_clone_source(h->place, false);
                return tree < 0 ? fail(err, tree, "cannot mount '%s'", h->place) : tree;
        }
        if (h->unified)
                return mount_new("cgroup2", NULL, attr, err);
        if (strv_split(h->options, ",", true, &options) < 0 ||
            (str_after(h->options, "name=") && strv_add(&options, "none") < 0) ||
            strv_add(&options, "source=cgroup") < 0)
                return fail(err, ENOMEM, "cannot mount the control groups");
        return mount_new("cgroup", (const char *const *) options, attr, err);
}

static int attach(int mount, const char *name, int hierarchy) {
        autoclose int target = -EBADF;

        if (mkdirat(mount, name, 0755) < 0)
                return -errno;
        target = openat(mount, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return target < 0 ? -errno : mount_attach(hierarchy, target);
}

/* "cpu" and "cpuacct" for "cpu,cpuacct". */
static int make_links(int mount, const char *name) {
        autostrv parts = NULL;
        int r = strchr(name, ',') ? strv_split(name, ",", true, &parts) : 0;

        for (char **part = parts; r >= 0 && part && *part; part++)
                if (symlinkat(name, mount, *part) < 0 && errno != EEXIST)
                        r = -errno;
        return r;
}

int cgroup_view_fill(const CgroupView *view, int mount, const MountAttr *attr, Err *err) {
        for (size_t i = 0; i < view->n_hierarchies; i++) {
                const CgroupHierarchy *h = &view->hierarchies[i];
                autoclose int tree = make_hierarchy(view, h, attr, err);
                int r;

                if (tree < 0)
                        return tree;
                r = attach(mount, h->name, tree);
                if (r >= 0 && !view->own)
                        r = mount_set_attr(tree, attr);
                if (r >= 0)
                        r = make_links(mount, h->name);
                if (r < 0)
                        return fail(err, r, "cannot mount the control groups of '%s'", h->name);
        }
        return 0;
}
