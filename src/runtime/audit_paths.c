/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "runtime/audit.h"

#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* Something to read in the file, or an entry in the directory. */
static bool shows_something(const char *path) {
        autoclose int file = open(path, READ_FLAGS);
        autostrv names = NULL;
        struct stat st;
        char byte;

        if (file < 0 || fstat(file, &st) < 0)
                return false;
        if (S_ISDIR(st.st_mode))
                return dir_list(file, ".", &names) >= 0 && strv_length(names) > 0;
        return read(file, &byte, 1) > 0;
}

static void check_masked(const AuditView *view) {
        autostr list = {};

        for (const char *const *path = view->masked; *path; path++)
                if (shows_something(*path))
                        str_printf(&list, "%s%s", list.length ? " " : "", *path);
        if (list.length)
                audit_say("hidden paths", AUDIT_WEAK, "to be read: %s", list.text);
        else
                audit_say("hidden paths", AUDIT_OK, "show nothing");
}

/* Those that can be opened for writing; nothing is written. */
static void check_writable(const char *check, const char *const *paths, const char *else_) {
        autostr list = {};

        for (; *paths; paths++) {
                autoclose int file = open(*paths, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

                if (file >= 0)
                        str_printf(&list, "%s%s", list.length ? " " : "", *paths);
        }
        if (list.length)
                audit_say(check, AUDIT_OPEN, "to be written: %s", list.text);
        else
                audit_say(check, AUDIT_OK, "%s", else_);
}

static void check_settings(void) {
        static const char *const proc[] = {
                "/proc/sys/kernel/core_pattern",  "/proc/sys/kernel/modprobe",
                "/proc/sys/kernel/hotplug",       "/proc/sys/kernel/panic",
                "/proc/sys/vm/drop_caches",       "/proc/sys/fs/binfmt_misc/register",
                "/proc/sys/fs/file-max",          "/proc/sysrq-trigger",
                "/proc/irq/default_smp_affinity", NULL,
        };
        static const char *const sys[] = {
                "/sys/kernel/uevent_helper",
                "/sys/power/state",
                "/sys/kernel/mm/transparent_hugepage/enabled",
                "/sys/kernel/profiling",
                "/sys/kernel/debug/sched/features",
                "/sys/module/kernel/parameters/panic",
                NULL,
        };

        check_writable("/proc", proc, "the machine's settings cannot be written");
        check_writable("/sys", sys, "the machine's settings cannot be written");
}

/* --- devices --- */

/* Makes the device in one of some directories and opens it; 0 or an errno. */
static int try_disk(const void *data) {
        static const char *const places[] = { "/dev/.isola-audit", "/dev/shm/.isola-audit",
                                              "/tmp/.isola-audit", "/.isola-audit" };
        int answer = EPERM;

        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
                int disk;

                if (mknod(places[i], S_IFBLK | 0600, *(const dev_t *) data) < 0)
                        continue;
                disk = open(places[i], READ_FLAGS);
                answer = disk < 0 ? errno : 0;
                (void) unlink(places[i]);
                if (answer == 0)
                        return 0;
        }
        return answer;
}

/* Tries the disks of the machine, of which /sys says the numbers: "8:0". */
static void check_disks(void) {
        autostrv names = NULL;
        autostr list = {};
        int seen = 0;

        if (dir_list(AT_FDCWD, "/sys/class/block", &names) >= 0)
                strv_foreach(name, names) {
                        autofree char *path = str_format("/sys/class/block/%s/dev", *name);
                        autofree char *text = NULL;
                        unsigned major, minor;
                        dev_t disk;

                        if (!path || file_read_line(AT_FDCWD, path, &text) < 0 ||
                            sscanf(text, "%u:%u", &major, &minor) != 2)
                                continue;
                        disk = makedev(major, minor);
                        seen++;
                        if (audit_try(try_disk, &disk) == 0)
                                str_printf(&list, "%s%s", list.length ? " " : "", *name);
                }
        if (list.length)
                audit_say("disks", AUDIT_OPEN, "can be made and read: %s", list.text);
        else
                audit_say("disks", AUDIT_OK, "none of %d can be made and read", seen);
}

static bool is_usual_device(const struct stat *st) {
        unsigned major = major(st->st_rdev), minor = minor(st->st_rdev);

        return (major == 1 &&
                (minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9)) ||
               (major == 5 && (minor == 0 || minor == 2)) || (major >= 136 && major <= 143);
}

/* Lists devices in a directory that can be opened and that containers do not have. */
static void list_devices(const char *directory, int depth, Str *list, bool *block) {
        autostrv names = NULL;

        if (dir_list(AT_FDCWD, directory, &names) < 0)
                return;
        strv_foreach(name, names) {
                autofree char *path = str_format("%s/%s", directory, *name);
                autoclose int file = -EBADF;
                struct stat st;

                if (!path || lstat(path, &st) < 0)
                        continue;
                if (S_ISDIR(st.st_mode) && depth > 0)
                        list_devices(path, depth - 1, list, block);
                if ((!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) || is_usual_device(&st))
                        continue;
                file = open(path, O_PATH | O_CLOEXEC);
                if (file < 0 || file_access(AT_FDCWD, path, R_OK) < 0)
                        continue;
                *block = *block || S_ISBLK(st.st_mode) || major(st.st_rdev) == 1;
                if (list->length < 200)
                        str_printf(list, "%s%s", list->length ? " " : "", path);
        }
}

static void check_devices(void) {
        autostr list = {};
        bool block = false;

        list_devices("/dev", 2, &list, &block);
        if (list.length)
                audit_say("devices", block ? AUDIT_OPEN : AUDIT_WEAK, "besides the usual ones: %s",
                          list.text);
        else
                audit_say("devices", AUDIT_OK, "the usual ones alone");
}

/* --- control groups --- */

static bool can_write(const char *path) {
        autoclose int file = open(path, O_WRONLY | O_CLOEXEC);

        return file >= 0;
}

static void check_cgroup(const AuditView *view) {
        autostrv names = NULL;
        bool procs = can_write("/sys/fs/cgroup/cgroup.procs"), agent = false;

        if (dir_list(AT_FDCWD, "/sys/fs/cgroup", &names) >= 0)
                strv_foreach(name, names) {
                        autofree char *release =
                                str_format("/sys/fs/cgroup/%s/release_agent", *name);
                        autofree char *tasks = str_format("/sys/fs/cgroup/%s/cgroup.procs", *name);

                        agent = agent || (release && can_write(release));
                        procs = procs || (tasks && can_write(tasks));
                }
        if (agent)
                audit_say("control groups", AUDIT_OPEN, "release_agent can be written");
        else if (procs)
                audit_say("control groups", view->own_user ? AUDIT_WEAK : AUDIT_OPEN,
                          "processes can be moved");
        else
                audit_say("control groups", AUDIT_OK, "cannot be written");
}

void audit_paths(const AuditView *view) {
        check_masked(view);
        check_settings();
        check_disks();
        check_devices();
        check_cgroup(view);
}
