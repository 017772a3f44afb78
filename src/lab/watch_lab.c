/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "lab/engine.h"
#include "lab/watch_internal.h"

void watch_forget(WatchedLab *l) {
        for (size_t i = 0; i < l->n_nodes; i++)
                watch_node_free(l->nodes[i]);
        free(l->nodes);
        l->nodes = NULL;
        l->n_nodes = 0;
        watch_source_close(&l->keeper);
        l->cuts = strv_free(l->cuts);
        l->now = lab_free(l->now);
        l->making = false;
}

/* ---- links ---- */

int watch_look_at_cuts(WatchedLab *l) {
        autostrv names = NULL;
        autostrv cuts = NULL;
        int r = l->now ? dir_list(l->now->dir, ".", &names) : 0;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        strv_foreach(name, names) {
                const char *key = str_after(*name, "cut-");

                /* One that is being written has a '~' behind it (file_replace()). */
                if (key && !str_ends_with(key, "~") && strv_add(&cuts, key) < 0)
                        return -ENOMEM;
        }
        strv_foreach(key, cuts)
                if (r >= 0 && !strv_has(l->cuts, *key))
                        r = watch_tell(l, "link", "cut", *key, NULL);
        strv_foreach(key, l->cuts)
                if (r >= 0 && !strv_has(cuts, *key))
                        r = watch_tell(l, "link", "restore", *key, NULL);
        strv_free(l->cuts);
        l->cuts = cuts;
        cuts = NULL;
        return r;
}

static const LinkChange *find_change(const LabState *s, const LinkChange *like) {
        for (size_t i = 0; i < s->n_changes; i++)
                if (s->changes[i].direction == like->direction &&
                    str_equal(s->changes[i].link, like->link))
                        return &s->changes[i];
        return NULL;
}

static bool same_settings(const LinkChange *a, const LinkChange *b) {
        autofree char *x = strv_join(a->settings, "\n"),
                      *y = b ? strv_join(b->settings, "\n") : NULL;

        return b && str_equal(x, y);
}

/* "h1:eth1", where the direction begins. */
static char *end_words(const LinkChange *c) {
        const char *middle = strstr(c->link, "--");

        return !middle             ? strdup(c->link)
               : c->direction == 1 ? strdup(middle + 2)
                                   : strndup(c->link, (size_t) (middle - c->link));
}

static int tell_settings(WatchedLab *l, const LinkChange *c, const char *action) {
        autofree char *from = end_words(c), *settings = strv_join(c->settings, "\n");

        return from && settings
                       ? watch_tell(l, "link", action, c->link, "from=%s\n%s", from, settings)
                       : -ENOMEM;
}

static int compare_settings(WatchedLab *l, const LabState *before, const LabState *now) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < now->n_changes; i++)
                if (now->changes[i].direction >= 0 &&
                    !same_settings(&now->changes[i], find_change(before, &now->changes[i])))
                        r = tell_settings(l, &now->changes[i], "set");
        for (size_t i = 0; r >= 0 && i < before->n_changes; i++)
                if (before->changes[i].direction >= 0 && !find_change(now, &before->changes[i]))
                        r = tell_settings(l, &before->changes[i], "reset");
        return r;
}

static int tell_link(WatchedLab *l, const Topology *t, size_t link, const char *action) {
        autofree char *key = topology_link_key(t, &t->links[link]);
        int engine = link_engine(&t->links[link], NULL);

        return key ? watch_tell(l, "link", action, key, "name=%s\nengine=%s", t->links[link].name,
                                engine < 0 ? "" : link_engine_names[engine])
                   : -ENOMEM;
}

static bool has_link(const Topology *t, const Topology *other, size_t link) {
        ssize_t node = topology_find_node(other, t->nodes[t->links[link].sides[0].node].name), i;
        const TopologyLink *l = &t->links[link], *found;

        i = node < 0 ? -ENOENT
                     : topology_find_interface(&other->nodes[node],
                                               topology_interface(t, l->sides[0])->name);
        if (i < 0)
                return false;
        found = &other->links[other->nodes[node].interfaces[i].link];
        return topology_hash(t->nodes[l->sides[1].node].name,
                             topology_interface(t, l->sides[1])->name) ==
               topology_hash(other->nodes[found->sides[1].node].name,
                             topology_interface(other, found->sides[1])->name);
}

static int compare_links(WatchedLab *l, const Topology *before, const Topology *now) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < before->n_links; i++)
                if (!has_link(before, now, i))
                        r = tell_link(l, before, i, "destroy");
        for (size_t i = 0; r >= 0 && i < now->n_links; i++)
                if (!has_link(now, before, i))
                        r = tell_link(l, now, i, "create");
        return r;
}

/* ---- nodes ---- */

static bool is_same(const WatchedNode *n, const Lab *lab) {
        ssize_t i = topology_find_node(lab->topology, n->name);

        return i >= 0 && lab->state.nodes[i].pid == n->pid &&
               lab->state.nodes[i].start_time == n->start_time;
}

static int drop_nodes(WatchedLab *l, const Lab *now) {
        size_t kept = 0;
        int r = 0;

        for (size_t i = 0; i < l->n_nodes; i++) {
                WatchedNode *n = l->nodes[i];

                if (is_same(n, now)) {
                        l->nodes[kept++] = n;
                        continue;
                }
                if (r >= 0)
                        r = watch_tell(l, "node", "destroy", n->name, "pid=%d", n->pid);
                watch_node_free(n);
        }
        l->n_nodes = kept;
        return r;
}

static bool is_known(const WatchedLab *l, const char *node) {
        for (size_t i = 0; i < l->n_nodes; i++)
                if (str_equal(l->nodes[i]->name, node))
                        return true;
        return false;
}

/* With l->now being the present one. */
static int add_nodes(WatchedLab *l) {
        size_t before = l->n_nodes;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < l->now->topology->n_nodes; i++)
                if (before == 0 || !is_known(l, l->now->topology->nodes[i].name))
                        r = watch_node_add(l, i);
        /* What is known of a container comes with the record of it. */
        for (size_t i = 0; r >= 0 && i < before; i++)
                r = watch_node_command(l, l->nodes[i]);
        return r;
}

/* ---- the keeper ---- */

static int look_at_keeper(WatchedLab *l, const LabProcess *before) {
        const LabProcess *now = &l->now->state.keeper;
        int r = 0;

        if (before && before->pid == now->pid && before->start_time == now->start_time)
                return 0;
        /* What is written down may be heard of before its end. */
        if (before && l->keeper.fd >= 0)
                r = watch_tell(l, "keeper", "die", "", "pid=%d", before->pid);
        watch_source_close(&l->keeper);
        if (r < 0 || now->pid == 0)
                return r;
        r = watch_source(l->watch, &l->keeper, SOURCE_KEEPER, lab_process_pidfd(l->now, now), l,
                         NULL);
        return r < 0 ? r
                     : watch_tell(l, "keeper", "start", "", "pid=%d\nstarts=%d", now->pid,
                                  l->now->state.keeper_starts);
}

int watch_keeper_ended(WatchedLab *l) {
        autoerr why = {};
        int r = watch_tell(l, "keeper", "die", "", "pid=%d", l->now->state.keeper.pid);

        watch_source_close(&l->keeper);
        if (r < 0)
                return r;
        /* With the lab, it is not wanted any more; what is written down then is heard of. */
        if (lab_revive(l->watch->home, l->name, &why) < 0)
                log_debug("%s", why.message ? why.message : "");
        return 0;
}

/* ---- all of it ---- */

static int went_down(WatchedLab *l) {
        bool was_there = l->now || l->making;

        watch_forget(l);
        l->gone = was_there;
        return was_there ? watch_tell(l, "lab", "down", "", NULL) : 0;
}

static int came_up(WatchedLab *l, Lab *now) {
        int r = watch_tell(l, "lab", "up", "", "nodes=%zu\nlinks=%zu", now->topology->n_nodes,
                           now->topology->n_links);

        l->now = now;
        l->making = false;
        if (r >= 0)
                r = add_nodes(l);
        if (r >= 0)
                r = look_at_keeper(l, NULL);
        return r < 0 ? r : watch_look_at_cuts(l);
}

static int changed(WatchedLab *l, Lab *now) {
        autoptr(Lab) before = l->now;
        int r = 0;

        if (now->state.changing && !before->state.changing)
                r = watch_tell(l, "lab", "change", "", NULL);
        if (r >= 0)
                r = compare_links(l, before->topology, now->topology);
        if (r >= 0)
                r = drop_nodes(l, now);
        if (r >= 0)
                r = compare_settings(l, &before->state, &now->state);
        l->now = now;
        if (r >= 0)
                r = add_nodes(l);
        if (r >= 0)
                r = look_at_keeper(l, &before->state.keeper);
        if (r >= 0 && !now->state.changing && before->state.changing)
                r = watch_tell(l, "lab", "changed", "", NULL);
        return r;
}

int watch_look(WatchedLab *l) {
        Lab *now = NULL;
        autoerr why = {};
        int r = lab_look(l->watch->home, l->name, &now, &why);

        if (r == -ENOENT)
                return went_down(l);
        /* Between two files that are replaced; the second one is heard of, too. */
        if (r < 0) {
                log_debug("%s", why.message ? why.message : l->name);
                return 0;
        }
        if (now->state.complete)
                return l->now ? changed(l, now) : came_up(l, now);
        lab_free(now);
        if (l->now || l->making)
                return 0; /* it is going down */
        l->making = true;
        return watch_tell(l, "lab", "create", "", NULL);
}
