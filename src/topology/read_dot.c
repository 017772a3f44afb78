/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Graphviz's dot language
 *
 * The whole grammar is read.  A node's id is its name, a port its interface ("a:eth1 --
 * b:eth0"; compass points are not).  In a digraph a -> b and b -> a are the two directions of one
 * link; an edge without an opposite says both.  Attributes: graph.h.
 */

#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "topology/graph.h"
#include "topology/read.h"
#include "topology/read_internal.h"
#include "topology/reshape.h"

#define DEPTH_LIMIT 64

typedef enum TokenKind {
        TOKEN_END,
        TOKEN_ID,
        TOKEN_EDGE, /* "--" or "->" */
        TOKEN_MARK, /* one of { } [ ] ; , = : + */
} TokenKind;

typedef struct Token {
        TokenKind kind;
        char mark;
        bool plain; /* an id without quotes, which may be a keyword */
        char *text; /* of an id */
        int line;
} Token;

/* A node's id, for tsearch(3). */
typedef struct Id {
        size_t node;
        char text[];
} Id;

/* What a subgraph, or the graph, gives to what it makes, and the nodes it mentions. */
typedef struct Scope {
        struct Scope *outer;
        char **node_attributes, **edge_attributes;
        size_t *nodes;
        size_t n_nodes;
} Scope;

typedef struct Endpoint {
        size_t *nodes; /* one, or those of a subgraph */
        size_t n_nodes;
        char *port;
} Endpoint;

typedef struct Parser {
        const char *at, *end;
        int line;
        Token token; /* the next one */
        Graph *graph;
        void *ids;
        bool directed, strict;
        bool *one_way; /* by link: an edge of a digraph whose opposite was not met */
        size_t n_one_way;
        int depth;
} Parser;

static int wrong(const Parser *p, Err *err, const char *what) {
        const Token *t = &p->token;
        char mark[] = { t->mark, '\0' };

        return topology_refuse(p->graph->t, t->line, err, "expected %s, not %s%s%s", what,
                               t->kind == TOKEN_END ? "the end" : "'",
                               t->kind == TOKEN_ID     ? t->text
                               : t->kind == TOKEN_EDGE ? "an edge"
                               : t->kind == TOKEN_MARK ? mark
                                                       : "",
                               t->kind == TOKEN_END ? "" : "'");
}

/* ---- words ---- */

static void skip_line(Parser *p) {
        while (p->at < p->end && *p->at != '\n')
                p->at++;
}

/* Blanks, comments, and lines that begin with '#'. */
static int skip_blanks(Parser *p, bool at_start, Err *err) {
        for (; p->at < p->end; p->at++) {
                size_t left = (size_t) (p->end - p->at);

                if (*p->at == '\n') {
                        p->line++;
                        at_start = true;
                } else if ((left > 1 && p->at[0] == '/' && p->at[1] == '/') ||
                           (*p->at == '#' && at_start)) {
                        skip_line(p);
                        p->at--;
                } else if (left > 1 && p->at[0] == '/' && p->at[1] == '*') {
                        const char *close = memmem(p->at + 2, left - 2, "*/", 2);

                        if (!close)
                                return topology_refuse(p->graph->t, p->line, err,
                                                       "a comment is not closed");
                        for (; p->at <= close; p->at++)
                                p->line += *p->at == '\n';
                } else if (!isspace((unsigned char) *p->at))
                        return 0;
        }
        return 0;
}

static bool is_word(char c) {
        return isalnum((unsigned char) c) || c == '_' || (unsigned char) c >= 0x80;
}

/* A number's sign and point may stand in it, a word's may not. */
static int read_plain(Parser *p, Err *err) {
        const char *begin = p->at;
        bool number = isdigit((unsigned char) *begin) || *begin == '-' || *begin == '.';

        if (*p->at == '-')
                p->at++;
        while (p->at < p->end && (is_word(*p->at) || (number && *p->at == '.')))
                p->at++;
        p->token.kind = TOKEN_ID;
        p->token.plain = true;
        p->token.text = strndup(begin, (size_t) (p->at - begin));
        return p->token.text ? 0 : no_memory(err);
}

static int read_quoted(Parser *p, Err *err) {
        autostr s = {};

        for (p->at++; p->at < p->end && *p->at != '"'; p->at++) {
                p->line += *p->at == '\n';
                if (*p->at == '\\' && p->end - p->at > 1 && p->at[1] == '\n') {
                        p->line++;
                        p->at++;
                        continue;
                }
                if (*p->at == '\\' && p->end - p->at > 1 && (p->at[1] == '"' || p->at[1] == '\\'))
                        p->at++;
                if (*p->at)
                        str_put_char(&s, *p->at);
        }
        if (p->at == p->end)
                return topology_refuse(p->graph->t, p->token.line, err, "a quote is not closed");
        p->at++;
        p->token.kind = TOKEN_ID;
        p->token.text = str_take(&s);
        return p->token.text ? 0 : no_memory(err);
}

/* <HTML>, whose brackets are balanced; what is inside is nobody's here. */
static int skip_html(Parser *p, Err *err) {
        int depth = 0;

        for (; p->at < p->end; p->at++) {
                p->line += *p->at == '\n';
                depth += *p->at == '<' ? 1 : *p->at == '>' ? -1 : 0;
                if (depth == 0)
                        break;
        }
        if (p->at == p->end)
                return topology_refuse(p->graph->t, p->token.line, err, "a '<' is not closed");
        p->at++;
        p->token.kind = TOKEN_ID;
        p->token.text = strdup("");
        return p->token.text ? 0 : no_memory(err);
}

/* The next word, of which p->token is the only one. */
static int read_token(Parser *p, bool at_start, Err *err) {
        int r = skip_blanks(p, at_start, err);
        char c, next;

        free(p->token.text);
        p->token = (Token){ .line = p->line };
        if (r < 0 || p->at == p->end)
                return r;
        c = *p->at;
        next = p->end - p->at > 1 ? p->at[1] : '\0';
        if (c == '-' && (next == '-' || next == '>')) {
                p->at += 2;
                p->token.kind = TOKEN_EDGE;
                p->token.mark = next;
                return 0;
        }
        if (c == '"')
                return read_quoted(p, err);
        if (c == '<')
                return skip_html(p, err);
        if (is_word(c) || c == '.' || (c == '-' && (isdigit((unsigned char) next) || next == '.')))
                return read_plain(p, err);
        if (!c || !strchr("{}[];,=:+", c))
                return topology_refuse(p->graph->t, p->line, err,
                                       isprint((unsigned char) c) ? "'%c' has no meaning here"
                                                                  : "a byte %d has no meaning here",
                                       (unsigned char) c);
        p->at++;
        p->token.kind = TOKEN_MARK;
        p->token.mark = c;
        return 0;
}

static int next(Parser *p, Err *err) {
        return read_token(p, false, err);
}

static bool is_mark(const Parser *p, char mark) {
        return p->token.kind == TOKEN_MARK && p->token.mark == mark;
}

static bool is_keyword(const Parser *p, const char *word) {
        return p->token.kind == TOKEN_ID && p->token.plain && strcasecmp(p->token.text, word) == 0;
}

static int take_mark(Parser *p, char mark, Err *err) {
        char what[] = { '\'', mark, '\'', '\0' };

        return is_mark(p, mark) ? next(p, err) : wrong(p, err, what);
}

/* An id, of several quoted parts perhaps: "a" + "b". */
static int take_id(Parser *p, char **ret, Err *err) {
        autofree char *id = NULL;
        int r = 0;

        if (p->token.kind != TOKEN_ID)
                return wrong(p, err, "a name");
        id = take_ptr(p->token.text);
        r = next(p, err);
        while (r >= 0 && is_mark(p, '+')) {
                char *joined;

                r = next(p, err);
                if (r >= 0 && p->token.kind != TOKEN_ID)
                        r = wrong(p, err, "a quoted text");
                if (r < 0)
                        break;
                joined = str_format("%s%s", id, p->token.text);
                if (!joined)
                        return no_memory(err);
                free(id);
                id = joined;
                r = next(p, err);
        }
        if (r >= 0)
                *ret = take_ptr(id);
        return r;
}

/* ---- attributes ---- */

/* "[a=b, c]", any number of times; one without a value is true. */
static int take_attributes(Parser *p, char ***list, Err *err) {
        int r = 0;

        while (r >= 0 && is_mark(p, '[')) {
                r = next(p, err);
                while (r >= 0 && !is_mark(p, ']')) {
                        autofree char *key = NULL, *value = NULL, *pair = NULL;

                        r = take_id(p, &key, err);
                        if (r >= 0 && is_mark(p, '=')) {
                                r = next(p, err);
                                r = r < 0 ? r : take_id(p, &value, err);
                        }
                        if (r < 0)
                                return r;
                        pair = str_format("%s=%s", key, value ? value : "true");
                        if (!pair || (!strchr(key, '=') && strv_env_set(list, pair) < 0))
                                return no_memory(err);
                        if (is_mark(p, ',') || is_mark(p, ';'))
                                r = next(p, err);
                }
                if (r >= 0)
                        r = take_mark(p, ']', err);
        }
        return r;
}

/* How graphviz draws it, which says nothing about a network. */
static bool is_drawing(const char *key) {
        static const char *const words[] = {
                "arrowhead",   "arrowsize", "arrowtail",  "class",         "color",
                "colorscheme", "comment",   "constraint", "decorate",      "dir",
                "distortion",  "edgeURL",   "fillcolor",  "fixedsize",     "fontcolor",
                "fontname",    "fontsize",  "group",      "headlabel",     "headport",
                "height",      "href",      "id",         "labelangle",    "labeljust",
                "labelloc",    "layer",     "len",        "lhead",         "ltail",
                "margin",      "minlen",    "nojustify",  "ordering",      "orientation",
                "penwidth",    "pin",       "rank",       "regular",       "root",
                "samehead",    "sametail",  "shape",      "showboxes",     "sides",
                "skew",        "splines",   "style",      "taillabel",     "tailport",
                "target",      "tooltip",   "URL",        "vertices",      "weight",
                "width",       "xlabel",    "xlp",        "labelfontsize", "labelfloat",
                "lp",          "rects",     "imagescale", "imagepos",      NULL
        };

        return strv_has((char *const *) words, key);
}

typedef int (*SetAttribute)(Graph *g, size_t index, const char *key, const char *value, int line,
                            Err *err);

static int set_attributes(Parser *p, SetAttribute set, size_t index, char *const *attributes,
                          int line, Err *err) {
        strv_foreach(pair, attributes) {
                size_t n = strcspn(*pair, "=");
                autofree char *key = strndup(*pair, n);
                int r = !key ? no_memory(err)
                        : is_drawing(key) || str_equal(*pair + n + 1, "\\N")
                                ? 0
                                : set(p->graph, index, key, *pair + n + 1, line, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int set_both(Graph *g, size_t link, const char *key, const char *value, int line, Err *err) {
        return graph_set_link(g, link, -1, key, value, line, err);
}

static int set_back(Graph *g, size_t link, const char *key, const char *value, int line, Err *err) {
        return graph_set_link(g, link, 1, key, value, line, err);
}

/* ---- nodes ---- */

static int compare_ids(const void *a, const void *b) {
        return strcmp(((const Id *) a)->text, ((const Id *) b)->text);
}

static int add_member(size_t **nodes, size_t *n, size_t node) {
        size_t *place = json_grow(nodes, n, sizeof *place);

        if (!place)
                return -ENOMEM;
        *place = node;
        return 0;
}

static int mention(Scope *scope, size_t node, Err *err) {
        for (; scope; scope = scope->outer) {
                /* Mostly the one just mentioned; twice in a list is harmless but for its length. */
                if (scope->n_nodes > 0 && scope->nodes[scope->n_nodes - 1] == node)
                        continue;
                if (add_member(&scope->nodes, &scope->n_nodes, node) < 0)
                        return no_memory(err);
        }
        return 0;
}

/* The node of that id, made as its scope says if it is new. */
static ssize_t find_node(Parser *p, Scope *scope, const char *text, int line, Err *err) {
        autofree Id *id = malloc(sizeof *id + strlen(text) + 1);
        ssize_t node;
        Id **found;
        int r;

        if (!id)
                return no_memory(err);
        strcpy(id->text, text);
        found = tsearch(id, &p->ids, compare_ids);
        if (!found)
                return no_memory(err);
        if (*found != id)
                return (ssize_t) (*found)->node;
        id->node = p->graph->t->n_nodes;
        id = NULL;
        node = graph_add_node(p->graph, text, line, err);
        if (node < 0)
                return node;
        r = set_attributes(p, graph_set_node, (size_t) node, scope->node_attributes, line, err);
        return r < 0 ? r : node;
}

static bool is_compass(const char *port) {
        static const char *const points[] = { "n", "ne", "e", "se", "s", "sw",
                                              "w", "nw", "c", "_",  NULL };

        return strv_has((char *const *) points, port);
}

/* ":eth1:n" */
static int take_port(Parser *p, char **ret, Err *err) {
        int r = 0;

        for (int i = 0; r >= 0 && i < 2 && is_mark(p, ':'); i++) {
                autofree char *port = NULL;

                r = next(p, err);
                if (r >= 0)
                        r = take_id(p, &port, err);
                if (r >= 0 && i == 0 && *port && !is_compass(port))
                        *ret = take_ptr(port);
        }
        return r;
}

/* ---- edges ---- */

/* A link between two nodes, the first one of which is a. */
static ssize_t find_link(const Parser *p, size_t a, size_t b, bool one_way) {
        const Topology *t = p->graph->t;
        const Node *n = &t->nodes[a];

        for (size_t i = 0; i < n->n_interfaces; i++) {
                const TopologyLink *l = &t->links[n->interfaces[i].link];

                if (n->interfaces[i].end == 0 && l->sides[1].node == b &&
                    (!one_way || p->one_way[n->interfaces[i].link]))
                        return (ssize_t) n->interfaces[i].link;
        }
        return -ENOENT;
}

static bool has_ports(const Topology *t, const TopologyLink *l, const Endpoint *a,
                      const Endpoint *b) {
        return (!a->port || str_equal(a->port, topology_interface(t, l->sides[0])->name)) &&
               (!b->port || str_equal(b->port, topology_interface(t, l->sides[1])->name));
}

/* An edge back, of which the other one is there: it says that direction alone. */
static int close_link(Parser *p, size_t link, char *const *attributes, int line, Err *err) {
        p->one_way[link] = false;
        quality_clear(&p->graph->t->links[link].quality[1]);
        return set_attributes(p, set_back, link, attributes, line, err);
}

static int add_edge(Parser *p, size_t a, size_t b, const Endpoint *from, const Endpoint *to,
                    char *const *attributes, int line, Err *err) {
        const Topology *t = p->graph->t;
        ssize_t link = p->directed ? find_link(p, b, a, true) : -ENOENT;
        bool *one_way;

        if (link >= 0 && has_ports(t, &t->links[link], to, from))
                return close_link(p, (size_t) link, attributes, line, err);
        if (p->strict) {
                link = find_link(p, a, b, false);
                if (link < 0 && !p->directed)
                        link = find_link(p, b, a, false);
                if (link >= 0)
                        return set_attributes(p, set_both, (size_t) link, attributes, line, err);
        }
        link = graph_add_link(p->graph, a, from->port, b, to->port, line, err);
        if (link == -ELOOP)
                return 0;
        if (link < 0)
                return (int) link;
        one_way = json_grow(&p->one_way, &p->n_one_way, sizeof *one_way);
        if (!one_way)
                return no_memory(err);
        *one_way = p->directed;
        return set_attributes(p, set_both, (size_t) link, attributes, line, err);
}

static int add_edges(Parser *p, const Endpoint *from, const Endpoint *to, char *const *attributes,
                     int line, Err *err) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < from->n_nodes; i++)
                for (size_t k = 0; r >= 0 && k < to->n_nodes; k++)
                        r = add_edge(p, from->nodes[i], to->nodes[k], from, to, attributes, line,
                                     err);
        return r;
}

/* ---- statements ---- */

static int take_body(Parser *p, Scope *scope, Err *err);

static void scope_clear(Scope *s) {
        strv_free(s->node_attributes);
        strv_free(s->edge_attributes);
        free(s->nodes);
}
#define autoscope __attribute__((__cleanup__(scope_clear))) Scope

/* "subgraph NAME { … }" or "{ … }"; its nodes go to @ret, each once. */
static int take_subgraph(Parser *p, Scope *outer, Endpoint *ret, Err *err) {
        autoscope scope = { .outer = outer };
        autofree char *name = NULL;
        int r = 0;

        if (is_keyword(p, "subgraph")) {
                r = next(p, err);
                if (r >= 0 && p->token.kind == TOKEN_ID)
                        r = take_id(p, &name, err);
        }
        if (r < 0)
                return r;
        if (++p->depth > DEPTH_LIMIT)
                return topology_refuse(p->graph->t, p->token.line, err,
                                       "subgraphs are nested too deeply");
        if (strv_copy(outer->node_attributes, &scope.node_attributes) < 0 ||
            strv_copy(outer->edge_attributes, &scope.edge_attributes) < 0)
                return no_memory(err);
        r = take_mark(p, '{', err);
        if (r >= 0)
                r = take_body(p, &scope, err);
        if (r >= 0)
                r = take_mark(p, '}', err);
        p->depth--;
        ret->nodes = take_ptr(scope.nodes);
        ret->n_nodes = scope.n_nodes;
        return r;
}

static int compare_indices(const void *a, const void *b) {
        size_t x = *(const size_t *) a, y = *(const size_t *) b;

        return (x > y) - (x < y);
}

static void drop_repeated(Endpoint *e) {
        size_t n = 0;

        if (e->n_nodes > 0)
                qsort(e->nodes, e->n_nodes, sizeof *e->nodes, compare_indices);
        for (size_t i = 0; i < e->n_nodes; i++)
                if (n == 0 || e->nodes[n - 1] != e->nodes[i])
                        e->nodes[n++] = e->nodes[i];
        e->n_nodes = n;
}

/* @ret_id: set, and the rest not read, for an id that is followed by '=' (a graph's attribute). */
static int take_endpoint(Parser *p, Scope *scope, Endpoint *ret, bool *ret_assigned, Err *err) {
        autofree char *id = NULL;
        int line = p->token.line, r;
        ssize_t node;

        if (is_mark(p, '{') || is_keyword(p, "subgraph")) {
                r = take_subgraph(p, scope, ret, err);
                drop_repeated(ret);
                return r;
        }
        r = take_id(p, &id, err);
        if (r < 0)
                return r;
        if (ret_assigned && is_mark(p, '=')) {
                *ret_assigned = true;
                return 0;
        }
        r = take_port(p, &ret->port, err);
        if (r < 0)
                return r;
        node = find_node(p, scope, id, line, err);
        if (node < 0)
                return (int) node;
        if (add_member(&ret->nodes, &ret->n_nodes, (size_t) node) < 0)
                return no_memory(err);
        return mention(scope, (size_t) node, err);
}

static void endpoints_free(Endpoint *chain, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(chain[i].nodes);
                free(chain[i].port);
        }
        free(chain);
}

/* "a -- b -- {c d} [delay=5ms]", what follows the first end. */
static int take_edges(Parser *p, Scope *scope, Endpoint **chain, size_t *n, Err *err) {
        autostrv attributes = NULL;
        int line = p->token.line, r = 0;

        while (r >= 0 && p->token.kind == TOKEN_EDGE) {
                Endpoint *e;

                if ((p->token.mark == '>') != p->directed)
                        return topology_refuse(p->graph->t, p->token.line, err,
                                               p->directed ? "edges of a digraph are '->'"
                                                           : "edges of a graph are '--'");
                r = next(p, err);
                e = r < 0 ? NULL : json_grow(chain, n, sizeof *e);
                if (r >= 0)
                        r = e ? take_endpoint(p, scope, e, NULL, err) : no_memory(err);
        }
        if (r >= 0 && strv_copy(scope->edge_attributes, &attributes) < 0)
                return no_memory(err);
        if (r >= 0)
                r = take_attributes(p, &attributes, err);
        for (size_t i = 0; r >= 0 && i + 1 < *n; i++)
                r = add_edges(p, &(*chain)[i], &(*chain)[i + 1], attributes, line, err);
        return r;
}

/* A node, edges, a subgraph, or "key = value" of the graph. */
static int take_other(Parser *p, Scope *scope, Err *err) {
        autostrv attributes = NULL;
        autofree char *value = NULL;
        Endpoint *chain = NULL, *first;
        size_t n = 0;
        int line = p->token.line, r;
        bool subgraph = is_mark(p, '{') || is_keyword(p, "subgraph"), assigned = false;

        first = json_grow(&chain, &n, sizeof *chain);
        r = first ? take_endpoint(p, scope, first, &assigned, err) : no_memory(err);
        if (r >= 0 && assigned) {
                r = next(p, err);
                r = r < 0 ? r : take_id(p, &value, err);
        } else if (r >= 0 && p->token.kind == TOKEN_EDGE)
                r = take_edges(p, scope, &chain, &n, err);
        else if (r >= 0 && !subgraph) {
                r = take_attributes(p, &attributes, err);
                if (r >= 0)
                        r = set_attributes(p, graph_set_node, chain[0].nodes[0], attributes, line,
                                           err);
        }
        endpoints_free(chain, n);
        return r;
}

static int take_statement(Parser *p, Scope *scope, Err *err) {
        autostrv of_graph = NULL;
        char ***list = is_keyword(p, "node")    ? &scope->node_attributes
                       : is_keyword(p, "edge")  ? &scope->edge_attributes
                       : is_keyword(p, "graph") ? &of_graph
                                                : NULL;
        int r;

        if (!list)
                return take_other(p, scope, err);
        r = next(p, err);
        if (r >= 0 && !is_mark(p, '['))
                r = wrong(p, err, "'['");
        return r < 0 ? r : take_attributes(p, list, err);
}

static int take_body(Parser *p, Scope *scope, Err *err) {
        int r = 0;

        while (r >= 0 && p->token.kind != TOKEN_END && !is_mark(p, '}')) {
                r = is_mark(p, ';') ? 0 : take_statement(p, scope, err);
                if (r >= 0 && is_mark(p, ';'))
                        r = next(p, err);
        }
        return r;
}

static int take_graph(Parser *p, Err *err) {
        autofree char *name = NULL;
        autoscope scope = {};
        int r = read_token(p, true, err);

        p->strict = r >= 0 && is_keyword(p, "strict");
        if (p->strict)
                r = next(p, err);
        if (r < 0)
                return r;
        p->directed = is_keyword(p, "digraph");
        if (!p->directed && !is_keyword(p, "graph"))
                return wrong(p, err, "'graph' or 'digraph'");
        r = next(p, err);
        if (r >= 0 && p->token.kind == TOKEN_ID)
                r = take_id(p, &name, err);
        if (r >= 0)
                r = take_mark(p, '{', err);
        if (r >= 0)
                r = take_body(p, &scope, err);
        if (r >= 0)
                r = take_mark(p, '}', err);
        if (r >= 0 && p->token.kind != TOKEN_END)
                r = wrong(p, err, "the end");
        if (r >= 0 && !str_empty(name)) {
                p->graph->t->name = topology_host_name(name);
                r = p->graph->t->name ? 0 : no_memory(err);
        }
        return r < 0 ? r : graph_finish(p->graph, err);
}

int topology_read_dot(const char *text, size_t size, const char *file, Topology *t, Err *err) {
        autograph graph = { .t = t };
        bool has_mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0; /* byte order */
        Parser p = { text + 3 * has_mark, text + size, 1, .graph = &graph };
        int r = str_set(&t->file, file) < 0 ? no_memory(err) : take_graph(&p, err);

        free(p.token.text);
        free(p.one_way);
        tdestroy(p.ids, free);
        return r;
}
