/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fds.h"
#include "base/file.h"
#include "base/search.h"
#include "base/str.h"
#include "kernel/caps.h"
#include "kernel/denied.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/seccomp.h"
#include "store/sandbox.h"
#include "transfer/git_sandbox.h"
#include "transfer/remote.h"

/* One id that nobody else has: behind the network process's. */
#define GIT_ID     (SANDBOX_ID_BASE + 65537)
#define OUTPUT_MAX (16u << 20)
#define FILE_MAX   (4u << 20)
#define NAMESPACES \
        (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

#define KNOWN_HOSTS "/etc/ssh/ssh_known_hosts"

/* Where distributions keep programs and their libraries. */
static const char *const program_trees[] = { "usr",   "bin",    "sbin", "lib", "lib32",
                                             "lib64", "libx32", "nix",  "gnu", NULL };
/* What says how to reach hosts, and whom to trust. */
static const char *const etc_trees[] = { "ssl", "pki", "ca-certificates", "crypto-policies", NULL };
static const char *const etc_files[] = { "resolv.conf", "hosts",    "nsswitch.conf", "host.conf",
                                         "gai.conf",    "services", "ld.so.cache",   NULL };

/* One command on its way. */
typedef struct Run {
        const GitCommand *command;
        char *git; /* absolute */
        char **environment;
        char *hosts;   /* of SSH that the machine or the user knows */
        int socket[2]; /* the parent sends /checkout once ids are mapped */
        int words[2];  /* what went wrong before git ran; closed by execve() */
        int out, errors;
        int pidfd;
        pid_t pid;
} Run;

void git_output_clear(GitOutput *output) {
        free(output->out);
        free(output->errors);
        *output = (GitOutput){};
}

static void run_clear(Run *run) {
        if (run->pidfd >= 0)
                process_kill_and_reap(run->pidfd);
        close_fd(run->pidfd);
        for (int i = 0; i < 2; i++) {
                close_fd(run->socket[i]);
                close_fd(run->words[i]);
        }
        close_fd(run->out);
        close_fd(run->errors);
        strv_free(run->environment);
        free(run->hosts);
        free(run->git);
}

/* ---------------------------------------------------------------- the environment */

static int add_config(char ***list, char *const *config) {
        static const char *const ours[] = {
                "core.hooksPath=/dev/null",
                "core.logAllRefUpdates=false",
                "gc.auto=0",
                "maintenance.auto=false",
                "init.defaultBranch=master",
                "advice.detachedHead=false",
                "safe.directory=*",
                NULL,
        };
        autostrv all = NULL;
        size_t n = 0;

        if (strv_add_words(&all, ours) < 0 || strv_extend(&all, config) < 0)
                return -ENOMEM;
        strv_foreach(pair, all) {
                /* A name may hold an address, which may hold a '='. */
                const char *equals = strstr(*pair, ".extraheader=");

                equals = strchr(equals ? equals : *pair, '=');
                if (strv_addf(list, "GIT_CONFIG_KEY_%zu=%.*s", n, (int) (equals - *pair), *pair) <
                            0 ||
                    strv_addf(list, "GIT_CONFIG_VALUE_%zu=%s", n, equals + 1) < 0)
                        return -ENOMEM;
                n++;
        }
        return strv_addf(list, "GIT_CONFIG_COUNT=%zu", n);
}

/* Only git's own processes can read it, unlike a command line. */
static int make_environment(Run *run) {
        static const char *const fixed[] = {
                "PATH=/usr/bin:/bin:/usr/sbin:/sbin",
                "HOME=/",
                "LC_ALL=C",
                "GIT_CONFIG_NOSYSTEM=1",
                "GIT_CONFIG_GLOBAL=/dev/null",
                "GIT_TERMINAL_PROMPT=0",
                "GIT_ALLOW_PROTOCOL=http:https:git:ssh",
                "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o GlobalKnownHostsFile=" KNOWN_HOSTS
                " -o UserKnownHostsFile=/tmp/known_hosts -o StrictHostKeyChecking=accept-new",
                "GIT_SSH_VARIANT=ssh",
                NULL,
        };
        autostrv proxies = remote_environment();

        if (strv_add_words(&run->environment, fixed) < 0 ||
            add_config(&run->environment, run->command->config) < 0 ||
            strv_extend(&run->environment, proxies) < 0)
                return -ENOMEM;
        if (!run->command->agent)
                return 0;
        return strv_addf(&run->environment, "SSH_AUTH_SOCK=%s", run->command->agent);
}

/* ---------------------------------------------------------------------- the child */

/* Child: a directory of the machine's with all that is mounted in it, read-only. */
static int attach_tree(int root, const char *path, const char *name) {
        const MountAttr attr = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY,
                                 .recursive = true };
        autoclose int tree = mount_clone(AT_FDCWD, path, true);
        int r;

        if (tree < 0)
                return tree;
        if (mkdirat(root, name, 0755) < 0)
                return -errno;
        r = mount_attach_below(tree, root, name);
        return r < 0 ? r : mount_set_attr(tree, &attr);
}

/* Child: /usr and its like, links as links. */
static int attach_programs(int root) {
        char path[16], target[PATH_MAX];
        struct stat st;

        for (const char *const *name = program_trees; *name; name++) {
                int r;

                snprintf(path, sizeof path, "/%s", *name);
                if (lstat(path, &st) < 0)
                        continue;
                if (S_ISLNK(st.st_mode)) {
                        ssize_t n = readlink(path, target, sizeof target - 1);

                        if (n < 0)
                                return -errno;
                        target[n] = 0;
                        r = symlinkat(target, root, *name) < 0 ? -errno : 0;
                } else {
                        r = attach_tree(root, path, *name);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int copy_file(const char *path, int dir, const char *name) {
        autofree char *text = NULL;
        size_t size;

        /* What is not there, or not ours to read, git has to do without. */
        if (file_read(AT_FDCWD, path, FILE_MAX, &text, &size) < 0)
                return 0;
        return file_create(dir, name, text, size, 0644);
}

static int put_known_hosts(int etc, const char *hosts) {
        if (mkdirat(etc, "ssh", 0755) < 0)
                return -errno;
        return file_create(etc, KNOWN_HOSTS + strlen("/etc/"), hosts, strlen(hosts), 0644);
}

static int fill_etc(int root, const char *hosts) {
        static const char users[] = "root:x:0:0::/:/bin/sh\n", groups[] = "root:x:0:\n";
        autoclose int etc = -EBADF;
        char path[64];
        int r;

        r = dir_make(root, "etc", 0755);
        etc = r < 0 ? r : openat(root, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (etc < 0)
                return r < 0 ? r : -errno;
        for (const char *const *name = etc_files; *name && r >= 0; name++) {
                snprintf(path, sizeof path, "/etc/%s", *name);
                r = copy_file(path, etc, *name);
        }
        for (const char *const *name = etc_trees; *name && r >= 0; name++) {
                snprintf(path, sizeof path, "/etc/%s", *name);
                r = attach_tree(etc, path, *name);
                if (r == -ENOENT || r == -ENOTDIR)
                        r = 0;
        }
        if (r >= 0)
                r = file_create(etc, "passwd", users, strlen(users), 0644);
        if (r >= 0)
                r = file_create(etc, "group", groups, strlen(groups), 0644);
        return r < 0 ? r : put_known_hosts(etc, hosts);
}

static int fill_dev(int root) {
        static const char *const devices[] = { "null", "zero", "urandom", "random", NULL };
        const MountAttr attr = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };
        char path[16];

        if (mkdirat(root, "dev", 0755) < 0)
                return -errno;
        for (const char *const *name = devices; *name; name++) {
                autoclose int place = -EBADF, device = -EBADF;
                int r;

                snprintf(path, sizeof path, "/dev/%s", *name);
                device = mount_clone(AT_FDCWD, path, false);
                r = device < 0 ? device : file_create(root, path + 1, "", 0, 0644);
                if (r < 0)
                        return r;
                place = openat(root, path + 1, O_PATH | O_CLOEXEC);
                r = place < 0 ? -errno : mount_attach(device, place);
                if (r >= 0)
                        r = mount_set_attr(device, &attr);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Child: assembles the root on top of the machine's, and leaves that. */
static int enter_root(const Run *run, int work, Err *err) {
        static const char *const options[] = { "mode=0755", "size=64m", NULL };
        const MountAttr attr = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
        autoclose int root = mount_new("tmpfs", options, &attr, err);
        autoclose int below = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (root < 0)
                return root;
        r = below < 0 ? -errno : mount_attach(root, below);
        if (r >= 0)
                r = attach_programs(root);
        if (r >= 0)
                r = fill_etc(root, run->hosts);
        if (r >= 0)
                r = fill_dev(root);
        if (r >= 0)
                r = mkdirat(root, "tmp", 01777) < 0 || mkdirat(root, GIT_WORK + 1, 0755) < 0
                            ? -errno
                            : 0;
        if (r >= 0 && work >= 0)
                r = mount_attach_below(work, root, GIT_WORK + 1);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot assemble git's files"), "move_mount",
                                  "5.2");
        if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
            umount2(".", MNT_DETACH) < 0 || chdir(work >= 0 ? GIT_WORK : "/") < 0)
                return fail(err, errno, "cannot leave the machine's files");
        return 0;
}

/* Child: no rights from now on, not even those that its root would get by execve(). */
static int lock_in(Err *err) {
        const struct rlimit none = { 0, 0 };
        int r;

        if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fail(err, errno, "cannot lock git in");
        r = caps_bound(0);
        if (r >= 0)
                r = caps_set(&(CapSets){});
        if (r >= 0)
                r = seccomp_apply(seccomp_default());
        return r < 0 ? fail(err, r, "cannot lock git in") : 0;
}

static int arrange_output(const Run *run, Err *err) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(run->out, STDOUT_FILENO) < 0 ||
            dup2(run->errors, STDERR_FILENO) < 0 || process_close_on_exec(3) < 0)
                return fail(err, errno, "cannot arrange descriptors");
        return 0;
}

static int child_setup(Run *run, Err *err) {
        autoclose int work = -EBADF;
        size_t n = 0;
        char byte;
        int r;

        /* The parent maps ids first, and says so with what is to be /checkout.  One that is gone
         * sends nothing. */
        if (fds_recv(run->socket[1], &byte, 1, &work, 1, &n) != 1)
                return refuse(err, ECHILD, "the parent of git is gone");
        if (process_become_root() < 0 || setsid() < 0)
                return fail(err, errno, "cannot become nobody");
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
                return fail(err, errno, "cannot tie git to its parent");
        umask(022);
        r = enter_root(run, work, err);
        if (r >= 0)
                r = arrange_output(run, err);
        return r < 0 ? r : lock_in(err);
}

_Noreturn static void child(Run *run) {
        autostrv arguments = NULL;
        autoerr err = {};

        process_reset_signals();
        run->socket[0] = close_fd(run->socket[0]);
        if (child_setup(run, &err) >= 0) {
                if (strv_add(&arguments, "git") < 0 ||
                    strv_add_words(&arguments, run->command->args) < 0)
                        _exit(126);
                execve(run->git, arguments, run->environment);
                (void) err_hint(&err, fail(&err, errno, "cannot execute '%s'", run->git),
                                "isola runs git with the files below /usr, /bin and /lib alone");
        }
        err_write(run->words[1], &err);
        _exit(127);
}

/* --------------------------------------------------------------------- the parent */

static int give_id(int proc, Err *err) {
        /* In a user namespace, as where an ordinary user is root, there is nobody else to be. */
        const IdRange range = { 0, idmap_is_inside() ? 0 : GIT_ID, 1 };
        int r = idmap_write(proc, "uid_map", &range, 1, err);

        return r < 0 ? r : idmap_write(proc, "gid_map", &range, 1, err);
}

/* /checkout as its root sees it: what is the caller's root's is git's. */
static int map_work(const Run *run, int proc, Err *err) {
        const MountAttr attr = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
        const char *path = run->command->work;
        autoclose int mount = mount_clone_source(path, false), userns = -EBADF;
        int r;

        if (mount < 0)
                return err_denied(err, fail(err, mount, "cannot use '%s'", path), "open_tree",
                                  "5.2");
        if (idmap_is_inside()) {
                r = mount_set_attr(mount, &attr);
                return r < 0 ? fail(err, r, "cannot protect '%s'", path) : take_fd(mount);
        }
        userns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
        if (userns < 0)
                return fail(err, errno, "cannot open git's user namespace");
        r = mount_idmap(mount, &attr, userns);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot map the owners of '%s'", path),
                                  "mount_setattr", "5.12");
        return take_fd(mount);
}

static int equip(Run *run, Err *err) {
        autofree char *path = str_format("/proc/%d", run->pid);
        autoclose int proc = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        autoclose int work = -EBADF;
        int r;

        if (proc < 0)
                return fail(err, errno, "cannot open '/proc/%d'", run->pid);
        r = give_id(proc, err);
        if (r < 0)
                return r;
        if (run->command->work) {
                work = map_work(run, proc, err);
                if (work < 0)
                        return work;
        }
        r = fds_send(run->socket[0], "w", 1, &work, work >= 0);
        return r < 0 ? fail(err, r, "cannot start git") : 0;
}

/* Of what the user has for SSH only this, no keys. */
static char *known_hosts(void) {
        const char *home = getenv("HOME");
        autofree char *own = home ? str_format("%s/.ssh/known_hosts", home) : NULL;
        const char *const files[] = { KNOWN_HOSTS, own, NULL };
        autostr all = {};

        for (const char *const *file = files; *file; file++) {
                autofree char *text = NULL;

                if (file_read(AT_FDCWD, *file, FILE_MAX, &text, NULL) < 0)
                        continue;
                str_put(&all, text);
                str_put_char(&all, '\n');
        }
        return str_take(&all);
}

static int start(Run *run, Err *err) {
        run->git = search_program("git");
        if (!run->git)
                return err_hint(err,
                                refuse(err, ENOENT,
                                       "there is no program 'git' here, which "
                                       "fetches repositories"),
                                "install it: apt-get install git");
        run->out = memfd_create("git-output", MFD_CLOEXEC);
        run->errors = memfd_create("git-errors", MFD_CLOEXEC);
        if (run->out < 0 || run->errors < 0 || pipe2(run->words, O_CLOEXEC) < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->socket) < 0 ||
            make_environment(run) < 0 || !(run->hosts = known_hosts()))
                return fail(err, errno, "cannot start git");
        run->pid = process_clone(NAMESPACES, -EBADF, &run->pidfd);
        if (run->pid == 0)
                child(run);
        if (run->pid < 0)
                return err_hint(err, fail(err, run->pid, "cannot make git's sandbox"),
                                "'isola check' says what this kernel offers");
        run->words[1] = close_fd(run->words[1]);
        run->socket[1] = close_fd(run->socket[1]);
        return equip(run, err);
}

/* Until it ends, or somebody wants the caller to end. */
static int wait_for_end(const Run *run, Err *err) {
        autoclose int signals = -EBADF;
        sigset_t ends;

        sigemptyset(&ends);
        sigaddset(&ends, SIGINT);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGHUP);
        /* Readable for signals that are blocked only, and they stay where they are. */
        signals = signalfd(-1, &ends, SFD_CLOEXEC);
        for (;;) {
                struct pollfd fds[] = { { .fd = run->pidfd, .events = POLLIN },
                                        { .fd = signals, .events = POLLIN } };

                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        return fail(err, errno, "cannot wait for git");
                if (fds[0].revents)
                        return 0;
                if (fds[1].revents)
                        return refuse(err, EINTR, "interrupted");
        }
}

static int read_memory(int memory, char **ret) {
        off_t size = lseek(memory, 0, SEEK_END);
        size_t n = size > (off_t) OUTPUT_MAX ? OUTPUT_MAX : (size_t) size;
        ssize_t got;

        *ret = size < 0 ? NULL : calloc(1, n + 1);
        if (!*ret)
                return -ENOMEM;
        got = pread(memory, *ret, n, 0);
        return got < 0 ? -errno : 0;
}

static int finish(Run *run, GitOutput *ret, Err *err) {
        siginfo_t info = {};
        int r = err_read(run->words[0], err);

        if (r >= 0)
                r = wait_for_end(run, err);
        if (r < 0)
                return r;
        r = process_reap(run->pidfd, &info);
        run->pidfd = close_fd(run->pidfd);
        if (r >= 0)
                r = read_memory(run->out, &ret->out);
        if (r >= 0)
                r = read_memory(run->errors, &ret->errors);
        ret->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
        return r < 0 ? fail(err, r, "cannot hear git") : 0;
}

int git_run(const GitCommand *command, GitOutput *ret, Err *err) {
        __attribute__((__cleanup__(run_clear))) Run run = {
                .command = command,
                .socket = { -EBADF, -EBADF },
                .words = { -EBADF, -EBADF },
                .out = -EBADF,
                .errors = -EBADF,
                .pidfd = -EBADF,
        };
        int r = start(&run, err);

        return r < 0 ? r : finish(&run, ret, err);
}
