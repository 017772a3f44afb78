/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What tests run inside of a container to try its walls; static, so that any root will do
 *
 *   attack call NUMBER [ARGUMENT...]      one system call
 *   attack call32 NUMBER [ARGUMENT...]    one 32-bit system call
 *   attack families                       the socket families that can be made
 *   attack abstract NAME                  connects to an abstract socket
 *
 * An argument of a call is a number as strtoul() reads it, "@text" for the address of that
 * text, or "#N" for the address of N zero bytes.  Prints "ok RESULT" or the name of
 * the errno; exits with 0 either way, so that a killed program differs.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int say(long r) {
        if (r == -1)
                printf("%s\n", strerrorname_np(errno) ? strerrorname_np(errno) : "?");
        else
                printf("ok %ld\n", r);
        return 0;
}

static int try_families(void) {
        static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET };

        for (int family = 0; family < 46; family++) {
                int made = 0;

                for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
                        int s = socket(family, types[i], 0);

                        made = made || s >= 0;
                        if (s >= 0)
                                (void) close(s);
                }
                if (made)
                        printf("%d\n", family);
        }
        return 0;
}

static int try_abstract(const char *name) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int s = socket(AF_UNIX, SOCK_STREAM, 0);

        strncpy(a.sun_path + 1, name, sizeof a.sun_path - 2);
        return say(
                connect(s, (struct sockaddr *) &a,
                        (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))));
}

/* In the lowest 4 GiB, where 32-bit calls can reach it too. */
static void *low_memory(size_t size) {
        void *p = mmap((void *) 0x10000000, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                exit(3);
        return p;
}

static unsigned long argument(const char *word) {
        char *copy;

        if (*word == '#')
                return (unsigned long) low_memory(strtoul(word + 1, NULL, 0));
        if (*word != '@')
                return strtoul(word, NULL, 0);
        copy = low_memory(strlen(word));
        memcpy(copy, word + 1, strlen(word));
        return (unsigned long) copy;
}

static long call32(unsigned long nr, const unsigned long *a) {
#ifdef __x86_64__
        long r;

        __asm__ volatile("int $0x80"
                         : "=a"(r)
                         : "a"(nr), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4])
                         : "memory");
        r = (int) r;
        if (r < 0 && r > -4096) {
                errno = (int) -r;
                return -1;
        }
        return r;
#else
        errno = ENOSYS;
        return -1;
#endif
}

static int try_call(int argc, char **argv, int bits) {
        unsigned long a[6] = { 0 }, nr = strtoul(argv[0], NULL, 0);

        for (int i = 1; i < argc && i <= 6; i++)
                a[i - 1] = argument(argv[i]);
        return say(bits == 32 ? call32(nr, a)
                              : syscall((long) nr, a[0], a[1], a[2], a[3], a[4], a[5]));
}

int main(int argc, char **argv) {
        const char *what = argc > 1 ? argv[1] : "";

        if (strcmp(what, "call") == 0 && argc > 2)
                return try_call(argc - 2, argv + 2, 64);
        if (strcmp(what, "call32") == 0 && argc > 2)
                return try_call(argc - 2, argv + 2, 32);
        if (strcmp(what, "families") == 0)
                return try_families();
        if (strcmp(what, "abstract") == 0 && argc > 2)
                return try_abstract(argv[2]);
        fprintf(stderr, "attack: no such attack: %s\n", what);
        return 2;
}
