/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/monitor.h"
#include "engine/protocol.h"
#include "engine/relay.h"

int container_attach(Container *c, const StartIo *io, int *ret_code, Err *err) {
        const Hello hello = { .output = io->attach_output,
                              .input = io->attach_input && c->config.open_stdin };
        autorelay relay;
        RelayEnd how;
        int r, code;

        relay_init(&relay);
        switch (container_status(c)) {
        case CONTAINER_RUNNING:
        case CONTAINER_RESTARTING:
                break;
        case CONTAINER_PAUSED:
                return err_hint(err, refuse(err, EBUSY, "container '%s' is paused", c->name),
                                "unpause it first");
        default:
                return err_hint(err, refuse(err, ESRCH, "container '%s' is not running", c->name),
                                "'isola start --attach %s' starts it", c->name);
        }
        r = detach_keys_parse(io->detach_keys, &relay.keys, err);
        if (r < 0)
                return r;
        relay.tty = c->config.tty;
        relay.proxy = io->signal_proxy;
        relay.source = hello.input ? STDIN_FILENO : -EBADF;
        relay.output[0].to = STDOUT_FILENO;
        relay.output[1].to = STDERR_FILENO;

        r = relay_signals(&relay);
        if (r < 0)
                return fail(err, r, "cannot receive signals");
        r = relay_raw(&relay, err);
        if (r < 0)
                return r;
        r = relay.socket = monitor_connect(c);
        if (r < 0)
                return fail(err, r, "cannot reach the monitor of container '%s'", c->name);
        r = frame_send(relay.socket, FRAME_HELLO, &hello, sizeof hello, -EBADF, true);
        if (r < 0)
                return fail(err, r, "cannot speak to the monitor of container '%s'", c->name);

        r = relay_run(&relay, &how, &code, err);
        if (r < 0)
                return r;
        *ret_code = relay_result(how, code);
        return 0;
}
