/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/command.h"
#include "lab/change.h"
#include "lab/engine.h"
#include "lab/nat.h"
#include "lab/neighbours.h"
#include "lab/uplink.h"
#include "measure/plan.h"
#include "topology/address.h"
#include "topology/management.h"
#include "topology/read.h"

typedef struct UpOptions {
        const char *name, *from, *seed;
        bool quiet, realtime;
} UpOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "from", UpOptions, from, "FORMAT", "What the file is (found out)",
                   "lab|clab|kathara|graphml|dot"),
        OPT_STRING('n', "name", UpOptions, name, "NAME", "Another name than the file's"),
        OPT_FLAG('q', "quiet", UpOptions, quiet, "Only the lab's name"),
        OPT_FLAG(0, "realtime", UpOptions, realtime, "Emulate links with real-time priority"),
        OPT_STRING(0, "seed", UpOptions, seed, "NUMBER", "Another seed than the file's"),
        {},
};

/* What the command line says counts more than the file. */
static int change(Topology *t, const UpOptions *o, Err *err) {
        if (o->name && str_set(&t->name, o->name) < 0)
                return fail(err, ENOMEM, "cannot read the lab");
        if (o->seed && parse_u64(o->seed, &t->seed) < 0)
                return refuse(err, EINVAL, "the seed '%s' is no whole number", o->seed);
        t->has_seed = t->has_seed || o->seed;
        return o->name ? topology_check(t, err) : 0;
}

static void say_unused(const Topology *t, const Node *n) {
        const struct {
                const char *key, *why;
                bool said;
        } keys[] = {
                { "ports", "it is not in the management network",
                  n->ports && !node_is_managed(t, n) },
                { "entrypoint", "it has no image", !n->image && n->entrypoint },
                { "user", "it has no image", !n->image && n->user },
                { "cap-add", "it has no image", !n->image && n->cap_add },
                { "dns", "it has no image", !n->image && n->dns },
        };

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (keys[i].said)
                        fprintf(stderr, "note: '%s' of node '%s' is not carried out: %s\n",
                                keys[i].key, n->name, keys[i].why);
}

static void say(Topology *t, int64_t began_ms) {
        int64_t ms = clock_monotonic_ms() - began_ms;

        (void) lab_note_neighbours(t, lab_neighbour_limit());
        strv_foreach(note, t->notes)
                fprintf(stderr, "note: %s\n", *note);
        for (size_t i = 0; i < t->n_nodes; i++)
                say_unused(t, &t->nodes[i]);
        printf("lab '%s' is up: %zu node%s, %zu link%s, in %jd ms\n", t->name, t->n_nodes,
               t->n_nodes == 1 ? "" : "s", t->n_links, t->n_links == 1 ? "" : "s", (intmax_t) ms);
}

/* A lab of this name is up: what its file says now is carried out, by nobody else at that time.
 * Takes the topology over. */
static int bring_up_to_date(Lab *lab, Topology **t, bool quiet, Err *err) {
        autoclose int lock = -EBADF;
        autochange change = {};
        autostrv words = NULL;
        int r = lab_lock(lab, &lock, err);

        if (r >= 0 && !lab->state.complete)
                r = refuse(err, EBUSY, "lab '%s' is being made or taken down", lab->name);
        if (r >= 0)
                r = topology_assign_addresses_after(*t, lab->topology, err);
        if (r >= 0)
                r = lab_resolve_uplinks(lab->home, *t, lab->topology, err);
        if (r >= 0)
                r = lab_choose_netem(*t, err);
        if (r >= 0)
                r = lab_change_plan(lab, *t, &change, err);
        if (r >= 0 && lab_change_words(lab, *t, &change, &words) < 0)
                r = fail(err, ENOMEM, "cannot change lab '%s'", lab->name);
        if (r >= 0)
                r = lab_change(lab, *t, &change, err);
        if (r < 0)
                return r;
        *t = NULL;
        if (quiet)
                puts(lab->name);
        strv_foreach(line, quiet ? NULL : words)
                puts(*line);
        if (!quiet && !words)
                printf("lab '%s' is up, and as its file says\n", lab->name);
        return 0;
}

static int make(const Home *home, Topology **t, const char *file, const UpOptions *o, Err *err) {
        int64_t began = clock_monotonic_ms();
        autofree char *path = str_equal(file, "-") ? NULL : realpath(file, NULL);
        const LabOptions how = { path ? path : file, o->realtime ? 10 : 0 };
        autoptr(Lab) lab = NULL;
        int r = lab_up(home, *t, &how, &lab, err);

        if (r < 0)
                return r;
        *t = NULL; /* the lab's */
        if (o->quiet)
                puts(lab->name);
        else
                say(lab->topology, began);
        return 0;
}

static int cmd_lab_up(const CommandInput *in, Err *err) {
        const UpOptions *o = in->options;
        const char *file = in->n_args > 0 ? in->args[0] : ".";
        autoptr(Topology) t = NULL;
        autoptr(Lab) lab = NULL;
        autochecks tests = {}, measurements = {};
        int r = topology_read(file, o->from, &t, err);

        if (r >= 0)
                r = change(t, o, err);
        /* A wrong test is found now, not after the first ones have been waited for. */
        if (r >= 0)
                r = check_list_read(t, &tests, err);
        if (r >= 0)
                r = plan_read(t, t->measurements, t->n_measurements, &measurements, err);
        if (r < 0)
                return r;
        r = lab_open(in->home, t->name, &lab, err);
        if (r != -ENOENT)
                return r < 0 ? r : bring_up_to_date(lab, &t, o->quiet, err);
        err_clear(err);
        r = lab_choose_management(in->home, t, err);
        if (r >= 0)
                r = topology_assign_addresses(t, err);
        return r < 0 ? r : make(in->home, &t, file, o, err);
}

COMMAND(lab_up) = {
        .name = "lab up",
        .alias = "lab deploy",
        .group = "Labs",
        .synopsis = "[OPTION...] [FILE|DIR|-]",
        .summary = "Build a network of nodes and links from a file",
        .options = options,
        .options_size = sizeof(UpOptions),
        .max_args = 1,
        .completes = "file",
        .run = cmd_lab_up,
};
