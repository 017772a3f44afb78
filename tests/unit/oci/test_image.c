/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "oci/image.h"
#include "test.h"

static const char config[] =
        "{\"created\":\"2026-01-02T03:04:05Z\",\"architecture\":\"amd64\",\"os\":\"linux\","
        "\"config\":{\"ExposedPorts\":{\"80/tcp\":{}},\"Env\":[\"A=1\"],\"Cmd\":[\"sh\"],"
        "\"Labels\":{\"k\":\"v\"}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]},"
        "\"history\":[{\"created_by\":\"x\",\"empty_layer\":true}]}\n";

TEST(a_config_survives_reading_and_writing) {
        OciImage image = {};
        autofree char *text = NULL;

        expect_ok(json_parse(&oci_image_type, config, sizeof config - 1, "config", &image, NULL));
        expect_str(image.config.exposed_ports[0], "80/tcp");
        expect_str(image.config.labels[0], "k=v");
        expect(image.n_history == 1 && image.history[0].empty_layer);
        text = json_text(&oci_image_type, &image);
        expect_str(text, config);
        json_clear(&oci_image_type, &image);
}

TEST(a_config_without_rootfs_is_refused) {
        static const char text[] = "{\"architecture\":\"amd64\",\"os\":\"linux\"}";
        OciImage image = {};
        autoerr err = {};

        expect(json_parse(&oci_image_type, text, sizeof text - 1, "config", &image, &err) < 0);
        expect_str(err.message, "config:1: rootfs: missing");
}

TEST(this_machine_has_an_architecture) {
        expect(strcmp(oci_architecture(), "unknown") != 0);
}
