/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/str.h"
#include "cli/lab_marks.h"
#include "topology/draw.h"

void link_marks_clear(LinkMarks *m) {
        free(m->links);
        *m = (LinkMarks){};
}

static int take(const Lab *lab, size_t link, LinkMark *ret, Err *err) {
        autolinkview view = {};
        int r = lab_link_view(lab, link, &view, err);

        ret->starts = view.starts;
        for (int d = 0; d < 2 && r >= 0; d++) {
                const LinkStats *s = &view.directions[d].stats;

                ret->bytes[d] = s->bytes;
                ret->arrived += s->arrived;
                ret->dropped += s->lost + s->queue_full + s->codel + s->cut + s->down + s->memory;
                ret->overruns += s->overruns;
        }
        return r;
}

int link_marks_take(const Lab *lab, bool emulated, LinkMarks *ret, Err *err) {
        const Topology *t = lab->topology;
        int r = 0;

        *ret = (LinkMarks){ calloc(t->n_links ? t->n_links : 1, sizeof *ret->links), t->n_links };
        if (!ret->links)
                return fail(err, ENOMEM, "cannot look at the links");
        for (size_t i = 0; i < t->n_links && r >= 0; i++)
                if (!emulated || link_engine(&t->links[i], NULL) == ENGINE_WIRE)
                        r = take(lab, i, &ret->links[i], err);
        return r;
}

int link_marks_caution(const Lab *lab, const LinkMarks *before, const LinkMarks *after, Record *r) {
        uint64_t late = 0, most = 0;
        size_t worst = 0;

        for (size_t i = 0; i < before->n && i < after->n; i++)
                if (after->links[i].starts != before->links[i].starts)
                        return record_caution(
                                r, "the link emulator was killed and started anew meanwhile: what "
                                   "was on its way was lost, what is drawn for packets began "
                                   "again, and counters of links are of the time since then");
        for (size_t i = 0; i < before->n && i < after->n; i++) {
                uint64_t n = after->links[i].overruns - before->links[i].overruns;

                late += n;
                if (n > most) {
                        most = n;
                        worst = i;
                }
        }
        if (late == 0)
                return 0;
        return record_caution(
                r,
                "the link emulator could not keep time: %llu packets were late, most of "
                "them on '%s', and delays include that",
                (unsigned long long) late, lab->topology->links[worst].name);
}

/* An image of a page that refers to nothing: styles of the drawing stay inside of it. */
static int put_image(const Str *svg, const char *title, Str *out) {
        size_t size = 4 * ((svg->length + 2) / 3) + 1;
        autofree unsigned char *text = malloc(size);

        if (!text || svg->length > INT32_MAX / 2)
                return -ENOMEM;
        (void) EVP_EncodeBlock(text, (const unsigned char *) svg->text, (int) svg->length);
        str_printf(out,
                   "<figure><figcaption>%s</figcaption><img alt=\"%s\" style=\"max-width:100%%\" "
                   "src=\"data:image/svg+xml;base64,",
                   title, title);
        str_put(out, (const char *) text);
        str_put(out, "\"/></figure>\n");
        return out->failed ? -ENOMEM : 0;
}

static int draw(const Topology *t, const double *values, const char *name, const char *unit,
                const char *title, Str *out) {
        DrawOptions options = { .values = values, .value_name = name, .value_unit = unit };
        autostr svg = {};
        int r = draw_svg(t, &options, &svg);

        return r < 0 ? r : svg.failed ? -ENOMEM : put_image(&svg, title, out);
}

int link_marks_draw(const Lab *lab, const LinkMarks *before, const LinkMarks *after, double seconds,
                    Str *out) {
        size_t n = before->n < after->n ? before->n : after->n;
        autofree double *use = calloc(n ? n : 1, sizeof *use),
                        *loss = calloc(n ? n : 1, sizeof *loss);
        bool lost = false;
        int r;

        if (!use || !loss)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const LinkMark *a = &before->links[i], *b = &after->links[i];
                uint64_t arrived = b->arrived - a->arrived, dropped = b->dropped - a->dropped;
                uint64_t bytes = (b->bytes[0] - a->bytes[0]) + (b->bytes[1] - a->bytes[1]);

                if (a->starts != b->starts) {
                        use[i] = loss[i] = NAN;
                        continue;
                }
                use[i] = seconds > 0 ? (double) bytes * 8 / seconds / 1e6 : NAN;
                loss[i] = arrived > 0 ? (double) dropped / (double) arrived * 100 : NAN;
                lost = lost || dropped > 0;
        }
        r = draw(lab->topology, use, "use", "Mbit/s",
                 "Use of the links while it was measured, both directions, mean", out);
        if (r >= 0 && lost)
                r = draw(lab->topology, loss, "loss", "%",
                         "Packets that the links dropped while it was measured", out);
        return r;
}
