/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <time.h>

#include "base/nearest.h"
#include "base/str.h"
#include "cli/lab_colour.h"
#include "cli/lab_sample.h"

enum { COLOUR_LOSS, COLOUR_USE, COLOUR_TRAFFIC, COLOUR_NONE };
const char *const lab_colour_names[] = { "loss", "use", "traffic", NULL };

void lab_colours_clear(LabColours *c) {
        free(c->values);
        free(c->cut);
        free(c->ended);
}

static int find_colour(const char *what, Err *err) {
        const char *near = what ? nearest_name(what, lab_colour_names) : NULL;

        if (!what)
                return COLOUR_NONE;
        for (int i = 0; lab_colour_names[i]; i++)
                if (str_equal(what, lab_colour_names[i]))
                        return i;
        return err_hint(err,
                        refuse(err, EINVAL, "links are not coloured by '%s'%s%s%s", what,
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ""),
                        "loss, use or traffic");
}

/* The larger one of both directions. */
static double value_of(int colour, const LinkSample *before, const LinkSample *now) {
        double value = NAN;

        for (int d = 0; d < 2; d++) {
                const LinkStats *s = &now->view.directions[d].stats;
                double bits = link_bit_rate(before, now, d), rate, mine = NAN;

                if (colour == COLOUR_TRAFFIC)
                        mine = bits / 1e6;
                else if (colour == COLOUR_LOSS && now->known && s->arrived > 0)
                        mine = (double) link_dropped(s) / (double) s->arrived * 100;
                else if (colour == COLOUR_USE && (rate = (double) link_rate(now, d)) > 0)
                        mine = bits / rate * 100;
                value = fmax(value, mine); /* which passes over NAN */
        }
        return value;
}

/* Qualities, and what is cut. */
static int take_over(Lab *lab, const LabSample *sample, bool *cut, Err *err) {
        for (size_t i = 0; i < sample->n_links; i++) {
                const LinkSample *s = &sample->links[i];
                TopologyLink *l = &lab->topology->links[i];

                cut[i] = s->known && s->view.cut;
                for (int d = 0; d < 2 && s->known; d++) {
                        int r;

                        quality_clear(&l->quality[d]);
                        r = quality_read_words(&l->quality[d], s->view.directions[d].quality, err);
                        if (r < 0)
                                return err_prefix(err, r, "link '%s'", l->name);
                }
        }
        return 0;
}

static void wait_ms(int64_t ms) {
        struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

        while (nanosleep(&span, &span) < 0 && errno == EINTR)
                ;
}

int lab_colour(Lab *lab, const char *what, int64_t interval_ms, LabColours *ret, DrawOptions *draw,
               Err *err) {
        const Topology *t = lab->topology;
        autosample before = {}, now = {};
        autocolours c = {};
        int colour = find_colour(what, err), r;

        if (colour < 0)
                return colour;
        c.values = colour == COLOUR_NONE ? NULL : calloc(t->n_links + 1, sizeof *c.values);
        c.cut = calloc(t->n_links + 1, sizeof *c.cut);
        c.ended = calloc(t->n_nodes + 1, sizeof *c.ended);
        if (!c.cut || !c.ended || (what && !c.values))
                return fail(err, ENOMEM, "cannot draw lab '%s'", lab->name);
        r = lab_sample_links(lab, &before, err);
        if (r >= 0 && (colour == COLOUR_USE || colour == COLOUR_TRAFFIC)) {
                wait_ms(interval_ms);
                r = lab_sample_links(lab, &now, err);
        }
        if (r >= 0)
                r = take_over(lab, &before, c.cut, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < t->n_links && c.values; i++)
                c.values[i] = value_of(colour, &before.links[i],
                                       colour == COLOUR_LOSS ? &before.links[i] : &now.links[i]);
        for (size_t i = 0; i < t->n_nodes; i++)
                c.ended[i] = !lab_node_runs(lab, i);
        draw->values = c.values;
        draw->value_name = what;
        draw->value_unit = colour == COLOUR_TRAFFIC ? "Mbit/s" : "%";
        draw->value_max = colour == COLOUR_USE ? 100 : 0;
        draw->cut = c.cut;
        draw->ended = c.ended;
        *ret = c;
        c = (LabColours){};
        return 0;
}
