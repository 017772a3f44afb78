/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/audit.h"
#include "engine/group.h"
#include "engine/monitor.h"
#include "engine/spec.h"
#include "kernel/idmap.h"
#include "kernel/ns.h"
#include "kernel/process.h"

#define OUTPUT_MAX (1u << 20)

void audit_report_clear(AuditReport *report) {
        for (size_t i = 0; i < report->n_findings; i++) {
                free(report->findings[i].check);
                free(report->findings[i].found);
        }
        free(report->findings);
        *report = (AuditReport){};
}

static int add(AuditReport *report, const char *check, AuditVerdict verdict, const char *found) {
        AuditFinding *f = json_grow(&report->findings, &report->n_findings, sizeof *f);

        if (!f)
                return -ENOMEM;
        f->check = strdup(check);
        f->verdict = verdict;
        f->found = str_printable(found);
        return f->check && f->found ? 0 : -ENOMEM;
}

/* --- from outside --- */

static const struct {
        const char *type, *check;
        AuditVerdict shared; /* if it is the host's */
        const char *what;
} kinds[] = {
        { "pid", "processes", AUDIT_OPEN, "sees the machine's" },
        { "network", "network", AUDIT_OPEN,
          "the machine's: its services on 127.0.0.1, its sockets" },
        { "ipc", "IPC", AUDIT_OPEN, "shared memory and queues of the machine" },
        { "cgroup", "control group names", AUDIT_WEAK, "the machine's" },
        { "uts", "host name", AUDIT_WEAK, "the machine's" },
        { "time", "clocks", AUDIT_WEAK, "the machine's" },
};

/* 1 if the process is in another namespace of that kind than this one; negative errno. */
static int has_own(pid_t pid, const char *type) {
        const NsKind *kind = ns_kind(type);
        autofree char *theirs = str_format("/proc/%d/ns/%s", pid, kind->file);
        autofree char *ours = str_format("/proc/self/ns/%s", kind->file);
        struct stat a, b;

        if (!theirs || !ours)
                return -ENOMEM;
        if (stat(ours, &b) < 0)
                return errno == ENOENT ? 0 : -errno; /* this kernel has no such namespaces */
        if (stat(theirs, &a) < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        return a.st_ino != b.st_ino || a.st_dev != b.st_dev;
}

static int check_namespaces(const Container *c, AuditReport *report) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                int r = has_own(c->state.pid, kinds[i].type);

                if (r >= 0)
                        r = add(report, kinds[i].check, r ? AUDIT_OK : kinds[i].shared,
                                r ? "its own" : kinds[i].what);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Directories from which the machine is run: whoever writes there is its root. */
static bool is_sensitive(const Container *c, const char *path) {
        static const char *const whole[] = { "/etc", "/root", "/proc", "/sys", "/dev",   "/boot",
                                             "/usr", "/bin",  "/sbin", "/lib", "/lib64", "/run" };
        static const char *const alone[] = { "/", "/var", "/var/lib", "/var/run", "/home" };
        const char *const own[] = { c->home->data, c->home->run };

        for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
                const char *rest = str_after(path, whole[i]);

                if (rest && (*rest == 0 || *rest == '/'))
                        return true;
        }
        for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
                if (str_equal(path, alone[i]))
                        return true;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
                if (str_after(path, own[i]) || str_after(own[i], path))
                        return true;
        return false;
}

static int check_directories(const Container *c, AuditReport *report) {
        AuditVerdict verdict = AUDIT_OK;
        autostr list = {};
        int shared = 0;

        for (size_t i = 0; i < c->host.n_mounts; i++) {
                const ContainerMount *m = &c->host.mounts[i];
                char path[PATH_MAX];
                struct stat st;
                bool socket;

                if (!str_equal(m->type, "bind") || !m->source || !realpath(m->source, path))
                        continue;
                shared++;
                /* A read-only mount does not keep anybody from talking. */
                socket = stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
                if (!socket && !is_sensitive(c, path))
                        continue;
                if (socket || !m->read_only)
                        verdict = AUDIT_OPEN;
                else if (verdict == AUDIT_OK)
                        verdict = AUDIT_WEAK;
                str_printf(&list, "%s%s%s", list.length ? " " : "", path,
                           m->read_only && !socket ? " (read-only)" : "");
        }
        return add(report, "host directories", verdict,
                   list.length ? list.text
                   : shared    ? "none from which the machine is run"
                               : "none");
}

/* Directories and disks that its first process has open: a way out for whoever finds it. */
static int check_descriptors(const Container *c, AuditReport *report) {
        autofree char *path = str_format("/proc/%d/fd", c->state.pid);
        autoclose int dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        autofree char *root = str_format("/proc/%d/root", c->state.pid);
        autostrv names = NULL;
        autostr list = {};
        struct stat in;
        int r;

        r = dir < 0 || !root || stat(root, &in) < 0 ? -ESRCH : dir_list(dir, ".", &names);
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        strv_foreach(name, names) {
                struct stat st;

                if (fstatat(dir, *name, &st, 0) < 0)
                        continue;
                if ((S_ISDIR(st.st_mode) && st.st_dev != in.st_dev) || S_ISBLK(st.st_mode))
                        str_printf(&list, "%s%s", list.length ? " " : "", *name);
        }
        return list.length ? add(report, "open descriptors", AUDIT_OPEN, list.text)
                           : add(report, "open descriptors", AUDIT_OK, "none that leads out");
}

/* --- from inside --- */

/* Puts the audit into the container; the calling process ends up in its namespaces. */
static int spawn_inside(Container *c, const AuditView *view, int output, int *ret_pidfd, Err *err) {
        char *args[] = { (char *) "isola-audit", NULL };
        const ExecRequest request = { .args = args };
        autoptr(ExecSetup) setup = NULL;
        autoptr(Cgroup) cgroup = NULL;
        autoclose int target = container_pidfd(c);
        int r, console = -EBADF;
        pid_t pid;

        if (target < 0)
                return refuse(err, ESRCH, "container '%s' is not running", c->name);
        r = exec_setup(c, &request, &setup, err);
        if (r < 0)
                return r;
        r = container_cgroup_open(c, &cgroup);
        if (r < 0)
                return fail(err, r, "cannot open the cgroup of container '%s'", c->name);
        setup->exec.pidfd = target;
        setup->exec.cgroup = cgroup;
        setup->exec.stdio[1] = output;
        setup->exec.inside = audit_inside;
        setup->exec.inside_data = view;
        return runtime_exec(&setup->exec, &pid, ret_pidfd, &console, err);
}

/* A child of the command, which must not enter the container itself: it has things to tidy up. */
_Noreturn static void run_inside(Container *c, const AuditView *view, int output, int report) {
        siginfo_t info = {};
        int pidfd = -EBADF;
        Err err = {};

        fault_point("audit.inside");
        if (spawn_inside(c, view, output, &pidfd, &err) < 0) {
                err_write(report, &err);
                _exit(0);
        }
        (void) process_reap(pidfd, &info);
        if (info.si_code != CLD_EXITED || info.si_status != 0) {
                (void) err_hint(
                        &err,
                        info.si_code == CLD_EXITED
                                ? refuse(&err, EIO, "the audit ended inside with code %d",
                                         info.si_status)
                                : refuse(&err, EIO, "the audit was killed inside by signal %d (%s)",
                                         info.si_status, strsignal(info.si_status)),
                        "the container's system call filter may forbid what any program needs");
                err_write(report, &err);
        }
        _exit(0);
}

static int parse_line(char *line, AuditReport *report) {
        char *verdict = strchr(line, '\t'), *found = verdict ? strchr(verdict + 1, '\t') : NULL;
        AuditVerdict v;

        if (!found)
                return -EPROTO;
        *verdict++ = 0;
        *found++ = 0;
        return audit_verdict_read(verdict, &v) < 0 ? -EPROTO : add(report, line, v, found);
}

static int read_findings(int output, AuditReport *report) {
        autofree char *text = calloc(1, OUTPUT_MAX + 1);
        char *rest = text, *line;
        ssize_t n;

        if (!text)
                return -ENOMEM;
        n = fd_read_all(output, text, OUTPUT_MAX);
        if (n < 0)
                return (int) n;
        while ((line = strsep(&rest, "\n")) && *line) {
                int r = parse_line(line, report);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int try_inside(Container *c, const AuditView *view, AuditReport *report, Err *err) {
        autoclose int output = -EBADF, told = -EBADF, pidfd = -EBADF;
        siginfo_t info = {};
        int outputs[2], reports[2], r;
        pid_t pid;

        if (pipe2(outputs, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        output = outputs[0];
        if (pipe2(reports, O_CLOEXEC) < 0) {
                close_fd(outputs[1]);
                return fail(err, errno, "cannot make a pipe");
        }
        told = reports[0];
        pid = process_clone(0, -EBADF, &pidfd);
        if (pid == 0)
                run_inside(c, view, outputs[1], reports[1]);
        close_fd(outputs[1]);
        close_fd(reports[1]);
        if (pid < 0)
                return fail(err, pid, "cannot make a process");
        r = read_findings(output, report);
        (void) process_reap(pidfd, &info);
        if (r < 0)
                return fail(err, r, "cannot read what was found in container '%s'", c->name);
        r = err_read(told, err);
        /* Killed before it could tell: what it did not find is not there for that reason alone. */
        if (r >= 0 && (info.si_code != CLD_EXITED || info.si_status != 0))
                r = refuse(err, EIO, "the process that enters it was killed");
        return r < 0 ? err_prefix(err, r, "cannot audit container '%s'", c->name) : 0;
}

int container_audit(Container *c, AuditReport *ret, Err *err) {
        AuditView view = { .masked = security_masked_paths,
                           .usual_caps = security_usual_caps(),
                           .pids_limited = c->host.pids_limit > 0 };
        int r;

        r = container_has_userns(c) ? 0 : runtime_seal(err);
        if (r < 0)
                return r;
        if (container_status(c) != CONTAINER_RUNNING)
                return refuse(err, ESRCH, "container '%s' is %s", c->name,
                              container_status_name(container_status(c)));
        r = has_own(c->state.pid, "user");
        view.own_user = r > 0;
        view.of_user = idmap_is_inside();
        if (r >= 0)
                r = has_own(c->state.pid, "network");
        view.own_net = r > 0;
        if (r >= 0)
                r = check_namespaces(c, ret);
        if (r >= 0)
                r = check_directories(c, ret);
        if (r >= 0)
                r = check_descriptors(c, ret);
        if (r < 0)
                return fail(err, r, "cannot look at container '%s'", c->name);
        return try_inside(c, &view, ret, err);
}
