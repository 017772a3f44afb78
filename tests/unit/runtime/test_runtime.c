/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From a specification to a program that runs and ends; what its root looks like has test_rootfs.c.
 */

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "base/fds.h"
#include "base/file.h"
#include "container.h"
#include "kernel/caps.h"

TEST(program_runs_as_root_of_its_own_world) {
        static Container c;

        setup(&c);
        expect_str(run_shell(&c, "echo $$; hostname; id -u; id -g; cat /proc/self/uid_map | "
                                 "sed 's/  */ /g'"),
                   "1\nbox\n0\n0\n 0 1000000 65536");
}

TEST(exit_code_is_the_programs) {
        static Container c;

        setup(&c);
        set_shell(&c, "exit 42");
        expect(run(&c, NULL) == 42);
}

TEST(all_namespaces_are_new) {
        static const char *const files[] = { "cgroup", "ipc",  "mnt",  "net",
                                             "pid",    "time", "user", "uts" };
        static Container c;
        char own[8][64] = {};

        setup(&c);
        for (int i = 0; i < 8; i++) {
                autofree char *path = str_format("/proc/self/ns/%s", files[i]);

                expect(readlink(path, own[i], 63) > 0);
        }
        run_shell(&c, "for i in cgroup ipc mnt net pid time user uts; do readlink "
                      "/proc/self/ns/$i; done");
        for (int i = 0; i < 8; i++)
                expect(!strstr(output, own[i]));
}

TEST(what_root_writes_belongs_to_root_on_disk) {
        char *caps[] = { (char *) "CAP_CHOWN", NULL };
        OciCapabilities sets = { .bounding = caps, .effective = caps, .permitted = caps };
        struct stat st;
        static Container c;

        setup(&c);
        c.process.capabilities = &sets;
        run_shell(&c, "echo x > /new && chown 33:33 /new && touch /mine && stat -c %u:%g /etc");
        expect_str(output, "0:0");
        expect(stat(HERE "/c/upper/new", &st) == 0 && st.st_uid == 33 && st.st_gid == 33);
        expect(stat(HERE "/c/upper/mine", &st) == 0 && st.st_uid == 0);
        expect(access(HERE "/layer/new", F_OK) < 0);
}

TEST(bind_mount_maps_owners) {
        struct stat st;
        static Container c;

        setup(&c);
        add_mount(&c, "/made/here", "bind", HERE "/out", "rbind,rprivate,idmap");
        expect_str(run_shell(&c, "touch /made/here/file; stat -c %u /made/here"), "0");
        expect(stat(HERE "/out/file", &st) == 0 && st.st_uid == 0);
}

TEST(bind_mount_without_map_belongs_to_nobody) {
        static Container c;

        setup(&c);
        add_mount(&c, "/b", "bind", HERE "/out", "bind");
        expect_str(run_shell(&c, "stat -c %u /b; touch /b/x 2>/dev/null || echo no"), "65534\nno");
}

TEST(read_only_bind_mount_cannot_be_written) {
        static Container c;

        setup(&c);
        add_mount(&c, "/b", "bind", HERE "/out", "rbind,rprivate,rro,idmap");
        expect_str(run_shell(&c, "touch /b/x 2>&1 | grep -c Read-only"), "1");
}

TEST(file_is_mounted_over_a_file_that_was_missing) {
        static Container c;

        setup(&c);
        expect(system("echo 1.2.3.4 > " HERE "/out/hosts") == 0);
        add_mount(&c, "/etc/hosts", "bind", HERE "/out/hosts", "bind,idmap");
        expect_str(run_shell(&c, "cat /etc/hosts"), "1.2.3.4");
}

TEST(mount_point_behind_a_dangling_link_stays_inside) {
        static Container c;

        setup(&c);
        expect(system("ln -s ../../../../run/x/hosts " HERE "/layer/etc/hosts; echo y > " HERE
                      "/out/hosts") == 0);
        add_mount(&c, "/etc/hosts", "bind", HERE "/out/hosts", "bind,idmap");
        expect_str(run_shell(&c, "cat /run/x/hosts"), "y");
        expect(access("/run/x/hosts", F_OK) < 0);
}

TEST(link_at_proc_is_refused) {
        autoerr err = {};
        static Container c;

        setup(&c);
        expect(symlink("/tmp", HERE "/layer/proc") == 0);
        set_shell(&c, "true");
        expect(run(&c, &err) < 0);
        expect_str(err.message, "'/proc' is not a directory in the image");
}

TEST(devices_work) {
        static Container c;

        setup(&c);
        expect_str(run_shell(&c, "head -c 3 /dev/zero | wc -c; echo x > /dev/null && ls -ld "
                                 "/dev/null | sed 's/ .*//'; stat -c %u /dev/null; readlink "
                                 "/dev/fd; echo out > /dev/stdout"),
                   "3\ncrw-rw-rw-\n0\n/proc/self/fd\nout");
}

TEST(devices_are_bound_where_none_can_be_made) {
        static Container c;
        CapSets sets;

        setup(&c);
        expect_ok(caps_get(&sets));
        sets.effective = sets.permitted &= ~(UINT64_C(1) << CAP_MKNOD);
        expect_ok(caps_set(&sets));
        expect_str(run_shell(&c, "head -c 3 /dev/zero | wc -c; echo x > /dev/null && ls -ld "
                                 "/dev/null | sed 's/ .*//'; grep -c ' /dev/null ' "
                                 "/proc/self/mountinfo"),
                   "3\ncrw-rw-rw-\n1");
}

TEST(standard_mounts_belong_to_the_containers_root) {
        static Container c;

        setup(&c);
        expect_str(run_shell(&c, "stat -c %u:%g / /dev /dev/shm /dev/mqueue /dev/pts"),
                   "0:0\n0:0\n0:0\n0:0\n0:0");
}

TEST(processes_of_the_host_can_be_seen) {
        static Container c;

        setup(&c);
        drop_namespace(&c, "pid");
        c.linux_.sysctl = strv_words("net.ipv4.ip_unprivileged_port_start=9");
        set_shell(&c, "test $$ -gt 2 && test -d /proc/$$ && cat "
                      "/proc/sys/net/ipv4/ip_unprivileged_port_start");
        expect(run(&c, NULL) == 0);
        expect_str(output, "9");
}

TEST(extra_device_belongs_to_the_containers_root) {
        OciDevice device = { (char *) "/dev/net/tun", (char *) "c", 10, 200, 0660, 0, 5 };
        static Container c;

        setup(&c);
        c.linux_.devices = &device;
        c.linux_.n_devices = 1;
        expect_str(run_shell(&c, "stat -c '%u:%g %a %F' /dev/net/tun"),
                   "0:5 660 character special file");
}

TEST(masked_and_read_only_paths) {
        char *const masked[] = { (char *) "/proc/interrupts", (char *) "/sys/firmware",
                                 (char *) "/proc/not-there", NULL };
        char *const read_only[] = { (char *) "/proc/sys", (char *) "/no/such", NULL };
        static Container c;

        setup(&c);
        c.linux_.masked_paths = (char **) masked;
        c.linux_.readonly_paths = (char **) read_only;
        expect_str(run_shell(&c, "cat /proc/interrupts | wc -c; ls /sys/firmware | wc -l; "
                                 "(echo x > /proc/sys/kernel/hostname) 2>&1 | grep -c Read-only; "
                                 "touch /sys/firmware/x 2>/dev/null || echo no"),
                   "0\n0\n1\nno");
}

TEST(sysctl_of_an_own_namespace_is_set) {
        char *const sysctl[] = { (char *) "net.ipv4.ip_unprivileged_port_start=7",
                                 (char *) "kernel.shmmni=77", NULL };
        static Container c;

        setup(&c);
        c.linux_.sysctl = (char **) sysctl;
        expect_str(run_shell(&c, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start "
                                 "/proc/sys/kernel/shmmni"),
                   "7\n77");
}

TEST(sysctl_of_the_host_is_refused) {
        char *const sysctl[] = { (char *) "kernel.panic=1", NULL };
        autoerr err = {};
        static Container c;

        setup(&c);
        c.linux_.sysctl = (char **) sysctl;
        set_shell(&c, "true");
        expect(run(&c, &err) < 0);
        expect_str(err.message, "sysctl 'kernel.panic' cannot be set for a container alone");
}

TEST(hosts_tree_is_gone) {
        static Container c;

        setup(&c);
        expect_str(run_shell(&c, "wc -l < /proc/self/mountinfo; ls /mnt 2>/dev/null | "
                                 "wc -l; ls /proc/self/fd | wc -l; mkdir /x && mkdir /x/.. 2>&1 | "
                                 "grep -c exists"),
                   "8\n0\n4\n1");
}

TEST(root_can_be_read_only) {
        static Container c;

        setup(&c);
        c.spec.root_readonly = true;
        expect_str(run_shell(&c, "touch /x 2>&1 | grep -c Read-only; touch /dev/shm/x && echo ok"),
                   "1\nok");
}

TEST(missing_program_is_127) {
        autoerr err = {};
        static Container c;

        setup(&c);
        expect_ok(strv_add(&c.process.args, "foo"));
        expect(run(&c, &err) == -ENOENT);
        expect_str(err.message, "cannot run 'foo': No such file or directory");
}

TEST(program_that_may_not_run_is_126) {
        static Container c;

        setup(&c);
        expect_ok(strv_add(&c.process.args, "/etc/passwd"));
        expect(run(&c, NULL) == -EACCES);
        c.process.args = strv_free(c.process.args);
        expect_ok(strv_add(&c.process.args, "/etc"));
        expect(run(&c, NULL) == -EISDIR);
}

TEST(missing_interpreter_is_told_from_a_missing_program) {
        autoerr err = {};
        static Container c;

        setup(&c);
        expect(system("printf '#!/no/such\n' > " HERE "/layer/bin/s; chmod +x " HERE
                      "/layer/bin/s") == 0);
        expect_ok(strv_add(&c.process.args, "s"));
        expect(run(&c, &err) == -ENOENT);
        expect(err.hint && strstr(err.hint, "interpreter"));
}

TEST(failure_of_ours_is_not_taken_for_the_programs) {
        autoerr err = {};
        static Container c;
        int r;

        setup(&c);
        c.lowers[0] = HERE "/nothing";
        set_shell(&c, "true");
        r = run(&c, &err);
        expect(r < 0 && r != -ENOENT && r != -EACCES);
        expect_str(err.message, "cannot open '" HERE "/nothing': No such file or directory");
}

TEST(user_is_looked_up_by_name) {
        static Container c;

        setup(&c);
        c.options.user = "user";
        expect_str(run_shell(&c, "id -u; id -g; id -G; echo $HOME; echo out > /dev/stdout"),
                   "1000\n1001\n1001 50\n/home/user\nout");
}

TEST(number_is_an_id_even_if_a_user_is_called_so) {
        static Container c;

        setup(&c);
        c.options.user = "1000";
        expect_str(run_shell(&c, "id -u"), "1000");
}

TEST(group_can_be_said) {
        static Container c;

        setup(&c);
        c.options.user = "user:staff";
        expect_str(run_shell(&c, "id -u; id -G"), "1000\n50");
}

TEST(unknown_user_is_refused) {
        autoerr err = {};
        static Container c;

        setup(&c);
        c.options.user = "nobody-knows";
        set_shell(&c, "true");
        expect(run(&c, &err) < 0);
        expect_str(err.message, "there is no user 'nobody-knows' in the container");
}

TEST(id_beyond_the_range_is_refused) {
        autoerr err = {};
        static Container c;

        setup(&c);
        c.options.user = "70000";
        set_shell(&c, "true");
        expect(run(&c, &err) < 0);
        expect_str(err.message, "cannot become user 70000: Invalid argument");
        expect(err.hint != NULL);
}

TEST(capabilities_are_those_given) {
        char *caps[] = { (char *) "CAP_CHOWN", (char *) "CAP_KILL", NULL };
        OciCapabilities sets = { .bounding = caps, .effective = caps, .permitted = caps };
        static Container c;

        setup(&c);
        c.process.capabilities = &sets;
        expect_str(run_shell(&c, "grep Cap /proc/self/status | sed 's/.*\t0*//'"),
                   "\n21\n21\n21\n");
}

TEST(other_users_keep_only_the_bounding_set) {
        char *caps[] = { (char *) "CAP_CHOWN", (char *) "CAP_KILL", NULL };
        OciCapabilities sets = { .bounding = caps, .effective = caps, .permitted = caps };
        static Container c;

        setup(&c);
        c.process.capabilities = &sets;
        c.options.user = "user";
        expect_str(run_shell(&c, "grep Cap /proc/self/status | sed 's/.*\t0*//'"), "\n\n\n21\n");
}

TEST(default_filter_is_loaded_with_and_without_no_new_privs) {
        static Container c;

        setup(&c);
        c.options.seccomp = seccomp_default();
        c.options.user = "user";
        expect_str(run_shell(&c, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | sed "
                                 "'s/.*\t//'; grep CapPrm /proc/self/status | sed 's/.*\t0*//'"),
                   "0\n2\n");
        c.process.args = strv_free(c.process.args);
        c.process.no_new_privileges = true;
        expect_str(run_shell(&c, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | sed "
                                 "'s/.*\t//'"),
                   "1\n2");
}

TEST(limits_are_set_and_clamped) {
        OciRlimit limits[] = { { (char *) "RLIMIT_NOFILE", 64, 128 },
                               { (char *) "RLIMIT_CORE", 0, 0 } };
        static Container c;

        setup(&c);
        c.process.rlimits = limits;
        c.process.n_rlimits = 2;
        expect_str(run_shell(&c, "ulimit -n; ulimit -Hn; ulimit -c"), "64\n128\n0");
}

TEST(working_directory_is_made) {
        static Container c;

        setup(&c);
        c.process.cwd = (char *) "/srv/app";
        expect_str(run_shell(&c, "pwd"), "/srv/app");
}

TEST(clocks_are_shifted) {
        OciTimeOffset offset = { 86400 * 365, 0 };
        static Container c;

        setup(&c);
        c.linux_.boottime = &offset;
        run_shell(&c, "sed 's/[. ].*//' /proc/uptime; readlink /proc/self/ns/time");
        expect(strtol(output, NULL, 10) >= 86400 * 365);
}

TEST(terminal_is_the_containers_own) {
        autoptr(Runtime) runtime = NULL;
        autoclose int console = -EBADF;
        char text[256] = "";
        static Container c;
        size_t size = 0;
        ssize_t n;

        setup(&c);
        c.process.terminal = true;
        c.process.console_height = 24;
        c.process.console_width = 80;
        set_shell(&c, "tty; stty size; test -c /dev/console && echo console; read x; echo got $x");
        expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
        expect_ok(runtime_start(runtime, NULL));
        console = runtime_take_console(runtime);
        expect(console >= 0);
        expect(write(console, "hello\n", 6) == 6);
        expect(wait_code(runtime) == 0);
        while ((n = read(console, text + size, sizeof text - 1 - size)) > 0)
                size += (size_t) n;
        expect(strstr(text, "/dev/pts/0") && strstr(text, "24 80") && strstr(text, "console") &&
               strstr(text, "got hello"));
}

TEST(init_reaps_and_passes_signals_on) {
        autoptr(Runtime) runtime = NULL;
        static Container c;
        int fds[2];
        char byte;

        setup(&c);
        c.options.init = true;
        expect_str(run_shell(&c, "echo $$"), "2");

        c.process.args = strv_free(c.process.args);
        set_shell(&c, "trap 'exit 7' TERM; (true &) ; echo ready; while :; do sleep 0.05; done");
        expect(pipe2(fds, O_CLOEXEC) == 0);
        c.options.stdio[1] = fds[1];
        expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
        expect_ok(runtime_start(runtime, NULL));
        expect(read(fds[0], &byte, 1) == 1);
        expect(kill(runtime_pid(runtime), SIGTERM) == 0);
        expect(wait_code(runtime) == 7);
}

TEST(init_killed_before_its_time_is_told) {
        autoptr(Runtime) runtime = NULL;
        autoerr err = {};
        static Container c;

        setup(&c);
        set_shell(&c, "true");
        expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
        expect(kill(runtime_pid(runtime), SIGKILL) == 0);
        expect(runtime_start(runtime, &err) == -ECANCELED);
        expect_str(err.message, "the container's process was killed before it ran");
}

TEST(program_that_is_killed_at_once_has_run) {
        static Container c;

        setup(&c);
        drop_namespace(&c, "pid");
        set_shell(&c, "kill -9 $$");
        for (int i = 0; i < 20; i++)
                expect(run(&c, NULL) == 128 + SIGKILL);
}

TEST(covered_directory_is_copied_up) {
        static Container c;

        setup(&c);
        expect(system("mkdir -p " HERE "/layer/data/deep && echo x > " HERE
                      "/layer/data/deep/file && chmod 640 " HERE "/layer/data/deep/file && ln -s "
                      "deep " HERE "/layer/data/link && chown 5:6 " HERE "/layer/data/deep") == 0);
        add_mount(&c, "/data", "tmpfs", "tmpfs", "tmpcopyup,ro,size=1m");
        expect_str(run_shell(&c, "cat /data/link/file; stat -c %a /data/deep/file; stat -c %u:%g "
                                 "/data/deep; touch /data/x 2>&1 | grep -c Read-only"),
                   "x\n640\n5:6\n1");
}

TEST(plain_directory_can_be_the_root) {
        struct stat st;
        static Container c;

        setup(&c);
        c.options.root = (RuntimeRoot){ .path = HERE "/layer" };
        expect_str(run_shell(&c, "touch /x; id -u"), "0");
        expect(stat(HERE "/layer/x", &st) == 0 && st.st_uid == 0);
}

TEST(image_without_upper_is_read_only) {
        static Container c;

        setup(&c);
        expect(system("mkdir -p " HERE "/top/proc " HERE "/top/dev " HERE "/top/sys") == 0);
        c.lowers[0] = HERE "/top";
        c.lowers[1] = HERE "/layer";
        c.options.root = (RuntimeRoot){ .lowers = c.lowers };
        expect_str(run_shell(&c, "touch /x 2>&1 | grep -c Read-only"), "1");
}

TEST(container_without_user_namespace) {
        struct stat st;
        static Container c;

        setup(&c);
        drop_namespace(&c, "user");
        c.linux_.n_uid_mappings = c.linux_.n_gid_mappings = 0;
        expect_str(run_shell(&c, "touch /x; id -u; echo y > /dev/null && echo ok"), "0\nok");
        expect(stat(HERE "/c/upper/x", &st) == 0 && st.st_uid == 0);
}

TEST(network_of_the_host_can_be_kept) {
        static Container c;

        setup(&c);
        drop_namespace(&c, "network");
        expect_str(run_shell(&c, "test -d /sys/class/net/lo && echo yes; touch /sys/x 2>&1 | grep "
                                 "-c Read-only"),
                   "yes\n1");
}

TEST(namespaces_of_another_container_are_joined) {
        autoptr(Runtime) first = NULL;
        autofree char *net = NULL, *user = NULL, *pid = NULL;
        static Container c, d;

        setup(&c);
        d = c;
        set_shell(&c, "sleep 100");
        expect_ok(runtime_spawn(&c.spec, &c.options, &first, NULL));
        expect_ok(runtime_start(first, NULL));

        net = str_format("/proc/%d/ns/net", runtime_pid(first));
        user = str_format("/proc/%d/ns/user", runtime_pid(first));
        pid = str_format("/proc/%d/ns/pid", runtime_pid(first));
        d.spec.process = &d.process;
        d.spec.linux_ = &d.linux_;
        d.linux_.n_uid_mappings = d.linux_.n_gid_mappings = 0;
        d.linux_.namespaces = NULL;
        d.linux_.n_namespaces = 0;
        add_namespace(&d, "mount", NULL);
        add_namespace(&d, "uts", NULL);
        add_namespace(&d, "ipc", NULL);
        add_namespace(&d, "cgroup", NULL);
        add_namespace(&d, "network", net);
        add_namespace(&d, "pid", pid);
        add_namespace(&d, "user", user);
        expect(mkdir(HERE "/d", 0755) == 0 && mkdir(HERE "/d/upper", 0755) == 0 &&
               mkdir(HERE "/d/work", 0755) == 0);
        d.options.root.lowers = d.lowers;
        d.options.root.upper = HERE "/d/upper";
        d.options.root.work = HERE "/d/work";
        run_shell(&d, "until grep -q sleep /proc/1/cmdline; do :; done; readlink /proc/1/ns/net; "
                      "readlink /proc/self/ns/net; cat /proc/1/cmdline");
        expect(strncmp(output, output + strcspn(output, "\n") + 1, 16) == 0);
        expect(strstr(output, "sleep"));
}

/* The first byte of its number is a '-', with which a report of an error begins. */
TEST(number_of_a_joined_process_is_no_error) {
        autofree char *path = NULL;
        static Container c;
        int net, status;
        pid_t pid;

        setup(&c);
        net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        path = str_format("/proc/self/fd/%d", net);
        expect(net >= 0 && path);
        drop_namespace(&c, "network");
        add_namespace(&c, "network", path);
        pid = fork();
        if (pid == 0) {
                /* By this one, which can have no thread afterwards: the sanitizer wants one. */
                expect(unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID) == 0);
                expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
                pid = fork();
                if (pid != 0)
                        _exit(waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1);
                expect(mount("proc", "/proc", "proc", 0, NULL) == 0);
                /* The next is the process that joins, whose child is 301: 0x12d. */
                expect_ok(file_write(AT_FDCWD, "/proc/sys/kernel/ns_last_pid", "299"));
                run_shell(&c, "true");
                _exit(0);
        }
        expect(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(process_is_put_into_a_running_container) {
        static Container c;
        Runtime *runtime = sleeper(&c);
        RuntimeExec exec = {};
        int code = exec_shell(runtime, &exec,
                              "for i in cgroup ipc mnt net pid time user uts; do test $(readlink "
                              "/proc/1/ns/$i) = $(readlink /proc/self/ns/$i) || echo $i; done; "
                              "hostname; id -u; cat /proc/1/cmdline; exit 5",
                              NULL);

        expect(code == 5);
        expect(strncmp(output, "box\n0\nsleep", 11) == 0);
        leave(runtime);
}

TEST(process_in_a_container_gets_a_terminal_there) {
        OciProcess process = {
                .terminal = true, .console_height = 10, .console_width = 20, .user.umask = -1
        };
        static Container c;
        Runtime *runtime = sleeper(&c);
        RuntimeExec exec = { .process = &process, .user = "user" };

        expect(exec_shell(runtime, &exec, "tty; stty size; id -u", NULL) == 0);
        expect_str(output, "/dev/pts/0\r\n10 20\r\n1000\r\n");
        leave(runtime);
}

TEST(missing_program_in_a_container_is_told) {
        char *args[] = { (char *) "nothing", NULL };
        OciProcess process = { .args = args, .user.umask = -1 };
        autoerr err = {};
        static Container c;
        Runtime *runtime = sleeper(&c);
        RuntimeExec exec = { .process = &process };

        expect(exec_shell(runtime, &exec, NULL, &err) == -ENOENT);
        expect_str(err.message, "cannot run 'nothing': No such file or directory");
        leave(runtime);
}

TEST(dead_container_takes_no_process) {
        autoerr err = {};
        static Container c;
        autoptr(Runtime) runtime = sleeper(&c);
        RuntimeExec exec = {};

        expect(kill(runtime_pid(runtime), SIGKILL) == 0);
        expect(wait_code(runtime) == 128 + SIGKILL);
        expect(exec_shell(runtime, &exec, "true", &err) < 0);
        expect_str(err.message, "the container is not running");
}

TEST(nothing_is_left_of_one_that_was_not_started) {
        static Container c;
        pid_t pid;

        setup(&c);
        set_shell(&c, "sleep 100");
        {
                autoptr(Runtime) runtime = NULL;

                expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
                pid = runtime_pid(runtime);
        }
        expect(kill(pid, 0) < 0 && errno == ESRCH);
}

/* Spawns it held, with a start socket in HERE; the maker's part is over when this returns. */
static int create_held(Container *c, int dir, Runtime **ret, Err *err) {
        int socket = expect_ok(runtime_start_socket(dir, "start.sock", NULL)), r;

        c->options.hold = true;
        c->options.start_socket = socket;
        c->options.maker_lock = -EBADF;
        r = runtime_spawn(&c->spec, &c->options, ret, err);
        if (r >= 0)
                r = runtime_hold(*ret, err);
        close(socket);
        return r;
}

TEST(held_process_waits_for_whoever_starts_it) {
        int dir, fds[2];
        Runtime *runtime = NULL;
        static Container c;
        char byte;

        setup(&c);
        set_shell(&c, "echo started");
        dir = open(HERE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect(pipe2(fds, O_CLOEXEC) == 0);
        c.options.stdio[1] = fds[1];
        expect_ok(create_held(&c, dir, &runtime, NULL));
        expect_ok(runtime_release(runtime, NULL));
        expect(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
        expect(runtime_is_held(dir, "start.sock") == 1);
        expect(read(fds[0], &byte, 1) < 0 && errno == EAGAIN);

        expect_ok(runtime_start_held(dir, "start.sock", NULL, NULL));
        expect(wait_code(runtime) == 0);
        expect(read(fds[0], &byte, 1) == 1 && byte == 's');
        expect(runtime_is_held(dir, "start.sock") == 0);
        expect(runtime_start_held(dir, "start.sock", NULL, NULL) == -ESRCH);
        runtime_free(runtime);
}

TEST(held_process_is_refused_at_once_if_there_is_no_program) {
        autoerr err = {};
        Runtime *runtime = NULL;
        static Container c;

        setup(&c);
        expect_ok(strv_add(&c.process.args, "/bin/nothing"));
        expect(create_held(&c, open(HERE, O_RDONLY | O_CLOEXEC), &runtime, &err) == -ENOENT);
        expect_str(err.message, "cannot run '/bin/nothing': No such file or directory");
        runtime_free(runtime);
}

TEST(held_process_ends_when_it_is_discarded) {
        Runtime *runtime = NULL;
        static Container c;
        int dir;

        setup(&c);
        set_shell(&c, "exit 0");
        dir = open(HERE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect_ok(create_held(&c, dir, &runtime, NULL));
        expect_ok(runtime_release(runtime, NULL));
        runtime_discard_held(dir, "start.sock");
        expect(wait_code(runtime) == 125);
        runtime_free(runtime);
}

/* More often than its socket has room for who asks. */
TEST(held_process_that_has_stopped_is_held) {
        Runtime *runtime = NULL;
        static Container c;
        int dir;

        setup(&c);
        set_shell(&c, "exit 0");
        dir = open(HERE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect_ok(create_held(&c, dir, &runtime, NULL));
        expect_ok(runtime_release(runtime, NULL));
        expect(kill(runtime_pid(runtime), SIGSTOP) == 0);
        for (int i = 0; i < 20; i++)
                expect(runtime_is_held(dir, "start.sock") == 1);
        expect(kill(runtime_pid(runtime), SIGKILL) == 0 && wait_code(runtime) == 128 + SIGKILL);
        expect(runtime_is_held(dir, "start.sock") == 0);
        runtime_free(runtime);
}

TEST(held_process_dies_with_its_maker) {
        static Container c;
        pid_t maker;
        int dir, pipe_[2];
        char byte;

        setup(&c);
        set_shell(&c, "exit 0");
        dir = open(HERE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect(pipe2(pipe_, O_CLOEXEC) == 0);
        maker = fork();
        if (maker == 0) {
                Runtime *runtime = NULL;

                c.options.stdio[1] = pipe_[1];
                _exit(create_held(&c, dir, &runtime, NULL) < 0);
        }
        close(pipe_[1]);
        expect(waitpid(maker, NULL, 0) == maker);
        /* Nobody holds its standard output any more. */
        expect(read(pipe_[0], &byte, 1) == 0);
        expect(runtime_is_held(dir, "start.sock") == 0);
}

/* --- linux.seccomp --- */

static OciSeccomp *add_seccomp(Container *c, const char *default_action, const char *name,
                               const char *action) {
        static OciSyscall call;
        static OciSeccomp seccomp;

        call = (OciSyscall){ .names = strv_words(name), .action = (char *) action };
        seccomp = (OciSeccomp){ .default_action = (char *) default_action,
                                .syscalls = &call,
                                .n_syscalls = 1 };
        c->linux_.seccomp = &seccomp;
        return &seccomp;
}

TEST(specification_brings_its_system_call_filter) {
        static Container c;

        setup(&c);
        c.options.seccomp_cache = HERE "/cache/seccomp";
        add_seccomp(&c, "SCMP_ACT_ALLOW", "mkdir", "SCMP_ACT_ERRNO")->syscalls->errno_ret = 28;
        c.linux_.seccomp->syscalls->has_errno_ret = true;
        expect_str(run_shell(&c, "mkdir /tmp/a; grep Seccomp: /proc/self/status"),
                   "mkdir: can't create directory '/tmp/a': No space left on device\n"
                   "Seccomp:\t2");
}

TEST(compiled_filter_of_a_specification_is_kept_and_used) {
        static const char cache[] = HERE "/cache";
        static Container c;
        struct stat first, second;

        setup(&c);
        c.options.seccomp_cache = cache;
        add_seccomp(&c, "SCMP_ACT_ALLOW", "mkdir", "SCMP_ACT_ERRNO");
        run_shell(&c, "true");
        expect(system("test $(ls " HERE "/cache | wc -l) = 1 && ls " HERE "/cache | grep -qx "
                      "'[0-9a-f]*' && test $(stat -c %a " HERE "/cache) = 700") == 0);
        expect(system("ln " HERE "/cache/* " HERE "/first") == 0);
        expect(stat(HERE "/first", &first) == 0);
        c.process.args = strv_free(c.process.args);
        run_shell(&c, "! mkdir /tmp/a");
        expect(stat(HERE "/first", &second) == 0 && second.st_nlink == first.st_nlink);
}

TEST(bad_filter_of_a_specification_is_refused_in_words) {
        static Container c;
        autoerr err = {};

        setup(&c);
        set_shell(&c, "true");
        add_seccomp(&c, "SCMP_ACT_ALLOW", "mkdir", "SCMP_ACT_PERHAPS");
        expect(run(&c, &err) < 0);
        expect_str(err.message, "cannot use 'linux.seccomp': 'SCMP_ACT_PERHAPS' is not an action");
}

/* Nothing between the filter and the program needs a call that a profile may forget. */
TEST(filter_need_not_allow_more_than_the_program_does) {
        static char *names[] = { (char *) "execve",
                                 (char *) "exit_group",
                                 (char *) "brk",
                                 (char *) "arch_prctl",
                                 (char *) "set_tid_address",
                                 (char *) "set_robust_list",
                                 (char *) "rseq",
                                 (char *) "prlimit64",
                                 (char *) "readlink",
                                 (char *) "readlinkat",
                                 (char *) "getrandom",
                                 (char *) "mprotect",
                                 (char *) "prctl",
                                 (char *) "getuid",
                                 (char *) "mmap",
                                 NULL };
        static Container c;
        autoerr err = {};
        int r;

        setup(&c);
        expect_ok(strv_add(&c.process.args, "true"));
        c.process.no_new_privileges = true;
        add_seccomp(&c, "SCMP_ACT_KILL_PROCESS", "execve", "SCMP_ACT_ALLOW")->syscalls->names =
                names;
        r = run(&c, &err);
        if (r != 0)
                printf("# %d %s\n", r, err.message ? err.message : "");
        expect(r == 0);
}

/* --- an agent --- */

#define AGENT HERE "/agent.sock"

static void answer_one(int listener, long value) {
        struct seccomp_notif request = {};
        struct seccomp_notif_resp response = {};

        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
                _exit(2);
        response.id = request.id;
        response.val = value;
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0)
                _exit(3);
}

/* A process that takes one listener, writes the document to HERE/state, and answers one call. */
static pid_t start_agent(long value) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = AGENT };
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char text[8192];
        pid_t pid;

        expect(s >= 0 && bind(s, (struct sockaddr *) &address, sizeof address) == 0 &&
               listen(s, 1) == 0);
        pid = fork();
        if (pid == 0) {
                int connection = accept(s, NULL, NULL), listener = -1, n;
                size_t fds = 0;

                n = fds_recv(connection, text, sizeof text - 1, &listener, 1, &fds);
                if (n <= 0 || fds != 1)
                        _exit(1);
                text[n] = 0;
                expect_ok(file_create(AT_FDCWD, HERE "/state", text, (size_t) n, 0600));
                answer_one(listener, value);
                _exit(0);
        }
        close(s);
        return pid;
}

static char *agent_said(pid_t agent) {
        char *text = NULL;
        int status;

        expect(waitpid(agent, &status, 0) == agent && status == 0);
        expect_ok(file_read(AT_FDCWD, HERE "/state", 8192, &text, NULL));
        return text;
}

/* "ash: getppid" cannot be asked for directly; $PPID is read at its start. */
static void ask_for_parent(Container *c, const char *metadata) {
        OciSeccomp *s = add_seccomp(c, "SCMP_ACT_ALLOW", "getppid", "SCMP_ACT_NOTIFY");

        s->listener_path = (char *) AGENT;
        s->listener_metadata = (char *) metadata;
        c->spec.annotations = strv_words("a=b");
}

TEST(agent_gets_the_listener_and_decides) {
        static Container c;
        static RuntimeAgent agent;
        autofree char *said = NULL, *wanted = NULL;
        autoptr(Runtime) runtime = NULL;
        pid_t pid;

        setup(&c);
        ask_for_parent(&c, "what for");
        agent = runtime_agent(&c.spec, "box1", "/bundle");
        c.options.agent = &agent;
        set_shell(&c, "test $PPID = 4711");
        pid = start_agent(4711);
        expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
        expect_ok(runtime_start(runtime, NULL));
        expect(wait_code(runtime) == 0);
        said = agent_said(pid);
        wanted = str_format("{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"pid\":%d,"
                            "\"metadata\":\"what for\",\"state\":{\"ociVersion\":\"1.2.0\","
                            "\"id\":\"box1\",\"status\":\"creating\",\"pid\":%d,"
                            "\"bundle\":\"/bundle\",\"annotations\":{\"a\":\"b\"}}}\n",
                            runtime_pid(runtime), runtime_pid(runtime));
        expect_str(said, wanted);
}

TEST(agent_is_asked_for_one_that_was_held) {
        static Container c;
        static RuntimeAgent agent;
        autofree char *said = NULL, *wanted = NULL;
        Runtime *runtime = NULL;
        pid_t pid;
        int dir;

        setup(&c);
        ask_for_parent(&c, NULL);
        set_shell(&c, "test $PPID = 4712");
        dir = open(HERE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect_ok(create_held(&c, dir, &runtime, NULL));
        expect_ok(runtime_release(runtime, NULL));
        pid = start_agent(4712);
        agent = runtime_agent(&c.spec, "box2", "/b");
        agent.init = runtime_pid(runtime);
        agent.status = "created";
        expect_ok(runtime_start_held(dir, "start.sock", &agent, NULL));
        expect(wait_code(runtime) == 0);
        said = agent_said(pid);
        wanted = str_format("\"pid\":%d,\"state\":{\"ociVersion\":\"1.2.0\",\"id\":\"box2\","
                            "\"status\":\"created\",\"pid\":%d,",
                            agent.init, agent.init);
        expect(strstr(said, wanted));
        runtime_free(runtime);
}

TEST(container_does_not_start_without_its_agent) {
        static Container c;
        static RuntimeAgent agent;
        autoerr err = {};

        setup(&c);
        ask_for_parent(&c, NULL);
        agent = runtime_agent(&c.spec, "box", "/b");
        c.options.agent = &agent;
        set_shell(&c, "exit 3");
        expect(run(&c, &err) == -ECONNREFUSED);
        expect_str(err.message,
                   "cannot reach the seccomp agent at '" AGENT "': No such file or directory");
}

TEST(agent_is_asked_for_further_processes) {
        static Container c;
        Runtime *runtime = sleeper(&c);
        autoptr(SeccompFilter) f = NULL;
        RuntimeAgent agent;
        RuntimeExec exec = {};
        pid_t pid;

        ask_for_parent(&c, NULL);
        agent = runtime_agent(&c.spec, "box", "/b");
        agent.init = runtime_pid(runtime);
        agent.status = "running";
        expect_ok(runtime_seccomp(c.linux_.seccomp, NULL, &f, NULL));
        exec.seccomp = f;
        exec.agent = &agent;
        pid = start_agent(4713);
        expect(exec_shell(runtime, &exec, "test $PPID = 4713", NULL) == 0);
        expect(waitpid(pid, NULL, 0) == pid);
        leave(runtime);
}
