/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What the next command does about a container nobody looks after
 *
 *   init    monitor   what happened                     what is done
 *   lives   lives     nothing                           nothing
 *   dead    lives     it ends this moment               wait for the monitor
 *   lives   dead      the monitor was killed            a new monitor
 *   dead    dead      both were, or the machine was     the exit record; everything the run
 *                     started anew (boot id differs)    held is taken back; --rm
 *
 * All of it under the container's lock, so that it happens once.  A record
 * without a run directory is left by a reboot, a run directory without a record
 * by a monitor that was killed before the container ran.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/idrange.h"
#include "engine/monitor.h"
#include "engine/protocol.h"
#include "engine/publish.h"
#include "engine/relay.h"

static bool claims_to_run(const Container *c) {
        return str_equal(c->state.status, "running") || str_equal(c->state.status, "restarting");
}

static bool same_boot(const Container *c) {
        return str_equal(c->state.boot_id, boot_id());
}

/* What its monitor wrote of this very run before it was killed too; true if it did. */
static bool recall_record(Container *c) {
        ContainerState kept = {};
        bool found;

        if (json_load(&container_state_type, container_dir(c), "state.json", &kept, NULL) < 0)
                return false;
        found = str_equal(kept.status, "exited") && str_equal(kept.started_at, c->state.started_at);
        if (found) {
                c->state.exit_code = kept.exit_code;
                c->state.oom_killed = kept.oom_killed;
                free(c->state.finished_at);
                c->state.finished_at = take_ptr(kept.finished_at);
        }
        json_clear(&container_state_type, &kept);
        return found;
}

static void note_unknown_end(Container *c) {
        ContainerState *s = &c->state;

        s->exit_code = RELAY_EXIT_UNKNOWN;
        free(s->error);
        s->error = strdup(same_boot(c) ? "exit code not known: the monitor was killed"
                                       : "exit code not known: the machine was started anew");
        free(s->finished_at);
        s->finished_at = clock_rfc3339(clock_now_ns());
}

/* Whether a container holds, or is about to hold, what is noted under its id. */
static bool may_run(const char *id, void *context) {
        autofree char *run = container_run_path(id);
        const Home *home = context;

        return run && file_access(home->run_fd, run, F_OK) == 0;
}

/* Removes the run directory; addresses that no state.json tells of are found by who holds them. */
static void remove_run_dir(const Home *home, const char *id, bool recorded) {
        run_dir_remove(home, id);
        if (!recorded)
                (void) network_sweep(home, may_run, (void *) home, NULL);
}

/* Nothing of it runs: takes back what the run held, and says how it ended. */
static int bury(Container *c, Err *err) {
        bool recorded = claims_to_run(c), between = str_equal(c->state.status, "restarting"), left;
        PublishedPort *ports = NULL;
        size_t n_ports = 0;
        int r;

        log_info("taking back what container '%s' left", c->name);
        /* Between two runs the end of the first one is known. */
        if (recorded && !between && !recall_record(c))
                note_unknown_end(c);
        if (publish_recall(&c->state, &ports, &n_ports) < 0)
                log_warn("cannot tell which ports container '%s' had published", c->name);
        left = run_release(c, ports, n_ports) < 0;
        network_release_all(c->home, c->id);
        published_ports_free(ports, n_ports);
        idrange_release_all(c->home, c->id);
        fault_point("bury.released");

        if (c->host.auto_remove && recorded) {
                r = container_erase(c, true, err);
                if (r >= 0)
                        r = -ENOENT;
        } else if (recorded) {
                free(c->state.status);
                c->state.status = strdup("exited");
                r = exit_record_save(c, err);
        } else {
                r = 0;
        }
        fault_point("bury.recorded");
        if (!left)
                remove_run_dir(c->home, c->id, recorded);
        if (r >= 0)
                r = container_read_state(c, err);
        return r;
}

/* Its end is being taken care of: waits for that, and reads what became of it. */
static int wait_for_monitor(Container *c, Err *err) {
        int r = monitor_wait_finish(c);

        if (r < 0 && r != -ETIMEDOUT)
                return fail(err, r, "cannot wait for the monitor of container '%s'", c->name);
        return container_read_state(c, err);
}

static int start_new_monitor(Container *c, int lock, Err *err) {
        const MonitorStart start = {
                .c = c, .lock = lock, .input_read = -EBADF, .input_write = -EBADF
        };
        autoclose int socket = -EBADF;
        Frame frame;
        int r;

        log_info("the monitor of container '%s' was killed; starting a new one", c->name);
        r = monitor_spawn(&start, true, &socket, err);
        if (r < 0)
                return r;
        r = frame_recv(socket, &frame, NULL);
        if (r > 0 && frame.type == FRAME_FAILED)
                r = err_read(socket, err);
        else if (r < 0)
                r = fail(err, r, "cannot hear from the new monitor of container '%s'", c->name);
        return r < 0 ? r : container_read_state(c, err);
}

/* Whether $RUN/containers/<id> exists: something was started and not finished. */
static bool has_run_dir(const Container *c) {
        autofree char *run = container_run_path(c->id);

        return run && file_access(c->home->run_fd, run, F_OK) == 0;
}

int container_settle_locked(Container *c, int lock, Err *err) {
        bool init, monitor;
        int r;

        /* Somebody may have settled it while we waited for the lock. */
        r = container_read_state(c, err);
        if (r < 0)
                return r;
        if (!claims_to_run(c) && !has_run_dir(c))
                return 0;

        init = same_boot(c) && process_is(c->state.pid, c->state.pid_start);
        monitor = monitor_is_alive(c);
        if (monitor)
                return 0;
        if (init) {
                autoerr why = {};

                r = start_new_monitor(c, lock, &why);
                if (r != -ESRCH)
                        return r < 0 ? refuse(err, r, "%s", why.message) : r;
                /* It has ended before it could be taken over. */
        }
        return bury(c, err);
}

int container_settle(Container *c, Err *err) {
        autoclose int lock = -EBADF;
        int dir;

        if (monitor_is_alive(c)) {
                if (claims_to_run(c) && !str_equal(c->state.status, "restarting") &&
                    !process_is(c->state.pid, c->state.pid_start))
                        return wait_for_monitor(c, err);
                return 0;
        }
        dir = container_dir(c);
        if (dir == -ENOENT)
                return dir;
        if (dir < 0)
                return fail(err, dir, "cannot open the directory of container '%s'", c->name);

        /* While it is being started the lock is held, and there is nothing to settle. */
        lock = lock_dir(dir, claims_to_run(c));
        if (lock == -EAGAIN || lock == -ENOENT)
                return lock == -EAGAIN ? 0 : lock;
        if (lock < 0)
                return fail(err, lock, "cannot lock container '%s'", c->name);
        return container_settle_locked(c, lock, err);
}

void container_sweep_orphan(const Home *home, const char *id) {
        Container c = { .id = (char *) id, .name = (char *) id, .home = home, .dir = -EBADF };
        autofree char *data = str_format("containers/%s", id);

        if (!data || file_access(home->data_fd, data, F_OK) == 0)
                return;
        if (container_read_state(&c, NULL) >= 0 && !monitor_is_alive(&c)) {
                if (run_release(&c, NULL, 0) >= 0) {
                        idrange_release_all(home, id);
                        remove_run_dir(home, id, false);
                }
        }
        json_clear(&container_state_type, &c.state);
}

static void sweep_gone_run(const Home *home, const char *entry) {
        autofree char *path = str_format("containers/%s", entry);

        if (path && str_ends_with(entry, CONTAINER_GONE))
                (void) tree_remove(home->run_fd, path);
}

void containers_sweep(const Home *home, Container **list, size_t n) {
        autostrv runs = NULL;
        size_t i = 0;

        if (dir_list(home->run_fd, "containers", &runs) < 0)
                return network_sweep_idle(home);
        strv_foreach(id, runs) {
                Container *c = NULL;

                if (strlen(*id) != ID_LENGTH) {
                        sweep_gone_run(home, *id);
                        continue;
                }
                while (i < n && strcmp(list[i]->id, *id) < 0)
                        i++;
                if (i < n && str_equal(list[i]->id, *id))
                        c = list[i];
                if (!c)
                        container_sweep_orphan(home, *id);
                else if (!claims_to_run(c))
                        (void) container_settle(c, NULL);
        }
        if (!runs || !*runs)
                monitors_cgroup_sweep();
        network_sweep_idle(home);
}
