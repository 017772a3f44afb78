/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/str.h"
#include "kernel/process.h"
#include "runtime/notify.h"

#define DIRECTORY   "notify"
#define PLACE       "/run/" DIRECTORY
#define SOCKET      "notify.sock"
#define MESSAGE_MAX 4096

static const char *manager(void) {
        const char *path = getenv("NOTIFY_SOCKET");

        return str_empty(path) ? NULL : path;
}

static int add_mount(const OciContainer *c, OciSpec *spec) {
        OciMount *m = json_grow(&spec->mounts, &spec->n_mounts, sizeof *m);

        if (!m)
                return -ENOMEM;
        m->source = str_format("/proc/self/fd/%d/" DIRECTORY, c->dir);
        return m->source && str_set(&m->destination, PLACE) == 0 && str_set(&m->type, "bind") == 0
                       ? strv_split("bind,ro,nosuid,nodev,noexec", ",", true, &m->options)
                       : -ENOMEM;
}

int notify_prepare(const OciContainer *c, OciSpec *spec, Err *err) {
        int r = 0;

        if (!manager() || !spec->process || strv_env_get(spec->process->env, "NOTIFY_SOCKET"))
                return 0;
        if (mkdirat(c->dir, DIRECTORY, 0755) < 0)
                return fail(err, errno, "cannot make a place for notifications");
        r = add_mount(c, spec);
        if (r >= 0)
                r = strv_add(&spec->process->env, "NOTIFY_SOCKET=" PLACE "/" SOCKET);
        return r < 0 ? fail(err, r, "cannot prepare for notifications") : 0;
}

int notify_listen(OciContainer *c, Err *err) {
        autoclose int s = -EBADF, directory = -EBADF;
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (!manager())
                return 0;
        directory = openat(c->dir, DIRECTORY, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (directory < 0)
                return errno == ENOENT ? 0 : fail(err, errno, "cannot listen for notifications");
        (void) snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET,
                        directory);
        (void) unlinkat(directory, SOCKET, 0); /* of somebody who did not get to start it */
        s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (s < 0 || bind(s, (struct sockaddr *) &address, sizeof address) < 0 ||
            /* Whoever the program runs as. */
            fchmodat(directory, SOCKET, 0777, 0) < 0)
                return fail(err, errno, "cannot listen for notifications");
        c->notify = take_fd(s);
        return 0;
}

/* Tells the service manager; that it cannot be told is no reason to end the container. */
static void tell(const char *text) {
        autoclose int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const char *path = manager();
        size_t length = strlen(path);

        if (s < 0 || length >= sizeof address.sun_path) {
                log_warn("cannot notify the service manager at '%s'", path);
                return;
        }
        memcpy(address.sun_path, path, length);
        if (*path == '@')
                *address.sun_path = 0; /* an abstract one */
        if (sendto(s, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *) &address,
                   (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length)) < 0)
                log_warn("cannot notify the service manager at '%s': %s", path, strerror(errno));
}

/* Passes on what the container may say; returns true once it is ready. */
static bool pass_on(const char *message, pid_t pid) {
        autostrv lines = NULL;
        autostr text = {};
        bool ready = false;

        if (strv_split(message, "\n", true, &lines) < 0)
                return false;
        strv_foreach(line, lines) {
                bool says_ready = str_equal(*line, "READY=1");

                ready = ready || says_ready;
                if (says_ready || str_after(*line, "STATUS=") ||
                    str_after(*line, "EXTEND_TIMEOUT_USEC="))
                        str_printf(&text, "%s\n", *line);
        }
        if (ready)
                str_printf(&text, "MAINPID=%d\n", pid);
        if (text.text && !text.failed)
                tell(text.text);
        return ready;
}

static bool receive(int socket, pid_t pid) {
        char message[MESSAGE_MAX];
        ssize_t n = recv(socket, message, sizeof message - 1, 0);

        if (n <= 0)
                return false;
        message[n] = 0;
        return pass_on(message, pid);
}

static int wait_until_ready(const OciContainer *c, int pidfd, Err *err) {
        struct pollfd fds[] = { { c->notify, POLLIN, 0 }, { pidfd, POLLIN, 0 } };

        for (;;) {
                if (poll(fds, 2, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return fail(err, errno, "cannot wait for container '%s' to be ready",
                                    c->id);
                }
                if (fds[0].revents) {
                        if (receive(c->notify, c->record.pid))
                                return 0;
                } else if (fds[1].revents)
                        return 0;
        }
}

int notify_wait(OciContainer *c, Err *err) {
        autoclose int pidfd = -EBADF;
        int r;

        if (c->notify < 0)
                return 0;
        pidfd = oci_container_pidfd(c);
        r = pidfd < 0 ? 0 : wait_until_ready(c, pidfd, err);
        c->notify = close_fd(c->notify);
        return r;
}

int notify_wait_aside(OciContainer *c, Err *err) {
        pid_t parent = getpid(), pid;

        if (c->notify < 0)
                return 0;
        pid = process_clone(0, -EBADF, NULL);
        if (pid < 0)
                return fail(err, pid, "cannot listen for notifications");
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (getppid() == parent)
                        (void) notify_wait(c, NULL);
                _exit(0);
        }
        c->notify = close_fd(c->notify);
        return 0;
}
