/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Version 2: controllers are enabled down the path; events are waited for with poll(2). */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define EVENTS_MAX 8192

bool cgroup_v2_is_at(const char *path) {
        struct statfs fs;

        return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_v2_root(void) {
        static const char *const usual[] = { CGROUP_MOUNTS, CGROUP_V2_BESIDE_V1 };

        for (size_t i = 0; i < 2; i++) {
                int dir = cgroup_v2_is_at(usual[i]) ? open(usual[i], OPEN_DIRECTORY) : -1;

                if (dir >= 0)
                        return dir;
        }
        return cgroup_find_mounted("cgroup2", NULL);
}

/* Passes a controller, "+memory", on to the children of one directory.  Above what is an ordinary
 * user's own others have done so, or it cannot be. */
static int pass_on(int root, const char *file, const char *word) {
        autofree char *passed_on = NULL;
        autostrv names = NULL;
        int r = file_write(root, file, word);

        if (r != -EACCES && r != -EPERM && r != -EROFS)
                return r;
        if (file_read_line(root, file, &passed_on) < 0 ||
            strv_split(passed_on, " ", true, &names) < 0)
                return r;
        return strv_has(names, word + 1) ? 0 : r;
}

/* Passes it on in every directory above the place. */
static int enable(const Cgroup *c, const char *word) {
        autofree char *path = strdup(c->name);
        int r;

        if (!path)
                return -ENOMEM;

        r = pass_on(c->root, "cgroup.subtree_control", word);
        for (char *slash = strchr(path, '/'); slash && r >= 0; slash = strchr(slash + 1, '/')) {
                autofree char *file = NULL;

                *slash = 0;
                file = str_format("%s/cgroup.subtree_control", path);
                *slash = '/';
                r = file ? pass_on(c->root, file, word) : -ENOMEM;
        }
        return r;
}

int cgroup_v2_enable_all(const Cgroup *c) {
        static const char *const common[] = { "cpu", "cpuset", "io", "memory", "pids" };
        autofree char *enabled = NULL;
        autostrv all = NULL;
        autostrv here = NULL;
        char offered[1024];
        int r;

        r = file_read_some(c->root, "cgroup.controllers", offered, sizeof offered);
        if (r >= 0) {
                offered[strcspn(offered, "\n")] = 0;
                r = strv_split(offered, " ", true, &all);
        }
        for (size_t i = 0; i < sizeof common / sizeof *common && r >= 0; i++) {
                char word[16];

                if (!strv_has(all, common[i]))
                        continue;
                if (!enabled) {
                        r = file_read_line(c->v2, "cgroup.controllers", &enabled);
                        if (r >= 0)
                                r = strv_split(enabled, " ", true, &here);
                }
                if (r < 0 || strv_has(here, common[i]))
                        continue;
                /* One by one: one that cannot be would keep the others away. */
                (void) snprintf(word, sizeof word, "+%s", common[i]);
                (void) enable(c, word);
        }
        return r;
}

/* "io.bfq.weight" belongs to "io". */
static void controller_of(const char *file, char ret[CGROUP_FILE_MAX]) {
        (void) snprintf(ret, CGROUP_FILE_MAX, "%.*s", (int) strcspn(file, "."), file);
}

static int cannot_enable(const CgroupSetting *s, const char *controller, int code, Err *err) {
        char words[CGROUP_WORDS_MAX];

        cgroup_setting_words(s, words);
        if (code == -EBUSY)
                return err_hint(err,
                                refuse(err, EBUSY,
                                       "cannot set %s: processes in a cgroup above keep controller "
                                       "'%s' from being passed on",
                                       words, controller),
                                "move them into a cgroup of their own; see \"no internal process "
                                "constraint\" in the kernel's cgroup-v2.rst");
        if (code == -ENOENT || code == -EINVAL)
                return err_hint(err,
                                refuse(err, EOPNOTSUPP,
                                       "cannot set %s: cgroup controller '%s' is not available "
                                       "here",
                                       words, controller),
                                "'isola check' lists the controllers of this machine");
        return fail(err, code, "cannot set %s: cannot enable controller '%s'", words, controller);
}

int cgroup_v2_write(const Cgroup *c, const CgroupSetting *s, Err *err) {
        const char *text = cgroup_setting_text(s);
        char controller[CGROUP_FILE_MAX];
        int r;

        if (!*s->file)
                return refuse(err, EOPNOTSUPP,
                              "cannot set the %s to '%s': cgroup version 2 has nothing of the kind",
                              s->limit, text);
        r = file_write(c->v2, s->file, text);
        controller_of(s->file, controller);
        if (r == -ENOENT && !str_equal(controller, "cgroup")) {
                char word[CGROUP_FILE_MAX + 1];

                /* The file is there only if every directory above passes its controller on. */
                (void) snprintf(word, sizeof word, "+%s", controller);
                r = enable(c, word);
                if (r < 0)
                        return cannot_enable(s, controller, r, err);
                r = file_write(c->v2, s->file, text);
        }
        if (r == -ENOENT && s->wish)
                return 0;
        if (r == -ENOENT && s->alternative)
                return r;
        return r < 0 ? cgroup_cannot_set(s, r, err) : 0;
}

int cgroup_find_key(const char *text, const char *key, uint64_t *ret) {
        size_t length = strlen(key);

        for (const char *line = text; line && *line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, key, length) == 0 && line[length] == ' ') {
                        *ret = strtoull(line + length + 1, NULL, 10);
                        return 0;
                }
        }
        return -ENOENT;
}

int cgroup_read_key(int dir, const char *file, const char *key, uint64_t *ret) {
        autofree char *text = NULL;
        int r;

        r = file_read(dir, file, EVENTS_MAX, &text, NULL);
        return r < 0 ? r : cgroup_find_key(text, key, ret);
}

int cgroup_v2_wait(int dir, const char *key, uint64_t wanted, int timeout_ms) {
        autoclose int events = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
        int64_t end = clock_monotonic_ms() + timeout_ms, pause = 1;

        if (events < 0)
                return -errno;
        for (;;) {
                struct pollfd p = { .fd = events, .events = POLLPRI };
                char text[256];
                uint64_t value;
                int64_t left;
                ssize_t n;
                int r;

                n = pread(events, text, sizeof text - 1, 0);
                if (n < 0)
                        return -errno;
                text[n] = 0;
                r = cgroup_find_key(text, key, &value);
                if (r < 0)
                        return r;
                if (value == wanted)
                        return 0;

                left = end - clock_monotonic_ms();
                if (left <= 0)
                        return -ETIMEDOUT;
                /* The kernel holds a second notification within 10 ms back until these are over
                 * (CGROUP_FILE_NOTIFY_MIN_INTV), too long for a container that lived for one:
                 * so look again by ourselves, at first soon. */
                if (poll(&p, 1, (int) (left < pause ? left : pause)) < 0 && errno != EINTR)
                        return -errno;
                pause = pause < 64 ? 2 * pause : 1000;
        }
}
