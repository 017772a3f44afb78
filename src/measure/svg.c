/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "measure/markup.h"
#include "measure/svg.h"

#define WIDTH   640
#define HEIGHT  300
#define LEFT    64
#define RIGHT   16
#define TOP     28
#define BOTTOM  44
#define COLUMNS (WIDTH - LEFT - RIGHT)
#define EXTREME 1e150
#define ROW     22 /* of a box plot */
#define NAMES   180
#define TICKS   20 /* of an axis, at most */

/* Where data lie on the page. */
typedef struct Frame {
        double x0, x1, y0, y1; /* data at the edges */
        double left, right, top, bottom;
} Frame;

/* The share of the way from one end to the other; what lies outside is at the edge. */
static double along(double value, double from, double to) {
        return fmin(fmax((value - from) / (to - from), 0), 1);
}

static double place_x(const Frame *f, double x) {
        return f->left + along(x, f->x0, f->x1) * (f->right - f->left);
}

static double place_y(const Frame *f, double y) {
        return f->bottom - along(y, f->y0, f->y1) * (f->bottom - f->top);
}

void axis_steps(double low, double high, int wanted, double *ret_first, double *ret_step) {
        double raw = (high - low) / wanted, size = pow(10, floor(log10(raw))), factor = raw / size;

        *ret_step = size * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
        *ret_first = ceil(low / *ret_step - 1e-9) * *ret_step;
}

/* So that an axis has an extent, also of one value. */
static void widen(double *low, double *high) {
        double by;

        if (!isfinite(*low) || !isfinite(*high)) {
                *low = 0;
                *high = 1;
        }
        /* So large that differences still are numbers. */
        *low = fmin(fmax(*low, -EXTREME), EXTREME);
        *high = fmin(fmax(*high, -EXTREME), EXTREME);
        by = fmax((*high - *low) * 0.04, fabs(*high) * 1e-6);
        if (by <= 0)
                by = 0.5;
        *low -= *low >= 0 && *low - by < 0 ? *low : by;
        *high += by;
}

static void put_number(Str *out, double value, double step) {
        int digits = step >= 1 ? 0 : (int) ceil(-log10(step) - 1e-9);

        if (fabs(value) < step / 1e6)
                value = 0;
        if (fabs(value) >= 1e6 || digits > 6)
                str_printf(out, "%.3g", value);
        else
                str_printf(out, "%.*f", digits, value);
}

static void put_text(Str *out, double x, double y, const char *class, const char *text) {
        str_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
        markup_put(out, text);
        str_put(out, "</text>\n");
}

static void put_x_axis(Str *out, const Frame *f) {
        double first, step;

        axis_steps(f->x0, f->x1, 7, &first, &step);
        for (int i = 0; i < TICKS && first + i * step <= f->x1 + step * 1e-9; i++) {
                double v = first + i * step, x = place_x(f, v);

                str_printf(out,
                           "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"g\"/>", x,
                           f->top, x, f->bottom);
                str_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"m\">", x, f->bottom + 16);
                put_number(out, v, step);
                str_put(out, "</text>\n");
        }
}

static void put_y_axis(Str *out, const Frame *f) {
        double first, step;

        axis_steps(f->y0, f->y1, 5, &first, &step);
        for (int i = 0; i < TICKS && first + i * step <= f->y1 + step * 1e-9; i++) {
                double v = first + i * step, y = place_y(f, v);

                str_printf(out,
                           "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"g\"/>",
                           f->left, y, f->right, y);
                str_printf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"e\">", f->left - 6, y + 4);
                put_number(out, v, step);
                str_put(out, "</text>\n");
        }
}

static void begin(Str *out, const Plot *plot, double height) {
        str_printf(
                out,
                "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">\n",
                WIDTH, height);
        str_put(out, "<title>");
        markup_put(out, plot->title);
        str_put(out, "</title>\n");
        put_text(out, LEFT, 16, "t", plot->title);
}

/* ---- lines ---- */

static Frame frame_of_lines(const Plot *plot, const PlotLine *lines, size_t n, double bottom) {
        Frame f = { .x0 = INFINITY,
                    .x1 = -INFINITY,
                    .y0 = INFINITY,
                    .y1 = -INFINITY,
                    .left = LEFT,
                    .right = WIDTH - RIGHT,
                    .top = TOP,
                    .bottom = bottom };

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < lines[i].n; k++) {
                        f.x0 = fmin(f.x0, lines[i].x[k]);
                        f.x1 = fmax(f.x1, lines[i].x[k]);
                        f.y0 = fmin(f.y0, lines[i].y[k]);
                        f.y1 = fmax(f.y1, lines[i].y[k]);
                }
        if (plot->from_zero && isfinite(f.y0))
                f.y0 = fmin(f.y0, 0);
        widen(&f.x0, &f.x1);
        widen(&f.y0, &f.y1);
        if (plot->y_max > 0)
                f.y1 = plot->y_max;
        return f;
}

static void put_point(Str *out, const Frame *f, double x, double y) {
        str_printf(out, "%.1f,%.1f ", place_x(f, x), place_y(f, y));
}

/* Of the points that share a column of the screen the lowest and the highest are drawn. */
static void put_thinned(Str *out, const Frame *f, const PlotLine *l) {
        for (size_t k = 0; k < l->n;) {
                double column = floor(place_x(f, l->x[k]));
                size_t low = k, high = k;

                for (k++; k < l->n && floor(place_x(f, l->x[k])) <= column; k++) {
                        low = l->y[k] < l->y[low] ? k : low;
                        high = l->y[k] > l->y[high] ? k : high;
                }
                put_point(out, f, l->x[low < high ? low : high], l->y[low < high ? low : high]);
                if (low != high)
                        put_point(out, f, l->x[low < high ? high : low],
                                  l->y[low < high ? high : low]);
        }
}

static void put_line(Str *out, const Frame *f, const PlotLine *l) {
        str_printf(out, "<polyline class=\"c%d\" points=\"", l->colour % SVG_COLOURS);
        if (l->n > COLUMNS * 2)
                put_thinned(out, f, l);
        else
                for (size_t k = 0; k < l->n; k++) {
                        if (l->steps && k > 0)
                                put_point(out, f, l->x[k], l->y[k - 1]);
                        put_point(out, f, l->x[k], l->y[k]);
                }
        str_put(out, "\"/>\n");
}

/* One entry for each name: repetitions share theirs. */
static double put_legend(Str *out, const PlotLine *lines, size_t n, double y) {
        const char *last = NULL;
        double x = LEFT;

        for (size_t i = 0; i < n; i++) {
                double width = 26 + 6.4 * (double) (lines[i].name ? strlen(lines[i].name) : 0);

                if (!lines[i].name || str_equal(last, lines[i].name))
                        continue;
                last = lines[i].name;
                if (x > LEFT && x + width > WIDTH - RIGHT) {
                        x = LEFT;
                        y += 16;
                }
                str_printf(out,
                           "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"4\" class=\"f%d\"/>",
                           x, y - 6, lines[i].colour % SVG_COLOURS);
                put_text(out, x + 16, y, "l", lines[i].name);
                x += width;
        }
        return y;
}

static size_t legend_rows(const PlotLine *lines, size_t n) {
        autostr nowhere = {};

        return (size_t) ((put_legend(&nowhere, lines, n, 0)) / 16) + 1;
}

void svg_lines(Str *out, const Plot *plot, const PlotLine *lines, size_t n) {
        double bottom = HEIGHT - BOTTOM;
        Frame f = frame_of_lines(plot, lines, n, bottom);

        begin(out, plot, HEIGHT + 16 * (double) legend_rows(lines, n));
        put_x_axis(out, &f);
        put_y_axis(out, &f);
        for (size_t i = 0; i < n; i++)
                if (lines[i].n > 0)
                        put_line(out, &f, &lines[i]);
        put_text(out, WIDTH - RIGHT, bottom + 32, "e", plot->x);
        put_text(out, WIDTH - RIGHT, 16, "e", plot->y);
        (void) put_legend(out, lines, n, HEIGHT + 6);
        str_put(out, "</svg>\n");
}

/* ---- boxes ---- */

static void put_box(Str *out, const Frame *f, const PlotBox *b, double y) {
        autofree double *sorted = values_sorted(b->values, b->n);
        double low, q1, median, q3, high, half = ROW * 0.32;

        if (!sorted) {
                out->failed = true;
                return;
        }
        put_text(out, f->left - 8, y + 4, "e", b->name);
        if (b->n == 0)
                return;
        low = place_x(f, sorted[0]);
        q1 = place_x(f, sorted_percentile(sorted, b->n, 0.25));
        median = place_x(f, sorted_percentile(sorted, b->n, 0.5));
        q3 = place_x(f, sorted_percentile(sorted, b->n, 0.75));
        high = place_x(f, sorted[b->n - 1]);
        str_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"w\"/>", low,
                   y, high, y);
        str_printf(out,
                   "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"b f%d\"/>",
                   q1, y - half, fmax(q3 - q1, 0.5), half * 2, b->colour % SVG_COLOURS);
        str_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"d\"/>\n",
                   median, y - half - 2, median, y + half + 2);
        for (size_t i = 0; i < b->n && b->n <= 30; i++)
                str_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" class=\"f%d\"/>\n",
                           place_x(f, b->values[i]), y, b->colour % SVG_COLOURS);
}

void svg_boxes(Str *out, const Plot *plot, const PlotBox *boxes, size_t n) {
        double height = TOP + ROW * (double) n + BOTTOM;
        Frame f = { .x0 = INFINITY,
                    .x1 = -INFINITY,
                    .left = NAMES,
                    .right = WIDTH - RIGHT,
                    .top = TOP,
                    .bottom = height - BOTTOM };

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < boxes[i].n; k++) {
                        f.x0 = fmin(f.x0, boxes[i].values[k]);
                        f.x1 = fmax(f.x1, boxes[i].values[k]);
                }
        if (plot->from_zero && isfinite(f.x0))
                f.x0 = fmin(f.x0, 0);
        widen(&f.x0, &f.x1);
        begin(out, plot, height);
        put_x_axis(out, &f);
        for (size_t i = 0; i < n; i++)
                put_box(out, &f, &boxes[i], TOP + ROW * ((double) i + 0.5));
        put_text(out, WIDTH - RIGHT, height - 12, "e", plot->x);
        str_put(out, "</svg>\n");
}
