/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/log.h"
#include "base/str.h"
#include "oci/spec_check.h"
#include "test.h"

typedef struct Case {
        const char *text;    /* members */
        const char *message; /* NULL: it makes sense */
} Case;

static void expect_verdict(const char *document, const Case *c) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        autoerr err = {};
        int r;

        expect_ok(
                json_parse(&oci_spec_type, document, strlen(document), "config.json", spec, NULL));
        r = oci_spec_check(spec, &err);
        if (!c->message) {
                if (err.message)
                        printf("# %s\n", err.message);
                expect(r == 0);
                return;
        }
        expect(r < 0);
        expect_str(err.message, c->message);
}

static const char all_namespaces[] =
        "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"mount\"},"
        "{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"cgroup\"},{\"type\":\"time\"}]";

/* The cases' members are of the document, of its process, of linux with namespaces. */
static void expect_all(const char *format, const Case *cases, size_t n) {
        for (size_t i = 0; i < n; i++) {
                autostr s = {};

                for (const char *c = format; *c; c++)
                        if (*c == '@')
                                str_put(&s, cases[i].text);
                        else if (*c == '$')
                                str_put(&s, all_namespaces);
                        else
                                str_put_char(&s, *c);
                expect_verdict(s.text, &cases[i]);
        }
}
#define EXPECT_ALL(format, cases) expect_all(format, cases, sizeof(cases) / sizeof *(cases))

TEST(versions_are_semantic_and_of_major_1) {
        static const Case cases[] = {
                { "1.0.0", NULL },
                { "1.3.0+dev", NULL },
                { "1.0.2-rc.1+a-b.7", NULL },
                { "1.99.0", NULL },
                { "1.0", "ociVersion: '1.0' is not a version like '1.3.0'" },
                { "1.0.0-", "ociVersion: '1.0.0-' is not a version like '1.3.0'" },
                { "1.0.0-a..b", "ociVersion: '1.0.0-a..b' is not a version like '1.3.0'" },
                { "01.0.0", "ociVersion: '01.0.0' is not a version like '1.3.0'" },
                { "v1.0.0", "ociVersion: 'v1.0.0' is not a version like '1.3.0'" },
                { "", "ociVersion: '' is not a version like '1.3.0'" },
                { "2.0.0",
                  "ociVersion: '2.0.0' is not supported, only 1.0.0 and what is compatible with "
                  "it" },
        };

        EXPECT_ALL("{\"ociVersion\":\"@\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
                   "\"args\":[\"sh\"],\"user\":{}}}",
                   cases);
}

TEST(what_a_container_needs_is_there) {
        static const Case cases[] = {
                { "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{}}",
                  "root.path: the container has no root" },
                { "\"root\":{\"path\":\"r\"}", "process: there is no program to run" },
        };

        EXPECT_ALL("{\"ociVersion\":\"1.0.0\",@}", cases);
}

TEST(a_process_is_checked) {
        static const Case cases[] = {
                { "\"user\":{\"uid\":4294967294,\"umask\":63}", NULL },
                { "\"user\":{\"uid\":4294967295}",
                  "process: user.uid: 4294967295 is out of range" },
                { "\"user\":{\"gid\":-1}", "process: user.gid: -1 is out of range" },
                { "\"user\":{\"umask\":512}", "process: user.umask: 512 is out of range" },
                { "\"user\":{\"additionalGids\":[1,-2]}",
                  "process: user.additionalGids: -2 is out of range" },
                { "\"user\":{},\"consoleSize\":{\"height\":-1,\"width\":1}",
                  "process: consoleSize: out of range" },
                { "\"user\":{},\"oomScoreAdj\":1001",
                  "process: oomScoreAdj: 1001 is not between -1000 and 1000" },
                { "\"user\":{},\"rlimits\":[{\"type\":\"RLIMIT_X\",\"hard\":1,\"soft\":1}]",
                  "process: rlimits: there is no limit 'RLIMIT_X'" },
                { "\"user\":{},\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":1,\"soft\":1},"
                  "{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":1},"
                  "{\"type\":\"RLIMIT_CORE\",\"hard\":1,\"soft\":1}]",
                  "process: rlimits: 'RLIMIT_CORE' is said twice" },
                { "\"user\":{},\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":1,\"soft\":2}]",
                  "process: rlimits: the soft 'RLIMIT_CORE' is above the hard one" },
                { "\"user\":{},\"rlimits\":[{\"type\":\"RLIMIT_CORE\","
                  "\"hard\":18446744073709551615,\"soft\":0}]",
                  NULL },
                { "\"user\":{},\"ioPriority\":{\"class\":\"IOPRIO_CLASS_NONE\",\"priority\":0}",
                  "process: ioPriority.class: 'IOPRIO_CLASS_NONE' is not a class" },
                { "\"user\":{},\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
                  "process: ioPriority.priority: 8 is not between 0 and 7" },
                { "\"user\":{},\"execCPUAffinity\":{\"initial\":\"0-3,7\",\"final\":\"\"}", NULL },
                { "\"user\":{},\"execCPUAffinity\":{\"final\":\"3-1\"}",
                  "process: execCPUAffinity.final: '3-1' is not a list like '0-3,7'" },
        };

        EXPECT_ALL("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
                   "\"args\":[\"sh\"],@}}",
                   cases);
}

TEST(a_process_has_a_program_and_a_place) {
        static const Case cases[] = {
                { "\"cwd\":\"/\"", "process: args: there is no program to run" },
                { "\"cwd\":\"/\",\"args\":[]", "process: args: there is no program to run" },
                { "\"cwd\":\"x\",\"args\":[\"sh\"]", "process: cwd: 'x' is not an absolute path" },
                { "\"cwd\":\"\",\"args\":[\"sh\"]", "process: cwd: '' is not an absolute path" },
        };

        EXPECT_ALL("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{},"
                   "@}}",
                   cases);
}

TEST(a_scheduler_has_only_what_its_policy_knows) {
        static const Case cases[] = {
                { "\"policy\":\"SCHED_BATCH\",\"nice\":19", NULL },
                { "\"policy\":\"SCHED_FIFO\",\"priority\":99,"
                  "\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]",
                  NULL },
                { "\"policy\":\"SCHED_DEADLINE\",\"runtime\":1,\"deadline\":2,\"period\":3", NULL },
                { "\"policy\":\"SCHED_FOO\"",
                  "process: scheduler.policy: 'SCHED_FOO' is not a policy" },
                { "\"policy\":\"SCHED_ISO\"",
                  "process: scheduler.policy: Linux does not implement 'SCHED_ISO'" },
                { "\"policy\":\"SCHED_OTHER\",\"flags\":[\"X\"]",
                  "process: scheduler.flags: 'X' is not a flag" },
                { "\"policy\":\"SCHED_OTHER\",\"nice\":20",
                  "process: scheduler.nice: 20 is not between -20 and 19" },
                { "\"policy\":\"SCHED_FIFO\"",
                  "process: scheduler.priority: 0 is not between 1 and 99" },
                { "\"policy\":\"SCHED_OTHER\",\"priority\":1",
                  "process: scheduler.priority: only SCHED_FIFO and SCHED_RR have one" },
                { "\"policy\":\"SCHED_RR\",\"priority\":1,\"period\":1",
                  "process: scheduler: only SCHED_DEADLINE has runtime, deadline and period" },
        };

        EXPECT_ALL("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{},"
                   "\"cwd\":\"/\",\"args\":[\"sh\"],\"scheduler\":{@}}}",
                   cases);
}

TEST(names_mounts_and_hooks_are_checked) {
        static const Case cases[] = {
                { "\"hostname\":\"h\"", "hostname: the container has no uts namespace of its own" },
                { "\"hostname\":\"h\",\"domainname\":\"d\",\"linux\":{$}", NULL },
                { "\"domainname\":\"d\",\"linux\":{}",
                  "domainname: the container has no uts namespace of its own" },
                { "\"mounts\":[{\"destination\":\"\"}]", "mounts[0].destination: it is empty" },
                { "\"mounts\":[{\"destination\":\"/\",\"options\":[\"ridmap\"]}]",
                  "mounts[0]: idmap needs mappings, of the mount or of a user namespace" },
                { "\"mounts\":[{\"destination\":\"/\",\"uidMappings\":"
                  "[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]",
                  "mounts[0]: uidMappings and gidMappings need each other" },
                { "\"hooks\":{\"poststop\":[{\"path\":\"/x\"},{\"path\":\"x\"}]}",
                  "hooks.poststop[1].path: 'x' is not an absolute path" },
                { "\"hooks\":{\"prestart\":[{\"path\":\"/x\",\"timeout\":0}]}",
                  "hooks.prestart[0].timeout: 0 is not above 0" },
                { "\"hooks\":{\"prestart\":[{\"path\":\"/x\",\"timeout\":1}]}", NULL },
                { "\"solaris\":{\"milestone\":\"x\"},\"windows\":7,\"vm\":[],\"x\":null", NULL },
        };
        static const char *const format =
                "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{},"
                "\"cwd\":\"/\",\"args\":[\"sh\"]},@}";

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autostr s = {};

                for (const char *c = cases[i].text; *c; c++)
                        if (*c == '$')
                                str_put(&s, all_namespaces);
                        else
                                str_put_char(&s, *c);
                expect_all(format, &(Case){ s.text, cases[i].message }, 1);
        }
}

TEST(namespaces_and_what_belongs_to_them) {
        static const Case cases[] = {
                { "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]",
                  "linux.namespaces: 'pid' is said twice" },
                { "\"namespaces\":[{\"type\":\"net\"}]",
                  "linux.namespaces: 'net' is not a kind of namespace" },
                { "\"namespaces\":[{\"type\":\"pid\",\"path\":\"x\"}]",
                  "linux.namespaces: 'x' is not an absolute path" },
                { "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
                  "linux.uidMappings: the container has no user namespace" },
                { "\"namespaces\":[{\"type\":\"user\"}]",
                  "linux.uidMappings: a new user namespace needs id mappings" },
                { "\"namespaces\":[{\"type\":\"user\",\"path\":\"/x\"}]", NULL },
                { "\"namespaces\":[{\"type\":\"user\"}],"
                  "\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":4294967295}],"
                  "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]",
                  NULL },
                { "\"namespaces\":[{\"type\":\"user\"}],"
                  "\"uidMappings\":[{\"containerID\":0,\"hostID\":2,\"size\":4294967295}],"
                  "\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]",
                  "linux: the range of 4294967295 ids from 0 at 2 is not one of 32 bits" },
                { "\"timeOffsets\":{\"monotonic\":{\"secs\":1}}",
                  "linux.timeOffsets: they need a new time namespace" },
                { "\"timeOffsets\":{\"boottime\":{\"secs\":1}},"
                  "\"namespaces\":[{\"type\":\"time\",\"path\":\"/x\"}]",
                  "linux.timeOffsets: they need a new time namespace" },
                { "\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}},"
                  "\"namespaces\":[{\"type\":\"time\"}]",
                  "linux.timeOffsets: 1000000000 nanosecs are out of range" },
                { "\"netDevices\":{\"eth0\":{}}",
                  "linux.netDevices: the container has no network namespace" },
                { "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}",
                  "linux.sysctl: 'net.ipv4.ip_forward=1' is the host's: the container has no "
                  "network namespace of its own" },
        };

        EXPECT_ALL("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{},"
                   "\"cwd\":\"/\",\"args\":[\"sh\"]},\"linux\":{@}}",
                   cases);
}

TEST(the_rest_of_linux_is_checked) {
        static const Case cases[] = {
                { "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"kernel/shmmax\":\"7\","
                  "\"fs.mqueue.msg_max\":\"9\",\"kernel.domainname\":\"d\"}",
                  NULL },
                { "\"sysctl\":{\"user.max_user_namespaces\":\"1\"}",
                  "linux.sysctl: 'user.max_user_namespaces=1' is the host's: the container has no "
                  "user namespace of its own" },
                { "\"sysctl\":{\"vm.swappiness\":\"1\"}",
                  "linux.sysctl: sysctl 'vm.swappiness' cannot be set for a container alone" },
                { "\"sysctl\":{\"net/../kernel/panic\":\"1\"}",
                  "linux.sysctl: sysctl 'net/../kernel/panic' cannot be set for a container "
                  "alone" },
                { "\"sysctl\":{\"kernel.hostname\":\"h\"}",
                  "linux.sysctl: the host name is said by 'hostname'" },
                { "\"intelRdt\":{\"closID\":\"x\"}", "linux.intelRdt: it is not supported" },
                { "\"rootfsPropagation\":\"none\"",
                  "linux.rootfsPropagation: 'none' is not a propagation" },
                { "\"rootfsPropagation\":\"rslave\"", NULL },
                { "\"maskedPaths\":[\"/a\",\"b\"]",
                  "linux.maskedPaths: 'b' is not an absolute path" },
                { "\"readonlyPaths\":[\"b\"]", "linux.readonlyPaths: 'b' is not an absolute path" },
                { "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"d\"}]",
                  "linux.devices[0].type: 'd' is not c, b, u or p" },
                { "\"devices\":[{\"path\":\"x\",\"type\":\"p\"}]",
                  "linux.devices[0].path: 'x' is not an absolute path" },
                { "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":-1}]",
                  "linux.devices[0]: the device number is out of range" },
                { "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"fileMode\":65536}]",
                  "linux.devices[0].fileMode: 65536 is out of range" },
                { "\"personality\":{\"domain\":\"LINUX32\"}", NULL },
                { "\"personality\":{\"domain\":\"BSD\"}",
                  "linux.personality.domain: 'BSD' is neither LINUX nor LINUX32" },
                { "\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}",
                  "linux.personality.flags: 'X' is not supported" },
                { "\"memoryPolicy\":{\"mode\":\"MPOL_PREFERRED\"}", NULL },
                { "\"memoryPolicy\":{\"mode\":\"X\"}",
                  "linux.memoryPolicy.mode: 'X' is not a mode" },
                { "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}",
                  "linux.memoryPolicy.nodes: 'MPOL_BIND' needs some" },
                { "\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}",
                  "linux.memoryPolicy.nodes: 'MPOL_LOCAL' takes none" },
                { "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"x\"}",
                  "linux.memoryPolicy.nodes: 'x' is not a list like '0-3,7'" },
                { "\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"flags\":[\"X\"]}",
                  "linux.memoryPolicy.flags: 'X' is not a flag" },
                { "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\"}",
                  "linux.seccomp.listenerMetadata: there is no listenerPath" },
                { "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\","
                  "\"syscalls\":[{\"names\":[],\"action\":\"SCMP_ACT_LOG\"}]}",
                  "linux.seccomp.syscalls[0].names: none" },
        };
        static const char *const format =
                "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{},"
                "\"cwd\":\"/\",\"args\":[\"sh\"]},\"linux\":{$,@}}";

        EXPECT_ALL(format, cases);
}

TEST(resources_are_checked) {
        static const Case cases[] = {
                { "\"memory\":{\"limit\":-1,\"swap\":0},\"pids\":{\"limit\":0}", NULL },
                { "\"memory\":{\"kernelTCP\":-2}",
                  "linux.resources: memory.kernelTCP: -2 is neither a size nor -1" },
                { "\"memory\":{\"swappiness\":101}",
                  "linux.resources: memory.swappiness: 101 is not between 0 and 100" },
                { "\"cpu\":{\"burst\":2,\"quota\":1}",
                  "linux.resources: cpu.burst: it is more than the quota" },
                { "\"cpu\":{\"burst\":2,\"quota\":-1}", NULL },
                { "\"cpu\":{\"cpus\":\"a\"}",
                  "linux.resources: cpu.cpus: 'a' is not a list like '0-3,7'" },
                { "\"cpu\":{\"mems\":\"0-\"}",
                  "linux.resources: cpu.mems: '0-' is not a list like '0-3,7'" },
                { "\"cpu\":{\"idle\":2}", "linux.resources: cpu.idle: 2 is neither 0 nor 1" },
                { "\"devices\":[{\"allow\":true,\"type\":\"p\"}]",
                  "linux.resources: devices[0].type: 'p' is not a, b or c" },
                { "\"devices\":[{\"allow\":true,\"access\":\"x\"}]",
                  "linux.resources: devices[0].access: 'x' is not made of r, w and m" },
                { "\"devices\":[{\"allow\":true,\"major\":4294967297,\"minor\":3}]",
                  "linux.resources: devices[0]: the device number is out of range" },
                { "\"devices\":[{\"allow\":true,\"major\":-2}]",
                  "linux.resources: devices[0]: the device number is out of range" },
                { "\"blockIO\":{\"weight\":65536}",
                  "linux.resources: blockIO: the weight is out of range" },
                { "\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}]}",
                  "linux.resources: blockIO.weightDevice[0]: it has no weight" },
                { "\"blockIO\":{\"throttleReadIOPSDevice\":[{\"major\":-8,\"minor\":0}]}",
                  "linux.resources: blockIO.throttleReadIOPSDevice[0]: the device number is "
                  "negative" },
                { "\"hugepageLimits\":[{\"pageSize\":\"2MiB\",\"limit\":0}]",
                  "linux.resources: hugepageLimits: '2MiB' is not a page size like '2MB'" },
                { "\"hugepageLimits\":[{\"pageSize\":\"64KB\",\"limit\":0}]", NULL },
                { "\"rdma\":{\"mlx5\":{}}", "linux.resources: rdma.mlx5: it has no limit" },
                { "\"unified\":{\"memory.high\":\"1\"}", NULL },
                { "\"unified\":{\"../memory.high\":\"1\"}",
                  "linux.resources: unified: '../memory.high' is not the name of a cgroup's "
                  "file" },
        };

        EXPECT_ALL("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{},"
                   "\"cwd\":\"/\",\"args\":[\"sh\"]},\"linux\":{\"resources\":{@}}}",
                   cases);
}

/* What the process says on standard error while it checks. */
static char *warnings_of(const char *process) {
        OciProcess p = {};
        char *text = calloc(1, 4096);
        int pipe_fds[2];

        expect(text && pipe(pipe_fds) == 0 && dup2(pipe_fds[1], 2) == 2);
        close(pipe_fds[1]);
        expect_ok(json_parse(&oci_process_type, process, strlen(process), "process", &p, NULL));
        expect_ok(oci_process_check(&p, NULL));
        json_clear(&oci_process_type, &p);
        close(2);
        expect(read(pipe_fds[0], text, 4095) >= 0);
        return text;
}

TEST(an_unknown_capability_is_warned_of_once) {
        autofree char *text =
                warnings_of("{\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{},\"capabilities\":{"
                            "\"bounding\":[\"CAP_KILL\",\"CAP_TIME_TRAVEL\"],"
                            "\"permitted\":[\"CAP_TIME_TRAVEL\"],\"ambient\":[\"CAP_FLY\"]}}");
        const char *found = strstr(text, "'CAP_TIME_TRAVEL' is not known");

        expect(found && !strstr(found + 5, "CAP_TIME_TRAVEL"));
        expect(strstr(text, "'CAP_FLY' is not known") && !strstr(text, "CAP_KILL"));
}
