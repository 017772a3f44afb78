/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Plots as SVG elements inside of a page: no scripts, nothing from elsewhere. */

#include "base/str.h"
#include "measure/sample.h"

#define SVG_COLOURS 8

typedef struct PlotLine {
        const char *name;
        int colour; /* of SVG_COLOURS */
        const double *x, *y;
        size_t n;
        bool steps; /* a value holds until the next, as in a distribution function */
} PlotLine;

/* What a box shows: the middle half, the median, whiskers to the ends, single values as dots. */
typedef struct PlotBox {
        const char *name;
        int colour;
        const double *values;
        size_t n;
} PlotBox;

typedef struct Plot {
        const char *title, *x, *y; /* with units */
        bool from_zero;            /* of y */
        double y_max;              /* or 0: as the data are */
} Plot;

/* Lines of more points than a screen has are thinned so that every peak stays. */
void svg_lines(Str *out, const Plot *plot, const PlotLine *lines, size_t n);
void svg_boxes(Str *out, const Plot *plot, const PlotBox *boxes, size_t n);

/* Round numbers for an axis from about @low to about @high: the first, and how far apart. */
void axis_steps(double low, double high, int wanted, double *ret_first, double *ret_step);
