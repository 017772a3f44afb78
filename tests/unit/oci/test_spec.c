/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "oci/spec.h"
#include "test.h"

static const char document[] =
        "{\"ociVersion\":\"1.2.0\",\"process\":{\"consoleSize\":{\"height\":24,\"width\":80},"
        "\"user\":{\"uid\":1000,\"gid\":100,\"additionalGids\":[5,6]},\"args\":[\"sh\"],"
        "\"cwd\":\"/\",\"oomScoreAdj\":0},\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
        "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\"}],\"linux\":{"
        "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/run/x\"}],"
        "\"timeOffsets\":{\"boottime\":{\"secs\":7,\"nanosecs\":3}},"
        "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}],"
        "\"memory\":{\"limit\":-1},\"pids\":{\"limit\":10}},\"sysctl\":{\"a.b\":\"1\"}}}";

static void read_document(OciSpec *spec) {
        expect_ok(json_parse(&oci_spec_type, document, sizeof document - 1, "config.json", spec,
                             NULL));
}

TEST(config_is_read_into_flat_structs) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);

        read_document(spec);
        expect(spec->process->console_height == 24 && spec->process->console_width == 80);
        expect(spec->process->user.uid == 1000 && spec->process->user.umask == -1);
        expect(spec->process->user.n_additional_gids == 2);
        expect(spec->process->user.additional_gids[1] == 6);
        expect(spec->process->has_oom_score_adj);
        expect_str(spec->root_path, "rootfs");
        expect(spec->root_readonly);
        expect(!spec->linux_->monotonic && spec->linux_->boottime->secs == 7);
        expect(spec->linux_->resources->memory->limit == -1);
        expect(!spec->linux_->resources->memory->has_swap && !spec->linux_->resources->cpu);
        expect(spec->linux_->resources->pids->has_limit);
        expect(spec->linux_->resources->pids->limit == 10);
        expect(spec->linux_->resources->devices[0].major == -1);
        expect_str(spec->linux_->sysctl[0], "a.b=1");
        expect_str(oci_namespace(spec, "network")->path, "/run/x");
        expect(!oci_namespace(spec, "user"));
}

/* Every member of the Linux part, in the tables' order and as isola writes it. */
static const char everything[] =
        "{\"ociVersion\":\"1.3.0\",\"process\":{\"terminal\":true,"
        "\"consoleSize\":{\"height\":24,\"width\":80},\"user\":{\"uid\":1,\"gid\":2,"
        "\"umask\":0,\"additionalGids\":[5,6]},\"args\":[\"sh\"],\"env\":[\"K=v\"],"
        "\"cwd\":\"/\",\"capabilities\":{\"bounding\":[\"CAP_KILL\"],"
        "\"effective\":[\"CAP_KILL\"],\"inheritable\":[\"CAP_KILL\"],"
        "\"permitted\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]},"
        "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":2,\"soft\":0}],"
        "\"noNewPrivileges\":true,\"apparmorProfile\":\"acme\",\"oomScoreAdj\":0,"
        "\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"nice\":-1,\"priority\":3,"
        "\"flags\":[\"SCHED_FLAG_RECLAIM\"],\"runtime\":1,\"deadline\":2,\"period\":3},"
        "\"selinuxLabel\":\"a:b:c:d\",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\","
        "\"priority\":0},\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-1\"}},"
        "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\","
        "\"domainname\":\"d\",\"mounts\":[{\"destination\":\"/m\",\"type\":\"bind\","
        "\"source\":\"/s\",\"options\":[\"rbind\",\"idmap\"],"
        "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}],"
        "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}]}],"
        "\"hooks\":{\"prestart\":[{\"path\":\"/bin/prestart\",\"args\":[\"prestart\","
        "\"x\"],\"env\":[\"A=b\"],\"timeout\":5}],"
        "\"createRuntime\":[{\"path\":\"/bin/createRuntime\",\"args\":[\"createRuntime\","
        "\"x\"],\"env\":[\"A=b\"],\"timeout\":5}],"
        "\"createContainer\":[{\"path\":\"/bin/createContainer\","
        "\"args\":[\"createContainer\",\"x\"],\"env\":[\"A=b\"],\"timeout\":5}],"
        "\"startContainer\":[{\"path\":\"/bin/startContainer\","
        "\"args\":[\"startContainer\",\"x\"],\"env\":[\"A=b\"],\"timeout\":5}],"
        "\"poststart\":[{\"path\":\"/bin/poststart\",\"args\":[\"poststart\",\"x\"],"
        "\"env\":[\"A=b\"],\"timeout\":5}],\"poststop\":[{\"path\":\"/bin/poststop\","
        "\"args\":[\"poststop\",\"x\"],\"env\":[\"A=b\"],\"timeout\":5}]},"
        "\"annotations\":{\"org.example\":\"x\"},"
        "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\","
        "\"path\":\"/run/x\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,"
        "\"size\":10}],\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":10}],"
        "\"timeOffsets\":{\"monotonic\":{\"secs\":-3},\"boottime\":{\"secs\":7,"
        "\"nanosecs\":3}},\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\","
        "\"major\":10,\"minor\":229,\"fileMode\":0,\"uid\":1,\"gid\":2}],"
        "\"netDevices\":{\"eth7\":{\"name\":\"lan\"},\"eth8\":{}},"
        "\"cgroupsPath\":\"/a/b\",\"resources\":{\"devices\":[{\"allow\":false,"
        "\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":0,"
        "\"access\":\"r\"}],\"memory\":{\"limit\":-1,\"reservation\":0,\"swap\":3,"
        "\"kernel\":4,\"kernelTCP\":5,\"swappiness\":0,\"disableOOMKiller\":false,"
        "\"useHierarchy\":true,\"checkBeforeUpdate\":true},\"cpu\":{\"shares\":0,"
        "\"quota\":-1,\"burst\":0,\"period\":9,\"realtimeRuntime\":8,"
        "\"realtimePeriod\":7,\"cpus\":\"0-1\",\"mems\":\"0\",\"idle\":0},"
        "\"pids\":{\"limit\":0},\"blockIO\":{\"weight\":10,\"leafWeight\":11,"
        "\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500,\"leafWeight\":300}],"
        "\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
        "\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":1,\"rate\":601}],"
        "\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":2,\"rate\":602}],"
        "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":3,\"rate\":603}]},"
        "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0}],"
        "\"network\":{\"classID\":0,\"priorities\":[{\"name\":\"eth0\",\"priority\":0}]},"
        "\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":0}},"
        "\"unified\":{\"memory.high\":\"max\"}},"
        "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":0,"
        "\"architectures\":[\"SCMP_ARCH_X86\"],\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
        "\"listenerPath\":\"/l\",\"listenerMetadata\":\"m\","
        "\"syscalls\":[{\"names\":[\"getcwd\"],\"action\":\"SCMP_ACT_ERRNO\","
        "\"errnoRet\":0,\"args\":[{\"index\":0,\"value\":0,\"valueTwo\":1,"
        "\"op\":\"SCMP_CMP_EQ\"}]}]},\"rootfsPropagation\":\"slave\","
        "\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"],"
        "\"mountLabel\":\"l\",\"sysctl\":{\"a.b\":\"1\"},\"intelRdt\":{\"closID\":\"c\","
        "\"schemata\":[\"L2:0=f\"],\"l3CacheSchema\":\"L3:0=f\","
        "\"memBwSchema\":\"MB:0=20\",\"enableMonitoring\":true},"
        "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\","
        "\"flags\":[\"MPOL_F_STATIC_NODES\"]},\"personality\":{\"domain\":\"LINUX32\","
        "\"flags\":[\"X\"]}}}"
        "\n";

TEST(every_member_is_read_and_written_back) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        autofree char *text = NULL;

        expect_ok(json_parse(&oci_spec_type, everything, sizeof everything - 1, "config.json", spec,
                             NULL));
        text = json_text(&oci_spec_type, spec);
        expect_str(text, everything);
}

TEST(a_zero_that_is_said_differs_from_nothing) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        const OciResources *r;

        expect_ok(json_parse(&oci_spec_type, everything, sizeof everything - 1, "config.json", spec,
                             NULL));
        r = spec->linux_->resources;
        expect(r->pids->has_limit && r->pids->limit == 0);
        expect(r->memory->has_disable_oom_killer && !r->memory->disable_oom_killer);
        expect(r->cpu->has_shares && r->cpu->has_idle && r->network->has_class_id);
        expect(spec->linux_->seccomp->syscalls[0].has_errno_ret);
        expect(spec->linux_->devices[0].file_mode == 0);
        expect(spec->process->user.umask == 0 && spec->process->has_oom_score_adj);
        expect_str(spec->linux_->net_devices[1].host_name, "eth8");
        expect(!spec->linux_->net_devices[1].name &&
               spec->linux_->resources->rdma[0].has_hca_objects);
}

static void expect_refused(const char *text, const char *message) {
        OciSpec spec = {};
        autoerr err = {};

        expect(json_parse(&oci_spec_type, text, strlen(text), "config.json", &spec, &err) ==
               -EINVAL);
        expect_str(err.message, message);
}

TEST(a_wrong_value_is_named_with_its_place) {
        expect_refused("{\"ociVersion\":\"1.0.0\",\"hooks\":{\"poststop\":[{\"args\":[]}]}}",
                       "config.json:1: hooks.poststop[0].path: missing");
        expect_refused("{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"network\":"
                       "{\"classID\":4294967296}}}}",
                       "config.json:1: linux.resources.network.classID: out of range");
        expect_refused("{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"memory\":"
                       "{\"swappiness\":-1}}}}",
                       "config.json:1: linux.resources.memory.swappiness: negative");
}

TEST(sections_that_are_empty_are_not_written) {
        autofree char *text = NULL;
        OciSpec spec = { .oci_version = (char *) "1.0.0" };

        text = json_text(&oci_spec_type, &spec);
        expect_str(text, "{\"ociVersion\":\"1.0.0\"}\n");
}

TEST(what_is_written_reads_the_same) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        autoptr(OciSpec) again = calloc(1, sizeof *again);
        autofree char *text = NULL, *second = NULL;

        read_document(spec);
        text = json_text(&oci_spec_type, spec);
        expect_ok(json_parse(&oci_spec_type, text, strlen(text), "text", again, NULL));
        second = json_text(&oci_spec_type, again);
        expect_str(second, text);
        expect(again->process->user.umask == -1 && again->process->user.additional_gids[0] == 5);
}

TEST(a_mount_is_appended_with_copies_of_its_strings) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        char *const options[] = { (char *) "ro", NULL };

        expect_ok(oci_mount_add(spec, "/tmp", "tmpfs", NULL, options));
        expect(spec->n_mounts == 1 && !spec->mounts[0].source);
        expect_str(spec->mounts[0].options[0], "ro");
}
