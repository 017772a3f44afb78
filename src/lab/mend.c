/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the next command does for a lab that processes were killed of. */

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "engine/network_guest.h"
#include "engine/uplink.h"
#include "lab/keeper.h"
#include "lab/lab_internal.h"
#include "lab/outside.h"
#include "lab/porter.h"
#include "lab/uplink.h"

static bool is_missing(const Lab *lab, const LabProcess *p) {
        return p->pid > 0 && !lab_process_lives(lab, p) &&
               lab_process_lives(lab, &lab->state.fabric);
}

static bool needs_helper(const Lab *lab) {
        return is_missing(lab, &lab->state.keeper) || is_missing(lab, &lab->state.porter);
}

static int mend_keeper(Lab *lab, Err *err) {
        int r = lab_start_keeper(lab, false, err);

        if (r >= 0)
                r = lab_revive_uplinks(lab, err);
        if (r < 0)
                return err_prefix(err, r, "the process that emulates the links was killed");
        log_warn("the process that emulates the links of lab '%s' was killed, and has been started "
                 "anew: what is drawn for their packets begins again",
                 lab->name);
        return 1;
}

/* No reason for a command to fail: it may be the one that takes the lab down, and a port may have
 * been taken by somebody else meanwhile. */
static int mend_porter(Lab *lab) {
        autoerr why = {};
        int r = lab->home->network ? lab_revive_outside(lab, &why) : 0;

        if (r >= 0)
                r = lab_publish_ports(lab, &why);
        if (r >= 0)
                log_warn(
                        "the process that publishes the ports of lab '%s' was killed, and has been "
                        "started anew: connections by way of it have ended",
                        lab->name);
        else
                log_warn("the process that publishes the ports of lab '%s' was killed: %s",
                         lab->name, why.message ? why.message : strerror(-r));
        return 1;
}

/* What killed processes have left half done, or do not do any more; not while somebody is at it. */
int lab_mend(Lab *lab, Err *err) {
        autoclose int lock = -EBADF;
        int r;

        if (!lab->state.changing && !needs_helper(lab))
                return 0;
        lock = lock_dir(lab->dir, false);
        if (lock < 0)
                return 0;
        r = lab_reload(lab, err);
        if (r < 0 || !lab->state.complete)
                return r;
        if (lab->state.changing) {
                log_info("bringing lab '%s' back to what it was: its change was broken off",
                         lab->name);
                r = lab_undo_change(lab, err);
        }
        if (r < 0 || !needs_helper(lab))
                return r;
        r = lab_read_topology(lab, LAB_TOPOLOGY, false, err);
        if (r >= 0 && is_missing(lab, &lab->state.keeper))
                r = mend_keeper(lab, err);
        if (r >= 0 && is_missing(lab, &lab->state.porter))
                r = mend_porter(lab);
        return r;
}

/* An ordinary user's way out of his labs ends if its program is killed. */
void lab_mend_way_out(const Lab *lab) {
        autoerr why = {};

        if (lab->home->network && lab->state.complete && guest_owns(lab->home, lab->state.id) &&
            uplink_begin(lab->home, &why) >= 0)
                uplink_finish(lab->home);
        if (why.message)
                log_warn("%s", why.message);
}

int lab_revive(const Home *home, const char *name, Err *err) {
        autoptr(Lab) lab = NULL;
        int r = lab_open_state(home, name, &lab, err);

        return r < 0 || !lab->state.complete ? r : lab_mend(lab, err);
}
