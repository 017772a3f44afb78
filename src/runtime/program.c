/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "kernel/process.h"
#include "oci/image.h"
#include "runtime/program.h"
#include "runtime/program_arch.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

char **program_environment(char *const *env, const char *home) {
        autostrv list = NULL;

        if (strv_copy(env, &list) < 0)
                return NULL;
        if (!strv_env_get(list, "HOME") && strv_addf(&list, "HOME=%s", home ? home : "/") < 0)
                return NULL;
        return take_ptr(list);
}

/* A program of another kind of machine runs where binfmt_misc knows an emulator for it, which must
 * be found inside or be held open by the kernel (Documentation/admin-guide/binfmt-misc.rst: flag
 * F).
 */
static int cannot_emulate(const char *architecture, int code, Err *err) {
        if (code == ENOENT)
                return err_hint(err, -code,
                                "it is a program for %s, and the emulator that binfmt_misc has for "
                                "it is not in the container: register it with the flag F, as "
                                "Debian's qemu-user-static does",
                                architecture);
        return err_hint(err, -code,
                        "it is a program for %s and this machine is %s: install qemu-user-static "
                        "and binfmt-support (Debian's names), then the kernel runs it",
                        architecture, oci_architecture());
}

/* Puts execve()'s errno into the words and the code that the exit status is made of. */
static int cannot_run(const char *name, const char *path, int code, Err *err) {
        struct stat st;
        bool there = stat(path, &st) == 0;
        const char *architecture = NULL;

        if (there && S_ISDIR(st.st_mode))
                return fail(err, EISDIR, "cannot run '%s'", name);
        if (there && (code == ENOENT || code == ENOEXEC))
                architecture = program_architecture(path);
        if (architecture && !str_equal(architecture, oci_architecture())) {
                fail(err, code, "cannot run '%s'", name);
                return cannot_emulate(architecture, code, err);
        }
        switch (code) {
        case ENOENT:
                fail(err, ENOENT, "cannot run '%s'", name);
                return there ? err_hint(err, -ENOENT,
                                        "the file is there, but the interpreter or loader that it "
                                        "names is not")
                             : err_hint(err, -ENOENT, "is it in the image, and in PATH?");
        case ENOTDIR:
                return refuse(err, ENOENT, "cannot run '%s': %s", name, strerror(code));
        case EACCES:
                fail(err, EACCES, "cannot run '%s'", name);
                return err_hint(err, -EACCES,
                                "the file or a directory on the way is not executable");
        case ENOEXEC:
                fail(err, ENOEXEC, "cannot run '%s'", name);
                return err_hint(err, -ENOEXEC,
                                "it is for another architecture, or a script without '#!' line");
        default:
                return refuse(err, EACCES, "cannot run '%s': %s", name, strerror(code));
        }
}

/* What is tried with each file that may be the program: returns an errno, or 0 if it was the one.
 */
typedef int Try(const char *file, char *const *args, char *const *env);

static int try_exec(const char *file, char *const *args, char *const *env) {
        execve(file, args, env);
        return errno;
}

/* Permission bits of anybody count: who it will run as is decided later. */
static int try_look(const char *file, char *const *args, char *const *env) {
        struct stat st;

        if (stat(file, &st) < 0)
                return errno;
        return S_ISREG(st.st_mode) && st.st_mode & 0111 ? 0 : EACCES;
}

/* As execvp(3), but a file without format is not given to a shell. */
static int search(Try *try, const char *path, char *const *args, char *const *env,
                  char file[PATH_MAX]) {
        const char *name = args[0];
        int code = ENOENT;

        for (const char *directory = path;; directory++) {
                int length = (int) strcspn(directory, ":");
                int n = snprintf(file, PATH_MAX, "%.*s%s%s", length, directory, length ? "/" : "./",
                                 name);

                if (n > 0 && n < PATH_MAX) {
                        int r = try(file, args, env);

                        if (r != ENOENT && r != ENOTDIR && r != EACCES)
                                return r;
                        /* One that may not be run is better remembered than one that is not. */
                        if (r == EACCES)
                                code = EACCES;
                }
                directory += length;
                if (!*directory)
                        return code;
        }
}

static int try_all(Try *try, char *const *args, char *const *env, Err *err) {
        const char *path = strv_env_get(env, "PATH");
        char file[PATH_MAX] = "";
        int r;

        if (!*args[0])
                return cannot_run("", "", ENOENT, err);
        if (strchr(args[0], '/')) {
                r = try(args[0], args, env);
                return r ? cannot_run(args[0], args[0], r, err) : 0;
        }
        r = search(try, str_empty(path) ? DEFAULT_PATH : path, args, env, file);
        return r ? cannot_run(args[0], file, r, err) : 0;
}

int program_find(char *const *args, char *const *env, Err *err) {
        return try_all(try_look, args, env, err);
}

int program_prepare(unsigned preserve_fds, Err *err) {
        int r;

        process_reset_signals();
        r = process_close_on_exec(3 + preserve_fds);
        return r < 0 ? refuse(err, EIO, "cannot close descriptors: %s", strerror(-r)) : 0;
}

int program_exec(char *const *args, char *const *env, Err *err) {
        return try_all(try_exec, args, env, err);
}

/* Exit status of the program for a shell: its own, or 128 and the signal. */
static int status_of(const siginfo_t *info) {
        return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

/* Reaps all that ended; returns the program's exit status, or -1 while it runs. */
static int reap(pid_t program) {
        int status = -1;

        for (;;) {
                siginfo_t info = {};

                if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
                        return status;
                if (info.si_pid == program)
                        status = status_of(&info);
        }
}

/* A signal that nobody blocks would do nothing to a pid 1; so all are blocked and fetched. */
_Noreturn static void watch(pid_t program, const sigset_t *all) {
        for (;;) {
                siginfo_t info;
                int signal = sigwaitinfo(all, &info), status;

                if (signal == SIGCHLD) {
                        status = reap(program);
                        if (status >= 0)
                                _exit(status);
                } else if (signal > 0 && signal != SIGTTIN && signal != SIGTTOU)
                        (void) kill(program, signal);
        }
}

/* The program leads a process group of its own and has the terminal, if there is one. */
static void lead_group(void) {
        sigset_t stop, before;

        (void) setpgid(0, 0);
        sigemptyset(&stop);
        sigaddset(&stop, SIGTTOU);
        (void) sigprocmask(SIG_BLOCK, &stop, &before);
        if (isatty(0))
                (void) tcsetpgrp(0, getpid());
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
}

/* What `ps` shows inside must not be what the monitor, whose memory this is, calls itself. */
static void set_title(void) {
        char *name = program_invocation_name;
        size_t room = strlen(name);

        memset(name, 0, room);
        memcpy(name, "isola-init", room < 10 ? room : 10);
        (void) prctl(PR_SET_NAME, "isola-init");
}

int program_fork_below(Err *err) {
        sigset_t all, before;
        pid_t program;

        process_reset_signals();
        sigfillset(&all);
        (void) sigprocmask(SIG_SETMASK, &all, &before);
        program = fork();
        if (program < 0)
                return refuse(err, EAGAIN, "cannot start a process below init: %s",
                              strerror(errno));
        if (program == 0) {
                lead_group();
                (void) sigprocmask(SIG_SETMASK, &before, NULL);
                return 0;
        }

        /* Whoever waits for the end of the output must not wait for us. */
        process_close_range(0, ~0u);
        set_title();
        watch(program, &all);
}
