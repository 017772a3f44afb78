/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Limits of things that have names: block devices, sizes of huge pages, RDMA adapters. */

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"
#include "kernel/cgroup_internal.h"

#define WEIGHT      "weight of block input and output"
#define LEAF_WEIGHT "weight of leaves in block input and output"
#define LIMIT       "limit of block input and output"

typedef struct IoFiles {
        const char *v1, *v2_key;
} IoFiles;

static const IoFiles io_files[] = {
        [CGROUP_READ_BPS] = { "blkio.throttle.read_bps_device", "rbps" },
        [CGROUP_WRITE_BPS] = { "blkio.throttle.write_bps_device", "wbps" },
        [CGROUP_READ_IOPS] = { "blkio.throttle.read_iops_device", "riops" },
        [CGROUP_WRITE_IOPS] = { "blkio.throttle.write_iops_device", "wiops" },
};

static CgroupSetting *add_weight(CgroupSettings *settings, const char *limit, const char *file,
                                 const CgroupIoWeight *device, unsigned weight) {
        CgroupSetting *s = cgroup_settings_add(settings, CGROUP_IO, limit, file);

        if (s && device)
                (void) snprintf(s->number, sizeof s->number, "%" PRId64 ":%" PRId64 " %u",
                                device->major, device->minor, weight);
        else if (s)
                (void) snprintf(s->number, sizeof s->number, "%u", weight);
        return s;
}

/* Which file there is depends on the schedulers that the kernel has: BFQ's own or the common one.
 */
static void add_v2_weight(CgroupSettings *settings, const CgroupIoWeight *device, unsigned weight) {
        CgroupSetting *s = add_weight(settings, WEIGHT, "io.bfq.weight", device, weight);

        if (s)
                s->alternative = true;
        add_weight(settings, WEIGHT, "io.weight", device, cgroup_io_weight(weight));
}

static void add_v1_weight(CgroupSettings *settings, const CgroupIoWeight *device, unsigned weight) {
        CgroupSetting *s = add_weight(
                settings, WEIGHT, device ? "blkio.weight_device" : "blkio.weight", device, weight);

        if (s)
                s->alternative = true;
        add_weight(settings, WEIGHT, device ? "blkio.bfq.weight_device" : "blkio.bfq.weight",
                   device, weight);
}

static void add_weights(CgroupSettings *settings, const CgroupLimits *l, bool v2) {
        if (l->io_weight != 0 && v2)
                add_v2_weight(settings, NULL, l->io_weight);
        else if (l->io_weight != 0)
                add_v1_weight(settings, NULL, l->io_weight);
        if (l->io_leaf_weight != 0)
                add_weight(settings, LEAF_WEIGHT, v2 ? "" : "blkio.leaf_weight", NULL,
                           l->io_leaf_weight);
        for (size_t i = 0; i < l->n_io_weights; i++) {
                const CgroupIoWeight *device = &l->io_weights[i];

                if (device->weight != 0 && v2)
                        add_v2_weight(settings, device, device->weight);
                else if (device->weight != 0)
                        add_v1_weight(settings, device, device->weight);
                if (device->leaf_weight != 0)
                        add_weight(settings, LEAF_WEIGHT, v2 ? "" : "blkio.leaf_weight_device",
                                   device, device->leaf_weight);
        }
}

static void add_io_limit(CgroupSettings *settings, const CgroupIoLimit *limit, bool v2) {
        const IoFiles *files = &io_files[limit->kind];
        CgroupSetting *s =
                cgroup_settings_add(settings, CGROUP_IO, LIMIT, v2 ? "io.max" : files->v1);

        if (s && !v2)
                (void) snprintf(s->number, sizeof s->number, "%" PRId64 ":%" PRId64 " %" PRIu64,
                                limit->major, limit->minor, limit->rate);
        else if (s && limit->rate == 0)
                (void) snprintf(s->number, sizeof s->number, "%" PRId64 ":%" PRId64 " %s=max",
                                limit->major, limit->minor, files->v2_key);
        else if (s)
                (void) snprintf(s->number, sizeof s->number, "%" PRId64 ":%" PRId64 " %s=%" PRIu64,
                                limit->major, limit->minor, files->v2_key, limit->rate);
}

/* Reserved pages are counted when they are mapped, which fails cleanly; the others when they are
 * touched, which kills.  Older kernels than 5.7 have only these. */
static void add_hugepages(CgroupSettings *settings, const CgroupHugepages *pages, bool v2) {
        const char *const words = v2 ? "max" : "limit_in_bytes";

        for (int reserved = 1; reserved >= 0; reserved--) {
                CgroupSetting *s =
                        cgroup_settings_add(settings, CGROUP_HUGETLB, "limit of huge pages", "");

                if (!s)
                        return;
                (void) snprintf(s->file, sizeof s->file, "hugetlb.%.20s.%s%s", pages->size,
                                reserved ? "rsvd." : "", words);
                (void) snprintf(s->number, sizeof s->number, "%" PRIu64, pages->limit);
                s->wish = reserved;
        }
}

static void add_rdma(CgroupSettings *settings, const CgroupRdma *rdma) {
        CgroupSetting *s =
                cgroup_settings_add(settings, CGROUP_RDMA, "limit of RDMA resources", "rdma.max");
        autostr text = {};

        if (!s)
                return;
        str_put(&text, rdma->device);
        if (rdma->has_handles)
                str_printf(&text, " hca_handle=%" PRIu32, rdma->handles);
        if (rdma->has_objects)
                str_printf(&text, " hca_object=%" PRIu32, rdma->objects);
        s->owned = str_take(&text);
        settings->failed = settings->failed || !s->owned;
}

void cgroup_io_settings(const CgroupLimits *l, bool v2, CgroupSettings *settings) {
        add_weights(settings, l, v2);
        for (size_t i = 0; i < l->n_io_limits; i++)
                add_io_limit(settings, &l->io_limits[i], v2);
        for (size_t i = 0; i < l->n_hugepages; i++)
                add_hugepages(settings, &l->hugepages[i], v2);
        for (size_t i = 0; i < l->n_rdma; i++)
                add_rdma(settings, &l->rdma[i]);
}
