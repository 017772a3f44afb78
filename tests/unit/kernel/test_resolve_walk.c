/* SPDX-License-Identifier: GPL-2.0-or-later */

/* openat2(2) is the oracle: what it says of a path, the walk must say. */

#include <sys/stat.h>

#include "base/auto.h"
#include "denied.h"
#include "kernel/resolve.h"
#include "kernel/resolve_walk.h"

/* /mnt/root is the root, /mnt/secret lies outside. */
static int make_root(void) {
        int root;

        expect(mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0);
        expect(system("mkdir -p /mnt/root/etc /mnt/root/a/b/c /mnt/root/shut; echo s > /mnt/secret; "
                      "cd /mnt/root; echo r > secret; ln -s /secret absolute; mkfifo fifo; "
                      "ln -s ../../../secret a/relative; ln -s /run/x dangling; ln -s loop loop; "
                      "ln -s a/b/ slash; ln -s /a/b/.. dots; ln -s a/b/c/../../relative chain; "
                      "ln -s fifo/x through; ln -s . here; ln -s .. above") == 0);
        expect(system("cd /mnt/root; ln -s secret l0; for i in $(seq 45); do "
                      "ln -s l$((i - 1)) l$i; done") == 0);
        root = open("/mnt/root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        expect(root >= 0);
        return root;
}

static const char *const paths[] = {
        "",
        "/",
        ".",
        "..",
        "//",
        "/..",
        "a",
        "a/",
        "a/.",
        "a/..",
        "a//b/./c",
        "a/b/../b/c/..",
        "secret",
        "secret/",
        "secret/.",
        "secret/..",
        "secret/x",
        "absolute",
        "absolute/",
        "a/relative",
        "../../secret",
        "/a/b/../../../../secret",
        "missing",
        "missing/",
        "missing/x",
        "a/missing/..",
        "dangling",
        "dangling/",
        "dangling/deep",
        "loop",
        "loop/",
        "loop/x",
        "slash",
        "slash/c",
        "slash/../relative",
        "dots",
        "dots/b/c",
        "chain",
        "through",
        "here",
        "here/",
        "here/secret",
        "above",
        "above/secret",
        "a/b/c/../../../above/../secret",
        "l40",
        "l39",
        "l41",
        "fifo",
        "fifo/",
        "a/b/c/d",
        "etc/../../root/secret",
};

static const int flags[] = {
        O_PATH,
        O_PATH | O_NOFOLLOW,
        O_PATH | O_DIRECTORY,
        O_PATH | O_DIRECTORY | O_NOFOLLOW,
        O_RDONLY | O_NONBLOCK,
        O_RDONLY | O_NONBLOCK | O_NOFOLLOW,
        O_RDONLY | O_DIRECTORY,
        O_WRONLY | O_NONBLOCK,
};

static void expect_same(int root, const char *path, int how) {
        int oracle = resolve_open(root, path, how), walk = resolve_walk(root, path, how);
        struct stat a = {}, b = {};

        if (oracle >= 0 && walk >= 0 && fstat(oracle, &a) == 0 && fstat(walk, &b) == 0 &&
            a.st_ino == b.st_ino && a.st_dev == b.st_dev &&
            ((fcntl(oracle, F_GETFL) ^ fcntl(walk, F_GETFL)) & (O_ACCMODE | O_PATH | O_NONBLOCK)) ==
                    0 &&
            fcntl(walk, F_GETFD) == FD_CLOEXEC) {
                close(oracle);
                close(walk);
                return;
        }
        if (oracle < 0 && oracle == walk)
                return;
        printf("# '%s' with flags 0x%x: openat2 %d (%s), walk %d (%s)\n", path, (unsigned) how,
               oracle, oracle < 0 ? strerror(-oracle) : "", walk, walk < 0 ? strerror(-walk) : "");
        fflush(stdout);
        _exit(1);
}

TEST_IN(walk_and_openat2_say_the_same, CLONE_NEWNS) {
        autoclose int root = make_root();

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                for (size_t f = 0; f < sizeof flags / sizeof *flags; f++)
                        expect_same(root, paths[i], flags[f]);
}

TEST_IN(walk_and_openat2_say_the_same_of_proc, CLONE_NEWNS) {
        static const char *const magic[] = {
                "self/root",        "self/root/etc",
                "self/cwd",         "self/exe",
                "self/fd/0",        "self/ns/net",
                "self/status",      "thread-self/status",
                "mounts",           "net",
                "net/dev",          "self/fd/..",
                "self/root/../etc", "sys/kernel/ostype",
        };
        autoclose int root = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

        for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
                for (size_t f = 0; f < 4; f++)
                        expect_same(root, magic[i], flags[f]);
}

TEST_IN(mounts_are_crossed, CLONE_NEWNS) {
        autoclose int root = make_root();

        expect(mount("tmpfs", "/mnt/root/etc", "tmpfs", 0, NULL) == 0);
        expect(system("echo m > /mnt/root/etc/mark; ln -s /etc/../../etc/mark /mnt/root/etc/l") ==
               0);
        expect_same(root, "etc/l", O_RDONLY);
        expect_same(root, "etc/..", O_PATH);
}

TEST_IN(denied_openat2_is_replaced, CLONE_NEWNS) {
        autoclose int root = make_root(), file = -EBADF, made = -EBADF;
        char c;

        denied(__NR_openat2, EPERM);
        file = expect_ok(resolve_open(root, "a/relative", O_RDONLY));
        expect(read(file, &c, 1) == 1 && c == 'r');
        made = expect_ok(resolve_make(root, "/dangling/deep", true));
        expect(access("/mnt/root/run/x/deep", F_OK) == 0);
        expect(resolve_open(root, "missing", O_RDONLY) == -ENOENT);
}

/* A directory that moves while it is being walked through must not lead out. */
TEST_IN(renames_under_way_do_not_lead_out, CLONE_NEWNS) {
        autoclose int root = make_root();
        pid_t mover = fork();

        if (mover == 0)
                for (;;) {
                        (void) rename("/mnt/root/a/b/c", "/mnt/root/c");
                        (void) rename("/mnt/root/c", "/mnt/root/a/b/c");
                }
        for (int i = 0; i < 2000; i++) {
                int file = resolve_walk(root, "a/b/c/../../../../../../secret", O_RDONLY);
                char c = 'r';

                expect(file >= 0 || file == -ENOENT || file == -EAGAIN);
                expect(file < 0 || (read(file, &c, 1) == 1 && c == 'r'));
                close_fd(file);
        }
        kill(mover, SIGKILL);
}
