/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A container that was created and not yet started
 *
 * Its first process has closed the connection to its maker and accepts at a
 * listening socket that it inherited; the socket closes when the program is
 * executed, so a name that nobody answers at is one of a container that runs or
 * has ended.  The name is reached through the descriptor of its directory,
 * because a socket's path may have no more than 107 bytes (unix(7)).
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "runtime/init.h"
#include "runtime/runtime.h"

#define BACKLOG 8

static int address_of(int dir, const char *name, struct sockaddr_un *ret) {
        int n;

        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        n = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", dir, name);
        return n < (int) sizeof ret->sun_path ? 0 : -ENAMETOOLONG;
}

int runtime_start_socket(int dir, const char *name, Err *err) {
        autoclose int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;
        int r = address_of(dir, name, &address);

        if (r < 0 || s < 0 || bind(s, (struct sockaddr *) &address, sizeof address) < 0 ||
            listen(s, BACKLOG) < 0)
                return fail(err, r < 0 ? r : errno, "cannot make the socket '%s'", name);
        return take_fd(s);
}

int init_hold(const RuntimeOptions *options, int sync) {
        int start_socket = options->start_socket;

        if (init_say(sync, INIT_PREPARED) < 0)
                _exit(125);
        init_wait_for(sync, INIT_HOLD);
        close_fd(sync);
        for (;;) {
                autoclose int starter = accept4(start_socket, NULL, NULL, SOCK_CLOEXEC);
                char word;

                if (starter < 0) {
                        if (errno == EINTR || errno == ECONNABORTED)
                                continue;
                        _exit(125);
                }
                /* Who only asks whether somebody is here says nothing. */
                if (recv(starter, &word, 1, 0) != 1)
                        continue;
                if (word == INIT_QUIT)
                        _exit(125);
                if (word == INIT_START) {
                        close_fd(start_socket);
                        return take_fd(starter);
                }
        }
}

/* Returns the connection; -ECONNREFUSED or -ENOENT where nobody waits.  With SOCK_NONBLOCK in
 * @flags -EAGAIN where somebody does but has stopped, and too many have asked already. */
static int reach(int dir, const char *name, int flags) {
        autoclose int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
        struct sockaddr_un address;
        int r = address_of(dir, name, &address);

        if (r < 0)
                return r;
        if (s < 0 || connect(s, (struct sockaddr *) &address, sizeof address) < 0)
                return -errno;
        return take_fd(s);
}

int runtime_start_held(int dir, const char *name, const RuntimeAgent *agent, Err *err) {
        autoclose int s = reach(dir, name, 0);
        InitHands hands = { -EBADF, agent, -EBADF, 0 };
        int r;

        if (s == -ECONNREFUSED || s == -ENOENT)
                return refuse(err, ESRCH, "the container's process does not wait to be started");
        if (s < 0)
                return fail(err, s, "cannot reach the container's process");
        r = init_tell(s, INIT_START, err);
        if (r < 0)
                return init_own_failure(r);
        r = init_listen(s, &hands, err);
        close_fd(hands.console);
        return r;
}

int runtime_is_held(int dir, const char *name) {
        autoclose int s = reach(dir, name, SOCK_NONBLOCK);

        if (s == -ECONNREFUSED || s == -ENOENT)
                return 0;
        return s < 0 && s != -EAGAIN ? s : 1;
}

void runtime_discard_held(int dir, const char *name) {
        autoclose int s = reach(dir, name, SOCK_NONBLOCK);

        if (s >= 0)
                (void) init_say(s, INIT_QUIT);
}
