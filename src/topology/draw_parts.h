/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files draw*.c share; see draw.h. */

#include "topology/draw.h"
#include "topology/layout.h"

/* For text between tags and in attributes in double quotes, XML's and HTML's. */
void draw_put_xml(Str *out, const char *text);
/* A string of JSON that may stand inside of <script>. */
void draw_put_json(Str *out, const char *text);
/* A number with at most one decimal, whatever the locale. */
void draw_put_number(Str *out, double number);

/* Room that a text takes on a line, in units of @size: an estimate that is rather too large. */
double draw_text_width(const char *text, double size);
/* The same for a monospaced font. */
double draw_mono_width(const char *text, double size);
/* With "…" in its middle if it has more than @max characters; the caller's. */
char *draw_shortened(const char *text, size_t max);

/* "10.0.0.1/24". */
void draw_put_address(Str *out, const Address *a);
/* "10ms ±1ms 1mbit loss 1%": quality_words() without what goes without saying; NULL without memory.
 */
char *draw_quality(const Quality *q);
/* What a value is coloured with, "#rrggbb"; @fraction from 0 to 1. */
void draw_colour(double fraction, char ret[8]);
/* The end of the scale: value_max, or the largest value. */
double draw_scale_end(const Topology *t, const DrawOptions *o);
/* "37.2 %"; NULL for a value that is not known, or without memory. */
char *draw_value(const DrawOptions *o, size_t link);
/* What the panel of draw_html() and titles call a node's kind. */
const char *draw_kind(const Node *n);

/* A place on paper for everything: pixels, y downwards. */

typedef enum NameSide { NAME_BELOW, NAME_ABOVE, NAME_RIGHT, NAME_LEFT } NameSide;

typedef struct SceneNode {
        Point at;
        const char *symbol; /* "host", "container", "router", "bridge", "ovs-bridge", "uplink" */
        char *name, *note;  /* as written; the note is the image without its registry, or NULL */
        NameSide side;      /* of the symbol, where they are written */
} SceneNode;

/* Lines of text along a link, turned so that they can be read. */
typedef struct SceneLabel {
        char **rows;   /* none: there is no such label, or no room for it */
        double along;  /* from the end to the middle of the text; the middle's: from the middle */
        double across; /* from the link to the middle of the text; below 0 is above */
        double width, height;
} SceneLabel;

#define LABEL_MIDDLE 2

typedef struct SceneLink {
        size_t ends[2]; /* scene nodes */
        double bend;    /* how far its middle is to the right of the straight line, from ends[0] */
        SceneLabel labels[3]; /* at both ends, in the middle */
} SceneLink;

typedef struct Scene {
        const Topology *t;
        DrawLabels labels; /* never DRAW_AUTO */
        double scale;      /* of nodes and texts */
        double width, height;
        SceneNode *nodes; /* the topology's, then one for each uplink */
        size_t n_nodes;
        SceneLink *links; /* likewise */
        size_t n_links;
} Scene;

#define ICON_WIDTH  44.0 /* at scale 1 */
#define ICON_HEIGHT 32.0
#define NAME_SIZE   13.0
#define SMALL_SIZE  10.0
#define ROW_HEIGHT  12.0
#define NAME_HEIGHT (NAME_SIZE + 3)

int scene_make(const Topology *t, const DrawOptions *o, Scene *ret);
void scene_clear(Scene *s);
#define autoscene __attribute__((__cleanup__(scene_clear))) Scene

/* Where on a link a label's middle is, and by how many degrees it is turned (-90 to 90). */
typedef struct ScenePlace {
        Point at;
        double degrees;
} ScenePlace;
ScenePlace scene_label_place(const Scene *s, const SceneLink *l, int which);
/* Whether texts along it are read from its second end to its first. */
bool scene_is_reversed(const Scene *s, const SceneLink *l);
/* The point that pulls a bent link's curve. */
Point scene_control(const Scene *s, const SceneLink *l);

/* The rules of style that the drawing needs, for light and dark. */
typedef enum DrawStyle {
        DRAW_STANDALONE, /* dark where the viewer prefers it */
        DRAW_EMBEDDED,   /* the page has the rules: draw_html.css */
} DrawStyle;
int draw_svg_scene(const Scene *s, const DrawOptions *o, DrawStyle style, Str *out);
