/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/auto.h"
#include "runtime/resources.h"

void resource_limits_clear(ResourceLimits *l) {
        free(l->io_weights);
        free(l->io_limits);
        free(l->hugepages);
        free(l->priorities);
        free(l->rdma);
        *l = (ResourceLimits){};
}

static void take_memory(const OciMemory *memory, CgroupLimits *l) {
        l->memory = memory->limit;
        l->memory_swap = memory->swap;
        l->memory_reservation = memory->reservation;
        l->memory_kernel = memory->kernel;
        l->memory_kernel_tcp = memory->kernel_tcp;
        l->has_memory_swappiness = memory->has_swappiness;
        l->memory_swappiness = memory->swappiness;
        l->memory_no_oom_killer = memory->disable_oom_killer;
        l->memory_use_hierarchy = memory->use_hierarchy;
        l->memory_check = memory->check_before_update;
}

static void take_cpu(const OciCpu *cpu, CgroupLimits *l) {
        l->cpu_shares = cpu->shares;
        l->cpu_quota = cpu->quota;
        l->cpu_period = cpu->period;
        l->has_cpu_burst = cpu->has_burst;
        l->cpu_burst = cpu->burst;
        l->has_cpu_idle = cpu->has_idle;
        l->cpu_idle = cpu->idle;
        l->cpu_realtime_runtime = cpu->realtime_runtime;
        l->cpu_realtime_period = cpu->realtime_period;
        l->cpuset_cpus = cpu->cpus;
        l->cpuset_mems = cpu->mems;
}

static void take_throttle(const OciThrottleDevice *devices, size_t n, CgroupIoKind kind,
                          ResourceLimits *ret) {
        for (size_t i = 0; i < n; i++)
                ret->io_limits[ret->limits.n_io_limits++] =
                        (CgroupIoLimit){ kind, devices[i].major, devices[i].minor,
                                         devices[i].rate };
}

static int take_block_io(const OciBlockIo *io, ResourceLimits *ret) {
        CgroupLimits *l = &ret->limits;

        l->io_weight = io->weight;
        l->io_leaf_weight = io->leaf_weight;
        ret->io_weights = calloc(io->n_weight_device + 1, sizeof *ret->io_weights);
        ret->io_limits = calloc(io->n_throttle_read_bps_device + io->n_throttle_write_bps_device +
                                        io->n_throttle_read_iops_device +
                                        io->n_throttle_write_iops_device + 1,
                                sizeof *ret->io_limits);
        if (!ret->io_weights || !ret->io_limits)
                return -ENOMEM;
        for (size_t i = 0; i < io->n_weight_device; i++) {
                const OciWeightDevice *device = &io->weight_device[i];

                ret->io_weights[i] = (CgroupIoWeight){ device->major, device->minor, device->weight,
                                                       device->leaf_weight };
        }
        take_throttle(io->throttle_read_bps_device, io->n_throttle_read_bps_device, CGROUP_READ_BPS,
                      ret);
        take_throttle(io->throttle_write_bps_device, io->n_throttle_write_bps_device,
                      CGROUP_WRITE_BPS, ret);
        take_throttle(io->throttle_read_iops_device, io->n_throttle_read_iops_device,
                      CGROUP_READ_IOPS, ret);
        take_throttle(io->throttle_write_iops_device, io->n_throttle_write_iops_device,
                      CGROUP_WRITE_IOPS, ret);
        l->io_weights = ret->io_weights;
        l->n_io_weights = io->n_weight_device;
        l->io_limits = ret->io_limits;
        return 0;
}

static int take_network(const OciNetworkClass *network, ResourceLimits *ret) {
        CgroupLimits *l = &ret->limits;

        l->has_class_id = network->has_class_id;
        l->class_id = network->class_id;
        ret->priorities = calloc(network->n_priorities + 1, sizeof *ret->priorities);
        if (!ret->priorities)
                return -ENOMEM;
        for (size_t i = 0; i < network->n_priorities; i++)
                ret->priorities[i] = (CgroupPriority){ network->priorities[i].name,
                                                       network->priorities[i].priority };
        l->priorities = ret->priorities;
        l->n_priorities = network->n_priorities;
        return 0;
}

static int take_lists(const OciResources *r, ResourceLimits *ret) {
        CgroupLimits *l = &ret->limits;

        ret->hugepages = calloc(r->n_hugepage_limits + 1, sizeof *ret->hugepages);
        ret->rdma = calloc(r->n_rdma + 1, sizeof *ret->rdma);
        if (!ret->hugepages || !ret->rdma)
                return -ENOMEM;
        for (size_t i = 0; i < r->n_hugepage_limits; i++)
                ret->hugepages[i] = (CgroupHugepages){ r->hugepage_limits[i].page_size,
                                                       r->hugepage_limits[i].limit };
        for (size_t i = 0; i < r->n_rdma; i++)
                ret->rdma[i] = (CgroupRdma){ r->rdma[i].device, r->rdma[i].has_hca_handles,
                                             r->rdma[i].has_hca_objects, r->rdma[i].hca_handles,
                                             r->rdma[i].hca_objects };
        l->hugepages = ret->hugepages;
        l->n_hugepages = r->n_hugepage_limits;
        l->rdma = ret->rdma;
        l->n_rdma = r->n_rdma;
        l->unified = r->unified;
        return 0;
}

int resource_limits(const OciResources *r, ResourceLimits *ret) {
        int result = 0;

        *ret = (ResourceLimits){};
        if (!r)
                return 0;
        if (r->memory)
                take_memory(r->memory, &ret->limits);
        if (r->cpu)
                take_cpu(r->cpu, &ret->limits);
        if (r->pids) {
                ret->limits.has_pids = r->pids->has_limit;
                ret->limits.pids = r->pids->limit;
        }
        if (r->block_io)
                result = take_block_io(r->block_io, ret);
        if (result >= 0 && r->network)
                result = take_network(r->network, ret);
        if (result >= 0)
                result = take_lists(r, ret);
        if (result < 0)
                resource_limits_clear(ret);
        return result;
}
