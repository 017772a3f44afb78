/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * isola-registry: what talks to registries
 *
 * Started by remote_open() (transfer/remote.h) in user, mount, pid, IPC, UTS and cgroup namespaces
 * of its own, but in the caller's network.  It is linked dynamically, so it locks itself in once it
 * is loaded: its root becomes an empty file system with copies of the few files that looking up
 * names takes, its capabilities go, and a list of system calls leaves sockets of the internet
 * families and the descriptors that it is sent.  Only then it reads its setup and opens a
 * connection.
 *
 * What it could do if it were taken over: talk to the network as nobody, and lie about what it was
 * told there, which its parent finds out by the digests.
 */

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <nss.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
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

#include "base/auto.h"
#include "base/fds.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/caps.h"
#include "registry/ops.h"

#define MEMORY_MAX   (2ull << 30)
#define FILE_MAX     (4u << 20)
#define PARALLEL_MAX 32
#define STACK_SIZE   (512u << 10)

/* What libcurl, OpenSSL, libc's resolver and threads ask for. */
static const int allowed[] = {
        SCMP_SYS(accept4), /* never of ours: a socket that listens cannot be had */
        SCMP_SYS(brk),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(clock_nanosleep),
        SCMP_SYS(close),
        SCMP_SYS(connect),
        SCMP_SYS(epoll_create1),
        SCMP_SYS(epoll_ctl),
        SCMP_SYS(epoll_wait),
        SCMP_SYS(eventfd2),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(fcntl),
        SCMP_SYS(fstat),
        SCMP_SYS(futex),
        SCMP_SYS(getegid),
        SCMP_SYS(geteuid),
        SCMP_SYS(getgid),
        SCMP_SYS(getpeername),
        SCMP_SYS(getpid),
        SCMP_SYS(getrandom),
        SCMP_SYS(getsockname),
        SCMP_SYS(getsockopt),
        SCMP_SYS(gettid),
        SCMP_SYS(gettimeofday),
        SCMP_SYS(getuid),
        SCMP_SYS(ioctl),
        SCMP_SYS(lseek),
        SCMP_SYS(madvise),
        SCMP_SYS(mremap),
        SCMP_SYS(munmap),
        SCMP_SYS(nanosleep),
        SCMP_SYS(newfstatat),
        SCMP_SYS(openat),
        SCMP_SYS(pipe2),
        SCMP_SYS(poll),
        SCMP_SYS(ppoll),
        SCMP_SYS(pread64),
        SCMP_SYS(read),
        SCMP_SYS(readv),
        SCMP_SYS(recvfrom),
        SCMP_SYS(recvmmsg),
        SCMP_SYS(recvmsg),
        SCMP_SYS(rseq),
        SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sched_yield),
        SCMP_SYS(select),
        SCMP_SYS(sendmmsg),
        SCMP_SYS(sendmsg),
        SCMP_SYS(sendto),
        SCMP_SYS(set_robust_list),
        SCMP_SYS(setsockopt),
        SCMP_SYS(shutdown),
        SCMP_SYS(socketpair), /* libcurl's resolver tells itself with one that it is done */
        SCMP_SYS(statx),
        SCMP_SYS(sysinfo),
        SCMP_SYS(tgkill),
        SCMP_SYS(time),
        SCMP_SYS(uname),
        SCMP_SYS(write),
        SCMP_SYS(writev),
};

/* What libraries ask for and do without. */
static const int denied[] = {
        SCMP_SYS(access),
        SCMP_SYS(bind),
        SCMP_SYS(clone3),
        SCMP_SYS(faccessat2),
        SCMP_SYS(open),
        SCMP_SYS(prctl),
        SCMP_SYS(prlimit64),
        SCMP_SYS(readlink),
        SCMP_SYS(sched_getaffinity),
        SCMP_SYS(sched_setaffinity),
        SCMP_SYS(sigaltstack),
        SCMP_SYS(stat),
        SCMP_SYS(unlink),
};

/* ------------------------------------------------------------------ locking in */

static int copy_file(int root, const char *path) {
        autofree char *text = NULL;
        size_t size;

        /* A name service without one of these has its defaults. */
        if (file_read(AT_FDCWD, path, FILE_MAX, &text, &size) < 0)
                return 0;
        return file_replace(root, path + 1, text, size, 0444, false);
}

/* A file system in memory with what name look-ups read; then nothing else is to be seen. */
static int empty_root(Err *err) {
        static const char *const files[] = { "/etc/hosts", "/etc/resolv.conf", "/etc/gai.conf",
                                             "/etc/host.conf", NULL };
        autoclose int root = -EBADF;
        int r;

        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail(err, errno, "cannot make mounts private");
        if (mount("isola", "/sys", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                  "mode=755,size=16m,nr_inodes=64") < 0)
                return fail(err, errno, "cannot make an empty root directory");
        root = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = root < 0 ? -errno : dir_make(root, "etc", 0755);
        for (const char *const *file = files; r >= 0 && *file; file++)
                r = copy_file(root, *file);
        if (r < 0)
                return fail(err, r, "cannot fill the empty root directory");
        if (mount(NULL, "/sys", NULL,
                  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return fail(err, errno, "cannot make the root directory read-only");
        if (fchdir(root) < 0 || chdir("/sys") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
            umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
                return fail(err, errno, "cannot leave the machine's files");
        return 0;
}

static int limit(Err *err) {
        static const struct {
                int what;
                rlim_t most;
        } limits[] = {
                { RLIMIT_CORE, 0 },    { RLIMIT_AS, MEMORY_MAX }, { RLIMIT_NOFILE, 512 },
                { RLIMIT_MEMLOCK, 0 }, { RLIMIT_MSGQUEUE, 0 },
        };

        for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
                const struct rlimit both = { limits[i].most, limits[i].most };

                if (setrlimit((__rlimit_resource_t) limits[i].what, &both) < 0)
                        return fail(err, errno, "cannot limit the network process");
        }
        return 0;
}

static int add_rules(scmp_filter_ctx filter) {
        static const int families[] = { AF_INET, AF_INET6, AF_NETLINK };
        const unsigned long thread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < sizeof allowed / sizeof *allowed; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        for (size_t i = 0; r >= 0 && i < sizeof denied / sizeof *denied; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), denied[i], 0);
        /* A datagram or stream of the internet, and the list of addresses that getaddrinfo() reads.
         */
        for (size_t i = 0; r >= 0 && i < sizeof families / sizeof *families; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t) families[i]));
        /* The name service cache, which is not to be reached. */
        if (r >= 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                                     SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
        /* Threads, but no processes. */
        if (r >= 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                     SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));
        /* Memory may be had, but none that is code. */
        if (r >= 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        if (r >= 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        return r;
}

static int lock_in(Err *err) {
        const CapSets none = {};
        scmp_filter_ctx filter;
        int r;

        r = empty_root(err);
        if (r >= 0)
                r = limit(err);
        if (r < 0)
                return r;
        r = caps_bound(0);
        if (r >= 0)
                r = caps_set(&none);
        if (r < 0)
                return fail(err, r, "cannot give up capabilities");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
                return fail(err, errno, "cannot give up new privileges");

        filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (!filter)
                return fail(err, ENOMEM, "cannot make the list of system calls");
        r = add_rules(filter);
        if (r >= 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r < 0 ? fail(err, r, "cannot install the list of system calls") : 0;
}

/* The authorities that the machine trusts, in the places where distributions have them. */
static char *read_authorities(void) {
        static const char *const places[] = { "/etc/ssl/certs/ca-certificates.crt",
                                              "/etc/pki/tls/certs/ca-bundle.crt",
                                              "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem", NULL };
        char *text = NULL;

        for (const char *const *place = places; *place; place++)
                if (file_read(AT_FDCWD, *place, FILE_MAX, &text, NULL) >= 0)
                        return text;
        return NULL;
}

/* ------------------------------------------------------------------ at work */

typedef struct Job {
        NetOp op;
        int fd;
        struct Job *next;
} Job;

/* Shared by all threads. */
typedef struct Service {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        Job *first, **last;
        size_t idle, threads;
        NetSetup setup;
        Client client;
        char *authorities;
} Service;

static void send_reply(const NetReply *reply) {
        autofree char *text = json_text(&net_reply_type, reply);

        if (text)
                while (send(NET_SOCKET, text, strlen(text), MSG_NOSIGNAL) < 0 && errno == EINTR)
                        ;
}

static void tell_progress(void *context, int64_t bytes) {
        const Job *job = context;

        send_reply(&(NetReply){ .id = job->op.id, .kind = (char *) "progress", .bytes = bytes });
}

/*
 * For the test that proves the sandbox: does what one who took this process over would try, and
 * says what worked.  A call that the list forbids ends the process instead.
 */
static int op_try(OpRun *run, Err *err) {
        const char *what = run->op->text;
        long r = -1;

        if (str_equal(what, "exec"))
                r = syscall(SYS_execve, "/bin/sh", NULL, NULL);
        else if (str_equal(what, "fork"))
                r = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        else if (str_equal(what, "mount"))
                r = syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
        else if (str_equal(what, "ptrace"))
                r = syscall(SYS_ptrace, 0, 0, 0, 0);
        else if (str_equal(what, "unix"))
                r = socket(AF_UNIX, SOCK_STREAM, 0);
        else if (str_equal(what, "packet"))
                r = socket(AF_PACKET, SOCK_RAW, 0);
        else if (str_equal(what, "raw"))
                r = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
        else if (str_equal(what, "code"))
                r = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                                    MAP_FAILED
                            ? -1
                            : 0;
        else if (str_equal(what, "write"))
                r = open("/etc/hosts", O_WRONLY);
        else if (str_equal(what, "kill"))
                r = syscall(SYS_kill, -1, SIGTERM);
        else
                r = open(what, O_RDONLY);
        return r < 0 ? fail(err, errno, "cannot do '%s'", what)
                     : refuse(err, EPERM, "'%s' worked", what);
}

static const struct {
        const char *kind;
        int (*run)(OpRun *run, Err *err);
} ops[] = {
        { "document", op_document },
        { "config", op_config },
        { "blob", op_blob },
        { "exists", op_exists },
        { "find-blob", op_find_blob },
        { "put-blob", op_put_blob },
        { "put-manifest", op_put_manifest },
        { "delete", op_delete },
        { "tags", op_tags },
        { "catalog", op_catalog },
        { "search", op_search },
        { "referrers", op_referrers },
        { "ping", op_ping },
        { "url", op_url },
        { "try", op_try },
};

static void carry_out(Service *s, Http *http, Job *job) {
        NetReply reply = { .id = job->op.id, .kind = (char *) "done" };
        OpRun run = { .client = &s->client,
                      .http = http,
                      .op = &job->op,
                      .fd = job->fd,
                      .reply = &reply,
                      .progress = tell_progress,
                      .context = job };
        autofree char *message = NULL, *hint = NULL, *warning = NULL, *said = NULL;
        autoerr err = {};
        int r = -EINVAL;

        (void) refuse(&err, EINVAL, "the network process knows no '%s'", job->op.kind);
        for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
                if (str_equal(ops[i].kind, job->op.kind)) {
                        err_clear(&err);
                        r = ops[i].run(&run, &err);
                }
        /* Before the answer: whoever reads a pipe sees its end first. */
        job->fd = close_fd(job->fd);
        if (r < 0) {
                reply.kind = (char *) "error";
                reply.code = r;
                reply.message = message = str_printable(err.message ? err.message : strerror(-r));
                reply.hint = hint = err.hint ? str_printable(err.hint) : NULL;
        }
        said = client_take_warning(&s->client);
        reply.warning = warning = said ? str_printable(said) : NULL;
        send_reply(&reply);
        free(reply.media_type);
        free(reply.digest);
}

static void job_free(Job *job) {
        json_clear(&net_op_type, &job->op);
        close_fd(job->fd);
        free(job);
}

/* Thread: takes one job after the other. */
static void *work(void *context) {
        Service *s = context;
        Http *http = http_new(s->authorities, s->setup.stall_ms);

        for (;;) {
                Job *job;

                pthread_mutex_lock(&s->lock);
                s->idle++;
                while (!s->first)
                        pthread_cond_wait(&s->changed, &s->lock);
                s->idle--;
                job = s->first;
                s->first = job->next;
                if (!s->first)
                        s->last = &s->first;
                pthread_mutex_unlock(&s->lock);
                if (http)
                        carry_out(s, http, job);
                job_free(job);
        }
        return NULL;
}

static int enqueue(Service *s, Job *job, Err *err) {
        pthread_attr_t attributes;
        pthread_t thread;
        bool wanted;
        int r = 0;

        job->next = NULL;
        pthread_mutex_lock(&s->lock);
        *s->last = job;
        s->last = &job->next;
        wanted = s->idle == 0 && s->threads < (size_t) s->setup.parallel;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
        if (!wanted)
                return 0;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        r = pthread_create(&thread, &attributes, work, s);
        pthread_attr_destroy(&attributes);
        if (r == 0)
                s->threads++;
        return r && s->threads == 0 ? fail(err, r, "cannot make a thread") : 0;
}

/* One message and its descriptor; 0 at the end. */
static ssize_t receive(char *text, size_t room, int *ret_fd, Err *err) {
        size_t n_fds = 0;
        ssize_t n = fds_recv(NET_SOCKET, text, room - 1, ret_fd, 1, &n_fds);

        if (n < 0)
                return fail(err, (int) n, "cannot hear isola");
        if (n_fds == 0)
                *ret_fd = -EBADF;
        text[n] = 0;
        return n;
}

static int read_setup(int fd, NetSetup *ret, Err *err) {
        autofree char *text = malloc(NET_SETUP_MAX);
        ssize_t n = text ? fd_read_all(fd, text, NET_SETUP_MAX) : -ENOMEM;

        return n < 0 ? fail(err, (int) n, "cannot read the network process's setup")
                     : json_parse(&net_setup_type, text, (size_t) n, "setup", ret, err);
}

static int serve(Service *s, Err *err) {
        autofree char *text = malloc(NET_MESSAGE_MAX);
        int fd = -EBADF, r;
        ssize_t n;

        if (!text)
                return fail(err, ENOMEM, "cannot hear isola");
        n = receive(text, NET_MESSAGE_MAX, &fd, err);
        if (n <= 0)
                return (int) n;
        r = read_setup(fd, &s->setup, err);
        close_fd(fd);
        if (r < 0)
                return r;
        if (s->setup.n_endpoints == 0 || s->setup.parallel < 1 || s->setup.parallel > PARALLEL_MAX)
                return refuse(err, EINVAL, "the network process has no registry to ask");
        if (client_init(&s->client, &s->setup) < 0)
                return fail(err, ENOMEM, "cannot prepare");

        while ((n = receive(text, NET_MESSAGE_MAX, &fd, err)) > 0) {
                Job *job = calloc(1, sizeof *job);

                if (!job)
                        return fail(err, ENOMEM, "cannot take a job");
                job->fd = fd;
                r = json_parse(&net_op_type, text, (size_t) n, "job", &job->op, err);
                if (r < 0)
                        return r;
                r = enqueue(s, job, err);
                if (r < 0)
                        return r;
        }
        return (int) n;
}

int main(void) {
        Service service = { .lock = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER,
                            .last = &service.first };
        autoerr err = {};
        int r;

        /* Everything that reads files of the machine, before they are gone. */
        signal(SIGPIPE, SIG_IGN);
        json_object_seed(0);
        (void) __nss_configure_lookup("hosts", "files dns");
        if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
                return 1;
        service.authorities = read_authorities();
        curl_easy_cleanup(curl_easy_init());

        r = lock_in(&err);
        if (r >= 0)
                r = serve(&service, &err);
        if (r < 0)
                send_reply(&(NetReply){ .id = -1,
                                        .kind = (char *) "error",
                                        .code = r,
                                        .message = err.message,
                                        .hint = err.hint });
        /* Threads may be at work for nobody: no clean-up. */
        _exit(r < 0);
}
