/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/stream.h"
#include "builder/agent_relay.h"
#include "kernel/process.h"

#define PAIRS_MAX 32
#define CHUNK     16384

/* A client in the container and the agent; -EBADF twice for a free place. */
typedef struct Pair {
        int ends[2];
} Pair;

static void hang_up(Pair *pair) {
        for (int i = 0; i < 2; i++)
                pair->ends[i] = close_fd(pair->ends[i]);
}

static void take_client(Pair *pairs, int listener, const char *agent) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), other;

        if (client < 0)
                return;
        other = stream_connect_unix(agent);
        for (int i = 0; other >= 0 && i < PAIRS_MAX; i++)
                if (pairs[i].ends[0] < 0) {
                        pairs[i] = (Pair){ { client, other } };
                        return;
                }
        close_fd(client);
        close_fd(other);
}

/* Messages of an agent are short, so a write that has to wait does not wait long. */
static void pass_on(Pair *pair, int from) {
        char buffer[CHUNK];
        ssize_t n = read(pair->ends[from], buffer, sizeof buffer);

        if (n <= 0 || fd_write_all(pair->ends[!from], buffer, (size_t) n) < 0)
                hang_up(pair);
}

__attribute__((__noreturn__)) static void serve(int listener, const char *agent) {
        struct pollfd fds[1 + 2 * PAIRS_MAX];
        Pair pairs[PAIRS_MAX];

        for (int i = 0; i < PAIRS_MAX; i++)
                pairs[i] = (Pair){ { -EBADF, -EBADF } };
        for (;;) {
                fds[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
                for (int i = 0; i < 2 * PAIRS_MAX; i++)
                        fds[1 + i] =
                                (struct pollfd){ .fd = pairs[i / 2].ends[i % 2], .events = POLLIN };
                if (poll(fds, 1 + 2 * PAIRS_MAX, -1) < 0)
                        continue;
                for (int i = 0; i < 2 * PAIRS_MAX; i++)
                        if (fds[1 + i].fd >= 0 && fds[1 + i].revents &&
                            pairs[i / 2].ends[i % 2] >= 0)
                                pass_on(&pairs[i / 2], i % 2);
                if (fds[0].revents)
                        take_client(pairs, listener, agent);
        }
}

int agent_relay_start(int listener, const char *agent, int *ret_pidfd, Err *err) {
        pid_t parent = getpid(), pid = process_clone(0, -EBADF, ret_pidfd);

        if (pid < 0)
                return fail(err, pid, "cannot pass the SSH agent on");
        if (pid > 0)
                return 0;
        process_reset_signals();
        signal(SIGPIPE, SIG_IGN);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
                _exit(1);
        serve(listener, agent);
}
