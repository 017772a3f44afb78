/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <time.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "base/str.h"
#include "cli/lab_colour.h"
#include "lab/link.h"

enum { COLOUR_LOSS, COLOUR_USE, COLOUR_TRAFFIC, COLOUR_NONE };
const char *const lab_colour_names[] = { "loss", "use", "traffic", NULL };

/* Counters of a link's directions at a point in time. */
typedef struct Sample {
        bool known;
        int64_t at_ms;
        uint64_t arrived[2], dropped[2], bytes[2];
} Sample;

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

static bool runs(const Lab *lab, size_t link) {
        const TopologyLink *l = &lab->topology->links[link];

        return lab_node_runs(lab, l->sides[0].node) && lab_node_runs(lab, l->sides[1].node);
}

/* @cut: of the link, NULL: of no interest, nor are qualities. */
static int take_sample(Lab *lab, size_t link, Sample *ret, bool *cut, Err *err) {
        TopologyLink *l = &lab->topology->links[link];
        autolinkview view = {};
        int r;

        if (!runs(lab, link))
                return 0;
        r = lab_link_view(lab, link, &view, err);
        /* It ended in this very moment. */
        if (r < 0 && !runs(lab, link)) {
                err_clear(err);
                return 0;
        }
        if (r < 0)
                return r;
        *ret = (Sample){ .known = true, .at_ms = clock_monotonic_ms() };
        for (int d = 0; d < 2; d++) {
                const LinkStats *s = &view.directions[d].stats;

                ret->arrived[d] = s->arrived;
                ret->dropped[d] = link_dropped(s);
                ret->bytes[d] = s->bytes;
                if (!cut)
                        continue;
                quality_clear(&l->quality[d]);
                r = quality_read_words(&l->quality[d], view.directions[d].quality, err);
                if (r < 0)
                        return err_prefix(err, r, "link '%s'", l->name);
        }
        if (cut)
                *cut = view.cut;
        return 0;
}

static double value_of(int colour, const TopologyLink *l, const Sample *before, const Sample *now) {
        double value = NAN, seconds = (double) (now->at_ms - before->at_ms) / 1000;

        for (int d = 0; d < 2; d++) {
                double bits = (double) (now->bytes[d] - before->bytes[d]) * 8;
                double rate = (double) l->quality[d].rate_bps, mine = NAN;

                if (colour == COLOUR_LOSS && now->arrived[d] > 0)
                        mine = (double) now->dropped[d] / (double) now->arrived[d] * 100;
                else if (colour == COLOUR_USE && rate > 0 && before->known && seconds > 0)
                        mine = bits / seconds / rate * 100;
                else if (colour == COLOUR_TRAFFIC && before->known && seconds > 0)
                        mine = bits / seconds / 1e6;
                value = fmax(value, mine); /* which passes over NAN */
        }
        return value;
}

static int sample_links(Lab *lab, Sample *samples, bool *cut, Err *err) {
        int r = 0;

        for (size_t i = 0; i < lab->topology->n_links && r >= 0; i++)
                r = take_sample(lab, i, &samples[i], cut ? &cut[i] : NULL, err);
        return r;
}

static void wait_ms(int64_t ms) {
        struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

        while (nanosleep(&span, &span) < 0 && errno == EINTR)
                ;
}

int lab_colour(Lab *lab, const char *what, int64_t interval_ms, LabColours *ret, DrawOptions *draw,
               Err *err) {
        const Topology *t = lab->topology;
        autofree Sample *samples = calloc(2 * t->n_links + 1, sizeof *samples);
        autocolours c = {};
        int colour = find_colour(what, err), r;

        if (colour < 0)
                return colour;
        c.values = colour == COLOUR_NONE ? NULL : calloc(t->n_links + 1, sizeof *c.values);
        c.cut = calloc(t->n_links + 1, sizeof *c.cut);
        c.ended = calloc(t->n_nodes + 1, sizeof *c.ended);
        if (!samples || !c.cut || !c.ended || (what && !c.values))
                return fail(err, ENOMEM, "cannot draw lab '%s'", lab->name);
        r = sample_links(lab, samples, c.cut, err);
        if (r >= 0 && (colour == COLOUR_USE || colour == COLOUR_TRAFFIC)) {
                wait_ms(interval_ms);
                r = sample_links(lab, samples + t->n_links, NULL, err);
        }
        if (r < 0)
                return r;
        for (size_t i = 0; i < t->n_links && c.values; i++) {
                const Sample *now = &samples[colour == COLOUR_LOSS ? i : t->n_links + i];

                c.values[i] = now->known ? value_of(colour, &t->links[i], &samples[i], now) : NAN;
        }
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
