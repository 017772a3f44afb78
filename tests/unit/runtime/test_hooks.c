/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Hooks alone, with the machine's shell; then in a container's life. */

#include <sys/prctl.h>
#include <sys/stat.h>

#include "container.h"
#include "kernel/seccomp.h"
#include "runtime/hooks.h"

#define PLACE "/tmp"

/* A hook that runs a script; for one of this test's own mount namespace. */
static OciHook hook(const char *script) {
        char **args = calloc(4, sizeof *args);

        args[0] = strdup("sh");
        args[1] = strdup("-c");
        args[2] = strdup(script);
        return (OciHook){ .path = (char *) "/bin/sh", .args = args };
}

static void free_hook(OciHook *h) {
        h->args = strv_free(h->args);
}

static char text[65536];

static const char *content(const char *path) {
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

        expect(f);
        fclose(f);
        text[n] = 0;
        return text;
}

/* One createRuntime hook with a tmpfs at /tmp. */
static int run_hook(OciHook *h, const char *state, Err *err) {
        OciHooks hooks = { .create_runtime = h, .n_create_runtime = 1 };

        return hooks_run(&hooks, HOOK_CREATE_RUNTIME, &(HookWorld){ state, environ, -EBADF }, err);
}

static void expect_failure(OciHook h, int code, const char *message) {
        autoerr err = {};
        int r = run_hook(&h, "{}", &err);

        expect_str(err.message, message);
        expect(r == code);
        free_hook(&h);
}

static void own_tmp(void) {
        expect(mount("tmpfs", PLACE, "tmpfs", 0, NULL) == 0);
}

TEST_IN(hooks_run_in_order_with_the_state, CLONE_NEWNS) {
        OciHook list[] = { hook("cat > /tmp/out; echo >> /tmp/out; pwd >> /tmp/out"),
                           hook("cat >> /tmp/out; echo end >> /tmp/out") };
        OciHooks hooks = { .poststart = list, .n_poststart = 2 };
        autoclose int directory = open("/usr", O_PATH | O_CLOEXEC);

        own_tmp();
        expect(hooks_any(&hooks, HOOK_POSTSTART) && !hooks_any(&hooks, HOOK_POSTSTOP) &&
               !hooks_any(NULL, HOOK_PRESTART));
        expect_ok(hooks_run(&hooks, HOOK_POSTSTART, &(HookWorld){ "{\"a\":1}", environ, directory },
                            NULL));
        expect_str(content("/tmp/out"), "{\"a\":1}\n/usr\n{\"a\":1}end\n");
        free_hook(&list[0]);
        free_hook(&list[1]);
}

TEST_IN(environment_is_the_hooks_or_the_callers, CLONE_NEWNS) {
        char *const env[] = { (char *) "A=1", NULL };
        OciHook h = hook("echo \"$A$B\" > /tmp/out");

        own_tmp();
        expect(setenv("A", "x", 1) == 0 && setenv("B", "y", 1) == 0);
        expect_ok(run_hook(&h, "", NULL));
        expect_str(content("/tmp/out"), "xy\n");
        h.env = (char **) env;
        expect_ok(run_hook(&h, "", NULL));
        expect_str(content("/tmp/out"), "1\n");
        free_hook(&h);
}

TEST_IN(descriptors_are_not_inherited, CLONE_NEWNS) {
        OciHook h = hook("ls /proc/self/fd | tr '\\n' ' ' > /tmp/out");

        own_tmp();
        expect(dup2(0, 20) == 20);
        expect_ok(run_hook(&h, "", NULL));
        expect_str(content("/tmp/out"), "0 1 2 3 ");
        free_hook(&h);
}

TEST(failure_is_told_with_the_last_line) {
        expect_failure(hook("echo first >&2; echo; echo 'no \033[31mdevice' >&2; echo; exit 3"),
                       -ECANCELED,
                       "the createRuntime hook '/bin/sh' failed with status 3: no ?[31mdevice");
        expect_failure(hook("exit 4"), -ECANCELED,
                       "the createRuntime hook '/bin/sh' failed with status 4");
        expect_failure(hook("kill -9 $$"), -ECANCELED,
                       "the createRuntime hook '/bin/sh' was killed by signal 9");
}

TEST(only_the_end_of_much_output_is_kept) {
        expect_failure(
                hook("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 1"),
                -ECANCELED, "the createRuntime hook '/bin/sh' failed with status 1: line 19999");
}

TEST(missing_hook_is_told) {
        OciHook h = { .path = (char *) "/no/such/hook" };
        autoerr err = {};

        expect(run_hook(&h, "", &err) == -ENOENT);
        expect_str(err.message,
                   "cannot run the createRuntime hook '/no/such/hook': No such file or directory");
}

TEST(large_state_that_is_not_read_does_no_harm) {
        char *state = malloc(1 << 20);
        OciHook ignore = hook("exit 0"), count = hook("[ $(wc -c) = 1048575 ]");

        memset(state, ' ', (1 << 20) - 1);
        state[(1 << 20) - 1] = 0;
        expect_ok(run_hook(&ignore, state, NULL));
        expect_ok(run_hook(&count, state, NULL));
        free_hook(&ignore);
        free_hook(&count);
        free(state);
}

TEST(what_a_hook_leaves_running_is_not_waited_for) {
        OciHook h = hook("sleep 1000 & echo $!; exit 1");
        autoerr err = {};
        const char *pid;

        expect(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
        expect(run_hook(&h, "", &err) == -ECANCELED);
        pid = str_after(err.message, "the createRuntime hook '/bin/sh' failed with status 1: ");
        expect(pid && kill(atoi(pid), SIGKILL) == 0);
        free_hook(&h);
}

TEST_IN(hook_that_takes_too_long_is_killed_with_its_group, CLONE_NEWNS) {
        OciHook h = hook("sleep 1000 & echo $! > /tmp/pid; wait");
        int status;

        own_tmp();
        expect(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
        h.timeout = 1;
        h.has_timeout = true;
        expect_failure(h, -ETIMEDOUT,
                       "the createRuntime hook '/bin/sh' did not end within 1 seconds");
        expect(waitpid(atoi(content("/tmp/pid")), &status, 0) > 0);
        expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_IN(first_failure_ends_the_matter_but_not_at_the_end, CLONE_NEWNS) {
        OciHook list[] = { hook("exit 1"), hook("echo second > /tmp/out") };
        OciHooks hooks = { list, list, list, list, list, list, 2, 2, 2, 2, 2, 2 };
        const HookWorld world = { "", environ, -EBADF };
        autoerr err = {};

        own_tmp();
        expect(hooks_run(&hooks, HOOK_POSTSTART, &world, &err) == -ECANCELED);
        expect_str(err.message, "the poststart hook '/bin/sh' failed with status 1");
        expect(access("/tmp/out", F_OK) < 0);
        expect_ok(hooks_run(&hooks, HOOK_POSTSTOP, &world, NULL));
        expect_str(content("/tmp/out"), "second\n");
        free_hook(&list[0]);
        free_hook(&list[1]);
}

/* ---- in a container ---- */

static OciState state = { .oci_version = (char *) "1.3.0",
                          .id = (char *) "box",
                          .bundle = (char *) HERE,
                          .rootfs = (char *) HERE "/rootfs" };

static void setup_hooks(Container *c, OciHooks *hooks) {
        setup_bundle(c, false);
        expect(system("ln -s /proc/self/exe " HERE "/rootfs/self && mkdir " HERE "/rootfs/data && "
                      "echo x > " HERE "/out/file") == 0);
        c->options.state = &state;
        c->spec.hooks = hooks;
        add_mount(c, "/data", "bind", HERE "/out", "bind");
}

/* Which namespaces, which root, which state. */
#define LOOK(name)                                                                          \
        "exec > " HERE "/out/" name "; cat | grep -o '\"status\":[^,]*\\|\"pid\":[0-9]*'; " \
        "readlink /proc/self/ns/net; [ -e " HERE "/c ] && echo host; [ -e " HERE            \
        "/rootfs/data/file ] "                                                              \
        "&& echo mounted; pwd; cut -d: -f1 /proc/net/dev | tail -n +3 | wc -l"

TEST(hooks_of_the_maker_run_outside_between_mounts_and_root) {
        OciHook list[] = { hook(LOOK("prestart")), hook(LOOK("createRuntime")) };
        OciHooks hooks = { .prestart = &list[0],
                           .n_prestart = 1,
                           .create_runtime = &list[1],
                           .n_create_runtime = 1 };
        static Container c;
        char net[64] = {};

        setup_hooks(&c, &hooks);
        expect(readlink("/proc/self/ns/net", net, sizeof net - 1) > 0);
        expect_str(run_shell(&c, "echo ok; ls /data"), "ok\ncreateRuntime\nfile\nprestart");
        for (int i = 0; i < 2; i++) {
                const char *got = content(i ? HERE "/out/createRuntime" : HERE "/out/prestart");
                int pid = 0, length = 0;

                expect(strstr(got, "\"status\":\"creating\""));
                expect(strstr(got, net) && strstr(got, "\nhost\n") && strstr(got, "\n" HERE "\n"));
                expect(!strstr(got, "mounted"));
                expect(sscanf(got, "\"pid\":%d%n", &pid, &length) == 1 && pid > 1);
        }
}

/* What a hook of nvidia's does: it enters the mount namespace of the state's pid and looks for the
 * root at its path. */
TEST(root_is_at_its_path_while_hooks_run) {
        OciHook h = hook("pid=$(grep -o '\"pid\":[0-9]*' | cut -d: -f2); nsenter -t $pid -m sh -c "
                         "'ls " HERE "/rootfs/data; mkdir /mnt/rootfs/bin/x; mount -t tmpfs none "
                         "/mnt/rootfs/tmp; echo hi > /mnt/rootfs/tmp/hi' > /tmp/out 2>&1");
        OciHooks hooks = { .create_runtime = &h, .n_create_runtime = 1 };
        static Container c;

        setup_hooks(&c, &hooks);
        own_tmp();
        expect_str(run_shell(&c, "cat /tmp/hi"), "hi");
        expect_str(content("/tmp/out"), "file\n");
}

TEST(create_container_hooks_run_inside_by_the_hosts_path) {
        OciHook h = hook(LOOK("inside"));
        OciHooks hooks = { .create_container = &h, .n_create_container = 1 };
        static Container c;
        char net[64] = {};

        setup_hooks(&c, &hooks);
        expect(readlink("/proc/self/ns/net", net, sizeof net - 1) > 0);
        expect_str(run_shell(&c, "echo ok"), "ok");
        content(HERE "/out/inside");
        expect(strstr(text, "\"pid\":1\n\"status\":\"creating\"") ||
               strstr(text, "\"status\":\"creating\"\n\"pid\":1"));
        expect(!strstr(text, net) && strstr(text, "\nhost\nmounted\n" HERE "/rootfs\n1\n"));
}

TEST(start_container_hooks_run_in_the_root_as_the_user) {
        char *const args[] = {
                (char *) "sh", (char *) "-c",
                (char *) "cat > /tmp/state; id -u > /tmp/id; pwd >> /tmp/id; echo "
                         "\"$COLOUR\" >> /tmp/id; grep Seccomp: /proc/self/status >> "
                         "/tmp/id",
                NULL
        };
        OciHook h = { .path = (char *) "/bin/sh", .args = (char **) args };
        OciHooks hooks = { .start_container = &h, .n_start_container = 1 };
        static Container c;

        setup_hooks(&c, &hooks);
        c.options.user = "user";
        c.options.seccomp = seccomp_default();
        expect_ok(strv_add(&c.process.env, "COLOUR=blue"));
        expect_ok(strv_add(&c.process.env, "PATH=/bin"));
        expect_str(run_shell(&c,
                             "cat /tmp/id; grep -c '\"status\":\"created\"' /tmp/state; grep -c "
                             "'\"pid\":1,' /tmp/state"),
                   "1000\n/\nblue\nSeccomp:\t2\n1\n1");
}

TEST(failing_hook_fails_the_container) {
        OciHook h = hook("echo no luck; exit 9");
        static Container c;

        for (int i = 0; i < 4; i++) {
                OciHooks hooks = {};
                autoerr err = {};

                if (i == 0) {
                        setup_hooks(&c, &hooks);
                        set_shell(&c, "echo never");
                }
                c.spec.hooks = &hooks;
                hooks.prestart = hooks.create_runtime = hooks.create_container = &h;
                hooks.start_container = &h;
                hooks.n_prestart = i == 0;
                hooks.n_create_runtime = i == 1;
                hooks.n_create_container = i == 2;
                hooks.n_start_container = i == 3;
                expect(run(&c, &err) == -ECANCELED);
                expect(strstr(err.message, " hook '/bin/sh' failed with status 9: no luck"));
                expect_str(output, "");
        }
}

/* What a hook left behind writes to it, so that the kernel does not make it read-only. */
TEST(root_that_cannot_be_made_read_only_fails_the_container) {
        OciHook h = hook("exec > held; sleep 100 2> /dev/null &");
        OciHooks hooks = { .create_container = &h, .n_create_container = 1 };
        autoerr err = {};
        static Container c;

        setup_hooks(&c, &hooks);
        c.spec.root_readonly = true;
        set_shell(&c, "echo never");
        expect(run(&c, &err) == -EBUSY);
        expect_str(err.message, "cannot make '/' read-only: Device or resource busy");
}

TEST(terminal_and_hooks_get_along) {
        OciHook h = hook("true");
        OciHooks hooks = { .create_runtime = &h,
                           .create_container = &h,
                           .n_create_runtime = 1,
                           .n_create_container = 1 };
        autoptr(Runtime) runtime = NULL;
        static Container c;

        setup_hooks(&c, &hooks);
        c.process.terminal = true;
        set_shell(&c, "test -t 0");
        expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
        expect_ok(runtime_start(runtime, NULL));
        expect(wait_code(runtime) == 0);
}
