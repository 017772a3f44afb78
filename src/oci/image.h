/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The image specification's documents as C structs (image-spec 1.1: config.md,
 * manifest.md, image-index.md, descriptor.md), with the members Docker adds to
 * an image's config.  Tables and pure functions only.
 */

#include "base/json.h"

/* Docker's addition; spans in nanoseconds, 0 for the default. */
typedef struct OciHealthcheck {
        char **test; /* "NONE", "CMD" and arguments, or "CMD-SHELL" and a command line */
        int64_t interval, timeout, start_period, start_interval;
        int retries;
} OciHealthcheck;

/* What a container of this image runs by default; also part of a container's own configuration. */
typedef struct OciImageConfig {
        char *user;
        char **exposed_ports; /* "80/tcp" */
        char **env;
        char **entrypoint, **cmd;
        char **volumes;
        char *working_dir;
        char **labels; /* "key=value" */
        char *stop_signal;
        char **shell;
        OciHealthcheck *healthcheck;
        char **on_build; /* instructions that a build upon this image begins with */
} OciImageConfig;

typedef struct OciHistory {
        char *created, *created_by, *author, *comment;
        bool empty_layer;
} OciHistory;

typedef struct OciRootfs {
        char *type; /* "layers" */
        char **diff_ids;
} OciRootfs;

typedef struct OciImage {
        char *created, *author;
        char *architecture, *os, *variant;
        OciImageConfig config;
        OciRootfs rootfs;
        OciHistory *history;
        size_t n_history;
} OciImage;

typedef struct OciPlatform {
        char *architecture, *os, *variant, *os_version;
} OciPlatform;

typedef struct OciDescriptor {
        char *media_type, *digest;
        int64_t size;
        char **annotations;    /* "key=value" */
        OciPlatform *platform; /* only in an index; may be NULL */
        char *artifact_type;   /* only in an index */
        char **urls;           /* where else it may be had */
        char *data;            /* the content itself, base64; or NULL */
} OciDescriptor;

typedef struct OciManifest {
        int schema_version;
        char *media_type;
        OciDescriptor config;
        OciDescriptor *layers;
        size_t n_layers;
        char **annotations;
        OciDescriptor *subject; /* what it refers to, or NULL */
        char *artifact_type;
} OciManifest;

typedef struct OciIndex {
        int schema_version;
        char *media_type;
        OciDescriptor *manifests;
        size_t n_manifests;
        char **annotations;
        OciDescriptor *subject; /* as a manifest's */
        char *artifact_type;
} OciIndex;

extern const JsonType oci_healthcheck_type, oci_image_config_type, oci_image_type,
        oci_descriptor_type, oci_manifest_type, oci_index_type;

#define OCI_MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_MEDIA_INDEX    "application/vnd.oci.image.index.v1+json"
#define OCI_MEDIA_CONFIG   "application/vnd.oci.image.config.v1+json"
#define OCI_MEDIA_LAYER    "application/vnd.oci.image.layer.v1.tar"
#define OCI_MEDIA_GZIP     OCI_MEDIA_LAYER "+gzip"
#define OCI_MEDIA_ZSTD     OCI_MEDIA_LAYER "+zstd"

/* Docker's older words for the same. */
#define DOCKER_MEDIA_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_MEDIA_INDEX    "application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_MEDIA_CONFIG   "application/vnd.docker.container.image.v1+json"

/* The annotation under which an image layout's index names an image. */
#define OCI_REF_NAME "org.opencontainers.image.ref.name"

/* This machine's architecture in the image-spec's (Go's) words: "amd64", "arm64", … */
const char *oci_architecture(void);
