/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/fault.h"
#include "base/fds.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/idmap.h"
#include "kernel/process.h"
#include "store/sandbox.h"
#include "transfer/remote.h"

#define PROGRAM_NAME "isola-registry"
/* One id that nobody else has: behind those of the image helper. */
#define NETWORK_ID   (SANDBOX_ID_BASE + 65536)
#define TEXT_MAX     (8u << 20)
#define THIS_MACHINE "localhost,127.0.0.0/8,::1"
#define NAMESPACES \
        (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct Remote {
        char *name;
        int socket, pidfd;
        int next_id, parallel;
};

Remote *remote_free(Remote *remote) {
        if (remote) {
                close_fd(remote->socket);
                if (remote->pidfd >= 0)
                        process_kill_and_reap(remote->pidfd);
                close_fd(remote->pidfd);
                free(remote->name);
                free(remote);
        }
        return NULL;
}

const char *remote_name(const Remote *remote) {
        return remote->name;
}

int remote_parallel(const Remote *remote) {
        return remote->parallel;
}

int remote_fd(const Remote *remote) {
        return remote->socket;
}

/* ------------------------------------------------------------------ the child */

static int arrange_descriptors(int socket, int program) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC), high, self;

        high = fcntl(socket, F_DUPFD_CLOEXEC, 16);
        self = fcntl(program, F_DUPFD_CLOEXEC, 16);
        if (null < 0 || high < 0 || self < 0)
                return -errno;
        for (int i = 0; i < NET_SOCKET; i++)
                if (dup2(null, i) < 0)
                        return -errno;
        if (dup2(high, NET_SOCKET) < 0)
                return -errno;
        return process_close_on_exec(NET_SOCKET + 1) < 0 ? -errno : self;
}

/* Only what says how to reach the network, in libcurl's words: small letters, the only ones that it
 * takes for http.  This machine itself is reached without a proxy, as other engines do. */
char **remote_environment(void) {
        static const struct {
                const char *name, *other;
        } names[] = { { "http_proxy", "HTTP_PROXY" },
                      { "https_proxy", "HTTPS_PROXY" },
                      { "all_proxy", "ALL_PROXY" } };
        const char *none = getenv("no_proxy");
        char **list = NULL;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                const char *value = getenv(names[i].name);

                if (str_empty(value))
                        value = getenv(names[i].other);
                if (!str_empty(value))
                        (void) strv_addf(&list, "%s=%s", names[i].name, value);
        }
        if (str_empty(none))
                none = getenv("NO_PROXY");
        if (str_equal(none, "*"))
                (void) strv_add(&list, "no_proxy=*");
        else
                (void) strv_addf(&list, "no_proxy=%s%s" THIS_MACHINE, str_empty(none) ? "" : none,
                                 str_empty(none) ? "" : ",");
        return list;
}

static void child(int socket, int program) {
        char *const arguments[] = { (char *) PROGRAM_NAME, NULL }, *const nothing[] = { NULL };
        char **variables = remote_environment();
        NetReply reply = { .id = -1, .kind = (char *) "error" };
        autofree char *text = NULL;
        autoerr err = {};
        char byte;
        int self;

        process_reset_signals();
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        /* The parent writes the id map, and says so. */
        if (recv(socket, &byte, 1, 0) != 1)
                _exit(1);
        if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0) {
                (void) fail(&err, errno, "cannot become nobody");
        } else if ((self = arrange_descriptors(socket, program)) < 0) {
                (void) fail(&err, self, "cannot arrange descriptors");
        } else {
                /* The signal went with the ids; one that is gone meanwhile has closed its socket.
                 */
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
                syscall(SYS_execveat, self, "", arguments, variables ? variables : nothing,
                        AT_EMPTY_PATH);
                (void) fail(&err, errno, "cannot execute '" PROGRAM_NAME "'");
                socket = NET_SOCKET;
        }
        reply.code = err.code;
        reply.message = err.message;
        text = json_text(&net_reply_type, &reply);
        if (text)
                (void) send(socket, text, strlen(text), MSG_NOSIGNAL);
        _exit(1);
}

/* ------------------------------------------------------------------ the parent */

static int map_ids(pid_t pid, Err *err) {
        /* In a user namespace, as where an ordinary user is root, there is nobody else to be. */
        const IdRange range = { 0, idmap_is_inside() ? 0 : NETWORK_ID, 1 };
        autofree char *path = str_format("/proc/%d", pid);
        autoclose int proc = -EBADF;
        int r;

        proc = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (proc < 0)
                return fail(err, errno, "cannot open '/proc/%d'", pid);
        if (geteuid() != 0) {
                const IdRange uid = { 0, geteuid(), 1 }, gid = { 0, getegid(), 1 };

                return idmap_write_as_user(pid, proc, &uid, 1, &gid, 1, err);
        }
        r = idmap_write(proc, "uid_map", &range, 1, err);
        return r < 0 ? r : idmap_write(proc, "gid_map", &range, 1, err);
}

static int send_setup(Remote *remote, const NetSetup *setup, Err *err) {
        autofree char *text = json_text(&net_setup_type, setup);
        autoclose int memory = memfd_create("isola-setup", MFD_CLOEXEC);
        int r;

        if (!text || memory < 0)
                return refuse(err, EINVAL, "cannot instruct the network process");
        r = fd_write_all(memory, text, strlen(text));
        if (r >= 0 && lseek(memory, 0, SEEK_SET) < 0)
                r = -errno;
        if (r >= 0)
                r = fds_send(remote->socket, "setup", 5, &memory, 1);
        return r < 0 ? fail(err, r, "cannot instruct the network process") : 0;
}

static int start(Remote *remote, Err *err) {
        autoclose int program = sandbox_find_program(PROGRAM_NAME, err);
        int sockets[2];
        pid_t pid;
        int r;

        if (program < 0)
                return program;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
                return fail(err, errno, "cannot talk to the network process");
        remote->socket = sockets[0];
        pid = process_clone(NAMESPACES, -EBADF, &remote->pidfd);
        if (pid == 0) {
                close_fd(sockets[0]);
                child(sockets[1], program);
        }
        close_fd(sockets[1]);
        if (pid < 0)
                return err_hint(err, fail(err, pid, "cannot make the network process's sandbox"),
                                "'isola check' says what this kernel offers");
        r = map_ids(pid, err);
        if (r >= 0 && send(remote->socket, "m", 1, MSG_NOSIGNAL) < 0)
                r = fail(err, errno, "cannot start the network process");
        fault_point("remote.started");
        return r;
}

int remote_open(const NetSetup *setup, Remote **ret, Err *err) {
        autoptr(Remote) remote = calloc(1, sizeof *remote);
        int r;

        if (!remote)
                return fail(err, ENOMEM, "cannot start the network process");
        remote->socket = remote->pidfd = -EBADF;
        remote->parallel = setup->parallel;
        remote->name = strdup(setup->registry);
        if (!remote->name)
                return fail(err, ENOMEM, "cannot start the network process");
        r = start(remote, err);
        if (r >= 0)
                r = send_setup(remote, setup, err);
        if (r < 0)
                return r;
        *ret = take_ptr(remote);
        return 0;
}

int remote_send(Remote *remote, NetOp *op, int fd, Err *err) {
        autofree char *text = NULL;
        size_t size;
        int r;

        op->id = remote->next_id++;
        text = json_text(&net_op_type, op);
        size = text ? strlen(text) : 0;
        if (size == 0 || size >= NET_MESSAGE_MAX)
                return refuse(err, EINVAL, "cannot ask the registry '%s' that", remote->name);
        if (fd >= 0)
                r = fds_send(remote->socket, text, size, &fd, 1);
        else
                r = send(remote->socket, text, size, MSG_NOSIGNAL) < 0 ? -errno : 0;
        /* Why it is gone may be waiting to be read. */
        return r == -EPIPE || r == -ECONNRESET ? 0
               : r < 0 ? fail(err, r, "cannot ask the registry '%s'", remote->name)
                       : 0;
}

static int died(Remote *remote, Err *err) {
        siginfo_t info = {};

        if (remote->pidfd < 0 || process_reap(remote->pidfd, &info) < 0)
                return refuse(err, EPROTO, "the network process is gone");
        remote->pidfd = close_fd(remote->pidfd);
        return info.si_code == CLD_EXITED
                       ? refuse(err, EPROTO, "the network process ended (exit code %d)",
                                info.si_status)
                       : refuse(err, EPROTO, "the network process was ended by signal %d (%s)",
                                info.si_status, strsignal(info.si_status));
}

int remote_receive(Remote *remote, NetReply *ret, Err *err) {
        autofree char *text = malloc(NET_MESSAGE_MAX);
        ssize_t n;
        int r;

        if (!text)
                return fail(err, ENOMEM, "cannot hear the network process");
        do {
                n = recv(remote->socket, text, NET_MESSAGE_MAX, 0);
        } while (n < 0 && errno == EINTR);
        if (n < 0 && errno != ECONNRESET)
                return fail(err, errno, "cannot hear the network process");
        if (n <= 0)
                return died(remote, err);
        *ret = (NetReply){};
        r = json_parse(&net_reply_type, text, (size_t) n, "the network process's reply", ret, err);
        if (r < 0)
                return r;
        if (ret->warning) {
                autofree char *words = str_printable(ret->warning);

                log_warn("the registry '%s' says: %s", remote->name, words ? words : "");
        }
        if (ret->id == -1) {
                r = remote_error(ret, err);
                json_clear(&net_reply_type, ret);
        }
        return r;
}

int remote_error(const NetReply *reply, Err *err) {
        autofree char *message = reply->message ? str_printable(reply->message) : NULL;
        autofree char *hint = reply->hint ? str_printable(reply->hint) : NULL;
        int code = reply->code < 0 ? reply->code : -EIO;

        (void) refuse(err, code, "%s", message ? message : "the network process gave no reason");
        return hint ? err_hint(err, code, "%s", hint) : code;
}

int remote_call(Remote *remote, NetOp *op, int fd, void (*progress)(void *, int64_t), void *context,
                NetReply *ret, Err *err) {
        int r = remote_send(remote, op, fd, err);

        while (r >= 0) {
                NetReply reply = {};

                r = remote_receive(remote, &reply, err);
                if (r < 0)
                        return r;
                if (str_equal(reply.kind, "progress") && progress)
                        progress(context, reply.bytes);
                if (reply.id == op->id && str_equal(reply.kind, "done")) {
                        *ret = reply;
                        return 0;
                }
                if (reply.id == op->id && str_equal(reply.kind, "error"))
                        r = remote_error(&reply, err);
                json_clear(&net_reply_type, &reply);
        }
        return r;
}

int remote_text(Remote *remote, NetOp *op, char **ret, size_t *ret_size, char **ret_type,
                Err *err) {
        autoclose int memory = memfd_create("isola-text", MFD_CLOEXEC);
        autofree char *text = NULL;
        NetReply reply = {};
        ssize_t n;
        int r;

        if (memory < 0)
                return fail(err, errno, "cannot ask the registry '%s'", remote->name);
        r = remote_call(remote, op, memory, NULL, NULL, &reply, err);
        if (r < 0)
                return r;
        text = reply.bytes >= 0 && reply.bytes <= TEXT_MAX ? malloc((size_t) reply.bytes + 1)
                                                           : NULL;
        n = text ? pread(memory, text, (size_t) reply.bytes, 0) : -1;
        if (n >= 0 && n == reply.bytes) {
                text[n] = 0;
                *ret = take_ptr(text);
                *ret_size = (size_t) n;
                if (ret_type)
                        *ret_type = take_ptr(reply.media_type);
        } else {
                r = refuse(err, EPROTO, "the network process's answer is damaged");
        }
        json_clear(&net_reply_type, &reply);
        return r;
}
