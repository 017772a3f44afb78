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
        mount.options = strv_free(mount.options);
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

TEST(rw_takes_ro_back_but_changes_no_source) {
        MountOptions o = parse("bind", "ro,rw");

        expect(o.attr.set == 0 && o.attr.clear == 0);
        o = parse("bind", "rw,ro");
        expect(o.attr.set == MOUNT_ATTR_RDONLY);
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

TEST(propagation_is_open_unless_said) {
        MountOptions o = parse("bind", "bind");

        expect(o.attr.propagation == 0 && o.below.propagation == 0);
}

TEST(propagation_words_are_told_from_others) {
        uint64_t flag;
        bool recursive;

        expect(mount_propagation("rslave", &flag, &recursive) && flag == MS_SLAVE && recursive);
        expect(mount_propagation("shared", &flag, &recursive) && flag == MS_SHARED && !recursive);
        expect(!mount_propagation("ro", &flag, &recursive));
        expect(!mount_propagation("sharred", &flag, &recursive));
}

/* The union of what `runc features` and `crun features` print. */
TEST(all_words_of_runc_and_crun_are_known) {
        autostrv words = NULL;

        expect_ok(strv_split(
                "async,atime,bind,copy-symlink,defaults,dest-nofollow,dev,diratime,dirsync,exec,idmap,"
                "iversion,lazytime,loud,mand,noatime,nodev,nodiratime,noexec,noiversion,nolazytime,"
                "nomand,norelatime,nostrictatime,nosuid,nosymfollow,private,rasync,ratime,rbind,rdev,"
                "rdiratime,rdirsync,relatime,remount,rexec,ridmap,rmand,rnoatime,rnodev,rnodiratime,"
                "rnoexec,rnomand,rnorelatime,rnostrictatime,rnosuid,rnosymfollow,ro,rprivate,rrelatime,"
                "rro,rrw,rshared,rslave,rstrictatime,rsuid,rsymfollow,rsync,runbindable,rw,shared,"
                "silent,slave,src-nofollow,strictatime,suid,symfollow,sync,tmpcopyup,unbindable",
                ",", true, &words));
        strv_foreach(word, words) {
                bool known = false;

                for (size_t i = 0; mount_option_name(i); i++)
                        known = known || str_equal(mount_option_name(i), *word);
                if (!known)
                        printf("# %s\n", *word);
                expect(known);
        }
}

TEST(ids_of_a_mounts_own_are_read) {
        MountOptions o = parse("bind", "bind,idmap=uids=0-1000-10#@20-5-1;gids=7-8-9");

        expect(o.idmap && !o.idmap_below && o.ids.n_uids == 2 && o.ids.n_gids == 1);
        expect(o.ids.uids[0].on_disk == 0 && o.ids.uids[0].becomes == 1000 &&
               o.ids.uids[0].count == 10 && !o.ids.uids[0].inside);
        expect(o.ids.uids[1].on_disk == 20 && o.ids.uids[1].becomes == 5 && o.ids.uids[1].inside);
        expect(o.ids.gids[0].on_disk == 7 && o.ids.gids[0].count == 9);
}

TEST(mappings_of_a_mount_are_an_idmap) {
        OciIdMapping mapping = { 0, 1000, 5 };
        char *words[] = { (char *) "ridmap", (char *) "rbind", NULL };
        OciMount mount = { .destination = (char *) "/x",
                           .options = words,
                           .uid_mappings = &mapping,
                           .n_uid_mappings = 1 };
        MountOptions o;

        expect_ok(mount_options_parse(&mount, &o, NULL));
        expect(o.idmap && o.idmap_below && o.ids.n_uids == 1 && o.ids.uids[0].becomes == 1000);
        mount_options_clear(&o);
}

static void expect_refused(const char *type, const char *words, const char *message) {
        OciMount mount = { .destination = (char *) "/x", .type = (char *) type };
        MountOptions options;
        autoerr err = {};

        expect_ok(strv_split(words, ",", true, &mount.options));
        expect(mount_options_parse(&mount, &options, &err) == -EINVAL);
        expect_str(err.message, message);
        strv_free(mount.options);
}

TEST(ids_of_another_form_are_refused) {
        expect_refused("bind", "idmap=uids=0-1000",
                       "mount option 'idmap=uids=0-1000' of '/x' is not of the form "
                       "'idmap=uids=0-1000-1;gids=0-1000-1'");
        expect_refused("bind", "ridmap=users=0-1-1",
                       "mount option 'ridmap=users=0-1-1' of '/x' is not of the form "
                       "'idmap=uids=0-1000-1;gids=0-1000-1'");
        expect_refused("bind", "idmap=uids=0--1-1",
                       "mount option 'idmap=uids=0--1-1' of '/x' is not of the form "
                       "'idmap=uids=0-1000-1;gids=0-1000-1'");
}

TEST(only_bind_mounts_map_owners) {
        expect_refused("tmpfs", "idmap",
                       "owners can be mapped for a bind mount only, and '/x' is none");
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
