/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Kathará's lab.conf, and behind a line "%%" its lab.dep, in a directory that is made once. */

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz_lab.h"

static char directory[32];

static void remove_directory(void) {
        (void) tree_remove(AT_FDCWD, directory);
}

/* In memory if that can be: it is written anew for every input. */
static void make_directory(void) {
        strcpy(directory, "/dev/shm/isola-fuzz-XXXXXX");
        if (!mkdtemp(directory)) {
                strcpy(directory, "/tmp/isola-fuzz-XXXXXX");
                must(mkdtemp(directory));
        }
        must(atexit(remove_directory) == 0);
}

static void put(const char *name, const char *text, size_t size) {
        char path[sizeof directory + 16];

        (void) snprintf(path, sizeof path, "%s/%s", directory, name);
        must(file_replace(AT_FDCWD, path, text, size, 0600, false) >= 0);
}

static int read_directory(const char *text, size_t size, const char *file, Topology *t, Err *err) {
        const char *cut = memmem(text, size, "\n%%\n", 4);
        size_t n = cut ? (size_t) (cut - text) : size;

        (void) file;
        put("lab.conf", text, n);
        put("lab.dep", cut ? cut + 4 : "", cut ? size - n - 4 : 0);
        return topology_read_kathara(directory, t, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static pid_t maker;

        /* Each process has its own: the driver makes one for every file. */
        if (maker != getpid()) {
                make_directory();
                maker = getpid();
        }
        fuzz_lab(data, size, read_directory, NULL, NULL);
        return 0;
}
