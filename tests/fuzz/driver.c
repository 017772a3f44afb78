/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The fuzz targets without a fuzzer
 *
 * Usage: fuzz_X_corpus DIRECTORY
 *
 * Gives the target every file below, cut off at many places, and with one byte
 * changed at many places; the same ones each time.  A process for each file: what
 * crashes is named and the others go on.  TAP on standard output.
 */

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "fuzz.h"

#define PLACES_MAX 400
#define SIZE_MAX_  (1u << 20)

/* The bytes of its own size, so that reading beyond them is reading beyond an allocation. */
static void give(const char *text, size_t size) {
        uint8_t *exact = malloc(size ? size : 1);

        must(exact);
        memcpy(exact, text, size);
        (void) LLVMFuzzerTestOneInput(exact, size);
        free(exact);
}

static void give_all(char *text, size_t size) {
        static const char changes[] = { 0, '"', '{', ']', ',', '9', '-', '\\', '\n', (char) 0xff };
        size_t step = size / PLACES_MAX + 1;

        give(text, size);
        for (size_t i = 0; i < size; i += step) {
                char kept = text[i];

                give(text, i);
                text[i] = changes[i / step % sizeof changes];
                give(text, size);
                text[i] = kept;
        }
}

static bool survives(int dir, const char *name) {
        autofree char *text = NULL;
        size_t size;
        int status;
        pid_t pid;

        if (file_read(dir, name, SIZE_MAX_, &text, &size) < 0)
                return false;
        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                give_all(text, size);
                exit(0);
        }
        return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv) {
        int dir = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, failed = 0;
        autostrv names = NULL;
        size_t n = 0;

        if (dir < 0 || dir_list(dir, ".", &names) < 0 || !names) {
                fprintf(stderr, "Usage: %s DIRECTORY\n", argv[0]);
                return 2;
        }
        printf("1..%zu\n", strv_length(names));
        strv_foreach(name, names) {
                bool ok = survives(dir, *name);

                printf("%sok %zu %s\n", ok ? "" : "not ", ++n, *name);
                failed |= !ok;
        }
        close(dir);
        return failed;
}
