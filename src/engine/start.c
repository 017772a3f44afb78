/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/monitor.h"
#include "engine/protocol.h"
#include "engine/relay.h"
#include "engine/spec.h"
#include "kernel/process.h"

int container_lock_stopped(Container *c, int *ret_lock, Err *err) {
        int dir = container_dir(c), r;

        if (dir == -ENOENT)
                return refuse(err, ECANCELED, "container '%s' has just been removed", c->name);
        if (dir < 0)
                return fail(err, dir, "cannot open the directory of container '%s'", c->name);
        for (;;) {
                autoclose int lock = lock_dir(dir, true);

                if (lock < 0)
                        return fail(err, lock, "cannot lock container '%s'", c->name);
                r = container_settle_locked(c, lock, err);
                /* Looked for after the state was: a monitor that removes its container renames the
                 * one before it deletes the other. */
                if (r == -ENOENT || (r >= 0 && container_is_gone(c)))
                        return refuse(err, ECANCELED, "container '%s' has just been removed",
                                      c->name);
                if (r < 0)
                        return r;
                if (!monitor_is_alive(c)) {
                        *ret_lock = take_fd(lock);
                        return 1;
                }
                if (process_is(c->state.pid, c->state.pid_start) ||
                    str_equal(c->state.status, "restarting"))
                        return 0;
                lock = close_fd(lock);
                r = process_wait(c->state.monitor_pid, c->state.monitor_start, -1);
                if (r < 0)
                        return fail(err, r, "cannot wait for the end of container '%s'", c->name);
        }
}

/* The container's stdin, made here because the starting command is the first to write to it. */
static int make_input(const Container *c, int ret[2]) {
        ret[0] = ret[1] = -EBADF;
        if (!c->config.open_stdin || c->config.tty)
                return 0;
        if (pipe2(ret, O_CLOEXEC) < 0)
                return -errno;
        return fcntl(ret[1], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int begin_relay(Relay *relay, const Container *c, const StartIo *io, Err *err) {
        int r;

        relay->tty = c->config.tty;
        relay->proxy = io->signal_proxy;
        if (io->attach_input && c->config.open_stdin)
                relay->source = STDIN_FILENO;
        r = detach_keys_parse(io->detach_keys, &relay->keys, err);
        if (r < 0)
                return r;
        r = relay_signals(relay);
        return r < 0 ? fail(err, r, "cannot receive signals") : relay_raw(relay, err);
}

/* Waits for the one word that says it runs. */
static int wait_started(int socket, const Container *c, Err *err) {
        Frame frame;
        int r;

        r = frame_recv(socket, &frame, NULL);
        if (r < 0)
                return fail(err, r, "cannot hear from the monitor of container '%s'", c->name);
        if (r == 0)
                return refuse(err, ECONNRESET, "the monitor of container '%s' was killed", c->name);
        if (frame.type != FRAME_FAILED)
                return 0;
        r = err_read(socket, err);
        return r < 0 ? r : refuse(err, EPROTO, "the monitor failed without a reason");
}

static int start_locked(Container *c, int lock, const StartIo *io, Relay *relay, Err *err) {
        autofree char *run = container_run_path(c->id);
        MonitorStart start = { .c = c, .lock = lock, .io = io };
        int input[2], socket = -EBADF, r;
        bool keep;

        r = run ? dir_make(c->home->run_fd, run, 0700) : -ENOMEM;
        if (r < 0)
                return fail(err, r, "cannot make '%s/%s'", c->home->run, run);
        fault_point("start.run_dir");
        r = make_input(c, input);
        if (r < 0)
                return fail(err, r, "cannot make the container's standard input");

        start.input_read = input[0];
        start.input_write = input[1];
        r = monitor_spawn(&start, false, &socket, err);
        fault_point("start.monitor");
        close_fd(input[0]);
        keep = r >= 0 && io && io->attach_input;
        relay->input = keep ? input[1] : close_fd(input[1]);
        relay->socket = socket;
        return r;
}

/* The monitor was killed: what it looked after gets a new one, to which we connect. */
static int reconnect(Container *c, const StartIo *io, int *ret_code, Err *err) {
        int r;

        log_warn("the monitor of container '%s' was killed; connecting to a new one", c->name);
        r = container_read_state(c, err);
        if (r >= 0)
                r = container_settle(c, err);
        if (r < 0 && r != -ENOENT)
                return r;
        if (r >= 0 && container_status(c) == CONTAINER_RUNNING)
                return container_attach(c, io, ret_code, err);
        *ret_code = r < 0 ? RELAY_EXIT_UNKNOWN : c->state.exit_code;
        return 0;
}

/* Relays until the container ends; a negative code only if it never ran. */
static int follow(Container *c, Relay *relay, const StartIo *io, int *ret_code, Err *err) {
        RelayEnd how = RELAY_EXITED, first;
        int r, code = 0;

        r = relay_run(relay, &how, &code, err);
        first = how;
        if (r >= 0 && how == RELAY_BROKEN && c->host.auto_remove) {
                /* It would have ended itself, had it written to the closed pipe; nobody could ever
                 * see what else it has to say. */
                (void) frame_send_number(relay->socket, FRAME_SIGNAL, SIGKILL);
                relay->source = -EBADF;
                r = relay_run(relay, &how, &code, err);
        }
        if (r == -ECONNRESET) {
                err_clear(err);
                relay_clear(relay);
                return reconnect(c, io, ret_code, err);
        }
        if (r >= 0)
                *ret_code = relay_result(first, code);
        return r;
}

int container_start(Container *c, const StartIo *io, int *ret_code, Err *err) {
        autorelay relay;
        autoclose int lock = -EBADF;
        int r;

        relay_init(&relay);
        r = container_has_userns(c) ? 0 : runtime_seal(err);
        if (r >= 0)
                r = process_check_pidfds(err); /* before there is something that cannot be ended */
        if (r < 0)
                return r;
        r = container_lock_stopped(c, &lock, err);
        if (r < 0)
                return r;
        if (r == 0) /* it runs already */
                return io ? container_attach(c, io, ret_code, err) : 0;

        if (io) {
                r = begin_relay(&relay, c, io, err);
                if (r < 0)
                        return r;
        }
        r = start_locked(c, lock, io, &relay, err);
        /* The monitor has it now. */
        lock = close_fd(lock);
        if (r < 0)
                return monitor_own_failure(r, err);
        if (!io)
                return wait_started(relay.socket, c, err);

        return follow(c, &relay, io, ret_code, err);
}
