/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "runtime/mount_option.h"
#include "test.h"

static MountOptions parse(const char *type, const char *words) {
        static OciMount mount;
        static MountOptions options;

        mount = (OciMount){ .destination = (char *) "/x", .type = (char *) type };
        expect_ok(strv_split(words, ",", true, &mount.options));
        expect_ok(mount_options_parse(&mount, &options, NULL));
        return options;
}

TEST(table_is_in_order) {
        for (size_t i = 1; mount_option_name(i); i++)
                expect(strcmp(mount_option_name(i - 1), mount_option_name(i)) < 0);
}

TEST(later_word_wins) {
        MountOptions o = parse("tmpfs", "nosuid,nodev,suid");

        expect(o.attr.set == MOUNT_ATTR_NODEV && o.attr.clear == MOUNT_ATTR_NOSUID);
}

TEST(atime_bits_change_together) {
        MountOptions o = parse("bind", "noatime,strictatime");

        expect(o.attr.set == MOUNT_ATTR_STRICTATIME && o.attr.clear == MOUNT_ATTR__ATIME);
}

TEST(recursive_words_go_to_all_mounts_below) {
        MountOptions o = parse("bind", "rbind,rro,nosuid,rslave");

        expect(o.bind && o.recursive);
        expect(o.below.set == MOUNT_ATTR_RDONLY && o.attr.set == MOUNT_ATTR_NOSUID);
        expect(o.below.propagation == MS_SLAVE && o.attr.propagation == MS_SLAVE);
}

TEST(mounts_are_private_unless_said) {
        MountOptions o = parse("bind", "bind");

        expect(o.attr.propagation == MS_PRIVATE);
}

TEST(other_words_are_the_file_systems) {
        MountOptions o = parse("tmpfs", "size=64k,ro,mode=755,sync");

        expect(strv_length(o.fs) == 3 && strv_has(o.fs, "sync"));
        expect(o.attr.set == MOUNT_ATTR_RDONLY);
}

TEST(bind_mount_knows_no_other_words) {
        char *words[] = { (char *) "rbind", (char *) "colour=blue", NULL };
        OciMount mount = { .destination = (char *) "/x", .options = words };
        MountOptions options;
        autoerr err = {};

        expect(mount_options_parse(&mount, &options, &err) == -EINVAL);
        expect_str(err.message, "mount option 'colour=blue' of '/x' is not known");
}
