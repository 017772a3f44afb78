/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/capability.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "container.h"
#include "kernel/caps.h"

/* An OCI bundle without a mount at /dev. */
static void setup_plain(Container *c, bool userns) {
        setup_bundle(c, userns);
        c->spec.n_mounts = 1; /* proc */
        if (userns)
                expect(system("chown -R 1000000:1000000 " HERE "/rootfs") == 0);
}

static void add_device(Container *c, const char *path, const char *type, int major, int minor,
                       int mode) {
        OciDevice *d = json_grow(&c->linux_.devices, &c->linux_.n_devices, sizeof *d);

        *d = (OciDevice){ .path = strdup(path),
                          .type = strdup(type),
                          .major = major,
                          .minor = minor,
                          .file_mode = mode };
}

static void drop_mknod(void) {
        CapSets sets;

        expect_ok(caps_get(&sets));
        sets.effective = sets.permitted &= ~(UINT64_C(1) << CAP_MKNOD);
        expect_ok(caps_set(&sets));
}

TEST(devices_are_made_in_a_root_without_a_mount_at_dev) {
        struct stat st;
        static Container c;

        setup_plain(&c, false);
        expect_str(run_shell(&c, "echo x > /dev/null && head -c 2 /dev/zero | wc -c; readlink "
                                 "/dev/ptmx; readlink /dev/fd; stat -c %a /dev/null"),
                   "2\npts/ptmx\n/proc/self/fd\n666");
        expect(stat(HERE "/rootfs/dev/null", &st) == 0 && st.st_rdev == makedev(1, 3));
}

TEST(devices_are_bound_in_a_user_namespace) {
        static Container c;

        setup_plain(&c, true);
        expect_str(run_shell(&c, "echo x > /dev/null && head -c 2 /dev/zero | wc -c; grep -c ' "
                                 "/dev/null ' /proc/self/mountinfo; readlink /dev/ptmx"),
                   "2\n1\npts/ptmx");
}

/* A /dev of this test's own, with links by number where udev would have them. */
static void own_dev(const char *numbers) {
        autofree char *command = str_format(
                "mkdir -p " HERE "/dev && mount -t tmpfs none " HERE "/dev && cp -a /dev/null "
                "/dev/zero /dev/full /dev/random /dev/urandom /dev/tty " HERE "/dev/ && mkdir " HERE
                "/dev/char && for i in %s; do ln -s ../zero " HERE
                "/dev/char/$i; done && mount --move " HERE "/dev /dev",
                numbers);

        expect(system(command) == 0);
}

TEST(device_of_another_name_is_bound_by_its_number) {
        static Container c;

        setup_plain(&c, true);
        add_device(&c, "/opt/zero", "c", 1, 5, -1);
        own_dev("");
        expect(strstr(refusal(&c), "cannot bind device '/opt/zero'"));
        c.process.args = strv_free(c.process.args);
        own_dev("1:5 1:7");
        expect_str(run_shell(&c, "head -c 2 /opt/zero | wc -c"), "2");
        c.linux_.devices[0].minor = 7;
        expect_str(refusal(&c), "cannot bind device '/opt/zero': No such file or directory");
}

TEST(devices_are_bound_without_the_right_to_make_them) {
        static Container c;

        setup_plain(&c, false);
        drop_mknod();
        expect_str(run_shell(&c, "echo x > /dev/null && head -c 2 /dev/zero | wc -c; grep -c ' "
                                 "/dev/null ' /proc/self/mountinfo"),
                   "2\n1");
}

TEST(all_kinds_are_made_in_both_ways) {
        for (int i = 0; i < 2; i++) {
                static Container c;

                if (i == 0)
                        setup_plain(&c, false);
                else
                        add_mount(&c, "/dev", "tmpfs", "tmpfs", "mode=755");
                c.process.args = strv_free(c.process.args);
                c.linux_.n_devices = 0;
                add_device(&c, "/dev/a/char", "c", 10, 200, 0600);
                add_device(&c, "/dev/raw", "u", 1, 9, -1);
                add_device(&c, "/dev/block", "b", 7, 99, 0640);
                add_device(&c, "/dev/pipe", "p", 0, 0, 0622);
                add_device(&c, "/opt//x/../fifo", "p", 0, 0, -1);
                add_device(&c, "/opt/zero", "c", 1, 5, 06444);
                c.linux_.devices[5].uid = 3;
                c.linux_.devices[5].gid = 4;
                expect_str(run_shell(&c, "cd /dev; stat -c '%n %a %F %t:%T' a/char raw block pipe "
                                         "/opt/fifo; stat -c '%a %u:%g' /opt/zero; head -c 2 "
                                         "/opt/zero | wc -c"),
                           "a/char 600 character special file a:c8\n"
                           "raw 666 character special file 1:9\n"
                           "block 640 block special file 7:63\n"
                           "pipe 622 fifo 0:0\n"
                           "/opt/fifo 666 fifo 0:0\n"
                           "6444 3:4\n2");
                expect(system("rm -r " HERE "/rootfs/dev " HERE "/rootfs/opt") == 0);
        }
}

TEST(default_device_is_as_the_specification_says) {
        static Container c;

        setup_plain(&c, false);
        add_mount(&c, "/dev", "tmpfs", "tmpfs", "mode=755");
        add_device(&c, "/dev/null", "c", 1, 3, 0600);
        add_device(&c, "/dev/full", "c", 1, 5, -1);
        add_device(&c, "/dev/ptmx", "c", 5, 2, -1);
        expect_str(run_shell(&c, "stat -c '%a %t:%T' /dev/null /dev/full; readlink /dev/ptmx"),
                   "600 1:3\n666 1:5\npts/ptmx");
}

TEST(same_device_twice_is_one_and_another_is_refused) {
        static Container c;

        setup_plain(&c, false);
        add_mount(&c, "/dev", "tmpfs", "tmpfs", "mode=755");
        add_device(&c, "/dev/x", "c", 1, 3, -1);
        add_device(&c, "/dev/./x", "c", 1, 3, -1);
        run_shell(&c, "echo x > /dev/x");
        add_device(&c, "/dev/x", "c", 1, 5, -1);
        expect_str(refusal(&c), "cannot make device '/dev/x': something else is there");
}

TEST(what_is_there_must_be_the_device) {
        static Container c;

        setup_plain(&c, false);
        expect(mkdir(HERE "/rootfs/dev", 0755) == 0);
        expect(mknod(HERE "/rootfs/dev/null", S_IFCHR | 0600, makedev(1, 3)) == 0);
        expect_str(run_shell(&c, "stat -c %a /dev/null"), "600");
        expect(unlink(HERE "/rootfs/dev/null") == 0);
        expect(system("echo secret > " HERE "/rootfs/dev/null") == 0);
        expect_str(refusal(&c), "cannot make device '/dev/null': something else is there");
        c.process.args = strv_free(c.process.args);
        expect(unlink(HERE "/rootfs/dev/null") == 0);
        expect(symlink("/proc/sysrq-trigger", HERE "/rootfs/dev/null") == 0);
        expect_str(refusal(&c), "cannot make device '/dev/null': something else is there");
}

TEST(link_at_dev_is_refused) {
        static Container c;

        setup_plain(&c, false);
        expect(symlink("/tmp", HERE "/rootfs/dev") == 0);
        expect_str(refusal(&c), "'/dev' is not a directory in the image");
}

TEST(machines_dev_is_left_alone) {
        static Container c;

        setup_plain(&c, false);
        add_mount(&c, "/dev", "bind", HERE "/out", "bind");
        add_device(&c, "/dev/never", "c", 1, 3, -1);
        add_device(&c, "/opt/null", "c", 1, 3, -1);
        expect_str(run_shell(&c, "ls /dev | wc -l; echo x > /opt/null && echo ok"), "0\nok");
}

TEST(unknown_kind_is_refused) {
        static Container c;

        setup_plain(&c, false);
        add_device(&c, "/dev/x", "q", 1, 3, -1);
        expect_str(refusal(&c), "'q' is not a kind of device");
}

TEST(terminal_is_not_put_behind_a_link) {
        static Container c;

        setup_plain(&c, false);
        add_mount(&c, "/dev/pts", "devpts", "devpts", "newinstance,ptmxmode=0666,mode=0620");
        expect(mkdir(HERE "/rootfs/dev", 0755) == 0);
        expect(symlink("/proc/sys/kernel/hostname", HERE "/rootfs/dev/console") == 0);
        c.process.terminal = true;
        expect_str(refusal(&c), "'/dev/console' is neither a file nor a device in the image");
}

TEST(terminal_of_a_dev_that_is_bound) {
        autoptr(Runtime) runtime = NULL;
        autoclose int console = -EBADF;
        static Container c;

        setup_plain(&c, false);
        expect(system("mkdir " HERE
                      "/out/pts && mount -t devpts -o newinstance,ptmxmode=0666 devpts " HERE
                      "/out/pts && ln -s pts/ptmx " HERE "/out/ptmx") == 0);
        add_mount(&c, "/dev", "bind", HERE "/out", "rbind");
        c.process.terminal = true;
        set_shell(&c, "test -t 0 && test $(tty) = /dev/pts/0");
        expect_ok(runtime_spawn(&c.spec, &c.options, &runtime, NULL));
        expect_ok(runtime_start(runtime, NULL));
        console = runtime_take_console(runtime);
        expect(wait_code(runtime) == 0);
}
