/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/utsname.h>

#include "oci/image.h"

static const JsonField healthcheck_fields[] = {
        JSON_STRINGS(OciHealthcheck, test, "Test"),
        JSON_I64(OciHealthcheck, interval, "Interval"),
        JSON_I64(OciHealthcheck, timeout, "Timeout"),
        JSON_I64(OciHealthcheck, start_period, "StartPeriod"),
        JSON_I64(OciHealthcheck, start_interval, "StartInterval"),
        JSON_INT(OciHealthcheck, retries, "Retries"),
        {},
};
const JsonType oci_healthcheck_type = { sizeof(OciHealthcheck), healthcheck_fields };

static const JsonField image_config_fields[] = {
        JSON_STRING(OciImageConfig, user, "User"),
        JSON_SET(OciImageConfig, exposed_ports, "ExposedPorts"),
        JSON_STRINGS(OciImageConfig, env, "Env"),
        JSON_STRINGS(OciImageConfig, entrypoint, "Entrypoint"),
        JSON_STRINGS(OciImageConfig, cmd, "Cmd"),
        JSON_SET(OciImageConfig, volumes, "Volumes"),
        JSON_STRING(OciImageConfig, working_dir, "WorkingDir"),
        JSON_PAIRS(OciImageConfig, labels, "Labels"),
        JSON_STRING(OciImageConfig, stop_signal, "StopSignal"),
        JSON_STRINGS(OciImageConfig, shell, "Shell"),
        JSON_POINTER(OciImageConfig, healthcheck, OciHealthcheck, "Healthcheck",
                     &oci_healthcheck_type),
        JSON_STRINGS(OciImageConfig, on_build, "OnBuild"),
        {},
};
const JsonType oci_image_config_type = { sizeof(OciImageConfig), image_config_fields };

static const JsonField history_fields[] = {
        JSON_STRING(OciHistory, created, "created"),
        JSON_STRING(OciHistory, created_by, "created_by"),
        JSON_STRING(OciHistory, author, "author"),
        JSON_STRING(OciHistory, comment, "comment"),
        JSON_BOOL(OciHistory, empty_layer, "empty_layer"),
        {},
};
static const JsonType history_type = { sizeof(OciHistory), history_fields };

static const JsonField rootfs_fields[] = {
        JSON_STRING(OciRootfs, type, "type", JSON_REQUIRED),
        JSON_STRINGS(OciRootfs, diff_ids, "diff_ids", JSON_ALWAYS),
        {},
};
static const JsonType rootfs_type = { sizeof(OciRootfs), rootfs_fields };

static const JsonField image_fields[] = {
        JSON_STRING(OciImage, created, "created"),
        JSON_STRING(OciImage, author, "author"),
        JSON_STRING(OciImage, architecture, "architecture", JSON_REQUIRED),
        JSON_STRING(OciImage, variant, "variant"),
        JSON_STRING(OciImage, os, "os", JSON_REQUIRED),
        JSON_STRUCT(OciImage, config, OciImageConfig, "config", &oci_image_config_type),
        JSON_STRUCT(OciImage, rootfs, OciRootfs, "rootfs", &rootfs_type, JSON_REQUIRED),
        JSON_ARRAY(OciImage, history, OciHistory, "history", &history_type),
        {},
};
const JsonType oci_image_type = { sizeof(OciImage), image_fields };

static const JsonField platform_fields[] = {
        JSON_STRING(OciPlatform, architecture, "architecture", JSON_REQUIRED),
        JSON_STRING(OciPlatform, os, "os", JSON_REQUIRED),
        JSON_STRING(OciPlatform, variant, "variant"),
        JSON_STRING(OciPlatform, os_version, "os.version"),
        {},
};
static const JsonType platform_type = { sizeof(OciPlatform), platform_fields };

static const JsonField descriptor_fields[] = {
        JSON_STRING(OciDescriptor, media_type, "mediaType", JSON_REQUIRED),
        JSON_STRING(OciDescriptor, digest, "digest", JSON_REQUIRED),
        JSON_I64(OciDescriptor, size, "size", JSON_REQUIRED | JSON_ALWAYS),
        JSON_PAIRS(OciDescriptor, annotations, "annotations"),
        JSON_POINTER(OciDescriptor, platform, OciPlatform, "platform", &platform_type),
        JSON_STRING(OciDescriptor, artifact_type, "artifactType"),
        JSON_STRINGS(OciDescriptor, urls, "urls"),
        JSON_STRING(OciDescriptor, data, "data"),
        {},
};
const JsonType oci_descriptor_type = { sizeof(OciDescriptor), descriptor_fields };

static const JsonField manifest_fields[] = {
        JSON_INT(OciManifest, schema_version, "schemaVersion", JSON_REQUIRED),
        JSON_STRING(OciManifest, media_type, "mediaType"),
        JSON_STRUCT(OciManifest, config, OciDescriptor, "config", &oci_descriptor_type,
                    JSON_REQUIRED),
        JSON_ARRAY(OciManifest, layers, OciDescriptor, "layers", &oci_descriptor_type, JSON_ALWAYS),
        JSON_PAIRS(OciManifest, annotations, "annotations"),
        JSON_POINTER(OciManifest, subject, OciDescriptor, "subject", &oci_descriptor_type),
        JSON_STRING(OciManifest, artifact_type, "artifactType"),
        {},
};
const JsonType oci_manifest_type = { sizeof(OciManifest), manifest_fields };

static const JsonField index_fields[] = {
        JSON_INT(OciIndex, schema_version, "schemaVersion", JSON_REQUIRED),
        JSON_STRING(OciIndex, media_type, "mediaType"),
        JSON_ARRAY(OciIndex, manifests, OciDescriptor, "manifests", &oci_descriptor_type,
                   JSON_ALWAYS),
        JSON_PAIRS(OciIndex, annotations, "annotations"),
        JSON_POINTER(OciIndex, subject, OciDescriptor, "subject", &oci_descriptor_type),
        JSON_STRING(OciIndex, artifact_type, "artifactType"),
        {},
};
const JsonType oci_index_type = { sizeof(OciIndex), index_fields };

const char *oci_architecture(void) {
        static const struct {
                const char *machine, *go;
        } names[] = {
                { "x86_64", "amd64" },        { "aarch64", "arm64" }, { "armv7l", "arm" },
                { "armv6l", "arm" },          { "i686", "386" },      { "i386", "386" },
                { "ppc64le", "ppc64le" },     { "ppc64", "ppc64" },   { "s390x", "s390x" },
                { "riscv64", "riscv64" },     { "mips64", "mips64" }, { "mips", "mips" },
                { "loongarch64", "loong64" },
        };
        struct utsname u;

        if (uname(&u) < 0)
                return "unknown";
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (strcmp(u.machine, names[i].machine) == 0)
                        return names[i].go;
        return "unknown";
}
