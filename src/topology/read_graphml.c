/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * GraphML (expat)
 *
 * As the Internet Topology Zoo, NetworkX, Gephi and yEd write it.  A node is called by its label
 * where it has one, else by its id; coordinates are its position.  In a directed graph a -> b and
 * b -> a are the two directions of one link.  A hyperedge becomes a bridge, and so does a node
 * that the Topology Zoo marks as one.  Attributes: graph.h.
 */

#include <errno.h>
#include <expat.h>
#include <search.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "topology/graph.h"
#include "topology/read.h"
#include "topology/read_internal.h"

#define DEPTH_LIMIT 256

/* <key>: what the data of an element are. */
typedef struct DataKey {
        char *id, *name, *value; /* value: the default, or NULL */
        bool of_nodes, of_edges;
} DataKey;

/* A node's id, for tsearch(3). */
typedef struct Id {
        size_t node;
        char text[];
} Id;

/* An edge or hyperedge; edges wait until all nodes are known. */
typedef struct Edge {
        char **ends;  /* ids */
        char **ports; /* interfaces, "" for none; as many */
        char **data;  /* KEY=VALUE */
        int line;
        bool is_directed, is_hyper;
} Edge;

/* A node; its name comes with its data. */
typedef struct Vertex {
        char *id, **data, *label;
        int line;
        bool is_bridge;
} Vertex;

typedef enum Inside { IN_NOTHING, IN_NODE, IN_EDGE, IN_KEY } Inside;

typedef struct Reader {
        XML_Parser parser;
        Graph *graph;
        DataKey *keys;
        size_t n_keys;
        Vertex *vertices;
        size_t n_vertices;
        Edge *edges;
        size_t n_edges;
        void *ids;
        Inside inside;
        size_t nesting[DEPTH_LIMIT]; /* vertices whose element is open, for nested graphs */
        size_t n_nesting;
        size_t data; /* of the open <data>: the index of its key, plus one; 0: none */
        Str text;    /* of <data>, <default> or a label */
        bool collects, directed, seen_graph;
        int depth, code;
        Err *err;
} Reader;

/* Nothing more is read. */
static void stop(Reader *reader, int code) {
        if (reader->code == 0)
                reader->code = code;
        (void) XML_StopParser(reader->parser, XML_FALSE);
}

static int line_of(const Reader *reader) {
        return (int) XML_GetCurrentLineNumber(reader->parser);
}

static void no_room(Reader *reader) {
        stop(reader, no_memory(reader->err));
}

static const char *attribute(const char **attributes, const char *name) {
        for (; *attributes; attributes += 2)
                if (str_equal(attributes[0], name))
                        return attributes[1];
        return NULL;
}

/* Without the prefix of its namespace. */
static const char *local_name(const char *element) {
        const char *colon = strrchr(element, ':');

        return colon ? colon + 1 : element;
}

/* ---- elements begin ---- */

static void begin_key(Reader *reader, const char **attributes) {
        const char *id = attribute(attributes, "id"), *name = attribute(attributes, "attr.name");
        const char *of = attribute(attributes, "for");
        DataKey *key = json_grow(&reader->keys, &reader->n_keys, sizeof *key);

        if (!key || str_set(&key->id, id ? id : "") < 0 ||
            str_set(&key->name, name ? name
                                : id ? id
                                     : "") < 0) {
                no_room(reader);
                return;
        }
        key->of_nodes = !of || str_equal(of, "node") || str_equal(of, "all");
        key->of_edges = !of || str_equal(of, "edge") || str_equal(of, "all");
        reader->inside = IN_KEY;
}

static void begin_node(Reader *reader, const char **attributes) {
        const char *id = attribute(attributes, "id");
        Vertex *v;

        if (!id) {
                stop(reader, topology_refuse(reader->graph->t, line_of(reader), reader->err,
                                             "a node has no id"));
                return;
        }
        reader->nesting[reader->n_nesting++] = reader->n_vertices;
        v = json_grow(&reader->vertices, &reader->n_vertices, sizeof *v);
        if (!v || str_set(&v->id, id) < 0) {
                no_room(reader);
                return;
        }
        v->line = line_of(reader);
        reader->inside = IN_NODE;
}

static void add_end(Reader *reader, Edge *e, const char *node, const char *port) {
        if (reader->code < 0)
                return;
        if (!node)
                stop(reader, topology_refuse(reader->graph->t, line_of(reader), reader->err,
                                             "an edge has a source and a target"));
        else if (strv_add(&e->ends, node) < 0 || strv_add(&e->ports, port ? port : "") < 0)
                no_room(reader);
}

static void begin_edge(Reader *reader, const char **attributes, bool is_hyper) {
        const char *directed = attribute(attributes, "directed");
        Edge *e = json_grow(&reader->edges, &reader->n_edges, sizeof *e);

        if (!e) {
                no_room(reader);
                return;
        }
        e->line = line_of(reader);
        e->is_hyper = is_hyper;
        e->is_directed = directed ? str_equal(directed, "true") : reader->directed;
        reader->inside = IN_EDGE;
        if (is_hyper)
                return;
        add_end(reader, e, attribute(attributes, "source"), attribute(attributes, "sourceport"));
        add_end(reader, e, attribute(attributes, "target"), attribute(attributes, "targetport"));
}

static void begin_data(Reader *reader, const char **attributes) {
        const char *id = attribute(attributes, "key");

        reader->data = 0;
        for (size_t i = 0; id && i < reader->n_keys; i++)
                if (str_equal(reader->keys[i].id, id))
                        reader->data = i + 1;
        str_clear(&reader->text);
        reader->collects = true;
}

/* yEd's coordinates, whose Y goes downwards as in a drawing. */
static void begin_geometry(Reader *reader, const char **attributes) {
        static const char *const names[] = { "x", "y" };

        if (reader->inside != IN_NODE || reader->n_nesting == 0)
                return;
        for (int i = 0; i < 2; i++) {
                Vertex *v = &reader->vertices[reader->nesting[reader->n_nesting - 1]];
                const char *value = attribute(attributes, names[i]);

                if (value && strv_addf(&v->data, "%s=%s", names[i], value) < 0)
                        no_room(reader);
        }
}

static void XMLCALL begin(void *context, const char *element, const char **attributes) {
        Reader *reader = context;
        const char *name = local_name(element);

        if (reader->code < 0)
                return;
        if (++reader->depth >= DEPTH_LIMIT)
                stop(reader, topology_refuse(reader->graph->t, line_of(reader), reader->err,
                                             "it is nested too deeply"));
        else if (reader->depth == 1 && !str_equal(name, "graphml"))
                stop(reader, topology_refuse(reader->graph->t, line_of(reader), reader->err,
                                             "it begins with '%s', which is not GraphML", name));
        else if (str_equal(name, "key"))
                begin_key(reader, attributes);
        else if (str_equal(name, "graph")) {
                const char *directed = attribute(attributes, "edgedefault");

                reader->directed = directed && str_equal(directed, "directed");
                reader->seen_graph = true;
                reader->inside = IN_NOTHING;
        } else if (str_equal(name, "node"))
                begin_node(reader, attributes);
        else if (str_equal(name, "edge") || str_equal(name, "hyperedge"))
                begin_edge(reader, attributes, str_equal(name, "hyperedge"));
        else if (str_equal(name, "endpoint") && reader->inside == IN_EDGE)
                add_end(reader, &reader->edges[reader->n_edges - 1], attribute(attributes, "node"),
                        attribute(attributes, "port"));
        else if (str_equal(name, "data"))
                begin_data(reader, attributes);
        else if (str_equal(name, "Geometry"))
                begin_geometry(reader, attributes);
        else if (str_equal(name, "default") || str_equal(name, "NodeLabel") ||
                 str_equal(name, "EdgeLabel")) {
                str_clear(&reader->text);
                reader->collects = true;
        }
}

static void XMLCALL text(void *context, const char *bytes, int n) {
        Reader *reader = context;

        if (reader->collects)
                str_put_bytes(&reader->text, bytes, (size_t) n);
}

/* ---- elements end ---- */

/* Without blanks at both ends; the caller's. */
static char *take_text(Reader *reader) {
        autofree char *whole = str_take(&reader->text);
        const char *begin = whole ? whole + strspn(whole, " \t\r\n") : NULL;
        size_t n = begin ? strlen(begin) : 0;

        while (n > 0 && strchr(" \t\r\n", begin[n - 1]))
                n--;
        reader->collects = false;
        return begin ? strndup(begin, n) : NULL;
}

static Vertex *open_vertex(Reader *reader) {
        return reader->inside == IN_NODE && reader->n_nesting > 0
                       ? &reader->vertices[reader->nesting[reader->n_nesting - 1]]
                       : NULL;
}

static Edge *open_edge(Reader *reader) {
        return reader->inside == IN_EDGE ? &reader->edges[reader->n_edges - 1] : NULL;
}

static int set_datum(char ***data, const char *key, const char *value) {
        autofree char *pair = NULL;

        if (!*key || strchr(key, '='))
                return 0;
        pair = str_format("%s=%s", key, value);
        return pair ? strv_env_set(data, pair) : -ENOMEM;
}

static void end_data(Reader *reader) {
        autofree char *value = reader->collects ? take_text(reader) : NULL;
        Vertex *v = open_vertex(reader);
        Edge *e = open_edge(reader);
        const char *name = reader->data > 0 ? reader->keys[reader->data - 1].name : NULL;
        int r = 0;

        reader->data = 0;
        if (!value || !*value || !name)
                return;
        if (v && str_equal(name, "label"))
                r = str_set(&v->label, value);
        else if (v && str_equal(name, "hyperedge"))
                v->is_bridge = str_equal(value, "1") || str_equal(value, "true");
        else if (v)
                r = set_datum(&v->data, name, value);
        else if (e)
                r = set_datum(&e->data, name, value);
        if (r < 0)
                no_room(reader);
}

static void end_label(Reader *reader) {
        autofree char *value = reader->collects ? take_text(reader) : NULL;
        Vertex *v = open_vertex(reader);
        Edge *e = open_edge(reader);

        if (!value || !*value)
                return;
        if ((v && !v->label && str_set(&v->label, value) < 0) ||
            (e && set_datum(&e->data, "label", value) < 0))
                no_room(reader);
}

static void end_default(Reader *reader) {
        autofree char *value = reader->collects ? take_text(reader) : NULL;
        DataKey *key = reader->n_keys > 0 ? &reader->keys[reader->n_keys - 1] : NULL;

        if (key && value && str_set(&key->value, value) < 0)
                no_room(reader);
}

static void XMLCALL end(void *context, const char *element) {
        Reader *reader = context;
        const char *name = local_name(element);

        if (reader->code < 0)
                return;
        reader->depth--;
        if (str_equal(name, "data"))
                end_data(reader);
        else if (str_equal(name, "NodeLabel") || str_equal(name, "EdgeLabel"))
                end_label(reader);
        else if (str_equal(name, "default"))
                end_default(reader);
        else if (str_equal(name, "node")) {
                reader->n_nesting -= reader->n_nesting > 0;
                reader->inside = reader->n_nesting > 0 ? IN_NODE : IN_NOTHING;
        } else if (str_equal(name, "edge") || str_equal(name, "hyperedge") ||
                   str_equal(name, "key"))
                reader->inside = IN_NOTHING;
}

/* Entities of a file's own are nothing that GraphML needs, and the way of "a thousand million
 * laughs". */
static void XMLCALL refuse_entity(void *context, const char *name, int is_parameter,
                                  const char *value, int length, const char *base,
                                  const char *system, const char *public, const char *notation) {
        Reader *reader = context;

        (void) is_parameter, (void) value, (void) length, (void) base, (void) system, (void) public;
        (void) notation;
        stop(reader, topology_refuse(reader->graph->t, line_of(reader), reader->err,
                                     "it declares an entity, '%s'", name));
}

/* ---- what was read becomes a topology ---- */

static int compare_ids(const void *a, const void *b) {
        return strcmp(((const Id *) a)->text, ((const Id *) b)->text);
}

static int add_id(Reader *reader, const char *text, size_t node, int line) {
        autofree Id *id = malloc(sizeof *id + strlen(text) + 1);
        Id **found;

        if (!id)
                return no_memory(reader->err);
        id->node = node;
        strcpy(id->text, text);
        found = tsearch(id, &reader->ids, compare_ids);
        if (!found)
                return no_memory(reader->err);
        if (*found != id)
                return topology_refuse(reader->graph->t, line, reader->err,
                                       "there are two nodes with the id '%s'", text);
        id = NULL;
        return 0;
}

static ssize_t find_id(Reader *reader, const char *text, int line) {
        autofree Id *id = malloc(sizeof *id + strlen(text) + 1);
        Id **found;

        if (!id)
                return no_memory(reader->err);
        strcpy(id->text, text);
        found = tfind(id, &reader->ids, compare_ids);
        return found ? (ssize_t) (*found)->node
                     : topology_refuse(reader->graph->t, line, reader->err,
                                       "there is no node with the id '%s'", text);
}

typedef int (*SetAttribute)(Graph *g, size_t index, const char *key, const char *value, int line,
                            Err *err);

static int set_data(Reader *reader, SetAttribute set, size_t index, char *const *data, int line) {
        strv_foreach(pair, data) {
                size_t n = strcspn(*pair, "=");
                autofree char *key = strndup(*pair, n);
                int r = key ? set(reader->graph, index, key, *pair + n + 1, line, reader->err)
                            : no_memory(reader->err);

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

/* Values that keys have for elements which say nothing. */
static int add_defaults(Reader *reader, bool of_nodes, char ***data) {
        for (size_t i = 0; i < reader->n_keys; i++) {
                const DataKey *key = &reader->keys[i];

                if (key->value && *key->value && (of_nodes ? key->of_nodes : key->of_edges) &&
                    !str_equal(key->name, "label") && !str_equal(key->name, "hyperedge") &&
                    !strv_env_get(*data, key->name) && set_datum(data, key->name, key->value) < 0)
                        return no_memory(reader->err);
        }
        return 0;
}

static int make_node(Reader *reader, Vertex *v) {
        ssize_t node =
                graph_add_node(reader->graph, v->label ? v->label : v->id, v->line, reader->err);
        int r = node < 0 ? (int) node : add_id(reader, v->id, (size_t) node, v->line);

        if (r >= 0 && v->is_bridge)
                r = graph_set_node(reader->graph, (size_t) node, "kind", "bridge", v->line,
                                   reader->err);
        if (r >= 0 && v->label)
                r = graph_set_node(reader->graph, (size_t) node, "label", v->label, v->line,
                                   reader->err);
        if (r >= 0)
                r = add_defaults(reader, true, &v->data);
        return r < 0 ? r : set_data(reader, graph_set_node, (size_t) node, v->data, v->line);
}

/* The Topology Zoo's speed in words where it does not say it in bits. */
static int add_speed(Reader *reader, Edge *e) {
        static const char units[] = "KMGT";
        const char *speed = strv_env_get(e->data, "LinkSpeed"),
                   *unit = strv_env_get(e->data, "LinkSpeedUnits");
        double number = speed ? strtod(speed, NULL) : 0;
        autofree char *raw = NULL;

        if (strv_env_get(e->data, "LinkSpeedRaw") || !(number > 0) || str_empty(unit) || unit[1] ||
            !strchr(units, *unit))
                return 0;
        for (const char *u = units; u <= strchr(units, *unit); u++)
                number *= 1000;
        raw = str_format("%.0f", number);
        return !raw || set_datum(&e->data, "LinkSpeedRaw", raw) < 0 ? no_memory(reader->err) : 0;
}

static const char *port(const Edge *e, size_t i) {
        return *e->ports[i] ? e->ports[i] : NULL;
}

static bool has_port(const Topology *t, LinkSide side, const char *wanted) {
        return !wanted || str_equal(topology_interface(t, side)->name, wanted);
}

/* The link that an edge from @b to @a made, and nothing closed since. */
static ssize_t find_opposite(const Reader *reader, const Edge *e, const bool *one_way, size_t a,
                             size_t b) {
        const Topology *t = reader->graph->t;
        const Node *n = &t->nodes[b];

        for (size_t i = 0; i < n->n_interfaces; i++) {
                size_t link = n->interfaces[i].link;
                const TopologyLink *l = &t->links[link];

                if (n->interfaces[i].end == 0 && one_way[link] && l->sides[1].node == a &&
                    has_port(t, l->sides[1], port(e, 0)) && has_port(t, l->sides[0], port(e, 1)))
                        return (ssize_t) link;
        }
        return -ENOENT;
}

static int make_edge(Reader *reader, Edge *e, bool *one_way) {
        ssize_t a = find_id(reader, e->ends[0], e->line), b, link;
        int r;

        if (a < 0)
                return (int) a;
        b = find_id(reader, e->ends[1], e->line);
        if (b < 0)
                return (int) b;
        r = add_defaults(reader, false, &e->data);
        if (r >= 0)
                r = add_speed(reader, e);
        if (r < 0)
                return r;
        link = e->is_directed ? find_opposite(reader, e, one_way, (size_t) a, (size_t) b) : -ENOENT;
        if (link >= 0) {
                one_way[link] = false;
                quality_clear(&reader->graph->t->links[link].quality[1]);
                return set_data(reader, set_back, (size_t) link, e->data, e->line);
        }
        link = graph_add_link(reader->graph, (size_t) a, port(e, 0), (size_t) b, port(e, 1),
                              e->line, reader->err);
        if (link < 0)
                return link == -ELOOP ? 0 : (int) link;
        one_way[link] = e->is_directed;
        return set_data(reader, set_both, (size_t) link, e->data, e->line);
}

static int make_hyperedge(Reader *reader, const Edge *e) {
        ssize_t bridge = graph_add_node(reader->graph, "bridge", e->line, reader->err);
        int r = bridge < 0 ? (int) bridge
                           : graph_set_node(reader->graph, (size_t) bridge, "kind", "bridge",
                                            e->line, reader->err);

        for (size_t i = 0; r >= 0 && e->ends && e->ends[i]; i++) {
                ssize_t node = find_id(reader, e->ends[i], e->line), link;

                if (node < 0)
                        return (int) node;
                link = graph_add_link(reader->graph, (size_t) node, port(e, i), (size_t) bridge,
                                      NULL, e->line, reader->err);
                r = link < 0 ? (int) link
                             : set_data(reader, set_both, (size_t) link, e->data, e->line);
        }
        return r;
}

static int make(Reader *reader) {
        autofree bool *one_way = NULL;
        size_t ends = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < reader->n_vertices; i++)
                r = make_node(reader, &reader->vertices[i]);
        for (size_t i = 0; i < reader->n_edges; i++)
                ends += strv_length(reader->edges[i].ends);
        one_way = calloc(ends + 1, sizeof *one_way);
        if (!one_way)
                return no_memory(reader->err);
        for (size_t i = 0; r >= 0 && i < reader->n_edges; i++)
                r = reader->edges[i].is_hyper ? make_hyperedge(reader, &reader->edges[i])
                                              : make_edge(reader, &reader->edges[i], one_way);
        return r < 0 ? r : graph_finish(reader->graph, reader->err);
}

/* ---- the whole ---- */

static void reader_clear(Reader *reader) {
        for (size_t i = 0; i < reader->n_keys; i++) {
                free(reader->keys[i].id);
                free(reader->keys[i].name);
                free(reader->keys[i].value);
        }
        for (size_t i = 0; i < reader->n_vertices; i++) {
                free(reader->vertices[i].id);
                free(reader->vertices[i].label);
                strv_free(reader->vertices[i].data);
        }
        for (size_t i = 0; i < reader->n_edges; i++) {
                strv_free(reader->edges[i].ends);
                strv_free(reader->edges[i].ports);
                strv_free(reader->edges[i].data);
        }
        free(reader->keys);
        free(reader->vertices);
        free(reader->edges);
        tdestroy(reader->ids, free);
        str_clear(&reader->text);
        XML_ParserFree(reader->parser);
}

static int parse(Reader *reader, const char *bytes, size_t size) {
        int line;

        if (size > INT32_MAX)
                return topology_refuse(reader->graph->t, 0, reader->err, "it is too large");
        if (XML_Parse(reader->parser, bytes, (int) size, XML_TRUE) == XML_STATUS_OK &&
            reader->code == 0)
                return reader->seen_graph ? 0
                                          : topology_refuse(reader->graph->t, 0, reader->err,
                                                            "there is no graph in it");
        if (reader->code < 0)
                return reader->code;
        line = line_of(reader);
        return topology_refuse(reader->graph->t, line, reader->err, "%s",
                               XML_ErrorString(XML_GetErrorCode(reader->parser)));
}

int topology_read_graphml(const char *bytes, size_t size, const char *file, Topology *t, Err *err) {
        autograph graph = { .t = t };
        Reader reader = { .parser = XML_ParserCreate(NULL), .graph = &graph, .err = err };
        int r;

        if (!reader.parser || str_set(&t->file, file) < 0) {
                reader_clear(&reader);
                return no_memory(err);
        }
        XML_SetUserData(reader.parser, &reader);
        XML_SetElementHandler(reader.parser, begin, end);
        XML_SetCharacterDataHandler(reader.parser, text);
        XML_SetEntityDeclHandler(reader.parser, refuse_entity);
        r = parse(&reader, bytes, size);
        if (r >= 0)
                r = make(&reader);
        reader_clear(&reader);
        return r;
}
