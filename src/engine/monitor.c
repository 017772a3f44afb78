/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/group.h"
#include "engine/monitor.h"
#include "engine/protocol.h"
#include "engine/relay.h"
#include "engine/restart.h"
#include "kernel/cgroup_usage.h"
#include "kernel/process.h"

int exit_record_save(Container *c, Err *err) {
        int dir = container_dir(c);
        ContainerState ended = c->state;

        if (dir < 0)
                return fail(err, dir, "cannot open the directory of container '%s'", c->name);
        /* What the run held is not part of what is left of it. */
        ended.n_networks = ended.n_ports = 0;
        ended.networks = NULL;
        ended.ports = NULL;
        ended.cgroup = NULL;
        ended.pid = ended.monitor_pid = 0;
        ended.pid_start = ended.monitor_start = ended.userns_base = 0;
        return json_save(&container_state_type, dir, "state.json", &ended, false, err);
}

static int set_status(Monitor *m, const char *status) {
        free(m->c->state.status);
        m->c->state.status = strdup(status);
        return m->c->state.status ? 0 : -ENOMEM;
}

/* Docker's exit codes for a container that could not be started. */
static int failed_start_code(int code) {
        switch (code) {
        case -ENOENT:
                return 127;
        case -EACCES:
        case -ENOEXEC:
        case -EISDIR:
                return 126;
        }
        return 125;
}

/* Tells the starting command why it did not start, and keeps the reason with the container. */
static void report_failure(Monitor *m, const Err *why, bool adopt) {
        ContainerState *s = &m->c->state;

        if (adopt) {
                /* It may run: nothing of it is touched. */
        } else if (m->c->host.auto_remove) {
                (void) container_erase(m->c, true, NULL);
        } else {
                state_forget_run(s);
                s->exit_code = failed_start_code(why->code);
                (void) set_status(m, m->ran_before ? "exited" : "created");
                free(s->error);
                s->error = why->message ? strdup(why->message) : NULL;
                (void) exit_record_save(m->c, NULL);
        }
        if (!adopt && !m->left)
                run_dir_remove(m->c->home, m->c->id);
        if (m->starter >= 0) {
                (void) frame_send(m->starter, FRAME_FAILED, NULL, 0, -EBADF, true);
                err_write(m->starter, why);
        }
}

void monitor_open_files(Monitor *m) {
        if (m->listener < 0 && monitor_listen(m) < 0)
                log_warn("cannot open attach.sock: nobody can attach");
        m->output = openat(m->run_dir, "monitor.log",
                           O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
        /* What a reboot leaves of the run: the run directory does not survive one. */
        (void) json_save(&container_state_type, container_dir(m->c), "state.json", &m->c->state,
                         false, NULL);
}

/* From here on it stands on its own feet: nobody's standard error, no lock, little memory. */
static void settle_in(Monitor *m) {
        autofree char *process = str_format("isola[monitor %s]", m->c->name);

        if (m->starter_waits && m->starter >= 0)
                (void) frame_send(m->starter, FRAME_STARTED, NULL, 0,
                                  m->source[0].sink >= 0 || m->starter_input ? m->console : -EBADF,
                                  true);
        m->lock = close_fd(m->lock);

        (void) dup2(m->output >= 0 ? m->output : STDIN_FILENO, STDERR_FILENO);
        m->output = close_fd(m->output);
        if (process)
                log_setup(log_level, false, process);
        process_shed_memory();
}

void monitor_collect_exit(Monitor *m) {
        siginfo_t info = {};
        uint64_t kills;

        if (m->collected)
                return;
        m->collected = true;
        if (!m->runtime)
                m->exit_code = monitor_adopted_code(m);
        else if (process_reap(m->pidfd, &info) == 0)
                m->exit_code = exit_code_of(&info);
        if (m->exit_code == 128 + SIGKILL && m->cgroup && cgroup_oom_kills(m->cgroup, &kills) >= 0)
                m->c->state.oom_killed = kills > 0;

        m->c->state.exit_code = m->exit_code;
        free(m->c->state.finished_at);
        m->c->state.finished_at = clock_rfc3339(clock_now_ns());
}

void monitor_note_end(Monitor *m) {
        monitor_collect_exit(m);
        (void) set_status(m, "exited");
        (void) container_write_state(m->c, NULL);
}

/* One run has ended: waits until it is time for the next.  False if a user stopped it meanwhile. */
static bool wait_for_restart(Monitor *m, int *delay_ms) {
        *delay_ms = restart_delay_ms(*delay_ms, clock_monotonic_ms() - m->launched_ms);
        monitor_release(m);
        state_forget_run(&m->c->state);
        (void) set_status(m, "restarting");
        m->c->state.restart_count++;
        (void) container_write_state(m->c, NULL);
        monitor_farewell(m);
        monitor_pause(m, *delay_ms);
        return !m->stopping;
}

/* The kernel mounts no volatile overlay a second time (ovl_workdir_create() in
 * fs/overlayfs/super.c) as long as this is there: it guards against a crash of the machine, which
 * was none. */
static void forget_volatile(Monitor *m) {
        int r = tree_remove(container_dir(m->c), "work/work/incompat");

        if (r < 0)
                log_warn("cannot prepare the next start: %s", strerror(-r));
}

/* Leaves the exit record. */
static void finish(Monitor *m) {
        autoerr err = {};

        if (m->kept)
                forget_volatile(m);
        (void) set_status(m, "exited");
        if (exit_record_save(m->c, &err) < 0)
                log_warn("%s", err.message);
        fault_point("monitor.saved");
        monitor_release(m);
        m->listener = close_fd(m->listener);
        if (!m->left)
                run_dir_remove(m->c->home, m->c->id);
        fault_point("monitor.gone");
        monitor_farewell(m);
}

/*
 * With --rm.  The command has its answer as soon as nothing of the container can
 * be found or be in the way of another; nobody need wait for the rest, least of
 * all for the disk: a large upper directory takes seconds to delete.  What cannot
 * be taken back is noted in the run directory, for the next command.
 */
static void vanish(Monitor *m) {
        /* Or somebody who finds the directory, half removed, would go on with it meanwhile. */
        autoclose int lock = lock_dir(container_dir(m->c), true);
        autoerr err = {};

        if (lock < 0)
                log_warn("cannot lock container '%s': %s", m->c->name, strerror(-lock));
        monitor_release_names(m);
        if (container_retire(m->c, true, &err) < 0) {
                log_warn("%s", err.message);
                return finish(m);
        }
        m->listener = close_fd(m->listener);
        monitor_farewell(m);
        fault_point("monitor.answered");
        monitor_release_place(m);
        if (!m->left)
                container_delete_gone(m->c);
        fault_point("monitor.gone");
}

/* Runs and restarts until it is to stay stopped. */
static void live(Monitor *m) {
        autoerr err = {};
        int delay_ms = 0;

        for (;;) {
                monitor_watch(m);
                monitor_collect_exit(m);
                if (m->stopping || !restart_is_wanted(&m->c->host.restart_policy, m->exit_code,
                                                      m->c->state.restart_count))
                        return;
                if (!wait_for_restart(m, &delay_ms))
                        return;
                if (monitor_launch(m, &err) < 0) {
                        m->c->state.error = take_ptr(err.message);
                        m->c->state.exit_code = m->exit_code = failed_start_code(err.code);
                        return;
                }
                process_shed_memory();
        }
}

int monitor_main(Monitor *m, bool adopt) {
        autoerr err = {};
        int r;

        monitor_cgroup_enter(m->c);
        fault_point("monitor.placed");
        r = adopt ? monitor_adopt(m, &err) : monitor_launch(m, &err);
        if (r < 0) {
                report_failure(m, &err, adopt);
                return 1;
        }
        settle_in(m);
        monitor_stop_listen(m);
        fault_point("monitor.settled");
        live(m);
        fault_point("monitor.ended");
        m->log = log_writer_free(m->log);
        if (m->c->host.auto_remove && !m->kept)
                vanish(m);
        else
                finish(m);
        return 0;
}
