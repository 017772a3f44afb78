/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/oci_foreground.h"

#define INHERITED_MAX 1024

static int connect_terminal(Relay *relay, int console, Err *err) {
        relay->tty = true;
        relay->input = console;
        relay->source = STDIN_FILENO;
        relay->output[0] = (RelayOutput){ fcntl(console, F_DUPFD_CLOEXEC, 3), STDOUT_FILENO };
        if (relay->output[0].from < 0 || fcntl(console, F_SETFL, O_NONBLOCK) < 0)
                return fail(err, errno, "cannot use the program's terminal");
        return relay_raw(relay, err);
}

int oci_wait_for(Relay *relay, int pidfd, int console, Err *err) {
        RelayEnd how;
        int r = 0, code;

        relay->pidfd = pidfd;
        relay->proxy = true;
        if (console >= 0)
                r = connect_terminal(relay, console, err);
        if (r >= 0)
                r = relay_run(relay, &how, &code, err);
        close_fd(relay->output[0].from);
        return r < 0 ? r : relay_result(how, code);
}

int oci_inherited(int preserve, OciProcess *process, unsigned *ret, Err *err) {
        const char *listen = getenv("LISTEN_FDS");
        int activated = 0;

        if (preserve < 0 || preserve > INHERITED_MAX)
                return refuse(err, EINVAL, "--preserve-fds is a number from 0 to %d",
                              INHERITED_MAX);
        if (listen && parse_int(listen, 0, INHERITED_MAX, &activated) < 0)
                return refuse(err, EINVAL, "LISTEN_FDS=%s is not a number of descriptors", listen);
        for (int fd = 3; fd < 3 + preserve + activated; fd++)
                if (fcntl(fd, F_GETFD) < 0)
                        return err_hint(err,
                                        refuse(err, EBADF,
                                               "descriptor %d is to be passed on and is not open",
                                               fd),
                                        "--preserve-fds and LISTEN_FDS count from descriptor 3 on");
        if (activated > 0 && (strv_addf(&process->env, "LISTEN_FDS=%d", activated) < 0 ||
                              strv_add(&process->env, "LISTEN_PID=1") < 0))
                return fail(err, ENOMEM, "cannot pass descriptors on");
        *ret = (unsigned) (preserve + activated);
        return 0;
}
