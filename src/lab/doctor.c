/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "lab/doctor_internal.h"
#include "netlink/device_probe.h"
#include "netlink/network_probe.h"

const char *const finding_status_names[] = { "yes", "no", "low", "MISSING", NULL };

void diagnosis_clear(Diagnosis *d) {
        for (size_t i = 0; i < d->n_findings; i++) {
                free(d->findings[i].detail);
                free(d->findings[i].remedy);
        }
        free(d->findings);
        *d = (Diagnosis){};
}

/* Behind the last of a group: at the end, for a new one. */
static size_t behind_group(const Diagnosis *d, const char *group) {
        for (size_t i = d->n_findings; i > 0; i--)
                if (str_equal(d->findings[i - 1].group, group))
                        return i;
        return d->n_findings;
}

int diagnosis_add(Diagnosis *d, const Finding *finding) {
        size_t place = behind_group(d, finding->group);
        Finding *all = reallocarray(d->findings, d->n_findings + 1, sizeof *all), f = *finding;

        if (all)
                d->findings = all;
        if (!f.detail)
                f.detail = strdup("");
        if (!f.remedy)
                f.remedy = strdup("");
        if (!all || !f.detail || !f.remedy) {
                free(f.detail);
                free(f.remedy);
                return -ENOMEM;
        }
        memmove(&all[place + 1], &all[place], (d->n_findings - place) * sizeof *all);
        all[place] = f;
        d->n_findings++;
        d->hopeless = d->hopeless || f.status == FINDING_MISSING;
        return 0;
}

static int try_feature(Diagnosis *d, const ProbeFeature *f, const ProbePlace *place) {
        ProbeResult result;
        bool there, said;

        probe_run(f, place, &result);
        there = result.answer >= 0;
        said = there || *result.detail;
        return diagnosis_add(
                d, &(Finding){
                           .group = f->group,
                           .name = f->name,
                           .status = there          ? FINDING_YES
                                     : f->essential ? FINDING_MISSING
                                                    : FINDING_NO,
                           .detail = strdup(said ? result.detail : strerror(-result.answer)),
                           .without = there ? "" : f->without,
                           .remedy = strdup(there || !f->remedy ? "" : f->remedy),
                   });
}

static int try_all(Diagnosis *d, const ProbeFeature *(*list)(size_t *ret_n),
                   const ProbePlace *place) {
        size_t n;
        const ProbeFeature *features = list(&n);
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = try_feature(d, &features[i], place);
        return r;
}

/* Of what containers and networks have trials for, what labs use as well, and what it is to them.
 */
static const struct {
        const ProbeFeature *(*list)(size_t *ret_n);
        const char *group, *name, *without, *remedy;
} shared[] = {
        { probe_kernel_features, "Files", "idmapped mounts",
          "light nodes see all files of the host as nobody's",
          "put / on ext4, xfs, btrfs or tmpfs; Linux 5.12" },
        { probe_kernel_features, "Files", "overlay in a user namespace",
          "no nodes of images can be made", "Linux 5.19; --root on ext4, xfs or btrfs" },
        { probe_kernel_features, "Control groups", "birth in a v2 cgroup",
          "labs stay in the control group of the command that makes them",
          "mount cgroup2 at /sys/fs/cgroup" },
        { probe_kernel_features, "Control groups", "memory limit", "'memory' of nodes is refused",
          "boot with cgroup_enable=memory" },
        { probe_kernel_features, "Control groups", "processor limit", "'cpu' of nodes is refused",
          "boot a kernel that has CONFIG_CFS_BANDWIDTH" },
        { probe_kernel_features, "Control groups", "processor choice",
          "'cpu-set' of nodes is refused", "boot a kernel that has CONFIG_CPUSETS" },
        { probe_kernel_features, "Control groups", "process limit", "'pids' of nodes is refused",
          "boot a kernel that has CONFIG_CGROUP_PIDS" },
        { probe_network_features, "Network", "nf_tables",
          "nodes do not reach the outside, and no ports are published",
          "load nf_tables, or boot a kernel that has CONFIG_NF_TABLES" },
        { probe_network_features, "Network", "IPv4 forwarding", "nodes do not reach the outside",
          "sysctl -w net.ipv4.ip_forward=1" },
        { probe_network_features, "Network", "IPv6", "labs have IPv4 alone",
          "boot without ipv6.disable=1" },
};

static int try_shared(Diagnosis *d, const ProbePlace *place) {
        int r = 0;

        for (size_t i = 0; i < sizeof shared / sizeof *shared && r >= 0; i++) {
                size_t n;
                const ProbeFeature *features = shared[i].list(&n);

                for (size_t k = 0; k < n && r >= 0; k++) {
                        ProbeFeature f = features[k];

                        if (!str_equal(f.group, shared[i].group) ||
                            !str_equal(f.name, shared[i].name))
                                continue;
                        f.essential = false;
                        f.without = shared[i].without;
                        f.remedy = shared[i].remedy;
                        r = try_feature(d, &f, place);
                }
        }
        return r;
}

int doctor_examine(int data, unsigned nodes, Diagnosis *ret) {
        const ProbePlace place = { .data = data };
        autodiagnosis d = {};
        int r = try_all(&d, doctor_node_features, &place);

        if (r >= 0)
                r = try_shared(&d, &place);
        if (r >= 0)
                r = try_all(&d, probe_device_features, &place);
        if (r >= 0)
                r = try_all(&d, doctor_programs, &place);
        if (r >= 0)
                r = doctor_add_limits(&d, nodes);
        if (r < 0)
                return r;
        *ret = d;
        d = (Diagnosis){};
        return 0;
}
