/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/lab_sample.h"
#include "kernel/proc_stat.h"

void lab_sample_clear(LabSample *s) {
        for (size_t i = 0; i < s->n_links; i++)
                link_view_clear(&s->links[i].view);
        free(s->links);
        free(s->nodes);
        *s = (LabSample){};
}

/* ---- links ---- */

static bool both_run(const Lab *lab, size_t link) {
        const TopologyLink *l = &lab->topology->links[link];

        return lab_node_runs(lab, l->sides[0].node) && lab_node_runs(lab, l->sides[1].node);
}

static int sample_link(const Lab *lab, size_t link, LinkSample *ret, Err *err) {
        int r;

        if (!both_run(lab, link))
                return 0;
        r = lab_link_view(lab, link, &ret->view, err);
        /* It ended in this very moment. */
        if (r < 0 && !both_run(lab, link)) {
                err_clear(err);
                return 0;
        }
        ret->known = r >= 0;
        ret->at_ms = clock_monotonic_ms();
        return r;
}

int lab_sample_links(const Lab *lab, LabSample *ret, Err *err) {
        size_t n = lab->topology->n_links;
        int r = 0;

        ret->links = calloc(n + 1, sizeof *ret->links);
        if (!ret->links)
                return fail(err, ENOMEM, "cannot look at lab '%s'", lab->name);
        ret->n_links = n;
        for (size_t i = 0; i < n && r >= 0; i++)
                r = sample_link(lab, i, &ret->links[i], err);
        return r;
}

double link_bit_rate(const LinkSample *before, const LinkSample *now, int direction) {
        const LinkStats *a = &before->view.directions[direction].stats;
        const LinkStats *b = &now->view.directions[direction].stats;

        if (!before->known || !now->known || now->at_ms <= before->at_ms || b->bytes < a->bytes)
                return NAN;
        return (double) (b->bytes - a->bytes) * 8000 / (double) (now->at_ms - before->at_ms);
}

uint64_t link_rate(const LinkSample *s, int direction) {
        autoquality q = {};

        if (!s->known || quality_read_words(&q, s->view.directions[direction].quality, NULL) < 0)
                return 0;
        return q.rate_bps;
}

/* ---- nodes ---- */

/* A node by its pid namespace. */
typedef struct Space {
        ino_t inode;
        size_t node;
} Space;

static int compare_spaces(const void *a, const void *b) {
        ino_t x = ((const Space *) a)->inode, y = ((const Space *) b)->inode;

        return x < y ? -1 : x > y;
}

static void add_process(pid_t pid, NodeSample *n) {
        ProcessUsage usage;

        if (process_usage(pid, &usage) < 0)
                return; /* it has ended */
        n->processes++;
        n->cpu_s += (double) usage.cpu_ns / 1e9;
        n->memory += usage.memory;
}

int lab_sample_nodes(const Lab *lab, LabSample *ret, Err *err) {
        size_t n = lab->topology->n_nodes, n_spaces = 0;
        autofree Space *spaces = calloc(n + 1, sizeof *spaces);
        autostrv names = NULL;
        int r;

        ret->nodes = calloc(n + 1, sizeof *ret->nodes);
        r = spaces && ret->nodes ? dir_list(AT_FDCWD, "/proc", &names) : -ENOMEM;
        if (r < 0)
                return fail(err, r, "cannot look at lab '%s'", lab->name);
        ret->n_nodes = n;
        for (size_t i = 0; i < n; i++) {
                if (process_namespace(lab_node_pid(lab, i), "pid", &spaces[n_spaces].inode) < 0)
                        continue;
                spaces[n_spaces++].node = i;
                ret->nodes[i].known = true;
                ret->nodes[i].at_ms = clock_monotonic_ms();
        }
        qsort(spaces, n_spaces, sizeof *spaces, compare_spaces);
        strv_foreach(name, names) {
                Space key = {}, *found;

                int pid;

                if (parse_int(*name, 1, INT32_MAX, &pid) < 0 ||
                    process_namespace(pid, "pid", &key.inode) < 0)
                        continue;
                found = bsearch(&key, spaces, n_spaces, sizeof *spaces, compare_spaces);
                if (found)
                        add_process(pid, &ret->nodes[found->node]);
        }
        return 0;
}
