/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What must hold of a topology, whatever file it was read from. */

#include "fuzz.h"
#include "topology/read.h"
#include "topology/write.h"

static inline char *fuzz_lab_text(const Topology *t) {
        Str s = {};
        char *text;

        topology_write_lab(t, &s);
        text = str_take(&s);
        must(text);
        return text;
}

/* Ends and interfaces name each other, and what is checked can be written as lab.yml, which is read
 * as the same. */
static inline void fuzz_topology(const Topology *t) {
        autofree char *text = NULL, *again = NULL;
        autoptr(Topology) back = topology_new();
        autoerr err = {};
        int r;

        for (size_t i = 0; i < t->n_links; i++)
                for (int end = 0; end < 2; end++) {
                        const Interface *in = topology_interface(t, t->links[i].sides[end]);

                        must(in->link == i && in->end == end);
                }
        r = topology_check(t, NULL);
        if (r < 0)
                return;
        text = fuzz_lab_text(t);
        must(back && topology_read_lab(text, strlen(text), "own", back, &err) >= 0);
        must(topology_check(back, NULL) >= 0);
        must(back->n_nodes == t->n_nodes && back->n_links == t->n_links);
        again = fuzz_lab_text(back);
        must(strcmp(text, again) == 0);
}

typedef int (*FuzzReader)(const char *text, size_t size, const char *file, Topology *t, Err *err);
typedef int (*FuzzWriter)(const Topology *t, Str *out, char ***notes);

/* Reads bytes as a lab, checks that, and that a writer's own files are read, too; @write, @reread:
 * may be NULL.  A lab without a name gets one. */
static inline void fuzz_lab(const uint8_t *data, size_t size, FuzzReader read, FuzzWriter write,
                            FuzzReader reread) {
        autoptr(Topology) t = topology_new();
        autoptr(Topology) back = topology_new();
        autofree char *text = NULL;
        autostrv notes = NULL;
        autoerr err = {};
        Str s = {};
        int r;

        must(t && back);
        r = read((const char *) data, size, "file", t, &err);
        must_agree(r, &err);
        if (r < 0)
                return;
        if (!t->name)
                must(str_set(&t->name, "lab") >= 0);
        fuzz_topology(t);
        if (!write || topology_check(t, NULL) < 0)
                return;
        must(write(t, &s, &notes) >= 0);
        text = str_take(&s);
        must(text);
        if (reread)
                must(reread(text, strlen(text), "own", back, NULL) >= 0);
}
