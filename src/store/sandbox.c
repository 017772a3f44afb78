/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/fault.h"
#include "base/fds.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/denied.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"
#include "kernel/overlay.h"
#include "kernel/process.h"
#include "store/sandbox.h"

#define ID_COUNT    65536
#define LAYERS_MAX  500 /* fs/overlayfs/params.h: OVL_MAX_STACK */
#define MEMORY_MAX  (1ull << 30)
#define HELPER_NAME "isola-image"
#define NAMESPACES                                                                                 \
        (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | \
         CLONE_NEWCGROUP)

/* A tree as mounts: lowers topmost first, and the directory that holds upper and work. */
typedef struct Mounts {
        int *lowers;
        size_t n_lowers;
        int top;                  /* -EBADF for a read-only tree */
        const char *upper, *work; /* names in top; NULL if top itself is the tree */
} Mounts;

/* Everything the child needs, made before it is cloned or sent to it afterwards. */
typedef struct SandboxRun {
        const SandboxJob *job;
        int helper, request, reply[2], socket[2];
        Mounts tree, source;
        pid_t pid;
        int pidfd;
} Run;

#define DIRECTORY_VARIABLE "ISOLA_LIBEXEC"
#define OWN_PATH_MAX       4096

static int open_helper(const char *directory, const char *name) {
        autofree char *path = str_format("%s/%s", directory, name);
        struct stat st;
        int helper;

        if (!path)
                return -ENOMEM;
        helper = open(path, O_PATH | O_CLOEXEC);
        if (helper < 0)
                return -errno;
        if (fstat(helper, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0001)) {
                close_fd(helper);
                return -EACCES;
        }
        return helper;
}

int sandbox_find_helper(Err *err) {
        return sandbox_find_program(HELPER_NAME, err);
}

/* Where this program is, without its name; -errno. */
static int own_directory(char path[OWN_PATH_MAX]) {
        ssize_t n = readlink("/proc/self/exe", path, OWN_PATH_MAX - 1);

        if (n < 0)
                return -errno;
        path[n] = 0;
        *strrchr(path, '/') = 0;
        return 0;
}

int sandbox_keep_programs(void) {
        autoclose int helper = -EBADF;
        char self[OWN_PATH_MAX];

        if (getenv(DIRECTORY_VARIABLE) || own_directory(self) < 0)
                return 0;
        helper = open_helper(self, HELPER_NAME);
        return helper >= 0 && setenv(DIRECTORY_VARIABLE, self, true) < 0 ? -errno : 0;
}

int sandbox_find_program(const char *name, Err *err) {
        const char *wanted = getenv(DIRECTORY_VARIABLE);
        autofree char *installed = NULL;
        char self[OWN_PATH_MAX];
        int helper;

        if (!str_empty(wanted)) {
                helper = open_helper(wanted, name);
                return helper < 0 ? fail(err, helper, "cannot use '%s/%s'", wanted, name) : helper;
        }
        if (own_directory(self) >= 0) {
                helper = open_helper(self, name);
                if (helper >= 0)
                        return helper;
                installed = str_format("%s/../libexec/isola", self);
                helper = installed ? open_helper(installed, name) : -ENOMEM;
                if (helper >= 0)
                        return helper;
        }
        helper = open_helper(ISOLA_LIBEXECDIR, name);
        if (helper >= 0)
                return helper;
        return err_hint(
                err,
                fail(err, helper, "cannot find the image helper '" ISOLA_LIBEXECDIR "/%s'", name),
                "install isola as a whole, or name the helper's directory in ISOLA_LIBEXEC");
}

static void mounts_clear(Mounts *m) {
        for (size_t i = 0; m->lowers && i < m->n_lowers; i++)
                close_fd(m->lowers[i]);
        free(m->lowers);
        close_fd(m->top);
}

static void run_clear(Run *run) {
        if (run->pidfd >= 0)
                process_kill_and_reap(run->pidfd);
        close_fd(run->pidfd);
        close_fd(run->helper);
        close_fd(run->request);
        for (int i = 0; i < 2; i++) {
                close_fd(run->reply[i]);
                close_fd(run->socket[i]);
        }
        mounts_clear(&run->tree);
        mounts_clear(&run->source);
}

/* The request in memory, so that it has no size limit as a pipe has. */
static int write_request(const HelperRequest *request, Err *err) {
        autofree char *text = helper_request_text(request);
        autoclose int memory = -EBADF;
        int r;

        if (!text)
                return fail(err, ENOMEM, "cannot instruct the image helper");
        memory = memfd_create("isola-request", MFD_CLOEXEC);
        if (memory < 0)
                return fail(err, errno, "cannot instruct the image helper");
        r = fd_write_all(memory, text, strlen(text));
        if (r >= 0 && lseek(memory, 0, SEEK_SET) < 0)
                r = -errno;
        return r < 0 ? fail(err, r, "cannot instruct the image helper") : take_fd(memory);
}

/* ------------------------------------------------------------------ the child */

/* Child: receives the mounts in the order in which send_mounts() sends them. */
static int receive_mounts(int socket, Mounts *m) {
        size_t done = 0, n = 0, total = m->n_lowers + (m->top >= 0);
        int fds[FDS_MAX];
        char byte;

        if (m->n_lowers) {
                m->lowers = calloc(m->n_lowers, sizeof *m->lowers);
                if (!m->lowers)
                        return -ENOMEM;
        }
        while (done < total) {
                ssize_t got = fds_recv(socket, &byte, 1, fds, FDS_MAX, &n);

                if (got <= 0 || n == 0 || n > total - done)
                        return got < 0 ? (int) got : -EPROTO;
                for (size_t i = 0; i < n; i++, done++) {
                        if (done < m->n_lowers)
                                m->lowers[done] = fds[i];
                        else
                                m->top = fds[i];
                }
        }
        return 0;
}

#define ASIDE "/sys"

/*
 * Child: an overlay takes layers only from a mount namespace of ours (clone_private_mount(),
 * fs/namespace.c), so they are attached to a directory of the machine's tree, with which they go
 * away in enter_tree().  Never to "/": there umount2() would find the last of them on top, let go
 * of that alone, and the machine's root would stay where ".." at the tree's root leads.
 */
static int attach_layers(const Mounts *m) {
        autoclose int aside = open(ASIDE, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = aside < 0 ? -errno : 0;

        for (size_t i = 0; i < m->n_lowers && r >= 0; i++)
                r = mount_attach(m->lowers[i], aside);
        if (r >= 0 && m->top >= 0)
                r = mount_attach(m->top, aside);
        return r;
}

/* Child: the tree as one detached mount. */
/* Child: for a helper that only reads what it is given. */
static int empty_tree(Err *err) {
        const MountAttr attr = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY |
                                        MOUNT_ATTR_NOEXEC };

        return mount_new("tmpfs", NULL, &attr, err);
}

static int join_mounts(Mounts *m, Err *err) {
        autoclose int upper = -EBADF, work = -EBADF;
        int r;

        if (!m->upper && m->n_lowers == 0)
                return m->top;
        if (!m->upper && m->n_lowers == 1)
                return m->lowers[0];
        r = attach_layers(m);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot attach the layers"), "move_mount",
                                  "5.2");
        if (m->upper) {
                upper = openat(m->top, m->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (upper < 0)
                        return fail(err, errno, "cannot open the upper directory");
        }
        if (m->upper && m->n_lowers > 0) {
                work = openat(m->top, m->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (work < 0)
                        return fail(err, errno, "cannot open the work directory");
        }
        return overlay_new(&(OverlayLayers){ .lowers = m->lowers,
                                             .n = m->n_lowers,
                                             .upper = upper,
                                             .work = work,
                                             .aside = ASIDE },
                           err);
}

/* Child: the tree becomes "/", and the machine's mounts are gone. */
static int enter_tree(int tree, Err *err) {
        autoclose int root = -EBADF;
        int r;

        root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = root < 0 ? -errno : mount_attach(tree, root);
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot attach the tree"), "move_mount", "5.2");
        if (fchdir(tree) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
                return fail(err, errno, "cannot enter the tree");
        if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return fail(err, errno, "cannot leave the machine's files");
        return 0;
}

static int limit(int what, rlim_t most) {
        const struct rlimit both = { most, most };

        return setrlimit((__rlimit_resource_t) what, &both) < 0 ? -errno : 0;
}

static int limit_child(Err *err) {
        static const struct {
                int what;
                rlim_t most;
        } limits[] = {
                { RLIMIT_CORE, 0 },     { RLIMIT_AS, MEMORY_MAX }, { RLIMIT_MEMLOCK, 0 },
                { RLIMIT_MSGQUEUE, 0 }, { RLIMIT_NOFILE, 1024 },
        };

        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
                int r = limit(limits[i].what, limits[i].most);

                if (r < 0)
                        return fail(err, r, "cannot limit the image helper");
        }
        return 0;
}

/* Child: the descriptors of helper.h and the helper itself above them, everything else closed. */
static int arrange_descriptors(const Run *run, int source, Err *err) {
        autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int wanted[HELPER_FDS], held[HELPER_FDS], helper;

        wanted[HELPER_ARCHIVE] = run->job->archive >= 0 ? run->job->archive : null;
        wanted[HELPER_REPLY] = run->reply[1];
        wanted[HELPER_STDERR] = null;
        wanted[HELPER_REQUEST] = run->request;
        wanted[HELPER_SOURCE] = source >= 0 ? source : null;
        for (int i = 0; i < HELPER_FDS; i++) {
                held[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, 16);
                if (held[i] < 0)
                        return fail(err, errno, "cannot arrange descriptors");
        }
        helper = fcntl(run->helper, F_DUPFD_CLOEXEC, 16);
        if (helper < 0)
                return fail(err, errno, "cannot arrange descriptors");
        for (int i = 0; i < HELPER_FDS; i++)
                if (dup2(held[i], i) < 0)
                        return fail(err, errno, "cannot arrange descriptors");
        if (process_close_on_exec(HELPER_FDS) < 0)
                return fail(err, errno, "cannot arrange descriptors");
        return helper;
}

/* Child: ends with its parent from now on.  One that is gone already sends no signal any more, but
 * its end of the socket went before it. */
static int tie_to_parent(const Run *run, Err *err) {
        char byte;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
                return fail(err, errno, "cannot tie the image helper to its parent");
        if (recv(run->socket[1], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
                return refuse(err, ECHILD, "the parent of the image helper is gone");
        return 0;
}

static int child_setup(Run *run, int *ret_helper, Err *err) {
        autoclose int tree = -EBADF;
        int source = -EBADF, r;
        char byte;

        r = receive_mounts(run->socket[1], &run->tree);
        if (r >= 0)
                r = receive_mounts(run->socket[1], &run->source);
        /* Without mounts to wait for, this says that the ids are mapped. */
        if (r >= 0 && recv(run->socket[1], &byte, 1, 0) != 1)
                r = -ECHILD;
        if (r < 0)
                return fail(err, r, "cannot receive the tree");
        /* Groups cannot be dropped where an ordinary user has mapped his own alone. */
        if (syscall(SYS_setresgid, 0, 0, 0) < 0 ||
            (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM) ||
            syscall(SYS_setresuid, 0, 0, 0) < 0)
                return fail(err, errno, "cannot become the sandbox's root");
        r = tie_to_parent(run, err);
        if (r < 0)
                return r;

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail(err, errno, "cannot make mounts private");
        tree = run->job->view ? join_mounts(&run->tree, err) : empty_tree(err);
        if (tree < 0)
                return tree;
        if (run->source.top >= 0 || run->source.n_lowers) {
                source = join_mounts(&run->source, err);
                if (source < 0)
                        return source;
        }
        r = limit_child(err);
        if (r < 0)
                return r;
        *ret_helper = arrange_descriptors(run, source, err);
        if (*ret_helper < 0)
                return *ret_helper;
        r = enter_tree(tree, err);
        if (r < 0)
                return r;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fail(err, errno, "cannot give up new privileges");
        return 0;
}

/* Child: what went wrong before the helper ran goes the helper's way. */
static void reply_failure(const Run *run, const Err *err) {
        HelperReply reply = { .code = err->code, .message = err->message, .hint = err->hint };
        autofree char *text = json_text(&helper_reply_type, &reply);

        if (text)
                (void) fd_write_all(run->reply[1], text, strlen(text));
}

static void child(Run *run) {
        char *const arguments[] = { (char *) HELPER_NAME, NULL }, *const environment[] = { NULL };
        autoerr err = {};
        int helper = -EBADF;

        process_reset_signals();
        run->socket[0] = close_fd(run->socket[0]);
        if (child_setup(run, &helper, &err) >= 0) {
                syscall(SYS_execveat, helper, "", arguments, environment, AT_EMPTY_PATH);
                (void) fail(&err, errno, "cannot execute the image helper");
        }
        /* Descriptors may be in place already: the reply's is one of the two. */
        run->reply[1] = helper >= 0 ? HELPER_REPLY : run->reply[1];
        reply_failure(run, &err);
        _exit(1);
}

/* ----------------------------------------------------------------- the parent */

static int clone_mapped(const char *path, int userns, bool writable, Err *err) {
        const MountAttr attr = { .set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                        (writable ? 0 : MOUNT_ATTR_RDONLY) };
        autoclose int mount = mount_clone_source(path, false);
        int r;

        if (mount < 0)
                return err_denied(err, fail(err, mount, "cannot use '%s'", path), "open_tree",
                                  "5.2");
        if (userns < 0) {
                r = mount_set_attr(mount, &attr);
                return r < 0 ? fail(err, r, "cannot protect '%s'", path) : take_fd(mount);
        }
        r = mount_idmap(mount, &attr, userns);
        if (r == -EINVAL)
                return err_hint(err,
                                refuse(err, r, "the file system of '%s' cannot map owners", path),
                                "put it on ext4, xfs, btrfs or tmpfs; in a container, on a volume");
        if (r < 0)
                return err_denied(err, fail(err, r, "cannot map the owners of '%s'", path),
                                  "mount_setattr", "5.12");
        return take_fd(mount);
}

static int send_mounts(int socket, const Mounts *m, Err *err) {
        size_t total = m->n_lowers + (m->top >= 0);
        int fds[FDS_MAX];

        for (size_t done = 0; done < total;) {
                size_t n = 0;
                int r;

                for (; n < FDS_MAX && done < total; n++, done++)
                        fds[n] = done < m->n_lowers ? m->lowers[done] : m->top;
                r = fds_send(socket, "m", 1, fds, n);
                if (r < 0)
                        return fail(err, r, "cannot hand the tree to the image helper");
        }
        return 0;
}

static int open_lowers(Mounts *m, char *const *paths, int userns, Err *err) {
        for (size_t i = 0; i < m->n_lowers; i++) {
                m->lowers[i] = clone_mapped(paths[i], userns, false, err);
                if (m->lowers[i] < 0)
                        return m->lowers[i];
        }
        return 0;
}

/* Upper and work must be on one mount: it is their parent that is cloned. */
static int open_tree_mounts(Run *run, int userns, Err *err) {
        const TreeView *view = run->job->view;
        autofree char *parent = strdup(view->upper);
        int r;

        if (!parent)
                return fail(err, ENOMEM, "cannot prepare the tree");
        r = open_lowers(&run->tree, view->lowers, userns, err);
        if (r < 0)
                return r;
        if (run->tree.upper)
                *strrchr(parent, '/') = 0;
        run->tree.top = clone_mapped(parent, userns, true, err);
        return run->tree.top < 0 ? run->tree.top : 0;
}

static int open_source_mounts(Run *run, int userns, Err *err) {
        if (run->job->source_lowers)
                return open_lowers(&run->source, run->job->source_lowers, userns, err);
        if (!run->job->source_dir)
                return 0;
        run->source.top = clone_mapped(run->job->source_dir, userns, false, err);
        return run->source.top < 0 ? run->source.top : 0;
}

/* Inside a user namespace: its ids as they are, which are those on disk. */
static int give_own_ids(int proc, const char *file, Err *err) {
        autofree IdRange *ranges = NULL;
        size_t n;
        int r = idmap_same(file, &ranges, &n);

        if (r < 0)
                return fail(err, r, "cannot read '/proc/self/%s'", file);
        return idmap_write(proc, file, ranges, n, err);
}

/* Return: 1 if these are other ids than those on disk, 0 if they are the same. */
static int give_ids(int proc, Err *err) {
        static const IdRange range = { 0, SANDBOX_ID_BASE, ID_COUNT };
        bool inside = idmap_is_inside();
        int r;

        r = inside ? give_own_ids(proc, "uid_map", err)
                   : idmap_write(proc, "uid_map", &range, 1, err);
        if (r >= 0)
                r = inside ? give_own_ids(proc, "gid_map", err)
                           : idmap_write(proc, "gid_map", &range, 1, err);
        return r < 0 ? r : !inside;
}

/* The child waits for these; its user namespace is what maps them. */
static int equip_child(Run *run, Err *err) {
        autofree char *path = str_format("/proc/%d", run->pid);
        autoclose int proc = -EBADF, userns = -EBADF;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot prepare the image helper");
        proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (proc < 0)
                return fail(err, errno, "cannot open '%s'", path);
        r = give_ids(proc, err);
        if (r < 0)
                return r;
        if (r > 0) {
                userns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
                if (userns < 0)
                        return fail(err, errno, "cannot open '%s/ns/user'", path);
        }

        r = run->job->view ? open_tree_mounts(run, userns, err) : 0;
        if (r >= 0)
                r = open_source_mounts(run, userns, err);
        if (r >= 0)
                r = send_mounts(run->socket[0], &run->tree, err);
        if (r >= 0)
                r = send_mounts(run->socket[0], &run->source, err);
        if (r >= 0 && send(run->socket[0], "r", 1, MSG_NOSIGNAL) != 1)
                r = fail(err, errno, "cannot start the image helper");
        fault_point("import.equipped");
        return r;
}

/* All that the helper says, until it ends. */
static int read_words(int fd, char **ret, size_t *ret_size) {
        autostr words = {};
        char piece[4096];
        ssize_t n;

        do {
                n = fd_read_all(fd, piece, sizeof piece);
                if (n < 0)
                        return (int) n;
                str_put_bytes(&words, piece, (size_t) n);
                if (words.length > HELPER_REPLY_MAX)
                        return -EFBIG;
        } while (n == sizeof piece);
        *ret_size = words.length;
        *ret = str_take(&words);
        return *ret ? 0 : -ENOMEM;
}

static int read_reply(Run *run, TreeReport *ret, Err *err) {
        autofree char *text = NULL, *message = NULL, *hint = NULL;
        HelperReply reply = {};
        siginfo_t info = {};
        size_t n;
        int r;

        r = read_words(run->reply[0], &text, &n);
        if (r < 0)
                return fail(err, r, "cannot hear the image helper");
        if (process_reap(run->pidfd, &info) < 0)
                return fail(err, errno, "cannot wait for the image helper");
        run->pidfd = close_fd(run->pidfd);
        if (n == 0 && info.si_code == CLD_EXITED)
                return refuse(err, EPROTO, "the image helper ended without a word (exit code %d)",
                              info.si_status);
        if (n == 0)
                return refuse(err, EPROTO, "the image helper was ended by signal %d (%s)",
                              info.si_status, strsignal(info.si_status));

        r = json_parse(&helper_reply_type, text, n, "the image helper's reply", &reply, err);
        if (r < 0)
                return r;
        *ret = (TreeReport){ .entries = reply.entries,
                             .bytes = reply.bytes,
                             .devices = reply.devices,
                             .strangers = reply.strangers,
                             .attributes = reply.attributes,
                             .size = reply.size };
        if (reply.digest && digest_is_valid(reply.digest))
                memcpy(ret->digest, reply.digest, sizeof ret->digest);
        if (run->job->description && reply.code >= 0 && reply.description) {
                *run->job->description = *reply.description;
                *reply.description = (Description){};
        }
        r = reply.code < 0 ? reply.code : 0;
        if (r < 0) {
                message = str_printable(reply.message ? reply.message : "no reason was given");
                hint = reply.hint ? str_printable(reply.hint) : NULL;
                (void) refuse(err, r, "%s", message ? message : "out of memory");
                if (hint)
                        (void) err_hint(err, r, "%s", hint);
        }
        json_clear(&helper_reply_type, &reply);
        return r;
}

static int start_child(Run *run, Err *err) {
        const SandboxJob *job = run->job;

        run->helper = sandbox_find_helper(err);
        if (run->helper < 0)
                return run->helper;
        run->request = write_request(job->request, err);
        if (run->request < 0)
                return run->request;
        if (pipe2(run->reply, O_CLOEXEC) < 0 ||
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->socket) < 0)
                return fail(err, errno, "cannot talk to the image helper");

        run->tree.n_lowers = job->view ? strv_length(job->view->lowers) : 0;
        run->source.n_lowers = strv_length(job->source_lowers);
        if (run->tree.n_lowers > LAYERS_MAX || run->source.n_lowers > LAYERS_MAX)
                return refuse(err, EINVAL, "more than %d layers are too many", LAYERS_MAX);
        if (run->tree.n_lowers) {
                run->tree.upper = strrchr(job->view->upper, '/') + 1;
                run->tree.work = strrchr(job->view->work, '/') + 1;
        }
        run->pid = process_clone(NAMESPACES, -EBADF, &run->pidfd);
        if (run->pid < 0)
                return err_hint(err, fail(err, run->pid, "cannot make the image helper's sandbox"),
                                "'isola check' says what this kernel offers");
        if (run->pid == 0) {
                /* Says which mounts will come; the descriptors follow. */
                run->tree.top = job->view ? 0 : -EBADF;
                run->source.top = job->source_dir && !job->source_lowers ? 0 : -EBADF;
                child(run);
        }
        return 0;
}

static int allocate_lowers(Mounts *m, Err *err) {
        if (m->n_lowers == 0)
                return 0;
        m->lowers = malloc(m->n_lowers * sizeof *m->lowers);
        if (!m->lowers) {
                m->n_lowers = 0;
                return fail(err, ENOMEM, "cannot prepare the tree");
        }
        for (size_t i = 0; i < m->n_lowers; i++)
                m->lowers[i] = -EBADF;
        return 0;
}

int sandbox_start(const SandboxJob *job, SandboxRun **ret, Err *err) {
        autoptr(SandboxRun) run = malloc(sizeof *run);
        int r;

        if (!run)
                return fail(err, ENOMEM, "cannot start the image helper");
        *run = (Run){
                .job = job,
                .helper = -EBADF,
                .request = -EBADF,
                .reply = { -EBADF, -EBADF },
                .socket = { -EBADF, -EBADF },
                .tree = { .top = -EBADF },
                .source = { .top = -EBADF },
                .pidfd = -EBADF,
        };
        r = start_child(run, err);
        if (r >= 0)
                r = allocate_lowers(&run->tree, err);
        if (r >= 0)
                r = allocate_lowers(&run->source, err);
        if (r < 0)
                return r;
        run->reply[1] = close_fd(run->reply[1]);
        run->socket[1] = close_fd(run->socket[1]);
        r = equip_child(run, err);
        if (r < 0)
                return r;
        *ret = take_ptr(run);
        return 0;
}

int sandbox_fd(const SandboxRun *run) {
        return run->reply[0];
}

SandboxRun *sandbox_free(SandboxRun *run) {
        if (run) {
                run_clear(run);
                free(run);
        }
        return NULL;
}

int sandbox_finish(SandboxRun *run, TreeReport *ret, Err *err) {
        TreeReport report = {};
        int r = read_reply(run, &report, err);

        if (r < 0)
                return r;
        log_debug("image helper: %lld entries, %lld bytes", (long long) report.entries,
                  (long long) report.bytes);
        if (report.strangers > 0)
                log_warn("%lld files belong to ids that you have not got (see /etc/subuid and "
                         "/etc/subgid): they are the container's root's",
                         (long long) report.strangers);
        if (ret)
                *ret = report;
        return 0;
}

int sandbox_run(const SandboxJob *job, TreeReport *ret, Err *err) {
        autoptr(SandboxRun) run = NULL;
        int r = sandbox_start(job, &run, err);

        return r < 0 ? r : sandbox_finish(run, ret, err);
}
