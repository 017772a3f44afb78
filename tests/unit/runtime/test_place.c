/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/cgroup_usage.h"
#include "kernel/process.h"
#include "runtime/place.h"
#include "runtime/systemd.h"
#include "test.h"

/* @linux: the text of an object. */
static OciSpec *parse(const char *linux_, const char *rest) {
        autofree char *text = str_format("{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"/\"},"
                                         " \"linux\": %s%s}",
                                         linux_, rest);
        OciSpec *spec = calloc(1, sizeof *spec);
        autoerr err = {};

        expect_well(json_parse(&oci_spec_type, text, strlen(text), "config.json", spec, &err), err);
        return spec;
}

static void need_root(void) {
        if (geteuid() != 0 || !cgroup_root_is_writable())
                skip("needs root and a cgroup hierarchy to write to");
}

static char *name_of(const char *path) {
        autofree char *linux_ = path ? str_format("{\"cgroupsPath\": \"%s\"}", path) : strdup("{}");
        autoptr(OciSpec) spec = parse(linux_, "");
        autofree char *scope = NULL;
        char *name = NULL;
        autoerr err = {};

        expect_well(place_name(spec, "r", "c1", false, &name, &scope, &err), err);
        expect(!scope);
        return name;
}

TEST(path_is_taken_as_it_is_and_there_is_a_default) {
        static const char *const cases[][2] = {
                { NULL, "isola-oci-r/c1" },
                { "", "isola-oci-r/c1" },
                { "/a/b", "a/b" },
                { "x", "x" },
        };

        need_root();
        for (size_t i = 0; i < 4; i++) {
                autofree char *name = name_of(cases[i][0]);

                expect_str(name, cases[i][1]);
        }
}

TEST(root_of_the_hierarchy_is_refused) {
        autoptr(OciSpec) spec = parse("{\"cgroupsPath\": \"/a/..\"}", "");
        autofree char *path = NULL, *scope = NULL;
        autoerr err = {};

        expect(place_name(spec, "r", "c1", false, &path, &scope, &err) == -EINVAL);
        expect_str(err.message, "the cgroups path '/a/..' is not a place for a container");
}

static uint64_t pids_limit(const Cgroup *c) {
        autousage usage = {};

        expect_ok(cgroup_usage(c, &usage));
        return usage.pids_limit;
}

TEST(limits_are_set_changed_and_gone) {
        autoptr(OciSpec) spec = parse("{\"resources\": {\"pids\": {\"limit\": 50}}}", "");
        OciPids pids = { .limit = 70, .has_limit = true };
        OciResources more = { .pids = &pids };
        autofree char *path = str_format("isola-test-%d/c1", getpid());
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        int r;

        need_root();
        r = place_make(spec, "c1", path, NULL, &c, &err);
        if (r == -EOPNOTSUPP)
                skip(err.message);
        expect_well(r, err);
        expect(pids_limit(c) == 50);
        expect_well(place_update(path, NULL, &more, &err), err);
        expect(pids_limit(c) == 70);
        expect_well(place_remove(path, NULL, 1000, &err), err);
        expect_well(place_remove(path, NULL, 1000, &err), err);
        expect(place_update(path, NULL, &more, &err) == -ESRCH);
        expect_ok(cgroup_remove(path, 0));
        *strrchr(path, '/') = 0;
        expect_ok(cgroup_remove(path, 0));
}

static uid_t owner_of(const Cgroup *c, const char *file) {
        struct stat st;

        expect(fstatat(cgroup_fd(c), file, &st, AT_EMPTY_PATH) == 0);
        return st.st_uid;
}

static uid_t owner_with(const char *namespaces, const char *mount_options) {
        autofree char *linux_ = str_format(
                              "{\"namespaces\": [%s], \"uidMappings\": [{\"containerID\":"
                              " 0, \"hostID\": 70000, \"size\": 10}]}",
                              namespaces),
                      *rest = str_format(
                              ", \"process\": {\"user\": {\"uid\": 3, \"gid\": 0}, \"cwd\": \"/\"},"
                              " \"mounts\": [{\"destination\": \"/sys/fs/cgroup\", \"type\":"
                              " \"cgroup\", \"source\": \"cgroup\", \"options\": [%s]}]",
                              mount_options);
        autofree char *path = str_format("isola-oci-test/%d", getpid());
        autoptr(OciSpec) spec = parse(linux_, rest);
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        uid_t owner;

        expect_well(place_make(spec, "c1", path, NULL, &c, &err), err);
        if (cgroup_fd(c) < 0)
                skip("needs cgroup version 2");
        owner = owner_of(c, "cgroup.procs");
        expect(owner_of(c, "") == owner);
        expect(owner_of(c, "cgroup.freeze") == 0);
        expect_well(place_remove(path, NULL, 1000, &err), err);
        return owner;
}

TEST(only_who_may_make_cgroups_owns_its_own) {
        need_root();
        expect(owner_with("{\"type\": \"cgroup\"}, {\"type\": \"user\"}", "\"nosuid\"") == 70003);
        expect(owner_with("{\"type\": \"cgroup\"}, {\"type\": \"user\"}", "\"ro\"") == 0);
        expect(owner_with("{\"type\": \"cgroup\"}", "\"nosuid\"") == 0);
        expect(owner_with("{\"type\": \"user\"}", "\"nosuid\"") == 0);
}

TEST(who_may_make_no_cgroup_goes_without_unless_a_limit_is_asked_for) {
        autoptr(OciSpec) plain = parse("{}", ""),
                         *limited =
                                 parse("{\"resources\": {\"memory\": {\"limit\": 1000000}}}", "");
        autofree char *path = NULL, *scope = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        need_root();
        expect(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
        expect_well(place_name(plain, "r", "c1", false, &path, &scope, &err), err);
        expect_well(place_make(plain, "c1", path, NULL, &c, &err), err);
        expect(!c);
        expect(place_make(limited, "c1", path, NULL, &c, &err) == -EACCES);
        expect(strstr(err.message, "cannot set the memory limit: cannot make cgroup '"));
        expect(!strstr(err.message, "No such file"));
}

TEST(read_only_hierarchies_are_as_none) {
        autoptr(OciSpec) plain = parse("{}", "");
        autofree char *path = NULL, *scope = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        need_root();
        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        /* Where it is version 2 already, it cannot be mounted on itself, and need not be. */
        expect(mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0 || errno == EBUSY);
        expect(mount(NULL, "/sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
        expect_well(place_name(plain, "r", "c1", false, &path, &scope, &err), err);
        expect_well(place_make(plain, "c1", path, NULL, &c, &err), err);
        expect(!c);
}

TEST(without_any_hierarchy_only_limits_are_refused) {
        autoptr(OciSpec) plain = parse("{}", ""),
                         *limited = parse("{\"resources\": {\"cpu\": {\"shares\": 10}}}", "");
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        need_root();
        expect(unshare(CLONE_NEWNS) == 0);
        expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
        expect(umount2("/sys/fs/cgroup", MNT_DETACH) == 0);
        expect_well(place_make(plain, "c1", "isola-oci-r/c1", NULL, &c, &err), err);
        expect(!c);
        expect(place_make(limited, "c1", "isola-oci-r/c1", NULL, &c, &err) == -EOPNOTSUPP);
        expect_str(err.message,
                   "cannot make cgroup 'isola-oci-r/c1': no cgroup hierarchy is mounted here");
}

/* --- with a service manager --- */

typedef struct Systemd {
        char directory[40];
        char *address, *record;
        pid_t bus, manager;
} Systemd;

static void stop(Systemd *s) {
        kill(s->manager, SIGKILL);
        kill(s->bus, SIGKILL);
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        expect_ok(tree_remove(AT_FDCWD, s->directory));
        free(s->address);
        free(s->record);
}

/* Starts a program and reads its first line. */
static pid_t start(const char *const *command, char *line, size_t size) {
        pid_t pid;
        int out[2];
        FILE *f;

        expect(pipe2(out, O_CLOEXEC) == 0);
        pid = fork();
        if (pid == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);

                dup2(out[1], 1);
                dup2(null, 2);
                execvp(command[0], (char *const *) command);
                _exit(127);
        }
        close(out[1]);
        f = fdopen(out[0], "r");
        if (!f || !fgets(line, (int) size, f))
                *line = 0;
        line[strcspn(line, "\n")] = 0;
        return pid;
}

static Systemd start_systemd(const char *variable) {
        Systemd s = { .directory = "/tmp/isola-test-systemd.XXXXXX" };
        autofree char *where = NULL;
        char line[512];

        need_root();
        expect(mkdtemp(s.directory));
        where = str_format("--address=unix:path=%s/bus", s.directory);
        s.record = str_format("%s/record", s.directory);
        s.bus = start((const char *const[]){ "dbus-daemon", "--session", "--nofork",
                                             "--print-address=1", where, NULL },
                      line, sizeof line);
        s.address = strdup(line);
        s.manager = start((const char *const[]){ "/usr/bin/python3", ISOLA_TESTS "/fake_systemd",
                                                 line, s.record, NULL },
                          line, sizeof line);
        if (!str_equal(line, "ready")) {
                stop(&s);
                skip("needs dbus-daemon, python3-dbus and python3-gi");
        }
        expect(setenv(variable, s.address, 1) == 0);
        return s;
}

static char *record(const Systemd *s) {
        char *text = NULL;

        expect_ok(file_read(AT_FDCWD, s->record, 65536, &text, NULL));
        return text;
}

static void expect_has(const char *text, const char *part) {
        if (strstr(text, part))
                return;
        printf("# '%s' is not in %s\n", part, text);
        expect(false);
}

TEST(scope_is_started_changed_and_stopped) {
        autofree char *outer = str_format("isola_test%d", getpid()),
                      *linux_ = str_format("{\"cgroupsPath\": \"%s-deep.slice:pre:c1\", "
                                           "\"resources\": {\"cpu\": {\"shares\": 2048, "
                                           "\"quota\": 25000, \"cpus\": \"0,9\"}}}",
                                           outer),
                      *place = str_format("%s.slice/%s-deep.slice/pre-c1.scope", outer, outer),
                      *slice = str_format("\"Slice\": \"%s-deep.slice\"", outer);
        autoptr(OciSpec) spec = parse(
                linux_, ", \"annotations\": {\"org.systemd.property.TimeoutStopSec\": \"uint64 5\","
                        " \"org.systemd.property.Documentation\": \"['man:a(1)', 'man:b(1)']\","
                        " \"other\": \"x\"}");
        OciCpu cpu = { .quota = -1 };
        Systemd s = start_systemd("DBUS_SYSTEM_BUS_ADDRESS");
        bool unified = cgroup_layout() == CGROUP_UNIFIED;
        autofree char *path = NULL, *scope = NULL, *text = NULL;
        autofree pid_t *pids = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};
        size_t n = 0;
        pid_t pid;

        expect_well(place_name(spec, "r", "c1", true, &path, &scope, &err), err);
        expect_str(path, place);
        expect_str(scope, "pre-c1.scope");
        free(spec->linux_->resources->cpu->cpus);
        spec->linux_->resources->cpu->cpus = strdup("0");
        expect_well(place_make(spec, "c1", path, scope, &c, &err), err);

        expect(cgroup_needs_join(c));
        pid = process_clone(0, cgroup_fd(c), NULL);
        if (pid == 0)
                for (;;)
                        pause();
        expect_well(cgroup_join(c, pid, &err), err);
        expect_ok(cgroup_pids(c, &pids, &n));
        expect(n == 1 && pids[0] == pid); /* the keeper is gone */

        expect_well(place_update(path, scope, &(OciResources){ .cpu = &cpu }, &err), err);
        expect_well(place_remove(path, scope, 5000, &err), err);
        waitpid(pid, NULL, 0);
        expect(cgroup_open(path, &c) == -ENOENT);
        expect_well(place_remove(path, scope, 1000, &err), err); /* once more does no harm */

        text = record(&s);
        expect_has(text, "\"mode\": \"fail\"");
        expect_has(text, slice);
        expect_has(text, "\"Delegate\": true");
        expect_has(text, "\"CollectMode\": \"inactive-or-failed\"");
        expect_has(text, "\"CPUQuotaPerSecUSec\": 250000");
        expect_has(text, unified ? "\"CPUWeight\": 174" : "\"CPUShares\": 2048");
        if (unified)
                expect_has(text, "\"AllowedCPUs\": [1]");
        expect_has(text, "\"TimeoutStopUSec\": 5000000");
        expect_has(text, "\"Documentation\": [\"man:a(1)\", \"man:b(1)\"]");
        expect_has(text, "\"method\": \"SetUnitProperties\", \"properties\": "
                         "{\"CPUQuotaPerSecUSec\": 18446744073709551615}");
        expect_has(text, "\"method\": \"StopUnit\", \"mode\": \"replace\"");
        stop(&s);
}

TEST(scope_that_is_there_or_fails_is_an_error_that_leaves_nothing) {
        autofree char *linux_ =
                str_format("{\"cgroupsPath\": \"isola_test%d.slice::x\"}", getpid());
        autoptr(OciSpec) spec = parse(linux_, "");
        Systemd s = start_systemd("DBUS_SYSTEM_BUS_ADDRESS");
        autofree char *path = NULL, *scope = NULL;
        autoptr(Cgroup) c = NULL, *other = NULL;
        autoerr err = {};
        int r;

        expect_well(place_name(spec, "r", "c1", true, &path, &scope, &err), err);
        expect(place_make(spec, "unlucky", path, scope, &c, &err) == -EREMOTEIO);
        expect_str(err.message, "cannot make scope 'x.scope': systemd's job ended as 'failed'");
        expect(cgroup_open(path, &c) == -ENOENT);
        err_clear(&err);

        expect_well(place_make(spec, "c1", path, scope, &c, &err), err);
        r = place_make(spec, "c1", path, scope, &other, &err);
        expect(r == -EEXIST);
        expect_has(err.message, "cannot make scope 'x.scope': StartTransientUnit: Unit x.scope was "
                                "already loaded");
        expect_well(place_remove(path, scope, 5000, NULL), err);
        stop(&s);
}

static pid_t start_pausing(void) {
        pid_t pid = process_clone(0, -EBADF, NULL);

        if (pid == 0)
                for (;;)
                        pause();
        return pid;
}

static void expect_alone_in(const char *path, pid_t pid) {
        autofree pid_t *pids = NULL;
        autoptr(Cgroup) c = NULL;
        size_t n = 0;

        expect_ok(cgroup_open(path, &c));
        expect_ok(cgroup_pids(c, &pids, &n));
        expect(n == 1 && pids[0] == pid);
}

TEST(what_is_out_of_reach_is_put_into_a_scope_by_systemd) {
        autofree char *linux_ =
                str_format("{\"cgroupsPath\": \"isola_test%d.slice::x\"}", getpid());
        autoptr(OciSpec) spec = parse(linux_, "");
        Systemd s = start_systemd("DBUS_SYSTEM_BUS_ADDRESS");
        autofree char *path = NULL, *scope = NULL, *text = NULL, *below = NULL;
        autoptr(Cgroup) c = NULL, *inner = NULL;
        autoerr err = {};
        pid_t pid = start_pausing();

        expect_well(place_name(spec, "r", "c1", true, &path, &scope, &err), err);
        expect_well(place_make(spec, "c1", path, scope, &c, &err), err);
        expect_well(systemd_attach(scope, "", pid, &err), err);
        c = cgroup_free(c); /* ends the keeper */
        expect_alone_in(path, pid);

        below = str_format("%s/inner", path);
        expect_well(cgroup_adopt(below, 0, NULL, &inner, &err), err);
        expect_well(systemd_attach(scope, "inner", pid, &err), err);
        expect_alone_in(below, pid);
        expect(systemd_attach("y.scope", "", pid, &err) == -ESRCH);
        expect_has(err.message,
                   "into scope 'y.scope': AttachProcessesToUnit: Unit y.scope not loaded");

        text = record(&s);
        expect_has(text, "\"below\": \"/inner\"");
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        expect_well(cgroup_remove_leaf(below, 5000) < 0 ? -1 : 0, err);
        expect_well(place_remove(path, scope, 5000, NULL), err);
        stop(&s);
}

TEST(user_has_a_manager_of_its_own) {
        autoptr(OciSpec) spec = parse("{}", "");
        Systemd s = start_systemd("DBUS_SESSION_BUS_ADDRESS");
        autofree char *path = NULL, *scope = NULL;
        autoerr err = {};

        /* As the root of a user namespace, who may not ask the machine's. */
        expect(unsetenv("XDG_RUNTIME_DIR") == 0);
        expect(unshare(CLONE_NEWUSER) == 0);
        test_write("/proc/self/uid_map", "0 0 1");
        expect_well(place_name(spec, "r", "c1", true, &path, &scope, &err), err);
        expect_str(path, "isola-test-user.slice/manager.service/user.slice/isola-c1.scope");
        stop(&s);
}

TEST(path_of_another_form_is_refused) {
        autoptr(OciSpec) spec = parse("{\"cgroupsPath\": \"/a/b\"}", ""),
                         *odd = parse("{\"cgroupsPath\": \"a/b.slice:x:y\"}", ""),
                         *deep = parse("{\"cgroupsPath\": \"a--b.slice:x:y\"}", "");
        autofree char *path = NULL, *scope = NULL;
        autoerr err = {};

        need_root();
        expect(place_name(spec, "r", "c1", true, &path, &scope, &err) == -EINVAL);
        expect_str(err.message, "the cgroups path '/a/b' is not of the form slice:prefix:name");
        err_clear(&err);
        expect(place_name(odd, "r", "c1", true, &path, &scope, &err) == -EINVAL);
        expect_str(err.message, "'a/b.slice:x:y' does not name a slice and a scope");
        err_clear(&err);
        expect(place_name(deep, "r", "c1", true, &path, &scope, &err) == -EINVAL);
        expect_str(err.message, "'a--b.slice' does not name a slice");
}

TEST(systemd_that_does_not_run_is_said) {
        autoptr(OciSpec) spec = parse("{}", "");
        autofree char *path = NULL, *scope = NULL;
        autoptr(Cgroup) c = NULL;
        autoerr err = {};

        need_root();
        expect(unsetenv("DBUS_SYSTEM_BUS_ADDRESS") == 0);
        if (access("/run/systemd/system", F_OK) == 0)
                skip("systemd runs here");
        expect_well(place_name(spec, "r", "c1", true, &path, &scope, &err), err);
        expect(place_make(spec, "c1", path, scope, &c, &err) == -ESRCH);
        expect_str(err.message, "systemd does not run here");
        expect_str(err.hint, "leave --systemd-cgroup out");
}
