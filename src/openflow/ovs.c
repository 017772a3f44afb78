/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/search.h"
#include "base/str.h"
#include "base/stream.h"
#include "kernel/process.h"
#include "openflow/ovs.h"
#include "openflow/ovsdb.h"

#define START_MS  30000
#define STOP_MS   5000
#define KILL_MS   60000 /* the kernel takes some 10 ms for each port */
#define WORDS_MAX 4096
#define INSTALL   "apt-get install openvswitch-switch"
#define SCHEMA    "openvswitch/vswitch.ovsschema"
#define TUN       "/dev/net/tun"
#define DATABASE  "conf.db"
#define SERVER    "ovsdb-server"
#define SWITCH    "ovs-vswitchd"
#define TOOL      "ovsdb-tool"

/* What is needed of the distribution; absolute paths. */
typedef struct Programs {
        char *server, *switch_, *tool, *schema;
} Programs;

static void programs_clear(Programs *p) {
        free(p->server);
        free(p->switch_);
        free(p->tool);
        free(p->schema);
}

#define autoprograms __attribute__((__cleanup__(programs_clear))) Programs

/* Beside the program's own prefix, else where distributions have it. */
static char *find_schema(const char *server) {
        const char *slash = strrchr(server, '/');
        autofree char *own = str_format("%.*s/../share", (int) (slash - server), server);
        const char *const places[] = { own, "/usr/share", "/usr/local/share" };

        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
                autofree char *file = places[i] ? str_format("%s/" SCHEMA, places[i]) : NULL;

                if (file && access(file, R_OK) == 0)
                        return take_ptr(file);
        }
        return NULL;
}

static int find_all(Programs *ret, Err *err) {
        const struct {
                const char *name;
                char **place;
        } needed[] = { { SERVER, &ret->server }, { SWITCH, &ret->switch_ }, { TOOL, &ret->tool } };

        for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
                *needed[i].place = search_program(needed[i].name);
                if (!*needed[i].place) {
                        refuse(err, ENOENT,
                               "Open vSwitch is not installed: no '%s' in PATH or " SEARCH_ALSO,
                               needed[i].name);
                        return err_hint(err, -ENOENT, INSTALL);
                }
        }
        ret->schema = find_schema(ret->server);
        if (!ret->schema) {
                refuse(err, ENOENT, "Open vSwitch is incomplete: no '/usr/share/" SCHEMA "'");
                return err_hint(err, -ENOENT, INSTALL);
        }
        return 0;
}

static int check_tun(Err *err) {
        int r = file_access(AT_FDCWD, TUN, R_OK | W_OK);

        if (r >= 0)
                return 0;
        fail(err, r,
             "Open vSwitch makes a bridge's own interface with '" TUN "', which cannot be used");
        return err_hint(err, r, "%s", r == -ENOENT ? "modprobe tun" : "chmod 0666 " TUN);
}

int ovs_check(Err *err) {
        autoprograms programs = {};
        int r = find_all(&programs, err);

        return r < 0 ? r : check_tun(err);
}

/* --- finding what runs --- */

/* The pid of the daemon that holds the lock on its pid file; 0 if there is none. */
static pid_t find_holder(int dir, const char *daemon) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        char name[64];
        autoclose int file = -EBADF;

        (void) snprintf(name, sizeof name, "%s.pid", daemon);
        file = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (file < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fcntl(file, F_GETLK, &lock) < 0)
                return -errno;
        return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

/* A pidfd of the daemon, -ESRCH if it does not run. */
static int open_daemon(int dir, const char *daemon) {
        pid_t pid = find_holder(dir, daemon), again;
        autoclose int pidfd = -EBADF;

        if (pid <= 0)
                return pid < 0 ? pid : -ESRCH;
        pidfd = (int) syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return -errno;
        /* It held the lock after the descriptor was opened: the number was still its own. */
        again = find_holder(dir, daemon);
        return again == pid ? take_fd(pidfd) : -ESRCH;
}

static int open_directory(const char *directory) {
        int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return dir < 0 ? -errno : dir;
}

int ovs_is_running(const char *directory) {
        autoclose int dir = open_directory(directory);
        pid_t server, switch_;

        if (dir < 0)
                return dir == -ENOENT ? 0 : dir;
        server = find_holder(dir, SERVER);
        switch_ = find_holder(dir, SWITCH);
        if (server < 0 || switch_ < 0)
                return server < 0 ? server : switch_;
        return server > 0 && switch_ > 0;
}

/* --- stopping --- */

static int end_of(int pidfd, int timeout_ms) {
        return stream_wait(pidfd, POLLIN, clock_monotonic_ms() + timeout_ms);
}

static int stop_daemon(int dir, const char *daemon) {
        autoclose int pidfd = open_daemon(dir, daemon);
        int r;

        if (pidfd < 0)
                return pidfd == -ESRCH ? 0 : pidfd;
        if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
                return errno == ESRCH ? 0 : -errno;
        r = end_of(pidfd, STOP_MS);
        if (r == -ETIMEDOUT) {
                if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
                        return -errno;
                r = end_of(pidfd, KILL_MS);
        }
        return r;
}

static int stop_both(int dir, const char *directory, Err *err) {
        /* The switch first: without its database it would go on alone. */
        static const char *const daemons[] = { SWITCH, SERVER };

        for (size_t i = 0; i < sizeof daemons / sizeof *daemons; i++) {
                int r = stop_daemon(dir, daemons[i]);

                if (r < 0)
                        return fail(err, r, "cannot stop '%s' of '%s'", daemons[i], directory);
        }
        return 0;
}

int ovs_stop(const char *directory, Err *err) {
        autoclose int dir = open_directory(directory);

        if (dir < 0)
                return dir == -ENOENT ? 0 : fail(err, dir, "cannot open '%s'", directory);
        return stop_both(dir, directory, err);
}

/* --- starting --- */

typedef struct Command {
        char **arguments; /* with the program's path first */
        const char *directory;
        int netns;
} Command;

/* In the child; @words: where it may say what is wrong. */
static void execute(const Command *command, int words) {
        static const char *const variables[] = { "OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR",
                                                 "OVS_SYSCONFDIR" };
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        /* Until it has detached itself it ends with us. */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        process_reset_signals();
        for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
                (void) setenv(variables[i], command->directory, 1);
        if (null < 0 || dup2(null, 0) < 0 || dup2(words, 1) < 0 || dup2(words, 2) < 0 ||
            process_close_on_exec(3) < 0)
                _exit(126);
        if (command->netns >= 0 && setns(command->netns, CLONE_NEWNET) < 0) {
                dprintf(2, "cannot enter the network namespace: %s\n", strerror(errno));
                _exit(126);
        }
        execv(*command->arguments, command->arguments);
        dprintf(2, "%s\n", strerror(errno));
        _exit(126);
}

/* What came until all writers were gone, as one line; -ETIMEDOUT. */
static int read_words(int pipe, char words[WORDS_MAX], int64_t end) {
        size_t n = 0;

        for (;;) {
                int r = stream_wait(pipe, POLLIN, end);
                char rest[256];
                ssize_t got = r < 0 ? 0 : read(pipe, rest, sizeof rest);

                if (r < 0)
                        return r;
                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got == 0)
                        break;
                for (ssize_t i = 0; i < got && n < WORDS_MAX - 1; i++)
                        words[n++] = rest[i];
        }
        while (n > 0 && words[n - 1] == '\n')
                n--;
        words[n] = 0;
        for (char *c = words; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        return 0;
}

/* Runs a program until it has ended; a daemon ends its first process when it is ready. */
static int run_program(const Command *command, Err *err) {
        const char *program = *command->arguments;
        int ends[2], r;
        autoclose int out = -EBADF, pidfd = -EBADF;
        char words[WORDS_MAX] = "";
        autofree char *safe = NULL;
        siginfo_t info = {};
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot start '%s'", program);
        out = ends[0];
        pid = process_clone(0, -EBADF, &pidfd);
        if (pid == 0)
                execute(command, ends[1]);
        close_fd(ends[1]);
        if (pid < 0)
                return fail(err, pid, "cannot start '%s'", program);
        r = read_words(out, words, clock_monotonic_ms() + START_MS);
        if (r < 0)
                process_kill_and_reap(pidfd);
        else
                r = process_reap(pidfd, &info);
        if (r < 0)
                return fail(err, r, "'%s' does not become ready", program);
        if (info.si_code == CLD_EXITED && info.si_status == 0)
                return 0;
        safe = str_printable(words);
        return refuse(err, EIO, "'%s' failed: %s", program,
                      !str_empty(safe) ? safe : "it gave no reason");
}

/* Under another name first: one that is there is whole. */
static int make_database(int dir, const char *directory, const Programs *programs, Err *err) {
        autofree char *file = str_format("%s/" DATABASE ".new", directory);
        char create[] = "create";
        char *arguments[] = { programs->tool, create, file, programs->schema, NULL };
        int r;

        if (!file)
                return fail(err, ENOMEM, "cannot make a database");
        r = tree_remove(dir, DATABASE ".new");
        if (r < 0)
                return fail(err, r, "cannot remove '%s'", file);
        r = run_program(&(Command){ arguments, directory, -EBADF }, err);
        if (r < 0)
                return r;
        return renameat(dir, DATABASE ".new", dir, DATABASE) < 0
                       ? fail(err, errno, "cannot rename '%s'", file)
                       : 0;
}

/* A daemon with what both have in common; @rest: its own arguments, NULL-terminated. */
static int run_daemon(char *program, const char *name, const char *directory, int netns,
                      const char *const *rest, Err *err) {
        autostrv arguments = NULL;
        int r = strv_add(&arguments, program);

        if (r >= 0)
                r = strv_add_words(&arguments,
                                   (const char *const[]){ "--detach", "--no-chdir", "-vconsole:off",
                                                          "-vsyslog:off", NULL });
        if (r >= 0)
                r = strv_addf(&arguments, "--pidfile=%s/%s.pid", directory, name);
        if (r >= 0)
                r = strv_addf(&arguments, "--log-file=%s/%s.log", directory, name);
        if (r >= 0)
                r = strv_addf(&arguments, "--unixctl=%s/%s.ctl", directory, name);
        if (r >= 0)
                r = strv_add_words(&arguments, rest);
        if (r < 0)
                return fail(err, r, "cannot start '%s'", name);
        r = run_program(&(Command){ arguments, directory, netns }, err);
        return r < 0 ? err_hint(err, r, "its log is '%s/%s.log'", directory, name) : 0;
}

/* The one row without which there is no switch; in a database that is used again it is there. */
static int fill_database(const char *directory, Err *err) {
        autofree char *socket = ovs_database(directory);
        autoptr(Ovsdb) db = NULL;
        int r;

        if (!socket)
                return fail(err, ENOMEM, "cannot fill the switch's database");
        r = ovsdb_open(socket, START_MS, &db, err);
        return r < 0 ? r : ovsdb_initialize(db, err);
}

static int start_both(const Programs *programs, const char *directory, int netns, Err *err) {
        autofree char *remote = str_format("--remote=punix:%s/db.sock", directory),
                      *file = str_format("%s/" DATABASE, directory),
                      *database = str_format("unix:%s/db.sock", directory);
        int r;

        if (!remote || !file || !database)
                return fail(err, ENOMEM, "cannot start Open vSwitch");
        r = run_daemon(programs->server, SERVER, directory, -EBADF,
                       (const char *const[]){ remote, file, NULL }, err);
        if (r < 0)
                return r;
        fault_point("ovs.database");
        r = fill_database(directory, err);
        if (r < 0)
                return r;
        return run_daemon(programs->switch_, SWITCH, directory, netns,
                          (const char *const[]){ database, NULL }, err);
}

int ovs_start(const char *directory, int netns, Err *err) {
        autoprograms programs = {};
        autoclose int dir = -EBADF;
        int r = find_all(&programs, err);

        if (r >= 0)
                r = check_tun(err);
        if (r < 0)
                return r;
        if (*directory != '/')
                return refuse(err, EINVAL, "'%s' is no absolute path", directory);
        dir = dir_open(AT_FDCWD, directory, 0700);
        if (dir < 0)
                return fail(err, dir, "cannot make '%s'", directory);
        if (find_holder(dir, SERVER) > 0 && find_holder(dir, SWITCH) > 0)
                return refuse(err, EEXIST, "an Open vSwitch runs in '%s' already", directory);
        r = stop_both(dir, directory, err);
        if (r >= 0 && !file_has_name(dir, DATABASE))
                r = make_database(dir, directory, &programs, err);
        if (r >= 0)
                r = start_both(&programs, directory, netns, err);
        if (r < 0)
                (void) stop_both(dir, directory, NULL);
        return r;
}

char *ovs_database(const char *directory) {
        return str_format("%s/db.sock", directory);
}

char *ovs_management(const char *directory, const char *bridge) {
        return str_format("unix:%s/%s.mgmt", directory, bridge);
}

char *ovs_controller(const char *directory, const char *bridge) {
        return str_format("unix:%s/%s.controller", directory, bridge);
}
