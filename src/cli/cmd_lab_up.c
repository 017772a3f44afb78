/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/command.h"
#include "lab/lab.h"
#include "measure/check.h"
#include "topology/address.h"
#include "topology/read.h"

typedef struct UpOptions {
        const char *name, *from, *seed;
        bool quiet, realtime;
} UpOptions;

static const Option options[] = {
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

static void say(const Topology *t, int64_t began_ms) {
        int64_t ms = clock_monotonic_ms() - began_ms;

        strv_foreach(note, t->notes)
                fprintf(stderr, "note: %s\n", *note);
        printf("lab '%s' is up: %zu node%s, %zu link%s, in %jd ms\n", t->name, t->n_nodes,
               t->n_nodes == 1 ? "" : "s", t->n_links, t->n_links == 1 ? "" : "s", (intmax_t) ms);
}

static int cmd_lab_up(const CommandInput *in, Err *err) {
        const UpOptions *o = in->options;
        const char *file = in->n_args > 0 ? in->args[0] : ".";
        int64_t began = clock_monotonic_ms();
        autoptr(Topology) t = NULL;
        autofree char *path = NULL;
        autoptr(Lab) lab = NULL;
        autochecks tests = {};
        int r = topology_read(file, o->from, &t, err);

        if (r >= 0)
                r = change(t, o, err);
        if (r >= 0)
                r = topology_assign_addresses(t, err);
        /* A wrong test is found now, not after the first ones have been waited for. */
        if (r >= 0)
                r = check_list_read(t, &tests, err);
        if (r < 0)
                return r;
        path = str_equal(file, "-") ? NULL : realpath(file, NULL);
        r = lab_up(in->home, t, &(LabOptions){ path ? path : file, o->realtime ? 10 : 0 }, &lab,
                   err);
        if (r < 0)
                return r;
        t = NULL; /* the lab's */
        if (o->quiet)
                puts(lab->name);
        else
                say(lab->topology, began);
        return 0;
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
