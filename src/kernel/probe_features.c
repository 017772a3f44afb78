/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The trials, each in a child of its own: it may unshare, mount and give up rights at will. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/search.h"
#include "base/str.h"
#include "kernel/cap_name.h"
#include "kernel/cgroup.h"
#include "kernel/device.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"
#include "kernel/overlay.h"
#include "kernel/probe.h"
#include "kernel/process.h"
#include "kernel/seccomp.h"

#define TRIAL_BASE       100000 /* ids outside that stand for 0 to 65535 inside */
#define TRIAL_IDS        65536
#define MIB              (INT64_C(1) << 20)
#define CAP_SYS_RESOURCE 24

static int unshared(int flags) {
        /* Without privilege a namespace can only be made together with a user namespace. */
        if (geteuid() != 0)
                flags |= CLONE_NEWUSER;
        return unshare(flags) < 0 ? -errno : 0;
}

#define NAMESPACE_TRIAL(name, flag)                                     \
        static int try_##name(const ProbePlace *place, char detail[]) { \
                return unshared(flag);                                  \
        }
NAMESPACE_TRIAL(mount_ns, CLONE_NEWNS)
NAMESPACE_TRIAL(pid_ns, CLONE_NEWPID)
NAMESPACE_TRIAL(net_ns, CLONE_NEWNET)
NAMESPACE_TRIAL(ipc_ns, CLONE_NEWIPC)
NAMESPACE_TRIAL(uts_ns, CLONE_NEWUTS)
NAMESPACE_TRIAL(cgroup_ns, CLONE_NEWCGROUP)
NAMESPACE_TRIAL(time_ns, CLONE_NEWTIME)
NAMESPACE_TRIAL(user_ns, CLONE_NEWUSER)

/* --- mounts --- */

static int try_new_mounts(const ProbePlace *place, char detail[]) {
        int r = unshared(CLONE_NEWNS);

        return r < 0 ? r : mount_new("tmpfs", NULL, &(MountAttr){}, NULL);
}

static int try_mount_attributes(const ProbePlace *place, char detail[]) {
        int r = unshared(CLONE_NEWNS);

        if (r >= 0)
                r = mount_new("tmpfs", NULL, &(MountAttr){}, NULL);
        return r < 0 ? r : mount_set_attr(r, &(MountAttr){ .set = MOUNT_ATTR_RDONLY });
}

static int try_openat2(const ProbePlace *place, char detail[]) {
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

        return syscall(SYS_openat2, place->data, ".", &how, sizeof how) < 0 ? -errno : 0;
}

/* Opens a user namespace whose ids 0 to 65535 are TRIAL_BASE and on. */
static int new_userns(void) {
        const IdRange range = { 0, TRIAL_BASE, TRIAL_IDS };

        return idmap_userns(&range, 1, &range, 1, NULL);
}

/* Without a user namespace owners stay: an ordinary user's are right on disk. */
static int mapped(int dir, const char *path, int userns) {
        autoclose int mount = mount_clone(dir, path, false);
        int r;

        if (mount < 0)
                return mount;
        if (userns < 0)
                return take_fd(mount);
        r = mount_idmap(mount, &(MountAttr){}, userns);
        return r < 0 ? r : take_fd(mount);
}

static void name_file_system(int dir, char *detail) {
        static const struct {
                long magic;
                const char *name;
        } known[] = {
                { 0xef53, "ext4" },      { 0x58465342, "xfs" },     { 0x9123683e, "btrfs" },
                { 0x01021994, "tmpfs" }, { 0x794c7630, "overlay" }, { 0x6969, "nfs" },
                { 0x2fc12fc1, "zfs" },   { 0xf2f52010, "f2fs" },    { 0x01021997, "9p" },
        };
        struct statfs fs;

        if (fstatfs(dir, &fs) < 0)
                return;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (fs.f_type == known[i].magic)
                        (void) snprintf(detail, PROBE_DETAIL_MAX, "%s", known[i].name);
}

static int try_idmap(const ProbePlace *place, char detail[]) {
        autoclose int userns = new_userns();

        name_file_system(place->data, detail);
        return userns < 0 ? userns : mapped(place->data, ".", userns);
}

/* Writes through an overlay, as root of a user namespace, into an idmapped upper directory. */
static int write_into_overlay(int dir, int userns) {
        autoclose int layers = mapped(dir, ".", userns), lower = -EBADF, upper = -EBADF,
                      work = -EBADF, mount = -EBADF, top = -EBADF;
        int r;

        if (layers < 0)
                return layers;
        lower = openat(layers, "lower", O_PATH | O_DIRECTORY | O_CLOEXEC);
        upper = openat(layers, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
        work = openat(layers, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (lower < 0 || upper < 0 || work < 0)
                return -errno;
        if (userns >= 0 && (setns(userns, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0 ||
                            setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
                return -errno;
        if (userns < 0 && unshare(CLONE_NEWNS) < 0)
                return -errno;

        /* An overlay takes layers only from mounts that its own user namespace owns (6.15): so
         * they are attached, to this process's own tree. */
        top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = top < 0 ? -errno : mount_attach(layers, top);
        mount = r < 0 ? r
                      : overlay_new(
                                &(OverlayLayers){
                                        .lowers = &lower, .n = 1, .upper = upper, .work = work },
                                NULL);
        if (mount < 0)
                return mount;
        r = openat(mount, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        return r < 0 ? -errno : 0;
}

/* A directory for the trial.  Not by the descriptor that is given: a user's is of the mount
 * namespace that he was in before, from which an overlay takes no layers. */
static int make_place(const ProbePlace *place, const char *name) {
        autofree char *link = str_format("/proc/self/fd/%d", place->data);
        char path[PATH_MAX];
        ssize_t n = link ? readlink(link, path, sizeof path - 1) : -1;
        autoclose int data = -EBADF;

        if (n < 0)
                return link ? -errno : -ENOMEM;
        path[n] = 0;
        data = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return data < 0 ? -errno : dir_open(data, name, 0755);
}

static int try_overlay(const ProbePlace *place, char detail[]) {
        autofree char *name = str_format("isola-check-%d", getpid());
        const bool inside = idmap_is_inside();
        autoclose int userns = inside ? -EBADF : new_userns(), dir = -EBADF, pidfd = -EBADF;
        int status = 0, r;
        pid_t pid;

        if ((userns < 0 && !inside) || !name)
                return name ? userns : -ENOMEM;
        dir = make_place(place, name);
        if (dir < 0)
                return dir;
        r = mkdirat(dir, "lower", 0755) < 0 || mkdirat(dir, "upper", 0755) < 0 ||
                            mkdirat(dir, "work", 0755) < 0
                    ? -errno
                    : 0;
        /* Once more apart: who has joined the user namespace cannot clean up. */
        pid = r < 0 ? r : process_clone(0, -EBADF, &pidfd);
        if (pid == 0)
                _exit(-write_into_overlay(dir, userns));
        if (pid > 0 && waitpid(pid, &status, 0) == pid)
                r = WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
        (void) tree_remove(place->data, name);
        return pid < 0 ? pid : r;
}

/* Owners that are chosen, without a copy: store/mapped.h. */
static int try_contents(const ProbePlace *place, char detail[]) {
        autofree char *name = str_format("isola-check-%d", getpid());
        autoclose int dir = -EBADF;
        int r;

        if (!name)
                return -ENOMEM;
        dir = make_place(place, name);
        if (dir < 0)
                return dir;
        r = overlay_finds_contents(dir) ? 0 : -EOPNOTSUPP;
        (void) tree_remove(place->data, name);
        return r;
}

static int try_proc(const ProbePlace *place, char detail[]) {
        int status = 0;
        pid_t pid;

        if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0)
                return -errno;
        pid = process_clone(0, -EBADF, NULL);
        if (pid == 0) {
                int r = mount_new("proc", NULL, &(MountAttr){}, NULL);

                _exit(r < 0 ? -r : 0);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return pid < 0 ? pid : -ECHILD;
        return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* --- users --- */

static int try_ids(const ProbePlace *place, char detail[]) {
        autofree IdRange *own = NULL;
        int64_t count = 0;
        size_t n = 0;
        int r;

        if (!idmap_is_inside())
                return 0;
        r = idmap_read_own("uid_map", &own, &n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                count += own[i].count;
        (void) snprintf(detail, PROBE_DETAIL_MAX, count > 1 ? "%lld" : "your own alone",
                        (long long) count);
        return count > 1 ? 0 : -EPERM;
}

static int try_pasta(const ProbePlace *place, char detail[]) {
        autofree char *program = search_program("pasta");

        return program || !idmap_is_inside() ? 0 : -ENOENT;
}

/* --- processes --- */

static int try_pidfd(const ProbePlace *place, char detail[]) {
        return syscall(SYS_pidfd_open, getpid(), 0) < 0 ? -errno : 0;
}

static int try_pidfd_exit(const ProbePlace *place, char detail[]) {
        autoclose int pidfd = -EBADF;
        int status, r;
        pid_t pid;

        pid = process_clone(0, -EBADF, &pidfd);
        if (pid == 0)
                _exit(7);
        if (pid < 0 || waitpid(pid, NULL, 0) != pid)
                return pid < 0 ? pid : -ECHILD;
        r = process_exit_status(pidfd, &status);
        return r < 0 ? r : WEXITSTATUS(status) == 7 ? 0 : -EOPNOTSUPP;
}

static int try_hard_limits(const ProbePlace *place, char detail[]) {
        autofree char *status = NULL;
        unsigned long long caps = 0;
        const char *line;
        int r;

        r = file_read(AT_FDCWD, "/proc/self/status", 1 << 16, &status, NULL);
        if (r < 0)
                return r;
        line = strstr(status, "CapEff:");
        if (!line || sscanf(line, "CapEff: %llx", &caps) != 1)
                return -EIO;
        if (caps >> CAP_SYS_RESOURCE & 1)
                return 0;
        (void) snprintf(detail, PROBE_DETAIL_MAX, "no CAP_SYS_RESOURCE");
        return -EPERM;
}

/* --- control groups --- */

/* Makes a place with limits, looks where they landed, and takes it away again. */
static int with_place(const CgroupLimits *limits, int (*use)(Cgroup *c), char *detail) {
        autofree char *name = str_format("isola-check/%d", getpid());
        autoptr(Cgroup) c = NULL;
        int r;

        if (!name)
                return -ENOMEM;
        r = cgroup_create(name, limits, &c, NULL);
        if (r < 0)
                return r;
        if (detail)
                (void) snprintf(detail, PROBE_DETAIL_MAX, "%s", cgroup_needs_join(c) ? "v1" : "v2");
        r = use ? use(c) : 0;
        (void) cgroup_remove(name, 1000);
        return r;
}

static int clone_into(Cgroup *c) {
        autoclose int pidfd = -EBADF;
        pid_t pid;

        if (cgroup_fd(c) < 0)
                return -EOPNOTSUPP;
        /* Where it is denied, process_clone() moves the child instead. */
        if (syscall(SYS_clone3, NULL, 0) < 0 && errno != EINVAL)
                return -errno;
        pid = process_clone(0, cgroup_fd(c), &pidfd);
        if (pid == 0)
                _exit(0);
        if (pid > 0)
                process_kill_and_reap(pidfd);
        return pid < 0 ? pid : 0;
}

static int try_cgroup(const ProbePlace *place, char detail[]) {
        static const char *const layouts[] = {
                [CGROUP_NONE] = "none",
                [CGROUP_LEGACY] = "version 1 only",
                [CGROUP_HYBRID] = "hybrid: version 1 controllers beside version 2",
                [CGROUP_UNIFIED] = "version 2",
        };

        (void) snprintf(detail, PROBE_DETAIL_MAX, "%s", layouts[cgroup_layout()]);
        return with_place(NULL, clone_into, NULL);
}

static int has_kill(Cgroup *c) {
        if (cgroup_fd(c) < 0)
                return -EOPNOTSUPP;
        return file_access(cgroup_fd(c), "cgroup.kill", W_OK);
}

static int freeze_and_thaw(Cgroup *c) {
        int r = cgroup_freeze(c, true, 1000);

        return r < 0 ? r : cgroup_freeze(c, false, 1000);
}

static int filter_devices(Cgroup *c) {
        size_t n;
        const DeviceRule *rules = device_default_rules(&n);

        if (cgroup_fd(c) < 0)
                return -EOPNOTSUPP;
        return device_filter_attach(cgroup_fd(c), rules, n, NULL);
}

static int try_cgroup_kill(const ProbePlace *place, char detail[]) {
        return with_place(NULL, has_kill, NULL);
}

static int try_cgroup_freeze(const ProbePlace *place, char detail[]) {
        return with_place(NULL, freeze_and_thaw, NULL);
}

static int try_device_filter(const ProbePlace *place, char detail[]) {
        return with_place(NULL, filter_devices, NULL);
}

static int try_memory(const ProbePlace *place, char detail[]) {
        return with_place(&(CgroupLimits){ .memory = 64 * MIB }, NULL, detail);
}

static int try_swap(const ProbePlace *place, char detail[]) {
        CgroupLimits limits = { .memory = 64 * MIB, .memory_swap = 128 * MIB };

        return with_place(&limits, NULL, detail);
}

static int try_cpu(const ProbePlace *place, char detail[]) {
        CgroupLimits limits = { .cpu_quota = 50000, .cpu_period = 100000, .cpu_shares = 512 };

        return with_place(&limits, NULL, detail);
}

static int try_pids(const ProbePlace *place, char detail[]) {
        return with_place(&(CgroupLimits){ .has_pids = true, .pids = 16 }, NULL, detail);
}

static int try_cpuset(const ProbePlace *place, char detail[]) {
        char first[16] = "0";
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof set, &set) == 0)
                for (int i = 0; i < CPU_SETSIZE; i++)
                        if (CPU_ISSET(i, &set)) {
                                (void) snprintf(first, sizeof first, "%d", i);
                                break;
                        }
        return with_place(&(CgroupLimits){ .cpuset_cpus = first }, NULL, detail);
}

/* --- security --- */

static int try_seccomp(const ProbePlace *place, char detail[]) {
        const SeccompFilter *f = seccomp_default();

        (void) snprintf(detail, PROBE_DETAIL_MAX, "default profile: %zu instructions", f->n);
        if (syscall(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0) < 0)
                return -errno;
        return seccomp_apply(f);
}

static int try_landlock(const ProbePlace *place, char detail[]) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* _VERSION */);

        if (abi < 0)
                return -errno;
        (void) snprintf(detail, PROBE_DETAIL_MAX, "ABI %ld", abi);
        return 0;
}

static const ProbeFeature features[] = {
        { "Namespaces", "mount", true, "no container starts", try_mount_ns },
        { "Namespaces", "pid", true, "no container starts", try_pid_ns },
        { "Namespaces", "network", true, "only --network host works", try_net_ns },
        { "Namespaces", "ipc", true, "only --ipc host works", try_ipc_ns },
        { "Namespaces", "uts", true, "only --uts host works", try_uts_ns },
        { "Namespaces", "cgroup", true, "only --cgroupns host works", try_cgroup_ns },
        { "Namespaces", "time", false, "containers have the host's clocks", try_time_ns },
        { "Namespaces", "user", true, "only --userns host and --privileged work", try_user_ns },
        { "Files", "mounts by descriptor", true, "no container starts", try_new_mounts },
        { "Files", "mount attributes", false, "only --userns host and --privileged work",
          try_mount_attributes },
        { "Files", "openat2", false, "paths in containers are walked step by step, which is slower",
          try_openat2 },
        { "Files", "idmapped mounts", false,
          "root: only --userns host and --privileged work; ordinary users need them not",
          try_idmap },
        { "Files", "overlay in a user namespace", false, "only --userns host and --privileged work",
          try_overlay },
        { "Files", "contents by name", false,
          "ordinary users: --userns keep-id, auto and nomap copy the image", try_contents },
        { "Files", "proc in a user namespace", false, "only --userns host and --privileged work",
          try_proc },
        { "Users", "range of ids", false,
          "-u, USER, chown and programs that give up root fail (apt, nginx, postgres)", try_ids },
        { "Users", "pasta", false,
          "ordinary users: containers reach nothing outside of their networks", try_pasta },
        { "Processes", "pidfd", true, "no container starts", try_pidfd },
        { "Processes", "exit status by pidfd", false,
          "if a monitor is killed, the exit code of its container is lost", try_pidfd_exit },
        { "Processes", "raised hard limits", false,
          "a --ulimit above the present one is lowered to it, with a warning", try_hard_limits },
        { "Control groups", "birth in a v2 cgroup", false,
          "processes are moved into their cgroups, which is slower", try_cgroup },
        { "Control groups", "kill", false, "processes are signalled one by one", try_cgroup_kill },
        { "Control groups", "freezer", false, "pause is refused", try_cgroup_freeze },
        { "Control groups", "memory limit", false, "--memory is refused", try_memory },
        { "Control groups", "swap limit", false, "--memory-swap is refused", try_swap },
        { "Control groups", "processor limit", false, "--cpus is refused", try_cpu },
        { "Control groups", "processor choice", false, "--cpuset-cpus is refused", try_cpuset },
        { "Control groups", "process limit", false, "--pids-limit is refused", try_pids },
        { "Control groups", "device filter", false, "--userns host with devices limited is refused",
          try_device_filter },
        { "Security", "system call filter", true, "only --security-opt seccomp=unconfined works",
          try_seccomp },
        { "Security", "Landlock", false, "nothing changes", try_landlock },
};

const ProbeFeature *probe_kernel_features(size_t *ret_n) {
        *ret_n = sizeof features / sizeof *features;
        return features;
}
