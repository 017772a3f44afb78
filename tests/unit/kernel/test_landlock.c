/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "kernel/landlock.h"
#include "test.h"

/* Makes HERE the root, keeps a descriptor of what lies outside. */
#define HERE "/mnt"
#define NS   (CLONE_NEWNS | CLONE_NEWPID)

static int enter_root(void) {
        int outside;

        expect(mount("tmpfs", HERE, "tmpfs", 0, "mode=755") == 0);
        expect(mkdir(HERE "/outside", 0755) == 0 && mkdir(HERE "/inside", 0755) == 0);
        expect(mkdir(HERE "/inside/dev", 0755) == 0 && mkdir(HERE "/inside/a", 0755) == 0);
        outside = open(HERE "/outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect(outside >= 0 && close(openat(outside, "secret", O_CREAT | O_RDWR, 0600)) == 0);
        expect(chroot(HERE "/inside") == 0 && chdir("/") == 0);
        return outside;
}

static void confine(const LandlockWalls *walls) {
        autoerr err = {};
        int r;

        expect(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        r = landlock_confine(walls, &err);
        if (r == -EOPNOTSUPP)
                skip("no Landlock here");
        expect_ok(r);
}

TEST_IN(directories_outside_are_of_no_use, NS) {
        int outside = enter_root();
        struct stat st;

        expect(openat(outside, "secret", O_RDONLY | O_CLOEXEC) >=
               0); /* or it would prove nothing */
        confine(&(LandlockWalls){});
        expect(openat(outside, "secret", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
        expect(openat(outside, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0 && errno == EACCES);
        expect(unlinkat(outside, "secret", 0) < 0 && errno == EACCES);
        expect(fchdir(outside) == 0 && open(".", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
        expect(fstat(outside, &st) == 0);
}

TEST_IN(inside_all_is_as_before, NS) {
        int file;

        enter_root();
        confine(&(LandlockWalls){});
        file = open("/a/file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        expect(file >= 0 && ftruncate(file, 100) == 0);
        expect(rename("/a/file", "/file") == 0 && link("/file", "/a/link") == 0);
        expect(mkdir("/b", 0700) == 0 && symlink("x", "/b/s") == 0 && mkfifo("/b/f", 0600) == 0);
        expect(unlink("/b/s") == 0 && unlink("/b/f") == 0 && rmdir("/b") == 0);
}

TEST_IN(nothing_can_be_mounted, NS) {
        enter_root();
        expect(mount("tmpfs", "/a", "tmpfs", 0, NULL) == 0 && umount("/a") == 0);
        confine(&(LandlockWalls){});
        expect(mount("tmpfs", "/a", "tmpfs", 0, NULL) < 0 && errno == EPERM);
}

static int connect_abstract(void) {
        struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0isola-test-landlock" };
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int r = connect(s, (struct sockaddr *) &a, offsetof(struct sockaddr_un, sun_path) + 20);

        return r < 0 ? errno : 0;
}

static void listen_abstract(void) {
        struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0isola-test-landlock" };
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        expect(bind(s, (struct sockaddr *) &a, offsetof(struct sockaddr_un, sun_path) + 20) == 0);
        expect(listen(s, 8) == 0);
}

static bool has_scopes(void) {
        return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 6;
}

TEST_IN(abstract_sockets_end_at_the_wall_if_asked, NS | CLONE_NEWNET) {
        if (!has_scopes())
                skip("Landlock has no scopes here");
        listen_abstract();
        expect(connect_abstract() == 0);
        confine(&(LandlockWalls){});
        expect(connect_abstract() == 0);
        confine(&(LandlockWalls){ .abstract_sockets = true });
        expect(connect_abstract() == EPERM);
}

TEST_IN(signals_end_at_the_wall_if_asked, 0) {
        pid_t other, child;
        int status;

        if (!has_scopes())
                skip("Landlock has no scopes here");
        other = fork();
        if (other == 0) {
                pause();
                _exit(0);
        }
        expect(kill(other, 0) == 0);
        child = fork();
        if (child == 0) {
                confine(&(LandlockWalls){ .signals = true });
                _exit(kill(other, 0) < 0 && errno == EPERM && kill(getpid(), 0) == 0 ? 0 : 1);
        }
        expect(waitpid(child, &status, 0) == child && status == 0);
        expect(kill(other, SIGKILL) == 0);
}
