/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a container's mounts look like from inside, and what they must not do outside. */

#include <sys/stat.h>

#include "container.h"
#include "kernel/cgroup.h"

static void set_mappings(Container *c, int64_t on_disk, int64_t becomes, int64_t size) {
        static OciIdMapping mapping;
        OciMount *m = &c->spec.mounts[c->spec.n_mounts - 1];

        mapping = (OciIdMapping){ on_disk, becomes, size };
        m->uid_mappings = m->gid_mappings = &mapping;
        m->n_uid_mappings = m->n_gid_mappings = 1;
}

TEST(bundle_without_user_namespace_runs) {
        struct stat st;
        static Container c;

        setup_bundle(&c, false);
        expect_str(run_shell(&c, "touch /x; id -u; echo y > /dev/null && test -d /proc/1 && "
                                 "test -d /sys/class/net/lo && echo ok"),
                   "0\nok");
        expect(stat(HERE "/rootfs/x", &st) == 0 && st.st_uid == 0);
}

TEST(bundle_made_for_the_ids_keeps_its_owners) {
        struct stat st;
        static Container c;

        setup_bundle(&c, true);
        expect(system("chown -R 1000000:1000000 " HERE "/rootfs") == 0);
        expect_str(run_shell(&c, "stat -c %u / /bin/busybox; touch /x"), "0\n0");
        expect(stat(HERE "/rootfs/x", &st) == 0 && st.st_uid == BASE && st.st_gid == BASE);
}

TEST(what_is_mounted_in_the_root_is_there) {
        static Container c;

        setup_bundle(&c, false);
        expect(mkdir(HERE "/rootfs/data", 0755) == 0);
        expect(mount("tmpfs", HERE "/rootfs/data", "tmpfs", 0, NULL) == 0);
        expect(system("echo deep > " HERE "/rootfs/data/file") == 0);
        expect_str(run_shell(&c, "cat /data/file"), "deep");
}

TEST(mounts_of_a_root_that_others_share_stay_inside) {
        static Container c;

        setup_bundle(&c, false);
        expect(mount(NULL, HERE, NULL, MS_SHARED, NULL) == 0);
        expect_str(run_shell(&c, "grep -c shared: /proc/self/mountinfo || true"), "0");
}

TEST(root_that_is_a_slave_hears_of_mounts_outside) {
        static Container c;

        setup_bundle(&c, false);
        c.linux_.rootfs_propagation = (char *) "rslave";
        expect(mount(NULL, HERE, NULL, MS_SHARED, NULL) == 0);
        expect_str(run_shell(&c,
                             "grep -c '/rootfs / .* master:' /proc/self/mountinfo; grep -c shared: "
                             "/proc/self/mountinfo || true"),
                   "1\n0");
}

TEST(root_can_be_shared_with_what_is_below) {
        static Container c;

        setup_bundle(&c, false);
        c.linux_.rootfs_propagation = (char *) "rshared";
        expect_str(run_shell(&c, "grep -v shared: /proc/self/mountinfo | wc -l"), "0");
}

TEST(bind_mounts_are_as_the_root_unless_said) {
        static Container c;

        setup_bundle(&c, false);
        c.linux_.rootfs_propagation = (char *) "slave";
        expect(mount("tmpfs", HERE "/out", "tmpfs", 0, NULL) == 0);
        expect(mount(NULL, HERE "/out", NULL, MS_SHARED, NULL) == 0);
        add_mount(&c, "/a", "bind", HERE "/out", "bind");
        add_mount(&c, "/b", "bind", HERE "/out", "bind,private");
        add_mount(&c, "/c", "bind", HERE "/out", "bind,shared");
        expect_str(run_shell(&c, "for i in a b c; do grep \" /$i \" /proc/self/mountinfo | grep -o "
                                 "'shared\\|master' || echo none; done"),
                   "master\nnone\nshared");
}

TEST(unknown_propagation_is_refused) {
        static Container c;

        setup_bundle(&c, false);
        c.linux_.rootfs_propagation = (char *) "loud";
        expect_str(refusal(&c), "'loud' is not a kind of mount propagation");
}

TEST(relative_paths_begin_at_the_bundle_and_the_root) {
        static Container c;

        setup_bundle(&c, false);
        expect(system("echo x > " HERE "/out/file") == 0);
        add_mount(&c, "a//./b/../b/", "bind", "out", "bind");
        add_mount(&c, "../../c", "bind", "./out/file", "bind");
        expect_str(run_shell(&c, "cat /a/b/file /c"), "x\nx");
}

TEST(relative_source_without_bundle_is_refused) {
        static Container c;

        setup_bundle(&c, false);
        c.options.bundle = NULL;
        add_mount(&c, "/a", "bind", "out", "bind");
        expect_str(refusal(&c), "the source of '/a' is not an absolute path");
}

TEST(mount_maps_owners_by_its_own_ids) {
        static Container c;
        struct stat st;

        setup_bundle(&c, false);
        expect(system("touch " HERE "/out/file && chown 5:5 " HERE "/out/file && chmod 777 " HERE
                      "/out") == 0);
        add_mount(&c, "/b", "bind", HERE "/out", "bind,idmap");
        set_mappings(&c, 0, 100, 50);
        expect_str(run_shell(&c, "stat -c %u:%g /b /b/file; touch /b/no 2>/dev/null || echo no"),
                   "100:100\n105:105\nno");
        expect(stat(HERE "/out/file", &st) == 0 && st.st_uid == 5);
}

TEST(mount_maps_owners_by_ids_in_its_option) {
        static Container c;

        setup_bundle(&c, true);
        expect(system("chown -R 1000000:1000000 " HERE "/rootfs; touch " HERE
                      "/out/file && chown 5:6 " HERE "/out/file") == 0);
        add_mount(&c, "/a", "bind", HERE "/out", "bind,idmap=uids=5-1000007-1;gids=6-1000008-1");
        add_mount(&c, "/b", "bind", HERE "/out", "bind,idmap=uids=@5-9-1");
        add_mount(&c, "/c", "bind", HERE "/out", "bind,idmap");
        expect_str(run_shell(&c, "stat -c %u:%g /a/file /b/file /c/file"), "7:8\n9:6\n5:6");
}

TEST(mount_that_is_mapped_to_nothing_is_refused) {
        static Container c;

        setup_bundle(&c, false);
        add_mount(&c, "/b", "bind", HERE "/out", "bind,idmap");
        expect_str(refusal(&c), "the owners of '/b' cannot be mapped: neither the mount nor the "
                                "container has id mappings");
}

TEST(id_that_the_container_lacks_is_refused) {
        static Container c;

        setup_bundle(&c, true);
        add_mount(&c, "/b", "bind", HERE "/out", "bind,idmap=uids=@5-70000-1");
        expect_str(refusal(&c), "an id that '/b' is mapped to is none of the container's");
}

TEST(only_the_recursive_word_maps_what_is_below) {
        static Container c;

        setup_bundle(&c, false);
        expect(mkdir(HERE "/out/below", 0755) == 0);
        test_scratch(HERE "/out/below");
        add_mount(&c, "/a", "bind", HERE "/out", "rbind,idmap");
        set_mappings(&c, 0, 100, 50);
        add_mount(&c, "/b", "bind", HERE "/out", "rbind,ridmap");
        set_mappings(&c, 0, 100, 50);
        expect_str(run_shell(&c, "stat -c %u /a /a/below /b /b/below"), "100\n0\n100\n100");
}

TEST(tmpfs_has_the_mode_of_what_it_covers) {
        static Container c;

        setup_bundle(&c, false);
        expect(mkdir(HERE "/rootfs/run", 0750) == 0);
        add_mount(&c, "/run", "tmpfs", "tmpfs", "nosuid");
        add_mount(&c, "/tmp", "tmpfs", "tmpfs", "mode=0711");
        add_mount(&c, "/new", "tmpfs", "tmpfs", "");
        expect_str(run_shell(&c, "stat -c %a /run /tmp /new"), "750\n711\n1777");
}

TEST(read_only_tmpfs_takes_mounts_first) {
        static Container c;

        setup_bundle(&c, false);
        add_mount(&c, "/run", "tmpfs", "tmpfs", "ro,mode=755");
        add_mount(&c, "/run/a/b", "bind", HERE "/out", "bind");
        expect_ok(strv_add(&c.spec.mounts[1].options, "ro"));
        expect_str(run_shell(&c, "touch /run/a/b/x && echo ok; for i in /run/x /dev/x; do touch $i "
                                 "2>&1 | grep -c Read-only; done; echo x > /dev/null && echo ok"),
                   "ok\n1\n1\nok");
}

TEST(last_of_two_mounts_has_the_devices) {
        static Container c;

        setup_bundle(&c, false);
        add_mount(&c, "/dev", "tmpfs", "tmpfs", "nosuid,mode=750");
        expect_str(run_shell(&c, "echo x > /dev/null && stat -c %a /dev; ls /dev/pts | wc -l"),
                   "750\n0");
}

TEST(working_directory_is_made_before_the_root_is_read_only) {
        static Container c;

        setup_bundle(&c, false);
        c.spec.root_readonly = true;
        c.process.cwd = (char *) "/srv/a/b";
        expect_str(run_shell(&c, "pwd; touch x 2>&1 | grep -c Read-only"), "/srv/a/b\n1");
}

TEST(nothing_but_proc_is_mounted_at_proc) {
        static Container c;

        setup_bundle(&c, false);
        add_mount(&c, "/proc/", "bind", HERE "/out", "bind");
        expect_str(refusal(&c), "what is mounted at '/proc' must be a proc");
}

TEST(proc_of_the_host_can_be_bound) {
        static Container c;

        setup_bundle(&c, false);
        drop_namespace(&c, "pid");
        add_mount(&c, "/proc", "bind", "/proc", "rbind,ro");
        expect_str(run_shell(&c, "test -d /proc/$$ && echo ok"), "ok");
}

TEST(link_into_proc_is_no_way_to_cover_it) {
        static Container c;

        setup_bundle(&c, false);
        expect(symlink("/proc/self/attr", HERE "/rootfs/data") == 0);
        expect(symlink("proc/sys", HERE "/rootfs/settings") == 0);
        add_mount(&c, "/settings/kernel", "bind", HERE "/out", "bind");
        expect_str(refusal(&c),
                   "nothing may be mounted at '/settings/kernel', which leads into proc");
        c.spec.mounts[c.spec.n_mounts - 1].destination = (char *) "/proc/../proc/self/attr";
        expect_str(refusal(&c), "nothing may be mounted at '/proc/self/attr'");
        c.spec.mounts[c.spec.n_mounts - 1].destination = (char *) "/x/..";
        expect_str(refusal(&c), "nothing may be mounted at '/'");
}

TEST(file_of_proc_can_be_replaced) {
        static Container c;

        setup_bundle(&c, false);
        expect(system("echo 1 2 3 > " HERE "/out/file") == 0);
        add_mount(&c, "/proc/uptime", "bind", HERE "/out/file", "bind");
        expect_str(run_shell(&c, "cat /proc/uptime"), "1 2 3");
}

TEST(links_are_copied_mounted_or_covered) {
        static Container c;

        setup_bundle(&c, false);
        expect(system("cd " HERE "/out && echo target > target && ln -s target link && ln -s "
                      "/bin/busybox " HERE "/rootfs/inside") == 0);
        add_mount(&c, "/d/copied", "bind", HERE "/out/link", "bind,copy-symlink");
        add_mount(&c, "/d/followed", "bind", HERE "/out/link", "bind");
        add_mount(&c, "/d/plain", "bind", HERE "/out/target", "bind,copy-symlink");
        expect_str(run_shell(&c, "readlink /d/copied; readlink /d/followed; cat /d/followed "
                                 "/d/plain"),
                   "target\ntarget\ntarget");
}

TEST(link_that_is_something_else_is_refused) {
        static Container c;

        setup_bundle(&c, false);
        expect(symlink("target", HERE "/out/link") == 0);
        add_mount(&c, "/bin", "bind", HERE "/out/link", "bind,copy-symlink");
        expect_str(refusal(&c), "cannot make the link '/bin': something else is there");
}

TEST(mount_is_changed_later) {
        static Container c;

        setup_bundle(&c, false);
        add_mount(&c, "/dev/shm", NULL, NULL, "remount,ro,size=2m");
        add_mount(&c, "/b", "bind", HERE "/out", "bind");
        add_mount(&c, "/b", "bind", HERE "/out", "bind,remount,ro");
        expect_str(run_shell(&c, "grep ' /dev/shm ' /proc/self/mountinfo | grep -o "
                                 "'ro,\\|size=[^,]*'; touch /b/x 2>&1 | grep -c Read-only"),
                   "ro,\nsize=2048k\n1");
}

TEST(sysctl_needs_no_mount_of_proc) {
        char *const sysctl[] = { (char *) "net.ipv4.ip_unprivileged_port_start=7", NULL };
        static Container c;

        setup_bundle(&c, false);
        c.linux_.sysctl = (char **) sysctl;
        c.spec.n_mounts = 0;
        run_shell(&c, "mount -t proc none /proc 2>/dev/null; test ! -e /proc/self");
}

TEST(link_is_masked_where_it_leads_to_in_the_root) {
        char *const masked[] = { (char *) "/link", (char *) "/out", (char *) "/loop", NULL };
        static Container c;

        setup_bundle(&c, false);
        expect(system("cd " HERE
                      "/rootfs && mkdir data && echo x > data/secret && ln -s /data link && "
                      "ln -s ../../../../../mnt/out out && ln -s loop loop && mkdir -p mnt/out && "
                      "echo y > mnt/out/secret && echo z > " HERE "/out/mark") == 0);
        c.linux_.masked_paths = (char **) masked;
        set_shell(&c, "true");
        /* A link that leads nowhere is no reason to run unmasked. */
        expect(run(&c, NULL) < 0);
        c.linux_.masked_paths[2] = NULL;
        c.process.args = strv_free(c.process.args);
        expect_str(run_shell(&c, "ls /data | wc -l; ls /mnt/out | wc -l"), "0\n0");
        expect(access(HERE "/out/mark", F_OK) == 0);
}

TEST(read_only_path_takes_what_is_mounted_below_along) {
        char *const read_only[] = { (char *) "/work", NULL };
        static Container c;

        setup_bundle(&c, false);
        add_mount(&c, "/work/below", "bind", HERE "/out", "bind");
        c.linux_.readonly_paths = (char **) read_only;
        expect_str(run_shell(&c, "for i in /work/x /work/below/x; do touch $i 2>&1 | grep -c "
                                 "Read-only; done"),
                   "1\n1");
}

TEST(mount_namespace_of_another_process_is_joined) {
        static Container c;
        autofree char *ns = NULL;
        int ready[2];
        char byte;
        pid_t pid;

        setup_bundle(&c, false);
        expect(pipe(ready) == 0);
        pid = fork();
        expect(pid >= 0);
        if (pid == 0) {
                expect(unshare(CLONE_NEWNS) == 0);
                expect(write(ready[1], "x", 1) == 1);
                for (;;)
                        pause();
        }
        expect(read(ready[0], &byte, 1) == 1);
        ns = str_format("/proc/%d/ns/mnt", pid);
        drop_namespace(&c, "mount");
        add_namespace(&c, "mount", ns);
        expect_str(run_shell(&c, "cat /etc/passwd | head -1"), "root:x:0:0:root:/root:/bin/sh");
        expect(kill(pid, SIGKILL) == 0);
}

TEST(missing_mount_namespace_is_refused) {
        static Container c;

        setup_bundle(&c, false);
        drop_namespace(&c, "mount");
        expect_str(refusal(&c), "a container needs a mount namespace of its own");
}

/* In a place with limits of its own, with a mount of type "cgroup"; skips where all is version 2.
 */
static char *run_in_cgroup(Container *c, const char *script) {
        const CgroupLimits limits = { .memory = 64 << 20, .has_pids = true, .pids = 50 };
        autofree char *name = str_format("isola-test-%d/rootfs", getpid());
        autoptr(Cgroup) cgroup = NULL;
        int code;

        if (cgroup_layout() != CGROUP_HYBRID && cgroup_layout() != CGROUP_LEGACY)
                skip("needs control groups of version 1");
        expect_ok(cgroup_create(name, &limits, &cgroup, NULL));
        c->options.cgroup = cgroup;
        expect(str_equal(c->spec.mounts[6].type, "cgroup2"));
        c->spec.mounts[6].type = (char *) "cgroup";
        set_shell(c, script);
        code = run(c, NULL);
        expect_ok(cgroup_remove(name, 1000));
        if (code != 0)
                printf("# %d: %s\n", code, output);
        expect(code == 0);
        return output;
}

TEST(hierarchies_of_version_1_are_shown_where_it_has_a_place) {
        static Container c;

        setup_bundle(&c, false);
        run_in_cgroup(&c, "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max; ls; "
                          "touch x memory/x 2>&1 | grep -c Read-only; cat memory/cgroup.procs | "
                          "head -1; cut -d: -f2-3 /proc/self/cgroup | grep memory");
        expect_str(output, cgroup_layout() == CGROUP_HYBRID
                                   ? "67108864\n50\nmemory\npids\nunified\n2\n1\nmemory:/"
                                   : "67108864\n50\nmemory\npids\n2\n1\nmemory:/");
}

TEST(hierarchies_of_version_1_are_bound_without_a_cgroup_namespace) {
        static Container c;

        setup_bundle(&c, false);
        drop_namespace(&c, "cgroup");
        run_in_cgroup(&c, "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max; "
                          "cat memory/cgroup.procs | head -1; touch memory/x 2>&1 | grep -c "
                          "Read-only");
        expect_str(output, "67108864\n50\n1\n1");
}

TEST(hierarchies_of_version_1_are_bound_in_a_user_namespace) {
        static Container c;

        setup_bundle(&c, true);
        expect(system("chown -R 1000000:1000000 " HERE "/rootfs") == 0);
        drop_namespace(&c, "cgroup");
        run_in_cgroup(&c, "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max; "
                          "touch memory/x 2>&1 | grep -c Read-only");
        expect_str(output, "67108864\n50\n1");
}

TEST(hierarchies_of_version_1_are_shown_in_a_user_namespace) {
        static Container c;

        setup_bundle(&c, true);
        expect(system("chown -R 1000000:1000000 " HERE "/rootfs") == 0);
        run_in_cgroup(&c, "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max; "
                          "cat memory/cgroup.procs | head -1; touch memory/x 2>&1 | grep -c "
                          "Read-only");
        expect_str(output, "67108864\n50\n1\n1");
}
