/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/idrange.h"
#include "lab/container_node.h"
#include "lab/lab_internal.h"
#include "lab/place.h"
#include "lab/switches.h"
#include "lab/uplink.h"

#define END_TIMEOUT_MS 30000

static const LabProcess *process_at(const Lab *lab, size_t i) {
        return i == 0 ? &lab->state.fabric : i == 1 ? &lab->state.keeper : &lab->state.nodes[i - 2];
}

/* All are killed before one is waited for: their namespaces go at once. */
static int kill_all(const Lab *lab, Err *err) {
        size_t n = lab->state.n_nodes + 2;
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
        if (lab->state.id)
                lab_remove_places(lab);
        if (lab->state.id)
                idrange_release_all(lab->home, lab->state.id);
        /* The record last: without one, the directory is in nobody's way. */
        (void) unlinkat(lab->dir, "lab.yml", 0);
        (void) unlinkat(lab->dir, "hosts", 0);
        (void) tree_remove(lab->dir, "logs");
        fault_point("lab.removed");
        r = tree_remove(lab->home->run_fd, path);
        return r < 0 ? fail(err, r, "cannot remove '%s/%s'", lab->home->run, path) : 0;
}

int lab_down(Lab *lab, Err *err) {
        autoclose int lock = lock_dir(lab->dir, true);
        int r;

        if (lock < 0)
                return fail(err, lock, "cannot lock lab '%s'", lab->name);
        if (file_access(lab->dir, "state.json", F_OK) < 0)
                return refuse(err, ENOENT, "there is no lab '%s' any more", lab->name);
        /* If this is cut short, whoever meets it goes on. */
        lab->state.complete = false;
        r = lab_save(lab, err);
        return r < 0 ? r : lab_erase(lab, err);
}
