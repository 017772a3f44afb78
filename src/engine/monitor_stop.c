/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A monitor that is asked to end
 *
 * Whoever ends the machine, or a user's session, ends every process: by SIGTERM,
 * or by what a scope has for it (user_scope.h).  The monitor then does what `isola stop`
 * does: the container's own stop signal, its own time, SIGKILL after that, and no
 * further start whatever its restart policy says.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/monitor.h"
#include "engine/user_scope.h"

void monitor_stop_listen(Monitor *m) {
        sigset_t wanted;

        sigemptyset(&wanted);
        sigaddset(&wanted, SIGTERM);
        sigaddset(&wanted, USER_SCOPE_SIGNAL);
        m->signals = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
        if (m->signals < 0)
                log_warn("signals will not stop the container in order: %s", strerror(errno));
}

int monitor_stop_timeout_ms(const Monitor *m) {
        int64_t left = m->kill_ms - clock_monotonic_ms();

        if (!m->kill_ms || m->exited)
                return -1;
        return left > 0 ? (int) left : 0;
}

static void ask_to_end(Monitor *m) {
        int64_t timeout_ms = container_stop_timeout_ms(m->c);
        int number = SIGTERM;

        m->stopping = true;
        if (m->exited || m->pidfd < 0)
                return;
        (void) container_stop_signal(m->c, NULL, &number, NULL);
        (void) pidfd_send_signal(m->pidfd, number, NULL, 0);
        if (m->cgroup && cgroup_is_frozen(m->cgroup) > 0)
                (void) cgroup_freeze(m->cgroup, false, 0);
        if (timeout_ms >= 0)
                m->kill_ms = clock_monotonic_ms() + timeout_ms;
}

static void end(Monitor *m) {
        m->kill_ms = 0;
        if (m->cgroup)
                (void) cgroup_kill(m->cgroup, SIGKILL);
        (void) pidfd_send_signal(m->pidfd, SIGKILL, NULL, 0);
}

void monitor_stop_run(Monitor *m, bool asked) {
        struct signalfd_siginfo info;

        if (asked && read(m->signals, &info, sizeof info) == sizeof info && !m->kill_ms)
                ask_to_end(m);
        if (monitor_stop_timeout_ms(m) == 0)
                end(m);
}
