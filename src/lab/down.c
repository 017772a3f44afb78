/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/idrange.h"
#include "engine/network.h"
#include "lab/container_node.h"
#include "lab/lab_internal.h"
#include "lab/place.h"
#include "lab/switches.h"
#include "lab/uplink.h"

#define END_TIMEOUT_MS 30000

#define HELPERS 3 /* that there is at most one of */

static size_t count_processes(const Lab *lab) {
        return HELPERS + lab->state.n_controllers + lab->state.n_nodes;
}

static const LabProcess *process_at(const Lab *lab, size_t i) {
        const LabState *s = &lab->state;
        const LabProcess *helpers[HELPERS] = { &s->fabric, &s->keeper, &s->porter };

        if (i < HELPERS)
                return helpers[i];
        i -= HELPERS;
        return i < s->n_controllers ? &s->controllers[i] : &s->nodes[i - s->n_controllers];
}

int lab_end_process(const Lab *lab, const LabProcess *p, Err *err) {
        autoclose int pidfd = lab_process_pidfd(lab, p);
        struct pollfd polled = { .fd = pidfd, .events = POLLIN };

        if (pidfd < 0)
                return 0;
        (void) pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
        return poll(&polled, 1, END_TIMEOUT_MS) == 0
                       ? refuse(err, ETIMEDOUT, "process %d of lab '%s' does not end", p->pid,
                                lab->name)
                       : 0;
}

/* All are killed before one is waited for: their namespaces go at once. */
static int kill_all(const Lab *lab, Err *err) {
        size_t n = count_processes(lab);
        autofree int *pidfds = calloc(n, sizeof *pidfds);
        int r = pidfds ? 0 : fail(err, ENOMEM, "cannot end lab '%s'", lab->name);

        for (size_t i = 0; r >= 0 && i < n; i++) {
                pidfds[i] = lab_process_pidfd(lab, process_at(lab, i));
                if (pidfds[i] >= 0)
                        (void) pidfd_send_signal(pidfds[i], SIGKILL, NULL, 0);
        }
        for (size_t i = 0; r >= 0 && i < n; i++) {
                struct pollfd p = { .fd = pidfds[i], .events = POLLIN };

                if (pidfds[i] >= 0 && poll(&p, 1, END_TIMEOUT_MS) == 0)
                        r = refuse(err, ETIMEDOUT, "process %d of lab '%s' does not end",
                                   process_at(lab, i)->pid, lab->name);
        }
        for (size_t i = 0; pidfds && i < n; i++)
                if (pidfds[i] > 0)
                        close_fd(pidfds[i]);
        return r;
}

int lab_erase(Lab *lab, Err *err) {
        autofree char *path = str_format("labs/%s", lab->name);
        int r = path ? 0 : fail(err, ENOMEM, "cannot end lab '%s'", lab->name);

        lab_enter_home(lab);
        if (r >= 0)
                r = lab_detach_uplinks(lab, err);
        if (r >= 0 && lab->state.id)
                r = lab_remove_containers(lab->home, lab->name, lab->state.id, err);
        if (r >= 0)
                r = lab_stop_switches(lab, err);
        if (r >= 0)
                r = kill_all(lab, err);
        if (r < 0)
                return r;
        fault_point("lab.killed");
        if (lab->home->network)
                network_sweep_idle(lab->home);
        if (lab->state.cgroup)
                lab_remove_places(lab);
        if (lab->state.id)
                idrange_release_all(lab->home, lab->state.id);
        /* The record last: without one, the directory is in nobody's way. */
        (void) unlinkat(lab->dir, LAB_TOPOLOGY, 0);
        (void) unlinkat(lab->dir, "hosts", 0);
        (void) tree_remove(lab->dir, "logs");
        fault_point("lab.removed");
        r = tree_remove(lab->home->run_fd, path);
        return r < 0 ? fail(err, r, "cannot remove '%s/%s'", lab->home->run, path) : 0;
}

int lab_down(Lab *lab, Err *err) {
        autoclose int lock = -EBADF;
        autoerr why = {};
        int r;

        /* Its nodes may be others now. */
        lab->topology = topology_free(lab->topology);
        r = lab_lock(lab, &lock, err);
        if (r < 0)
                return r;
        /* If this is cut short, whoever meets it goes on. */
        lab->state.complete = false;
        /* On a full disk it is a broken lab then, which can be taken down, too. */
        r = lab_save(lab, &why);
        if (r < 0)
                log_debug("%s", why.message ? why.message : "cannot write the lab's record");
        return lab_erase(lab, err);
}
