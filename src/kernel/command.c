/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "kernel/command.h"
#include "kernel/process.h"

_Noreturn static void execute(const char *const *args, int words) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        process_reset_signals();
        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(words, STDOUT_FILENO) < 0 ||
            dup2(words, STDERR_FILENO) < 0)
                _exit(126);
        (void) process_close_on_exec(3);
        execv(args[0], (char *const *) args);
        _exit(errno == ENOENT ? 127 : 126);
}

int command_run(const char *const *args, char **ret_words) {
        autoclose int words = memfd_create("words", MFD_CLOEXEC);
        autofree char *text = calloc(1, COMMAND_WORDS_MAX + 1);
        int status;
        pid_t pid;

        if (words < 0 || !text)
                return words < 0 ? -errno : -ENOMEM;
        pid = process_clone(0, -EBADF, NULL);
        if (pid == 0)
                execute(args, words);
        if (pid < 0)
                return pid;
        while (waitpid(pid, &status, 0) != pid)
                if (errno != EINTR)
                        return -errno;
        if (pread(words, text, COMMAND_WORDS_MAX, 0) < 0)
                return -errno;
        *ret_words = take_ptr(text);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
