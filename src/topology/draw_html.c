/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The page is draw_html.css and draw_page.css, draw_html.js, the SVG, and what the panel tells as
 * JSON. */

#include <errno.h>
#include <string.h>

#include "topology/draw_parts.h"

extern const char draw_html_css[], draw_page_css[], draw_html_js[];

/* ["name","value"], if there is a value. */
static void put_row(Str *out, const char *name, const char *value) {
        if (str_empty(value) || out->failed)
                return;
        if (out->text[out->length - 1] == ']')
                str_put_char(out, ',');
        str_put_char(out, '[');
        draw_put_json(out, name);
        str_put_char(out, ',');
        draw_put_json(out, value);
        str_put_char(out, ']');
}

static void put_row_list(Str *out, const char *name, char *const *list) {
        strv_foreach(item, list)
                put_row(out, item == (char **) list ? name : "", *item);
}

static void put_row_words(Str *out, const char *name, char *const *list) {
        autofree char *words = list ? strv_join(list, " ") : NULL;

        if (list && !words)
                out->failed = true;
        put_row(out, name, words);
}

static void put_row_number(Str *out, const char *name, uint64_t number, const char *unit) {
        autofree char *words =
                number ? str_format("%llu%s", (unsigned long long) number, unit) : NULL;

        if (number && !words)
                out->failed = true;
        put_row(out, name, words);
}

static void put_row_address(Str *out, const char *name, const Address *a) {
        autostr s = {};

        if (a->family == 0)
                return;
        draw_put_address(&s, a);
        out->failed |= s.failed;
        put_row(out, name, s.text);
}

/* Environments stay out: draw.h. */
static void put_node_rows(const Node *n, bool ended, Str *out) {
        autofree char *cpus = n->cpus > 0 ? str_format("%g", n->cpus) : NULL;

        str_put(out, "\"rows\":[");
        put_row(out, "state", ended ? "not running" : NULL);
        put_row(out, "image", n->image);
        put_row_words(out, "command", n->cmd);
        put_row(out, "entrypoint", n->entrypoint);
        put_row(out, "user", n->user);
        put_row(out, "directory", n->workdir);
        put_row(out, "group", n->group);
        put_row(out, "cpus", cpus);
        put_row(out, "cpuset", n->cpuset);
        put_row_number(out, "memory", n->memory, " bytes");
        put_row_number(out, "pids", n->pids, "");
        put_row_address(out, "management", &n->management);
        put_row_address(out, "management", &n->management6);
        put_row_list(out, "ports", n->ports);
        put_row_list(out, "routes", n->routes);
        put_row_list(out, "binds", n->binds);
        put_row_list(out, "exec", n->exec);
        put_row_list(out, "sysctls", n->sysctls);
        put_row(out, "STP", n->stp ? "on" : NULL);
        put_row(out, "VLANs", n->vlan_filtering ? "filtered" : NULL);
        put_row_list(out, "controllers", n->controllers);
        put_row(out, "protocols", n->protocols);
        put_row(out, "dpid", n->dpid);
        put_row_list(out, "labels", n->labels);
        str_put_char(out, ']');
}

static void put_interface(const Interface *i, Str *out) {
        str_put(out, "{\"name\":");
        draw_put_json(out, i->name);
        str_printf(out, ",\"link\":%zu,\"end\":%d,\"mac\":", i->link, i->end);
        if (i->has_mac)
                str_printf(out, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", i->mac[0], i->mac[1],
                           i->mac[2], i->mac[3], i->mac[4], i->mac[5]);
        else
                str_put(out, "null");
        str_put(out, ",\"addresses\":[");
        for (size_t k = 0; k < i->n_addresses; k++) {
                str_put(out, k ? ",\"" : "\"");
                draw_put_address(out, &i->addresses[k]);
                str_put_char(out, '"');
        }
        str_put(out, "]}");
}

static void put_node(const Node *n, bool ended, Str *out) {
        str_put(out, "{\"name\":");
        draw_put_json(out, n->name);
        str_put(out, ",\"kind\":");
        draw_put_json(out, draw_kind(n));
        str_put_char(out, ',');
        put_node_rows(n, ended, out);
        str_put(out, ",\"interfaces\":[");
        for (size_t i = 0; i < n->n_interfaces; i++) {
                if (i)
                        str_put_char(out, ',');
                put_interface(&n->interfaces[i], out);
        }
        str_put(out, "]}");
}

static void put_link(const Topology *t, size_t index, const DrawOptions *o, Str *out) {
        const TopologyLink *l = &t->links[index];
        autofree char *value = draw_value(o, index);

        str_put(out, "{\"name\":");
        draw_put_json(out, l->name);
        str_printf(out, ",\"ends\":[[%zu,%zu],[%zu,%zu]],\"quality\":[", l->sides[0].node,
                   l->sides[0].interface, l->sides[1].node, l->sides[1].interface);
        for (int end = 0; end < 2; end++) {
                autofree char *words = quality_words(&l->quality[end]);

                if (!words)
                        out->failed = true;
                if (end)
                        str_put_char(out, ',');
                draw_put_json(out, words ? words : "");
        }
        str_put(out, "],\"rows\":[");
        put_row(out, "state", o->cut && o->cut[index] ? "cut" : NULL);
        put_row(out, o->value_name ? o->value_name : "value", value);
        put_row_number(out, "mtu", l->mtu, "");
        put_row(out, "engine", l->engine);
        put_row_list(out, "labels", l->labels);
        str_put(out, "]}");
}

static void put_uplink(const Uplink *u, Str *out) {
        str_put(out, "{\"kind\":");
        draw_put_json(out, u->kind);
        str_printf(out, ",\"node\":%zu,\"rows\":[", u->node);
        put_row(out, "interface", u->interface);
        put_row_list(out, "settings", u->settings);
        str_put(out, "]}");
}

static void put_data(const Topology *t, const DrawOptions *o, const char *title, Str *out) {
        str_put(out, "<script type=\"application/json\" id=\"lab\">{\"name\":");
        draw_put_json(out, title);
        str_put(out, ",\n\"nodes\":[");
        for (size_t i = 0; i < t->n_nodes; i++) {
                str_put(out, i ? ",\n" : "\n");
                put_node(&t->nodes[i], o->ended && o->ended[i], out);
        }
        str_put(out, "],\n\"links\":[");
        for (size_t i = 0; i < t->n_links; i++) {
                str_put(out, i ? ",\n" : "\n");
                put_link(t, i, o, out);
        }
        str_put(out, "],\n\"uplinks\":[");
        for (size_t i = 0; i < t->n_uplinks; i++) {
                str_put(out, i ? ",\n" : "\n");
                put_uplink(&t->uplinks[i], out);
        }
        str_put(out, "]}</script>\n");
}

static void put_head(const char *title, Str *out) {
        str_put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<title>");
        draw_put_xml(out, title);
        str_put(out, "</title>\n<style id=\"drawing-style\">\n");
        str_put(out, draw_html_css);
        str_put(out, "</style>\n<style>\n");
        str_put(out, draw_page_css);
        str_put(out, "</style>\n</head>\n");
}

static void put_header(const Topology *t, const char *title, Str *out) {
        str_put(out, "<header><h1>");
        draw_put_xml(out, title);
        str_printf(out, "</h1><span class=\"count\">%zu node%s, %zu link%s</span>\n", t->n_nodes,
                   t->n_nodes == 1 ? "" : "s", t->n_links, t->n_links == 1 ? "" : "s");
        str_put(out,
                "<input id=\"search\" type=\"search\" placeholder=\"Find a node or address\" "
                "aria-label=\"Find a node or address\">\n"
                "<button id=\"further\" title=\"Zoom out (-)\" aria-label=\"Zoom out\">−</button>\n"
                "<button id=\"nearer\" title=\"Zoom in (+)\" aria-label=\"Zoom in\">+</button>\n"
                "<button id=\"fit\" title=\"Show all (0)\">Fit</button>\n"
                "<button id=\"save\" title=\"Save the drawing as it is now\">SVG</button>\n"
                "<button id=\"theme\" title=\"Light or dark\">◐</button>\n</header>\n");
}

int draw_html(const Topology *t, const DrawOptions *options, Str *out) {
        static const DrawOptions none = {};
        const DrawOptions *o = options ? options : &none;
        const char *title = o->title ? o->title : t->name ? t->name : "lab";
        autoscene s = {};
        int r = scene_make(t, o, &s);

        if (r < 0)
                return r;
        put_head(title, out);
        str_put(out, "<body>\n");
        put_header(t, title, out);
        str_put(out, "<main>\n");
        r = draw_svg_scene(&s, o, DRAW_EMBEDDED, out);
        str_put(out, "</main>\n<aside aria-live=\"polite\"></aside>\n");
        put_data(t, o, title, out);
        str_put(out, "<script>\n");
        str_put(out, draw_html_js);
        str_put(out, "</script>\n</body>\n</html>\n");
        return r < 0 || out->failed ? -ENOMEM : 0;
}
