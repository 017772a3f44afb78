/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * RUN --device: devices by the Container Device Interface
 *
 * The administrator describes devices in files *.json of /etc/cdi, /var/run/cdi and
 * /etc/buildkit/cdi (CNCF's Container Device Interface, SPEC.md); of a device that several
 * describe, the last one counts.  What a description asks for is taken member by member: variables,
 * nodes, mounts and groups.  One that wants programs run on this machine (hooks) is refused, and
 * files in YAML are not read.
 *
 * A name asks for one device (VENDOR/CLASS=NAME), the first of its kind (VENDOR/CLASS), all of its
 * kind (VENDOR/CLASS=*), or those of a class (annotation org.mobyproject.buildkit.device.class),
 * as BuildKit's solver/llbsolver/cdidevices/manager.go has it.
 */

#include "base/json.h"

typedef struct CdiNode {
        char *path, *host_path, *permissions;
} CdiNode;

typedef struct CdiMount {
        char *host_path, *container_path;
        char **options;
} CdiMount;

typedef struct CdiHook {
        char *path;
} CdiHook;

/* What a build does not do is read as far as to be refused by name. */
typedef struct CdiNetDevice {
        char *host; /* an interface of the machine's */
} CdiNetDevice;

typedef struct CdiRdt {
        char *clos;
} CdiRdt;

typedef struct CdiEdits {
        char **env;
        CdiNode *nodes;
        size_t n_nodes;
        CdiMount *mounts;
        size_t n_mounts;
        CdiHook *hooks;
        size_t n_hooks;
        int64_t *groups;
        size_t n_groups;
        CdiNetDevice *net_devices;
        size_t n_net_devices;
        CdiRdt *rdt; /* or NULL */
} CdiEdits;

/* What --device of one RUN comes to. */
typedef struct RunDevices {
        char **names;   /* "VENDOR/CLASS=NAME" */
        CdiEdits edits; /* of all of them */
} RunDevices;

void run_devices_clear(RunDevices *devices);

/**
 * run_devices_add() - find what one --device asks for
 * @text:	"NAME", "NAME,required", "name=NAME,required=true"
 * @allow:	words of --allow: "device", "device=NAME"; or NULL
 *
 * One that is not described is left out with a warning, unless it is required.
 *
 * Return: 0; -ENOENT, -EPERM, -EOPNOTSUPP, -EINVAL.
 */
int run_devices_add(RunDevices *devices, const char *text, const char *const *allow, Err *err);
