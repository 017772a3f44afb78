/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fds.h"
#include "base/file.h"
#include "base/str.h"
#include "runtime/oci_container.h"

/* Opens the directory of a file that is to be made, and finds its name in the path. */
static int open_parent(const char *path, const char **ret_name) {
        const char *slash = strrchr(path, '/');
        autofree char *parent = NULL;
        int dir;

        *ret_name = slash ? slash + 1 : path;
        parent = slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
        if (!parent)
                return -ENOMEM;
        dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return dir < 0 ? -errno : dir;
}

/* @what: "console socket" */
static int connect_to(const char *path, const char *what, Err *err) {
        autoclose int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir = -EBADF;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *name;
        int n;

        /* By its directory's descriptor: the path may be longer than an address (unix(7)). */
        dir = open_parent(path, &name);
        n = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dir, name);
        if (s < 0 || dir < 0 || n >= (int) sizeof address.sun_path)
                return fail(err,
                            s < 0     ? errno
                            : dir < 0 ? dir
                                      : ENAMETOOLONG,
                            "cannot reach the %s '%s'", what, path);
        if (connect(s, (struct sockaddr *) &address, sizeof address) < 0)
                return fail(err, errno, "cannot connect to the %s '%s'", what, path);
        return take_fd(s);
}

int oci_report_open(const OciReportPaths *paths, OciReport *ret, Err *err) {
        OciReport report = { -EBADF, NULL, -EBADF, -EBADF };
        int r = 0;

        if (paths->pid_file) {
                r = report.pid_dir = open_parent(paths->pid_file, &report.pid_name);
                if (r < 0)
                        return fail(err, r, "cannot write the pid file '%s'", paths->pid_file);
        }
        if (paths->console_socket)
                r = report.console = connect_to(paths->console_socket, "console socket", err);
        if (r >= 0 && paths->pidfd_socket)
                r = report.pidfd = connect_to(paths->pidfd_socket, "pidfd socket", err);
        if (r < 0) {
                oci_report_close(&report);
                return r;
        }
        *ret = report;
        return 0;
}

void oci_report_close(OciReport *report) {
        report->pid_dir = close_fd(report->pid_dir);
        report->console = close_fd(report->console);
        report->pidfd = close_fd(report->pidfd);
}

int oci_report_pid(const OciReport *report, pid_t pid, int pidfd, Err *err) {
        static const char name[] = "pidfd";
        char text[16];
        int n = snprintf(text, sizeof text, "%d", pid), r;

        if (report->pidfd >= 0) {
                r = fds_send(report->pidfd, name, sizeof name - 1, &pidfd, 1);
                if (r < 0)
                        return fail(err, r, "cannot hand the pidfd over");
        }
        if (report->pid_dir < 0)
                return 0;
        r = file_replace(report->pid_dir, report->pid_name, text, (size_t) n, 0644, false);
        return r < 0 ? fail(err, r, "cannot write the pid file '%s'", report->pid_name) : 0;
}

int oci_report_console(const OciReport *report, int console, Err *err) {
        /* Receivers refuse a message without bytes. */
        static const char name[] = "console";
        int r;

        if (report->console < 0 || console < 0)
                return 0;
        r = fds_send(report->console, name, sizeof name - 1, &console, 1);
        return r < 0 ? fail(err, r, "cannot hand the terminal over") : 0;
}
