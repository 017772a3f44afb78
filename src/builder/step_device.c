/* SPDX-License-Identifier: GPL-2.0-or-later */

/* RUN --device: what a device's description asks for, given to the command's container. */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "builder/step.h"

int step_devices_prepare(Step *step, Err *err) {
        autostrv devices = NULL;
        int r = 0;

        if (instruction_flags(step->instruction, "device", &devices) < 0)
                return fail(err, ENOMEM, "cannot run");
        strv_foreach(device, devices)
                if (r >= 0)
                        r = run_devices_add(&step->devices, *device, step->build->request->allow,
                                            err);
        return r;
}

int step_devices_give(const Step *step, HostConfig *to) {
        const CdiEdits *edits = &step->devices.edits;

        for (size_t i = 0; i < edits->n_nodes; i++) {
                const CdiNode *node = &edits->nodes[i];
                ContainerDevice *device = json_grow(&to->devices, &to->n_devices, sizeof *device);

                if (!device)
                        return -ENOMEM;
                device->path_on_host = strdup(node->host_path ? node->host_path : node->path);
                device->path_in_container = strdup(node->path);
                device->permissions = strdup(node->permissions ? node->permissions : "rwm");
                if (!device->path_on_host || !device->path_in_container || !device->permissions)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < edits->n_groups; i++)
                if (strv_addf(&to->group_add, "%lld", (long long) edits->groups[i]) < 0)
                        return -ENOMEM;
        return 0;
}

/* Files of the machine's that a device needs, such as its driver's libraries. */
int step_devices_mount(const Step *step, OciSpec *spec, Err *err) {
        const CdiEdits *edits = &step->devices.edits;

        for (size_t i = 0; i < edits->n_mounts; i++) {
                const CdiMount *mount = &edits->mounts[i];
                const char *const writable[] = { "bind", "rprivate", "nosuid", "nodev", NULL };
                const char *const read_only[] = {
                        "bind", "rprivate", "ro", "nosuid", "nodev", NULL
                };

                if (oci_mount_add(spec, mount->container_path, "bind", mount->host_path,
                                  (char *const *) (strv_has(mount->options, "rw") ? writable
                                                                                  : read_only)) < 0)
                        return fail(err, ENOMEM, "cannot mount '%s'", mount->container_path);
        }
        return 0;
}
