/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/cap_name.h"
#include "runtime/audit.h"

/* What leaves the machine's other processes numbers: the smallest pid_max is 32768. */
#define NPROC_SMALL 16384

static const char *const names[] = { "ok", "weak", "open" };

const char *audit_verdict_name(AuditVerdict verdict) {
        return names[verdict];
}

int audit_verdict_read(const char *name, AuditVerdict *ret) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (str_equal(name, names[i])) {
                        *ret = (AuditVerdict) i;
                        return 0;
                }
        return -EINVAL;
}

void audit_say(const char *check, AuditVerdict verdict, const char *format, ...) {
        autofree char *printable = NULL;
        char found[512];
        autostr line = {};
        va_list args;

        va_start(args, format);
        vsnprintf(found, sizeof found, format, args);
        va_end(args);
        printable = str_printable(found);
        str_printf(&line, "%s\t%s\t%s\n", check, names[verdict], printable ? printable : "");
        if (!line.failed)
                (void) fd_write_all(STDOUT_FILENO, line.text, line.length);
}

int audit_try(int (*trial)(const void *), const void *data) {
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(trial(data));
        if (pid < 0)
                return EAGAIN;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return ECHILD;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool audit_refused(int answer) {
        return answer == EPERM || answer == ENOSYS || answer == EACCES || answer == -1;
}

/* --- who it is --- */

/* Returns the value of a line "NAME:\t…" of /proc/self/status, within @text. */
static const char *status_line(const char *text, const char *name) {
        size_t n = strlen(name);

        for (const char *line = text; line && *line;
             line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, name, n) == 0 && line[n] == ':')
                        return line + n + 1 + strspn(line + n + 1, "\t ");
        return NULL;
}

static uint64_t status_caps(const char *text, const char *name) {
        const char *value = status_line(text, name);
        unsigned long long bits = 0;

        if (value)
                (void) sscanf(value, "%llx", &bits);
        return bits;
}

static void check_users(const AuditView *view) {
        unsigned long inside = 0, outside = 0, size = 0;
        autofree char *map = NULL;

        if (!view->own_user) {
                audit_say("user namespace", AUDIT_OPEN, "the host's: root inside is root outside");
                return;
        }
        if (file_read(AT_FDCWD, "/proc/self/uid_map", 4096, &map, NULL) < 0 ||
            sscanf(map, "%lu %lu %lu", &inside, &outside, &size) != 3)
                audit_say("user namespace", AUDIT_WEAK, "its ids cannot be read");
        else if (outside == 0 && view->of_user)
                audit_say("user namespace", AUDIT_OK,
                          "its own: root inside is its user outside, the others are of his range");
        else if (outside == 0)
                audit_say("user namespace", AUDIT_OPEN,
                          "its own, but id 0 outside is among its ids");
        else
                audit_say("user namespace", AUDIT_OK, "its own: %lu to %lu outside", outside,
                          outside + size - 1);
}

static void put_caps(Str *s, uint64_t caps) {
        int n = 0;

        if (caps == cap_all()) {
                str_put(s, "all");
                return;
        }
        for (int i = 0; i < 64; i++)
                if (caps >> i & 1)
                        str_printf(s, "%s%s", n++ ? " " : "", cap_name(i) ? cap_name(i) + 4 : "?");
}

static void check_caps(const AuditView *view, const char *status) {
        uint64_t bounding = status_caps(status, "CapBnd"), more = bounding & ~view->usual_caps;
        uint64_t kept = status_caps(status, "CapInh") | status_caps(status, "CapAmb");
        autostr list = {};

        put_caps(&list, more ? more : bounding);
        if (more)
                audit_say("capabilities", view->own_user ? AUDIT_WEAK : AUDIT_OPEN,
                          "besides the usual ones%s: %s",
                          view->own_user ? ", over its own namespaces" : "",
                          list.text ? list.text : "");
        else
                audit_say("capabilities", AUDIT_OK, "%s", list.text ? list.text : "none");
        if (kept)
                audit_say("inherited capabilities", AUDIT_WEAK,
                          "what it executes keeps some capabilities");
        else
                audit_say("inherited capabilities", AUDIT_OK, "none");
}

static void check_filter(const AuditView *view, const char *status) {
        const char *nnp = status_line(status, "NoNewPrivs"), *mode = status_line(status, "Seccomp");

        if (nnp && *nnp == '1')
                audit_say("new privileges", AUDIT_OK, "none: no_new_privs is set");
        else
                audit_say("new privileges", view->own_user ? AUDIT_OK : AUDIT_WEAK,
                          "set-user-id programs give %s",
                          view->own_user ? "ids of the container alone" : "the host's root");
        if (mode && *mode == '2')
                audit_say("system call filter", AUDIT_OK, "there is one");
        else
                audit_say("system call filter", AUDIT_OPEN, "there is none");
}

static void check_limits(const AuditView *view) {
        struct rlimit limit;

        if (view->pids_limited)
                audit_say("limit of processes", AUDIT_OK, "by its control group");
        else if (view->own_user && getrlimit(RLIMIT_NPROC, &limit) == 0 &&
                 limit.rlim_max <= NPROC_SMALL)
                audit_say("limit of processes", AUDIT_OK, "%llu for each user inside",
                          (unsigned long long) limit.rlim_max);
        else
                audit_say("limit of processes", AUDIT_WEAK, "none of its own");
}

void audit_inside(const void *data) {
        const AuditView *view = data;
        autofree char *status = NULL;

        if (file_read(AT_FDCWD, "/proc/self/status", 1 << 16, &status, NULL) < 0) {
                audit_say("/proc", AUDIT_WEAK, "there is none to ask");
                status = strdup("");
        }
        check_users(view);
        check_caps(view, status ? status : "");
        check_filter(view, status ? status : "");
        audit_calls(view);
        audit_paths(view);
        check_limits(view);
}
