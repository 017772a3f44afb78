/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/search.h"
#include "base/str.h"
#include "engine/pasta.h"
#include "kernel/process.h"

#define LOG_MAX        (1u << 20)
#define COMMAND_MAX    (1u << 16)
#define END_TIMEOUT_MS 2000

static int add_common(const PastaRun *run, int netns, char ***args) {
        int r = strv_add(args, PASTA);

        if (r >= 0)
                r = strv_add(args, "--config-net");
        if (r >= 0)
                r = strv_add(args, "--quiet");
        if (r >= 0)
                r = strv_add(args, "--netns-only");
        if (r >= 0)
                r = strv_add(args, "--no-netns-quit");
        if (r >= 0)
                r = strv_add(args, "--netns");
        if (r >= 0)
                r = strv_addf(args, "/proc/self/fd/%d", netns);
        if (r >= 0)
                r = strv_add(args, "--pid");
        if (r >= 0)
                r = strv_addf(args, "%s/" PASTA_PID, run->directory);
        if (r >= 0)
                r = strv_add(args, "--log-file");
        if (r >= 0)
                r = strv_addf(args, "%s/" PASTA_LOG, run->directory);
        return r < 0 ? r : strv_extend(args, run->options);
}

/* Until it is in the background, with its number written down, it goes with who started it: nobody
 * would find it. */
static void tie_to(pid_t starter) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != starter)
                _exit(127);
}

static _Noreturn void become(const char *program, const PastaRun *run, pid_t starter) {
        int null = open("/dev/null", O_RDWR), kept = fcntl(run->netns, F_DUPFD, 3);
        autostrv args = NULL;

        tie_to(starter);
        process_reset_signals();
        (void) setsid();
        if (null < 0 || kept < 0 || add_common(run, kept, &args) < 0)
                _exit(127);
        for (int fd = 0; fd < 3; fd++)
                (void) dup2(null, fd);
        execv(program, args);
        _exit(127);
}

int pasta_start(const PastaRun *run, int *ret_pidfd, Err *err) {
        autofree char *program = search_program(PASTA);
        autofree char *number = str_format("%s/" PASTA_PID, run->directory),
                      *log = str_format("%s/" PASTA_LOG, run->directory);
        pid_t starter = getpid(), pid;

        if (!program)
                return -ENOENT;
        if (!number || !log)
                return fail(err, ENOMEM, "cannot run '" PASTA "'");
        (void) unlink(number);
        (void) unlink(log);
        pid = process_clone(0, -EBADF, ret_pidfd);
        if (pid == 0)
                become(program, run, starter);
        return pid < 0 ? fail(err, pid, "cannot run '" PASTA "'") : 0;
}

int pasta_wait(int pidfd) {
        siginfo_t info = {};

        if (process_reap(pidfd, &info) < 0 || info.si_code != CLD_EXITED || info.si_status)
                return -ECHILD;
        return 0;
}

char *pasta_reason(int directory) {
        autofree char *text = NULL;
        const char *reason, *word;

        if (directory >= 0 && file_read(directory, PASTA_LOG, LOG_MAX, &text, NULL) >= 0)
                while (*text && text[strlen(text) - 1] == '\n')
                        text[strlen(text) - 1] = 0;
        reason = text ? strrchr(text, '\n') : NULL;
        reason = reason ? reason + 1 : str_empty(text) ? "it gave no reason" : text;
        word = strstr(reason, "ERROR:"); /* "0.1980: ERROR:   …" */
        if (word)
                reason = word + strlen("ERROR:") + strspn(word + strlen("ERROR:"), " ");
        return strdup(reason);
}

/* It executes itself anew as what fits the processor: "passt.avx2". */
static bool is_pasta(int proc) {
        autofree char *name = NULL;

        return file_read_line(proc, "comm", &name) >= 0 &&
               (str_after(name, PASTA) || str_after(name, "passt"));
}

static bool was_told(int proc, const char *path) {
        autofree char *command = NULL;
        size_t size = 0;

        if (file_read(proc, "cmdline", COMMAND_MAX, &command, &size) < 0)
                return false;
        for (const char *word = command; word < command + size; word += strlen(word) + 1) {
                const char *rest = str_after(word, path);

                if (rest && str_equal(rest, "/" PASTA_PID))
                        return true;
        }
        return false;
}

int pasta_find(int directory, const char *path) {
        autofree char *text = NULL, *place = NULL;
        autoclose int pidfd = -EBADF, proc = -EBADF;
        int pid;

        if (file_read_line(directory, PASTA_PID, &text) < 0 ||
            parse_int(text, 1, INT32_MAX, &pid) < 0)
                return -ESRCH;
        pidfd = pidfd_open(pid, 0);
        place = str_format("/proc/%d", pid);
        proc = place ? open(place, O_PATH | O_DIRECTORY | O_CLOEXEC) : -ENOMEM;
        if (pidfd < 0 || proc < 0 || !is_pasta(proc) || !was_told(proc, path))
                return -ESRCH;
        return take_fd(pidfd);
}

void pasta_end(int pidfd) {
        struct pollfd end = { .fd = pidfd, .events = POLLIN };

        (void) pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
        if (poll(&end, 1, END_TIMEOUT_MS) > 0)
                return;
        (void) pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        (void) poll(&end, 1, END_TIMEOUT_MS);
}
