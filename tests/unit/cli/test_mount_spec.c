/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "cli/mount_spec.h"
#include "test.h"

static void clear(Container *c) {
        json_clear(&container_type, c);
}
#define autocontainer __attribute__((__cleanup__(clear))) Container

typedef int (*Read)(const char *text, Container *c, Err *err);

static ContainerMount *read_one(Read read, const char *text, Container *c) {
        autoerr err = {};

        if (read(text, c, &err) < 0)
                printf("# %s: %s\n", text, err.message);
        expect(c->host.n_mounts == 1);
        return &c->host.mounts[0];
}

static void expect_refused(Read read, const char *text, const char *sentence) {
        autocontainer c = {};
        autoerr err = {};

        expect(read(text, &c, &err) == -EINVAL);
        expect_str(err.message, sentence);
}

TEST(v_of_a_path_is_a_bind_mount) {
        autocontainer c = {};
        ContainerMount *m = read_one(mount_volume, "/srv/www:/www:ro,rslave", &c);

        expect_str(m->type, "bind");
        expect_str(m->source, "/srv/www");
        expect_str(m->target, "/www");
        expect_str(m->propagation, "rslave");
        expect(m->read_only);
        expect_str(c.host.binds[0], "/srv/www:/www:ro,rslave");
}

TEST(v_of_a_relative_path_is_made_absolute) {
        autocontainer c = {};
        ContainerMount *m;

        expect(chdir("/tmp") == 0);
        m = read_one(mount_volume, "./data:/data", &c);
        expect_str(m->source, "/tmp/./data");
}

TEST(v_of_a_name_is_a_volume) {
        autocontainer c = {};
        ContainerMount *m = read_one(mount_volume, "data:/var/lib/data:nocopy", &c);

        expect_str(m->type, "volume");
        expect_str(m->source, "data");
        expect(m->no_copy && !m->read_only);
}

TEST(v_of_a_target_alone_is_a_new_volume) {
        autocontainer c = {};
        ContainerMount *m = read_one(mount_volume, "/cache", &c);

        expect_str(m->type, "volume");
        expect(!m->source);
        expect_str(c.config.volumes[0], "/cache");
}

TEST(wrong_v_is_refused) {
        expect_refused(mount_volume, "/a:b", "mount '/a:b': target 'b' is not an absolute path");
        expect_refused(mount_volume, "/a:/", "mount '/a:/': nothing can be mounted over '/'");
        expect_refused(mount_volume, "/a:/b:rx", "mount '/a:/b:rx': option 'rx' is not known");
        expect_refused(mount_volume, "/a:/b:ro:x", "'/a:/b:ro:x' is not [SOURCE:]TARGET[:OPTIONS]");
        expect_refused(mount_volume, "a/b:/c",
                       "'a/b' is neither an absolute path nor a volume's name");
        expect_refused(mount_volume, "", "mount '' has no target");
}

TEST(mount_reads_all_keys) {
        autocontainer c = {};
        ContainerMount *m = read_one(mount_entry,
                                     "type=bind,src=/a,\"dst=/b,c\",ro,bind-propagation=shared,"
                                     "bind-recursive=disabled",
                                     &c);

        expect_str(m->type, "bind");
        expect_str(m->source, "/a");
        expect_str(m->target, "/b,c");
        expect_str(m->propagation, "shared");
        expect(m->read_only && m->no_recursive);
}

TEST(mount_makes_tmpfs_and_volumes) {
        autocontainer c = {}, d = {};
        ContainerMount *m =
                read_one(mount_entry, "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770", &c);

        expect(m->tmpfs_size == 1 << 20 && m->tmpfs_mode == 01770);
        m = read_one(mount_entry, "source=data,target=/d,readonly=false", &d);
        expect_str(m->type, "volume");
        expect(!m->read_only);
}

TEST(wrong_mount_is_refused) {
        expect_refused(mount_entry, "type=bind,target=/x",
                       "mount 'type=bind,target=/x': a bind mount needs a source");
        expect_refused(mount_entry, "type=nfs,target=/x",
                       "--mount: type 'nfs' is not bind, volume or tmpfs");
        expect_refused(mount_entry, "tpye=bind", "--mount: 'tpye' is not known");
        expect_refused(mount_entry, "target", "--mount: 'target' needs a value: target=…");
        expect_refused(mount_entry, "type=tmpfs,tmpfs-mode=9,target=/x",
                       "--mount: tmpfs-mode '9' is not an octal mode such as 1777");
        expect_refused(mount_entry, "source=/a,target=/b",
                       "mount 'source=/a,target=/b': '/a' is not a volume's name");
        expect_refused(mount_entry, "\"a", "mount '\"a' has an open quote");
}

TEST(tmpfs_keeps_its_options) {
        autocontainer c = {};
        ContainerMount *m = read_one(mount_tmpfs, "/run:size=1m,mode=755", &c);

        expect_str(m->target, "/run");
        expect_str(m->options, "size=1m,mode=755");
        expect_refused(mount_tmpfs, "run", "mount 'run': target 'run' is not an absolute path");
}

TEST(one_target_is_mounted_once) {
        autocontainer c = {};
        autoerr err = {};

        expect_ok(mount_tmpfs("/a", &c, NULL));
        expect(mount_volume("x:/a", &c, &err) == -EINVAL);
        expect_str(err.message, "two mounts have the same target '/a'");
}
