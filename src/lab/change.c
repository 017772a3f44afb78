/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/file.h"
#include "base/str.h"
#include "lab/change.h"
#include "lab/engine.h"
#include "lab/lab_internal.h"
#include "lab/link.h"

/* Only a quality, of the same engine as before. */
static int check(const Lab *lab, const Topology *t, const Change *c, Err *err) {
        autofree char *words = NULL;
        int before, after;

        if (c->kind == CHANGE_QUALITY) {
                before = link_engine(&lab->topology->links[c->before], err);
                after = before < 0 ? before : link_engine(&t->links[c->after], err);
                if (after < 0)
                        return after;
                if (before == after || (before != ENGINE_WIRE && after != ENGINE_WIRE))
                        return 0;
        }
        words = change_words(lab->topology, t, c);
        return err_hint(err,
                        refuse(err, EOPNOTSUPP, "lab '%s' cannot be changed so while it is up: %s",
                               lab->name, words ? words + 2 : "?"),
                        "'isola lab down %s', then up; only qualities of links change live, and a "
                        "cable stays one: see 'engine: wire' in isola-lab(5)",
                        lab->name);
}

int lab_change(Lab *lab, Topology *topology, const ChangeList *list, Err *err) {
        autoclose int lock = lock_dir(lab->dir, true);
        Topology *before = lab->topology;
        int r = lock < 0 ? fail(err, lock, "cannot lock lab '%s'", lab->name) : 0;

        for (size_t i = 0; r >= 0 && i < list->n_changes; i++)
                r = check(lab, topology, &list->changes[i], err);
        if (r < 0)
                return r;
        lab->topology = topology;
        for (size_t i = 0; r >= 0 && i < list->n_changes; i++)
                r = lab_link_file(lab, list->changes[i].after, list->changes[i].direction, err);
        if (r >= 0)
                r = lab_write_topology(lab, err);
        if (r >= 0)
                r = lab_save(lab, err);
        if (r < 0) {
                lab->topology = before;
                return r;
        }
        topology_free(before);
        return 0;
}
