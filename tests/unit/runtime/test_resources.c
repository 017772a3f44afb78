/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/json.h"
#include "runtime/resources.h"
#include "test.h"

static OciSpec *parse(const char *resources) {
        OciSpec *spec = calloc(1, sizeof *spec);
        autoerr err = {};
        char text[2048];

        expect(spec != NULL);
        snprintf(text, sizeof text,
                 "{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"/\"},"
                 " \"linux\": {\"resources\": %s}}",
                 resources);
        expect(json_parse(&oci_spec_type, text, strlen(text), "config.json", spec, &err) == 0);
        return spec;
}

TEST(nothing_said_is_no_limit) {
        autoptr(OciSpec) spec = parse("{\"memory\": {}, \"cpu\": {}, \"pids\": {}}");
        autolimits none = {}, empty = {};

        expect_ok(resource_limits(NULL, &none));
        expect_ok(resource_limits(spec->linux_->resources, &empty));
        expect(!empty.limits.has_pids && !empty.limits.has_cpu_idle && !empty.limits.has_cpu_burst);
        expect(!empty.limits.has_memory_swappiness && empty.limits.memory == 0);
}

TEST(zero_is_a_limit_of_processes) {
        autoptr(OciSpec) spec = parse("{\"pids\": {\"limit\": 0}}");
        autolimits limits = {};

        expect_ok(resource_limits(spec->linux_->resources, &limits));
        expect(limits.limits.has_pids && limits.limits.pids == 0);
}

TEST(every_kind_of_limit_arrives) {
        autoptr(OciSpec) spec =
                parse("{\"memory\": {\"limit\": 1, \"swap\": -1, \"swappiness\": 0,"
                      " \"disableOOMKiller\": true, \"checkBeforeUpdate\": true},"
                      " \"cpu\": {\"shares\": 2, \"burst\": 0, \"idle\": 1, \"realtimeRuntime\": 3,"
                      " \"cpus\": \"0\"},"
                      " \"blockIO\": {\"weight\": 10,"
                      " \"weightDevice\": [{\"major\": 8, \"minor\": 1, \"leafWeight\": 20}],"
                      " \"throttleReadBpsDevice\": [{\"major\": 8, \"minor\": 2, \"rate\": 30}],"
                      " \"throttleWriteIOPSDevice\": [{\"major\": 8, \"minor\": 3, \"rate\": 40}]},"
                      " \"hugepageLimits\": [{\"pageSize\": \"2MB\", \"limit\": 50}],"
                      " \"network\": {\"classID\": 60, \"priorities\": [{\"name\": \"lo\","
                      " \"priority\": 70}]},"
                      " \"rdma\": {\"mlx\": {\"hcaHandles\": 80}},"
                      " \"unified\": {\"memory.high\": \"90\"}}");
        const CgroupLimits *l;
        autolimits limits = {};

        expect_ok(resource_limits(spec->linux_->resources, &limits));
        l = &limits.limits;
        expect(l->memory == 1 && l->memory_swap == -1 && l->has_memory_swappiness);
        expect(l->memory_no_oom_killer && l->memory_check);
        expect(l->cpu_shares == 2 && l->has_cpu_burst && l->has_cpu_idle && l->cpu_idle == 1);
        expect(l->cpu_realtime_runtime == 3);
        expect_str(l->cpuset_cpus, "0");
        expect(l->io_weight == 10 && l->n_io_weights == 1 && l->io_weights[0].minor == 1);
        expect(l->io_weights[0].weight == 0 && l->io_weights[0].leaf_weight == 20);
        expect(l->n_io_limits == 2);
        expect(l->io_limits[0].kind == CGROUP_READ_BPS && l->io_limits[0].rate == 30);
        expect(l->io_limits[1].kind == CGROUP_WRITE_IOPS && l->io_limits[1].minor == 3);
        expect(l->n_hugepages == 1 && l->hugepages[0].limit == 50);
        expect(l->has_class_id && l->class_id == 60);
        expect(l->n_priorities == 1 && l->priorities[0].priority == 70);
        expect(l->n_rdma == 1 && l->rdma[0].has_handles && !l->rdma[0].has_objects);
        expect_str(l->unified[0], "memory.high=90");
}
