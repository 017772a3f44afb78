/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/process.h"
#include "runtime/hooks.h"

#define TAIL_MAX 512 /* of what a hook says, for the error */
#define OUTPUT_REST \
        256 /* pieces of it that may still be there when it ends: more than a pipe holds */

static const char *const names[] = {
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
};

static const OciHook *of_kind(const OciHooks *hooks, HookKind kind, size_t *ret_n) {
        *ret_n = 0;
        if (!hooks)
                return NULL;
        switch (kind) {
        case HOOK_PRESTART:
                *ret_n = hooks->n_prestart;
                return hooks->prestart;
        case HOOK_CREATE_RUNTIME:
                *ret_n = hooks->n_create_runtime;
                return hooks->create_runtime;
        case HOOK_CREATE_CONTAINER:
                *ret_n = hooks->n_create_container;
                return hooks->create_container;
        case HOOK_START_CONTAINER:
                *ret_n = hooks->n_start_container;
                return hooks->start_container;
        case HOOK_POSTSTART:
                *ret_n = hooks->n_poststart;
                return hooks->poststart;
        default:
                *ret_n = hooks->n_poststop;
                return hooks->poststop;
        }
}

char *hooks_state(const OciState *state, const char *status, pid_t pid) {
        OciState now = state ? *state : (OciState){};

        now.status = (char *) status;
        now.pid = pid;
        return json_text(&oci_state_type, &now);
}

bool hooks_any(const OciHooks *hooks, HookKind kind) {
        size_t n;

        (void) of_kind(hooks, kind, &n);
        return n > 0;
}

/* A hook that runs, and our ends of its pipes. */
typedef struct Running {
        pid_t pid;
        int pidfd;
        int input;   /* it reads the state from there */
        int output;  /* it says something there, and its children may go on to */
        int failure; /* gives an errno if it could not be executed */
        const char *state;
        size_t left; /* of the state, to be written */
        char tail[TAIL_MAX + 1];
        size_t n_tail;
        int64_t deadline; /* CLOCK_MONOTONIC, milliseconds; 0: none */
} Running;

_Noreturn static void execute(const OciHook *hook, const HookWorld *world, int input, int output,
                              int failure) {
        char *const plain[] = { hook->path, NULL };
        const HookOutput *files = world->output;
        int out = files && files->out >= 0 ? files->out : output,
            error = files && files->error >= 0 ? files->error : output, code;

        (void) setpgid(0, 0);
        if ((world->directory < 0 || fchdir(world->directory) == 0) && dup2(input, 0) == 0 &&
            dup2(out, 1) == 1 && dup2(error, 2) == 2 && process_close_on_exec(3) >= 0) {
                process_reset_signals();
                execve(hook->path, hook->args && *hook->args ? hook->args : plain,
                       hook->env ? hook->env : world->env);
        }
        code = errno;
        (void) !write(failure, &code, sizeof code);
        _exit(127);
}

/* Descriptors above those that a hook is given, whatever the caller has closed. */
static int make_pipe(int ends[2]) {
        int low[2];

        if (pipe2(low, O_CLOEXEC) < 0)
                return -errno;
        for (int i = 0; i < 2; i++)
                ends[i] = low[i] > 2 ? low[i] : fcntl(low[i], F_DUPFD_CLOEXEC, 3);
        for (int i = 0; i < 2; i++)
                if (low[i] <= 2)
                        close_fd(low[i]);
        return ends[0] < 0 || ends[1] < 0 ? -errno : 0;
}

static int start(const OciHook *hook, const HookWorld *world, Running *ret) {
        Running run = { .state = world->state, .left = strlen(world->state) };
        int in[2] = { -EBADF, -EBADF }, out[2] = { -EBADF, -EBADF }, why[2] = { -EBADF, -EBADF };
        int r;

        r = make_pipe(in);
        if (r >= 0)
                r = make_pipe(out);
        if (r >= 0)
                r = make_pipe(why);
        run.pid = r < 0 ? r : process_clone(0, -EBADF, &run.pidfd);
        if (run.pid == 0)
                execute(hook, world, in[0], out[1], why[1]);
        close_fd(in[0]);
        close_fd(out[1]);
        close_fd(why[1]);
        run.input = in[1];
        run.output = out[0];
        run.failure = why[0];
        if (run.pid < 0) {
                close_fd(run.input);
                close_fd(run.output);
                close_fd(run.failure);
                return run.pid;
        }
        (void) fcntl(run.input, F_SETFL, O_NONBLOCK);
        (void) fcntl(run.output, F_SETFL, O_NONBLOCK);
        if (hook->has_timeout)
                run.deadline = clock_monotonic_ms() + (int64_t) hook->timeout * 1000;
        *ret = run;
        return 0;
}

static void give_state(Running *run) {
        ssize_t n = write(run->input, run->state, run->left);

        if (n > 0) {
                run->state += n;
                run->left -= (size_t) n;
        }
        /* A hook need not read it. */
        if (run->left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                run->input = close_fd(run->input);
}

/* Keeps the end of what it says. */
static void take_output(Running *run) {
        char piece[TAIL_MAX];
        ssize_t n = read(run->output, piece, sizeof piece);
        size_t keep;

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                run->output = close_fd(run->output);
        if (n <= 0)
                return;
        keep = TAIL_MAX - (size_t) n;
        if (run->n_tail > keep) {
                memmove(run->tail, run->tail + run->n_tail - keep, keep);
                run->n_tail = keep;
        }
        memcpy(run->tail + run->n_tail, piece, (size_t) n);
        run->n_tail += (size_t) n;
        run->tail[run->n_tail] = 0;
}

/* Returns 0 once the process has ended and what it said is read; -ETIMEDOUT. */
static int attend(Running *run) {
        /* What it left behind may go on talking for ever. */
        for (int rest = OUTPUT_REST; rest > 0;) {
                struct pollfd fds[] = { { run->pidfd, POLLIN, 0 },
                                        { run->output, POLLIN, 0 },
                                        { run->input, POLLOUT, 0 } };
                int64_t left = run->deadline ? run->deadline - clock_monotonic_ms() : -1;
                int n;

                if (run->deadline && left < 0)
                        left = 0;
                n = poll(fds, 3, left > INT_MAX ? INT_MAX : (int) left);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0 && run->deadline && clock_monotonic_ms() >= run->deadline)
                        return -ETIMEDOUT;
                if (n <= 0)
                        continue;
                if (fds[2].revents)
                        give_state(run);
                if (fds[1].revents)
                        take_output(run);
                else if (fds[0].revents)
                        return 0;
                rest -= fds[0].revents != 0;
        }
        return 0;
}

/* Nobody else can have the number of the group before its leader is waited for. */
static void end(Running *run, int r, siginfo_t *info) {
        if (r < 0) {
                (void) kill(-run->pid, SIGKILL);
                (void) kill(run->pid, SIGKILL); /* before it made its group */
        }
        (void) process_reap(run->pidfd, info);
        close_fd(run->input);
        close_fd(run->output);
        close_fd(run->pidfd);
}

static char *last_line(Running *run) {
        char *text = run->tail, *line;

        while (run->n_tail > 0 && strchr("\r\n \t", text[run->n_tail - 1]))
                text[--run->n_tail] = 0;
        line = strrchr(text, '\n');
        return str_printable(line ? line + 1 : text);
}

static int verdict(const OciHook *hook, const char *kind, Running *run, const siginfo_t *info,
                   Err *err) {
        autofree char *said = last_line(run);
        const char *colon = str_empty(said) ? "" : ": ";

        if (info->si_code == CLD_EXITED && info->si_status == 0)
                return 0;
        if (info->si_code == CLD_EXITED)
                return refuse(err, ECANCELED, "the %s hook '%s' failed with status %d%s%s", kind,
                              hook->path, info->si_status, colon, said ? said : "");
        return refuse(err, ECANCELED, "the %s hook '%s' was killed by signal %d%s%s", kind,
                      hook->path, info->si_status, colon, said ? said : "");
}

static int run_one(const OciHook *hook, const char *kind, const HookWorld *world, Err *err) {
        siginfo_t info = {};
        Running run;
        int code = 0, r;

        log_debug("run the %s hook '%s'", kind, hook->path);
        r = start(hook, world, &run);
        if (r < 0)
                return fail(err, r, "cannot run the %s hook '%s'", kind, hook->path);
        r = attend(&run);
        end(&run, r, &info);
        if (r >= 0 && read(run.failure, &code, sizeof code) == sizeof code)
                r = fail(err, code, "cannot run the %s hook '%s'", kind, hook->path);
        else if (r == -ETIMEDOUT)
                refuse(err, r, "the %s hook '%s' did not end within %d seconds", kind, hook->path,
                       hook->timeout);
        else if (r < 0)
                fail(err, r, "cannot wait for the %s hook '%s'", kind, hook->path);
        else
                r = verdict(hook, kind, &run, &info, err);
        close_fd(run.failure);
        return r;
}

int hooks_run(const OciHooks *hooks, HookKind kind, const HookWorld *world, Err *err) {
        const struct sigaction ignore = { .sa_handler = SIG_IGN };
        struct sigaction before;
        const OciHook *list;
        size_t n;
        int r = 0;

        list = of_kind(hooks, kind, &n);
        if (n == 0)
                return 0;
        /* One that does not read its state is no reason to die of it. */
        (void) sigaction(SIGPIPE, &ignore, &before);
        for (size_t i = 0; i < n && r >= 0; i++) {
                autoerr failure = {};

                if (kind != HOOK_POSTSTOP)
                        r = run_one(&list[i], names[kind], world, err);
                else if (run_one(&list[i], names[kind], world, &failure) < 0)
                        log_warn("%s; went on regardless", failure.message);
        }
        (void) sigaction(SIGPIPE, &before, NULL);
        return r;
}
