/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "kernel/bitlist.h"
#include "oci/spec_check.h"

static int check_devices(const OciResources *r, Err *err) {
        for (size_t i = 0; i < r->n_devices; i++) {
                const OciDeviceRule *d = &r->devices[i];

                if (!str_empty(d->type) && (strlen(d->type) != 1 || !strchr("abc", *d->type)))
                        return refuse(err, EINVAL, "devices[%zu].type: '%s' is not a, b or c", i,
                                      d->type);
                if (d->access && strspn(d->access, "rwm") != strlen(d->access))
                        return refuse(err, EINVAL,
                                      "devices[%zu].access: '%s' is not made of r, w and m", i,
                                      d->access);
                if (d->major < -1 || d->major > UINT32_MAX || d->minor < -1 ||
                    d->minor > UINT32_MAX)
                        return refuse(err, EINVAL,
                                      "devices[%zu]: the device number is out of range", i);
        }
        return 0;
}

static int check_memory(const OciMemory *m, Err *err) {
        const struct {
                const char *name;
                int64_t value;
        } limits[] = {
                { "limit", m->limit },   { "reservation", m->reservation }, { "swap", m->swap },
                { "kernel", m->kernel }, { "kernelTCP", m->kernel_tcp },
        };

        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
                if (limits[i].value < -1)
                        return refuse(err, EINVAL, "memory.%s: %lld is neither a size nor -1",
                                      limits[i].name, (long long) limits[i].value);
        if (m->swappiness > 100)
                return refuse(err, EINVAL, "memory.swappiness: %llu is not between 0 and 100",
                              (unsigned long long) m->swappiness);
        return 0;
}

static int check_cpu(const OciCpu *c, Err *err) {
        Bitlist list;

        if (!str_empty(c->cpus) && bitlist_parse(c->cpus, &list) < 0)
                return refuse(err, EINVAL, "cpu.cpus: '%s' is not a list like '0-3,7'", c->cpus);
        if (!str_empty(c->mems) && bitlist_parse(c->mems, &list) < 0)
                return refuse(err, EINVAL, "cpu.mems: '%s' is not a list like '0-3,7'", c->mems);
        if (c->has_burst && c->quota > 0 && c->burst > (uint64_t) c->quota)
                return refuse(err, EINVAL, "cpu.burst: it is more than the quota");
        if (c->idle != 0 && c->idle != 1)
                return refuse(err, EINVAL, "cpu.idle: %lld is neither 0 nor 1",
                              (long long) c->idle);
        return 0;
}

static int check_block_io(const OciBlockIo *b, Err *err) {
        const struct {
                const char *name;
                const OciThrottleDevice *devices;
                size_t n;
        } throttles[] = {
                { "throttleReadBpsDevice", b->throttle_read_bps_device,
                  b->n_throttle_read_bps_device },
                { "throttleWriteBpsDevice", b->throttle_write_bps_device,
                  b->n_throttle_write_bps_device },
                { "throttleReadIOPSDevice", b->throttle_read_iops_device,
                  b->n_throttle_read_iops_device },
                { "throttleWriteIOPSDevice", b->throttle_write_iops_device,
                  b->n_throttle_write_iops_device },
        };

        if (b->weight > UINT16_MAX || b->leaf_weight > UINT16_MAX)
                return refuse(err, EINVAL, "blockIO: the weight is out of range");
        for (size_t i = 0; i < b->n_weight_device; i++) {
                const OciWeightDevice *d = &b->weight_device[i];

                if (!d->has_weight && !d->has_leaf_weight)
                        return refuse(err, EINVAL, "blockIO.weightDevice[%zu]: it has no weight",
                                      i);
                if (d->weight > UINT16_MAX || d->leaf_weight > UINT16_MAX || d->major < 0 ||
                    d->minor < 0)
                        return refuse(err, EINVAL, "blockIO.weightDevice[%zu]: out of range", i);
        }
        for (size_t i = 0; i < sizeof throttles / sizeof *throttles; i++)
                for (size_t j = 0; j < throttles[i].n; j++)
                        if (throttles[i].devices[j].major < 0 || throttles[i].devices[j].minor < 0)
                                return refuse(err, EINVAL,
                                              "blockIO.%s[%zu]: the device number is negative",
                                              throttles[i].name, j);
        return 0;
}

/* "2MB", "1GB": a power of two of K, M or G as config-linux.md, "Huge page limits". */
static bool is_page_size(const char *s) {
        size_t digits = strspn(s, "0123456789");

        return digits > 0 && *s != '0' && strlen(s) == digits + 2 && strchr("KMG", s[digits]) &&
               s[digits + 1] == 'B';
}

static int check_others(const OciResources *r, Err *err) {
        for (size_t i = 0; i < r->n_hugepage_limits; i++)
                if (!is_page_size(r->hugepage_limits[i].page_size))
                        return refuse(err, EINVAL,
                                      "hugepageLimits: '%s' is not a page size like '2MB'",
                                      r->hugepage_limits[i].page_size);
        for (size_t i = 0; i < r->n_rdma; i++)
                if (!r->rdma[i].has_hca_handles && !r->rdma[i].has_hca_objects)
                        return refuse(err, EINVAL, "rdma.%s: it has no limit", r->rdma[i].device);
        strv_foreach(setting, r->unified) {
                size_t n = strcspn(*setting, "=");

                if (n == 0 || memchr(*setting, '/', n) || !memchr(*setting, '.', n))
                        return refuse(err, EINVAL,
                                      "unified: '%.*s' is not the name of a cgroup's file", (int) n,
                                      *setting);
        }
        return 0;
}

int oci_resources_check(const OciResources *res, Err *err) {
        int r;

        r = check_devices(res, err);
        if (r >= 0 && res->memory)
                r = check_memory(res->memory, err);
        if (r >= 0 && res->cpu)
                r = check_cpu(res->cpu, err);
        if (r >= 0 && res->block_io)
                r = check_block_io(res->block_io, err);
        return r >= 0 ? check_others(res, err) : r;
}
