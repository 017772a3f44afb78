/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "oci/spec.h"
#include "test.h"

static const char document[] =
        "{\"ociVersion\":\"1.2.0\",\"process\":{\"consoleSize\":{\"height\":24,\"width\":80},"
        "\"user\":{\"uid\":1000,\"gid\":100,\"additionalGids\":[5,6]},\"args\":[\"sh\"],"
        "\"cwd\":\"/\",\"oomScoreAdj\":0},\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
        "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"}],\"linux\":{"
        "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/run/x\"}],"
        "\"timeOffsets\":{\"boottime\":{\"secs\":7,\"nanosecs\":3}},"
        "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
        "\"memory\":{\"limit\":-1},\"pids\":{\"limit\":10}},\"sysctl\":{\"a.b\":\"1\"}}}";

static void read_document(OciSpec *spec) {
        expect_ok(json_parse(&oci_spec_type, document, sizeof document - 1, "config.json", spec,
                             NULL));
}

TEST(config_is_read_into_flat_structs) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);

        read_document(spec);
        expect(spec->process->console_height == 24 && spec->process->console_width == 80);
        expect(spec->process->user.uid == 1000 && spec->process->user.umask == -1);
        expect(spec->process->user.n_additional_gids == 2);
        expect(spec->process->user.additional_gids[1] == 6);
        expect(spec->process->has_oom_score_adj);
        expect_str(spec->root_path, "rootfs");
        expect(spec->root_readonly);
        expect(!spec->linux_->monotonic && spec->linux_->boottime->secs == 7);
        expect(spec->linux_->resources->memory_limit == -1);
        expect(spec->linux_->resources->pids_limit == 10);
        expect(spec->linux_->resources->devices[0].major == -1);
        expect_str(spec->linux_->sysctl[0], "a.b=1");
        expect_str(oci_namespace(spec, "network")->path, "/run/x");
        expect(!oci_namespace(spec, "user"));
}

TEST(what_is_written_reads_the_same) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        autoptr(OciSpec) again = calloc(1, sizeof *again);
        autofree char *text = NULL, *second = NULL;

        read_document(spec);
        text = json_text(&oci_spec_type, spec);
        expect_ok(json_parse(&oci_spec_type, text, strlen(text), "text", again, NULL));
        second = json_text(&oci_spec_type, again);
        expect_str(second, text);
        expect(again->process->user.umask == -1 && again->process->user.additional_gids[0] == 5);
}

TEST(a_mount_is_appended_with_copies_of_its_strings) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        char *const options[] = { (char *) "ro", NULL };

        expect_ok(oci_mount_add(spec, "/tmp", "tmpfs", NULL, options));
        expect(spec->n_mounts == 1 && !spec->mounts[0].source);
        expect_str(spec->mounts[0].options[0], "ro");
}
