/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A container for tests of src/runtime
 *
 * Every test builds a root of busybox in a tmpfs of a private mount namespace,
 * runs a program in it, and looks at what it wrote.  Needs real root.
 */

#include <sys/syscall.h>

#include "base/str.h"
#include "runtime/runtime.h"
#include "test.h"

#define UNUSED __attribute__((__unused__))
#define BASE   1000000 /* first id outside of a container's range */
#define HERE   "/mnt"

/*
 * What a case's container is made of belongs to nobody: a case may cut its lists short and replace
 * them, and the process ends with it.  isola's own allocations below are not meant.
 */
const char *__lsan_default_suppressions(void);
__attribute__((__used__)) const char *__lsan_default_suppressions(void) {
        return "leak:^add_mount$\nleak:^add_device$\nleak:^strv_words$\nleak:^hook$\n";
}

typedef struct Container {
        OciSpec spec;
        OciProcess process;
        OciLinux linux_;
        OciIdMapping mapping;
        RuntimeOptions options;
        const char *lowers[3];
} Container;

UNUSED static void add_namespace(Container *c, const char *type, const char *path) {
        OciNamespace *ns = json_grow(&c->linux_.namespaces, &c->linux_.n_namespaces, sizeof *ns);

        ns->type = strdup(type);
        ns->path = path ? strdup(path) : NULL;
}

UNUSED static void drop_namespace(Container *c, const char *type) {
        OciLinux *l = &c->linux_;

        for (size_t i = 0; i < l->n_namespaces; i++)
                if (str_equal(l->namespaces[i].type, type)) {
                        free(l->namespaces[i].type);
                        l->namespaces[i] = l->namespaces[--l->n_namespaces];
                }
}

UNUSED static void add_mount(Container *c, const char *where, const char *type, const char *source,
                             const char *options) {
        autostrv list = NULL;

        expect_ok(strv_split(options, ",", true, &list));
        expect_ok(oci_mount_add(&c->spec, where, type, source, list));
}

/* A root with busybox, and what a container of ours has by default. */
UNUSED static void setup(Container *c) {
        static const char *const kinds[] = { "pid",     "mount", "ipc",  "uts",
                                             "network", "user",  "time", "cgroup" };

        if (geteuid() != 0)
                skip("needs root");
        /* What a container of ours owns is never freed, but stays reachable. */
        if (access("/bin/busybox", X_OK) < 0)
                skip("needs /bin/busybox");
        if (syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) < 0 && errno == ENOSYS)
                skip("this kernel cannot map the owners of layers");
        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        test_scratch(HERE);
        expect(system("mkdir -p " HERE "/layer/bin " HERE "/layer/etc " HERE "/layer/tmp " HERE
                      "/c/upper " HERE "/c/work " HERE "/out && cp /bin/busybox " HERE
                      "/layer/bin/ && chmod 1777 " HERE "/layer/tmp && for i in sh cat id ls stat "
                      "mount hostname touch sleep test echo readlink mkdir chown kill ps head "
                      "wc sed true false grep dd tty stty ln; do ln -s busybox " HERE
                      "/layer/bin/$i; done && "
                      "printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1001::/home/user:\n"
                      "1000:x:0:0::/:\n' > " HERE "/layer/etc/passwd && "
                      "printf 'root:x:0:\nusers:x:1001:\nstaff:x:50:user,other\n' > " HERE
                      "/layer/etc/group") == 0);

        *c = (Container){ .mapping = { 0, BASE, 65536 } };
        c->spec.process = &c->process;
        c->spec.linux_ = &c->linux_;
        c->spec.hostname = (char *) "box";
        c->process.cwd = (char *) "/";
        c->process.user.umask = -1;
        c->linux_.uid_mappings = c->linux_.gid_mappings = &c->mapping;
        c->linux_.n_uid_mappings = c->linux_.n_gid_mappings = 1;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                add_namespace(c, kinds[i], NULL);
        add_mount(c, "/proc", "proc", "proc", "nosuid,noexec,nodev");
        add_mount(c, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=64k");
        add_mount(c, "/dev/pts", "devpts", "devpts",
                  "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
        add_mount(c, "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=1m");
        add_mount(c, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
        add_mount(c, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
        add_mount(c, "/sys/fs/cgroup", "cgroup2", "cgroup", "nosuid,noexec,nodev,ro");
        c->lowers[0] = HERE "/layer";
        c->options.root = (RuntimeRoot){ .lowers = c->lowers,
                                         .upper = HERE "/c/upper",
                                         .work = HERE "/c/work" };
        for (int i = 0; i < 3; i++)
                c->options.stdio[i] = -EBADF;
}

/* As an OCI bundle: a directory that is the root, its files as they are. */
UNUSED static void setup_bundle(Container *c, bool userns) {
        setup(c);
        expect(rename(HERE "/layer", HERE "/rootfs") == 0);
        c->options.bundle = HERE;
        c->options.root = (RuntimeRoot){ .path = HERE "/rootfs", .as_is = true };
        if (!userns) {
                drop_namespace(c, "user");
                c->linux_.n_uid_mappings = c->linux_.n_gid_mappings = 0;
        }
}

/* A list of one word. */
UNUSED static char **strv_words(const char *word) {
        char **list = NULL;

        expect_ok(strv_add(&list, word));
        return list;
}

UNUSED static void set_shell(Container *c, const char *script) {
        expect_ok(strv_add(&c->process.args, "sh"));
        expect_ok(strv_add(&c->process.args, "-c"));
        expect_ok(strv_add(&c->process.args, script));
}

UNUSED static int wait_code(const Runtime *r) {
        siginfo_t info = {};

        expect(waitid(P_PIDFD, (id_t) runtime_pidfd(r), &info, WEXITED) == 0);
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static char output[65536];

/* Runs it to its end; what it wrote is in output, without the last newline. */
UNUSED static int run(Container *c, Err *err) {
        autoptr(Runtime) runtime = NULL;
        int fds[2], r;
        ssize_t n, size = 0;

        expect(pipe2(fds, O_CLOEXEC) == 0);
        c->options.stdio[1] = c->options.stdio[2] = fds[1];
        r = runtime_spawn(&c->spec, &c->options, &runtime, err);
        if (r >= 0)
                r = runtime_start(runtime, err);
        close(fds[1]);
        while (r >= 0 && (n = read(fds[0], output + size, sizeof output - 1 - (size_t) size)) > 0)
                size += n;
        output[size] = 0;
        if (size > 0 && output[size - 1] == '\n')
                output[size - 1] = 0;
        close(fds[0]);
        return r < 0 ? r : wait_code(runtime);
}

UNUSED static const char *run_shell(Container *c, const char *script) {
        autoerr err = {};
        int r;

        set_shell(c, script);
        r = run(c, &err);
        if (r != 0)
                printf("# %d: %s: %s\n", r, err.message ? err.message : "", output);
        expect(r == 0);
        return output;
}

/* Runs nothing; returns why not. */
UNUSED static const char *refusal(Container *c) {
        static Err err;

        err_clear(&err);
        c->process.args = strv_free(c->process.args);
        set_shell(c, "true");
        expect(run(c, &err) < 0);
        return err.message;
}

/* A running container to put processes into. */
UNUSED static Runtime *sleeper(Container *c) {
        Runtime *runtime = NULL;

        setup(c);
        set_shell(c, "exec sleep 100");
        expect_ok(runtime_spawn(&c->spec, &c->options, &runtime, NULL));
        expect_ok(runtime_start(runtime, NULL));
        return runtime;
}

/* Runs a script in it; its output is in output; returns its exit code or a negative errno. */
UNUSED static int exec_shell(const Runtime *runtime, RuntimeExec *exec, const char *script,
                             Err *err) {
        char *args[] = { (char *) "/bin/sh", (char *) "-c", (char *) script, NULL };
        OciProcess process = exec->process ? *exec->process : (OciProcess){ .user.umask = -1 };
        autoclose int pidfd = -EBADF, console = -EBADF;
        siginfo_t info = {};
        ssize_t n, size = 0;
        int fds[2], r;
        pid_t pid;

        expect(pipe2(fds, O_CLOEXEC) == 0);
        process.args = process.args ? process.args : args;
        process.cwd = (char *) "/";
        exec->pidfd = runtime_pidfd(runtime);
        exec->process = &process;
        exec->stdio[0] = -EBADF;
        exec->stdio[1] = exec->stdio[2] = fds[1];
        r = runtime_exec(exec, &pid, &pidfd, &console, err);
        close(fds[1]);
        if (r < 0)
                return r;
        if (console >= 0) {
                close(fds[0]);
                fds[0] = dup(console);
        }
        while ((n = read(fds[0], output + size, sizeof output - 1 - (size_t) size)) > 0)
                size += n;
        output[size] = 0;
        expect(waitid(P_PIDFD, (id_t) pidfd, &info, WEXITED) == 0);
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

/* Ends the test: this process is in the container's namespaces now, where the leak check hangs. */
UNUSED _Noreturn static void leave(Runtime *runtime) {
        runtime_free(runtime);
        fflush(stdout);
        _exit(0);
}
