/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Kathará's network scenarios, and Netkit's labs
 *
 * A directory: lab.conf says who is in which collision domain, and with which options; NODE.startup
 * is run in the node; NODE/ is copied over its root; lab.dep has an order.  A collision domain of
 * two is a link, any other a bridge.
 *
 * Kathará's devices all forward, so they are routers here.  Nodes with an image get their directory
 * copied by a command of theirs, as there.  A light node has the host's root, which nothing is to
 * be copied to: what the host has, too, is bound, and can only be read.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/size.h"
#include "base/str.h"
#include "topology/read.h"
#include "topology/read_internal.h"
#include "topology/reshape.h"
#include "topology/uplink.h"

#define TEXT_LIMIT  ((size_t) 1 << 20)
#define FILES_LIMIT 4096 /* below a node's directory */
#define DEPTH_LIMIT 64

typedef struct Member {
        size_t node;
        char *interface;
        bool has_mac;
        uint8_t mac[6];
        int line;
} Member;

typedef struct Domain {
        char *name;
        Member *members;
        size_t n_members;
} Domain;

typedef struct Lab {
        Topology *t;
        const char *directory;
        Domain *domains;
        size_t n_domains;
        char **commands; /* "NODE=COMMAND" of the option "exec", which come last */
        int line;
} Lab;

static void lab_clear(Lab *lab) {
        for (size_t i = 0; i < lab->n_domains; i++) {
                for (size_t k = 0; k < lab->domains[i].n_members; k++)
                        free(lab->domains[i].members[k].interface);
                free(lab->domains[i].members);
                free(lab->domains[i].name);
        }
        free(lab->domains);
        strv_free(lab->commands);
}
#define autolab __attribute__((__cleanup__(lab_clear))) Lab

#define wrong(lab, err, ...) topology_refuse((lab)->t, (lab)->line, err, __VA_ARGS__)

/* ---- files ---- */

/* A file of the lab, without Windows' line ends; -ENOENT without a sentence. */
static int read_file(const Lab *lab, const char *name, char **ret, Err *err) {
        autofree char *path = str_format("%s/%s", lab->directory, name);
        int r = path ? file_read(AT_FDCWD, path, TEXT_LIMIT, ret, NULL) : -ENOMEM;
        char *to;

        if (r == -ENOENT)
                return r;
        if (r < 0)
                return fail(err, r, "cannot read '%s'", path ? path : name);
        to = *ret;
        for (const char *from = *ret; *from; from++)
                if (*from != '\r' || from[1] != '\n')
                        *to++ = *from;
        *to = '\0';
        return 0;
}

static bool has_file(const Lab *lab, const char *name) {
        autofree char *path = str_format("%s/%s", lab->directory, name);

        return path && file_access(AT_FDCWD, path, F_OK) == 0;
}

/* Calls @take for each line that says something, cut out of @text, without blanks around it. */
static int each_line(Lab *lab, char *text, int (*take)(Lab *lab, char *line, Err *err), Err *err) {
        int r = 0;

        lab->line = 0;
        for (char *rest = text, *line; r >= 0 && (line = strsep(&rest, "\n"));) {
                size_t n;

                lab->line++;
                line += strspn(line, " \t\r");
                n = strlen(line);
                while (n > 0 && strchr(" \t\r", line[n - 1]))
                        line[--n] = '\0';
                r = *line && *line != '#' ? take(lab, line, err) : 0;
        }
        return r;
}

/* ---- lab.conf: nodes and collision domains ---- */

static ssize_t find_node(Lab *lab, const char *name, Err *err) {
        ssize_t node = topology_find_node(lab->t, name);

        if (node >= 0)
                return node;
        if (str_equal(name, "shared"))
                return topology_refuse(lab->t, lab->line, err,
                                       "a node cannot be called 'shared', as the directory of all");
        node = topology_add_node(lab->t, name, NODE_ROUTER);
        if (node < 0)
                return no_memory(err);
        lab->t->nodes[node].line = lab->line;
        return node;
}

static Domain *find_domain(Lab *lab, const char *name) {
        Domain *d;

        for (size_t i = 0; i < lab->n_domains; i++)
                if (str_equal(lab->domains[i].name, name))
                        return &lab->domains[i];
        d = json_grow(&lab->domains, &lab->n_domains, sizeof *d);
        return d && str_set(&d->name, name) >= 0 ? d : NULL;
}

static bool parse_mac(const char *text, uint8_t m[6]) {
        int used = 0;

        return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &m[0], &m[1], &m[2], &m[3],
                      &m[4], &m[5], &used) == 6 &&
               used == 17 && !text[used] && !(m[0] & 1);
}

/* The way to the world; the interface gets its name later unless it has one. */
static int add_uplink(Lab *lab, size_t node, const char *interface, Err *err) {
        return topology_add_uplink(lab->t, "nat", node, interface, lab->line) ? 0 : no_memory(err);
}

/* Netkit's "tap,ADDRESS-OF-THE-HOST,ADDRESS". */
static int add_tap(Lab *lab, size_t node, uint64_t number, Err *err) {
        char interface[24];

        (void) snprintf(interface, sizeof interface, "eth%ju", (uintmax_t) number);
        if (add_note(lab->t, lab->line,
                     "the tap became an uplink, which has addresses of its own") < 0)
                return no_memory(err);
        return add_uplink(lab, node, interface, err);
}

/* "A", or "A/02:00:00:00:00:01". */
static int add_member(Lab *lab, size_t node, uint64_t number, char *value, Err *err) {
        char *slash = strchr(value, '/');
        Domain *d;
        Member *m;

        if (slash)
                *slash = '\0';
        for (const char *c = value; *c; c++)
                if (!isalnum((unsigned char) *c) && *c != '_')
                        return wrong(lab, err, "collision domain '%s' is not of letters and digits",
                                     value);
        if (!*value)
                return wrong(lab, err, "a collision domain has no name");
        d = find_domain(lab, value);
        for (size_t i = 0; d && i < d->n_members; i++)
                if (d->members[i].node == node)
                        return topology_refuse(lab->t, lab->line, err,
                                               "'%s' is in collision domain '%s' already",
                                               lab->t->nodes[node].name, value);
        m = d ? json_grow(&d->members, &d->n_members, sizeof *m) : NULL;
        if (!m)
                return no_memory(err);
        m->node = node;
        m->line = lab->line;
        m->interface = str_format("eth%ju", (uintmax_t) number);
        if (!m->interface)
                return no_memory(err);
        m->has_mac = slash;
        return slash && !parse_mac(slash + 1, m->mac)
                       ? wrong(lab, err, "'%s' is no MAC address of one interface", slash + 1)
                       : 0;
}

/* ---- lab.conf: options ---- */

typedef int (*SetOption)(Lab *lab, Node *n, const char *value, Err *err);

static int set_image(Lab *lab, Node *n, const char *value, Err *err) {
        (void) lab;
        return str_set(&n->image, value) < 0 ? no_memory(err) : 0;
}

/* Bare numbers are megabytes. */
static int set_memory(Lab *lab, Node *n, const char *value, Err *err) {
        bool bare = value[strspn(value, "0123456789")] == '\0';
        autofree char *text = str_format("%s%s", value, bare ? "m" : "");

        return !text ? no_memory(err)
               : size_parse(text, &n->memory) < 0
                       ? wrong(lab, err, "'%s' is no amount of memory", value)
                       : 0;
}

static int set_cpus(Lab *lab, Node *n, const char *value, Err *err) {
        char *end;
        double cpus = strtod(value, &end);

        if (end == value || *end || !(cpus > 0) || cpus > 1e6)
                return wrong(lab, err, "'%s' is no number of processors", value);
        n->cpus = cpus;
        return 0;
}

/* "HOST:GUEST/PROTOCOL"; without a host's port it is 3000. */
static int set_port(Lab *lab, Node *n, const char *value, Err *err) {
        (void) lab;
        return strv_addf(&n->ports, "%s%s", strchr(value, ':') ? "" : "3000:", value) < 0
                       ? no_memory(err)
                       : 0;
}

/* Kathará's bridged nodes reach the world by one more interface. */
static int set_bridged(Lab *lab, Node *n, const char *value, Err *err) {
        bool on;

        if (parse_bool(value, &on) < 0)
                return wrong(lab, err, "'%s' is neither true nor false", value);
        return !on ? 0 : add_uplink(lab, (size_t) (n - lab->t->nodes), NULL, err);
}

static int set_pair(Lab *lab, char ***list, const char *value, Err *err) {
        if (!strchr(value, '=') || *value == '=')
                return wrong(lab, err, "'%s' is not KEY=VALUE", value);
        return strv_env_set(list, value) < 0 ? no_memory(err) : 0;
}

static int set_sysctl(Lab *lab, Node *n, const char *value, Err *err) {
        return set_pair(lab, &n->sysctls, value, err);
}

static int set_env(Lab *lab, Node *n, const char *value, Err *err) {
        return set_pair(lab, &n->env, value, err);
}

static int set_exec(Lab *lab, Node *n, const char *value, Err *err) {
        return strv_addf(&lab->commands, "%s=%s", n->name, value) < 0 ? no_memory(err) : 0;
}

static int set_ipv6(Lab *lab, Node *n, const char *value, Err *err) {
        bool on;

        if (parse_bool(value, &on) < 0)
                return wrong(lab, err, "'%s' is neither true nor false", value);
        return !on && strv_env_set(&n->sysctls, "net.ipv6.conf.all.disable_ipv6=1") < 0
                       ? no_memory(err)
                       : 0;
}

/* "SOURCE|DESTINATION|MODE" */
static int set_volume(Lab *lab, Node *n, const char *value, Err *err) {
        autostrv words = NULL;
        size_t length;
        int r;

        if (strv_split(value, "|", false, &words) < 0)
                return no_memory(err);
        length = strv_length(words);
        if (length < 2 || length > 3 || *words[1] != '/')
                return wrong(lab, err, "'%s' is not SOURCE|DESTINATION|MODE", value);
        r = strv_addf(&n->binds, "%s%s%s:%s%s", *words[0] == '/' ? "" : lab->directory,
                      *words[0] == '/' ? "" : "/", words[0], words[1],
                      length == 3 && str_equal(words[2], "ro") ? ":ro" : "");
        return r < 0 ? no_memory(err) : 0;
}

static int set_entrypoint(Lab *lab, Node *n, const char *value, Err *err) {
        (void) lab;
        return str_set(&n->entrypoint, value) < 0 ? no_memory(err) : 0;
}

static int set_args(Lab *lab, Node *n, const char *value, Err *err) {
        (void) lab;
        n->cmd = strv_free(n->cmd);
        return strv_split(value, " ", true, &n->cmd) < 0 ? no_memory(err) : 0;
}

static int set_nothing(Lab *lab, Node *n, const char *value, Err *err) {
        (void) lab, (void) n, (void) value, (void) err;
        return 0;
}

static const struct {
        const char *name;
        SetOption set;
} node_options[] = {
        { "image", set_image },
        { "mem", set_memory },
        { "cpus", set_cpus },
        { "port", set_port },
        { "bridged", set_bridged },
        { "sysctl", set_sysctl },
        { "env", set_env },
        { "exec", set_exec },
        { "ipv6", set_ipv6 },
        { "volume", set_volume },
        { "entrypoint", set_entrypoint },
        { "args", set_args },
        /* What windows are opened, and with which shell. */
        { "shell", set_nothing },
        { "num_terms", set_nothing },
};

static int set_option(Lab *lab, size_t node, const char *name, const char *value, Err *err) {
        for (size_t i = 0; i < sizeof node_options / sizeof *node_options; i++)
                if (str_equal(node_options[i].name, name))
                        return node_options[i].set(lab, &lab->t->nodes[node], value, err);
        return add_note(lab->t, lab->line, "'%s' is not carried out", name) < 0 ? no_memory(err)
                                                                                : 0;
}

/* ---- lab.conf: lines ---- */

/* In one kind of quotes or without, with a comment behind it perhaps; cuts it out of the line. */
static int take_value(const Lab *lab, char *text, char **ret, Err *err) {
        char quote = *text == '"' || *text == '\'' ? *text : '\0', *end, *rest;

        if (quote) {
                end = strchr(++text, quote);
                if (!end)
                        return wrong(lab, err, "a quote is not closed: %s", text);
                rest = end + 1 + strspn(end + 1, " \t");
                if (*rest && *rest != '#')
                        return wrong(lab, err, "nothing belongs behind the value: '%s'", rest);
        } else {
                for (end = text; *end && !(*end == '#' && end > text && isspace(end[-1])); end++)
                        ;
                while (end > text && isspace((unsigned char) end[-1]))
                        end--;
        }
        *end = '\0';
        *ret = text;
        return 0;
}

/* LAB_NAME="…" and its like. */
static int take_metadata(Lab *lab, char *line, Err *err) {
        char *equals = strchr(line, '='), *value;
        int r = take_value(lab, equals + 1, &value, err);

        *equals = '\0';
        if (r < 0 || !str_equal(line, "LAB_NAME") || !*value)
                return r;
        free(lab->t->name);
        lab->t->name = topology_host_name(value);
        return lab->t->name ? 0 : no_memory(err);
}

static int take_line(Lab *lab, char *line, Err *err) {
        size_t n = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
        char *open = line + n, *close = *open == '[' ? strchr(open, ']') : NULL, *value;
        uint64_t number;
        ssize_t node;
        int r;

        if (str_after(line, "LAB_") && *open == '=')
                return take_metadata(lab, line, err);
        if (n == 0 || !close || close == open + 1 || close[1] != '=')
                return wrong(lab, err, "'%s' is not NODE[INTERFACE]=\"DOMAIN\" or an option", line);
        *open = *close = '\0';
        r = take_value(lab, close + 2, &value, err);
        if (r < 0)
                return r;
        node = find_node(lab, line, err);
        if (node < 0)
                return (int) node;
        if (!isdigit((unsigned char) open[1]))
                return set_option(lab, (size_t) node, open + 1, value, err);
        if (parse_u64(open + 1, &number) < 0 || number > 9999)
                return wrong(lab, err, "'%s' is no number of an interface", open + 1);
        return str_after(value, "tap,") ? add_tap(lab, (size_t) node, number, err)
                                        : add_member(lab, (size_t) node, number, value, err);
}

/* ---- links ---- */

static void set_mac(Topology *t, const TopologyLink *l, int end, const Member *m) {
        Interface *i = &t->nodes[l->sides[end].node].interfaces[l->sides[end].interface];

        i->has_mac = m->has_mac;
        memcpy(i->mac, m->mac, sizeof i->mac);
}

static int connect_pair(Topology *t, const Member *a, const Member *b) {
        ssize_t link = topology_add_link(t, a->node, a->interface, b->node, b->interface);

        if (link < 0)
                return -ENOMEM;
        t->links[link].line = a->line;
        set_mac(t, &t->links[link], 0, a);
        set_mac(t, &t->links[link], 1, b);
        return 0;
}

static int connect_all(Topology *t, const Domain *d) {
        autofree char *name = topology_unique_name(t, d->name);
        ssize_t bridge = name ? topology_add_node(t, name, NODE_BRIDGE) : -ENOMEM;

        if (bridge < 0)
                return -ENOMEM;
        t->nodes[bridge].line = d->members[0].line;
        for (size_t i = 0; i < d->n_members; i++) {
                const Member *m = &d->members[i];
                ssize_t link = topology_add_link(t, m->node, m->interface, (size_t) bridge, NULL);

                if (link < 0)
                        return -ENOMEM;
                t->links[link].line = m->line;
                set_mac(t, &t->links[link], 0, m);
        }
        return 0;
}

static int connect_domains(Lab *lab, Err *err) {
        for (size_t i = 0; i < lab->n_domains; i++) {
                const Domain *d = &lab->domains[i];
                int r = d->n_members == 2 ? connect_pair(lab->t, &d->members[0], &d->members[1])
                                          : connect_all(lab->t, d);

                if (r < 0)
                        return no_memory(err);
        }
        return 0;
}

/* ---- what is in the directory ---- */

/* "pc1: pc2 pc3": pc1 after the others. */
static int take_dependency(Lab *lab, char *line, Err *err) {
        char *colon = strchr(line, ':');
        autostrv others = NULL;
        ssize_t node;

        if (!colon)
                return wrong(lab, err, "'%s' is not NODE: NODE...", line);
        *colon = '\0';
        node = topology_find_node(lab->t, line);
        if (strv_split(colon + 1, " \t", true, &others) < 0)
                return no_memory(err);
        if (node < 0)
                return wrong(lab, err, "there is no node '%s'", line);
        strv_foreach(other, others) {
                Node *n = &lab->t->nodes[node];
                NodeWait *w;

                if (topology_find_node(lab->t, *other) < 0)
                        return wrong(lab, err, "there is no node '%s'", *other);
                w = json_grow(&n->waits, &n->n_waits, sizeof *w);
                if (!w || str_set(&w->node, *other) < 0 || str_set(&w->stage, "configure") < 0)
                        return no_memory(err);
        }
        return 0;
}

static int read_dependencies(Lab *lab, Err *err) {
        autofree char *text = NULL;
        char *conf = lab->t->file;
        int r = read_file(lab, "lab.dep", &text, err);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        lab->t->file = str_format("%s/lab.dep", lab->directory);
        r = lab->t->file ? each_line(lab, text, take_dependency, err) : no_memory(err);
        free(lab->t->file);
        lab->t->file = conf;
        return r;
}

/* A file as one command, for it may have loops and functions. */
static int add_script(Lab *lab, Node *n, const char *name, Err *err) {
        autofree char *text = NULL;
        int r = read_file(lab, name, &text, err);

        if (r == -ENOENT || (r >= 0 && !text[strspn(text, " \t\r\n")]))
                return 0;
        return r < 0 ? r : strv_add(&n->exec, text) < 0 ? no_memory(err) : 0;
}

typedef struct Walk {
        Node *node;
        size_t n_files, n_left_out;
} Walk;

/* What a light node has of its own, and what is on this host. */
static bool can_be_bound(const char *target) {
        return str_after(target, "/run/") || str_after(target, "/tmp/") ||
               file_access(AT_FDCWD, target, F_OK) == 0;
}

static bool is_directory(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A directory with a file that the host lacks, other than one at its root, goes over the host's as
 * a whole: configurations are mostly complete. */
static bool is_whole(const char *path, const char *target, char *const *names, int depth) {
        if (depth < 2 || !is_directory(target) || strchr(path, ':'))
                return false;
        strv_foreach(name, names) {
                autofree char *from = str_format("%s/%s", path, *name),
                              *to = str_format("%s/%s", target, *name);

                if (from && to && !is_directory(from) && !can_be_bound(to))
                        return true;
        }
        return false;
}

static int add_bind(Walk *w, const char *from, const char *to) {
        w->n_files++;
        return strv_addf(&w->node->binds, "%s:%s:ro", from, to);
}

/* Binds what is below @path, which is to be at @target. */
static int bind_files(Walk *w, const char *path, const char *target, int depth) {
        autostrv names = NULL;
        int r = depth > DEPTH_LIMIT ? 0 : dir_list(AT_FDCWD, path, &names);

        if (r >= 0 && is_whole(path, target, names, depth))
                return add_bind(w, path, target);
        strv_foreach(name, names) {
                autofree char *from = str_format("%s/%s", path, *name),
                              *to = str_format("%s/%s", target, *name);
                struct stat st;

                if (r < 0 || !from || !to)
                        return r < 0 ? r : -ENOMEM;
                if (lstat(from, &st) < 0)
                        continue; /* gone meanwhile */
                if (S_ISDIR(st.st_mode))
                        r = bind_files(w, from, to, depth + 1);
                else if (!S_ISREG(st.st_mode) || strchr(from, ':') || w->n_files >= FILES_LIMIT ||
                         !can_be_bound(to))
                        w->n_left_out++;
                else
                        r = add_bind(w, from, to);
        }
        return r;
}

/* The node's own directory, over its root. */
static int add_directory(Lab *lab, Node *n, Err *err) {
        autofree char *path = str_format("%s/%s", lab->directory, n->name);
        Walk walk = { .node = n };
        struct stat st;
        int r;

        if (!path)
                return no_memory(err);
        if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
                return 0;
        if (n->image)
                return strv_addf(&n->binds, "%s:/hostlab/%s:ro", path, n->name) < 0 ||
                                       strv_addf(&n->exec, "cp -rf /hostlab/%s/. /", n->name) < 0
                               ? no_memory(err)
                               : 0;
        r = bind_files(&walk, path, "", 0);
        if (r < 0)
                return fail(err, r, "cannot list '%s'", path);
        if (walk.n_files > 0 && add_note(lab->t, n->line,
                                         "files of '%s' are bound where Kathará copies them: they "
                                         "can only be read",
                                         n->name) < 0)
                return no_memory(err);
        if (walk.n_left_out > 0 &&
            add_note(lab->t, n->line,
                     "files of '%s' that are left out, mostly because there are none of their "
                     "names here and a light node has the host's root: %zu",
                     n->name, walk.n_left_out) < 0)
                return no_memory(err);
        return 0;
}

static int add_files(Lab *lab, Node *n, Err *err) {
        autofree char *startup = str_format("%s.startup", n->name),
                      *shutdown = str_format("%s.shutdown", n->name);
        int r;

        if (!startup || !shutdown)
                return no_memory(err);
        if (has_file(lab, "shared") && (n->image || can_be_bound("/shared")) &&
            strv_addf(&n->binds, "%s/shared:/shared", lab->directory) < 0)
                return no_memory(err);
        r = add_directory(lab, n, err);
        if (r >= 0)
                r = add_script(lab, n, "shared.startup", err);
        if (r >= 0)
                r = add_script(lab, n, startup, err);
        strv_foreach(command, lab->commands) {
                const char *own = str_after(*command, n->name);

                if (r >= 0 && own && *own == '=' && strv_add(&n->exec, own + 1) < 0)
                        r = no_memory(err);
        }
        if (r >= 0 && has_file(lab, shutdown) &&
            add_note(lab->t, 0, "'%s' is not run", shutdown) < 0)
                r = no_memory(err);
        return r;
}

static int complete(Lab *lab, size_t n_devices, Err *err) {
        size_t light = 0;
        int r = read_dependencies(lab, err);

        for (size_t i = 0; r >= 0 && i < n_devices; i++) {
                light += !lab->t->nodes[i].image;
                r = add_files(lab, &lab->t->nodes[i], err);
        }
        if (r >= 0 && light > 0 &&
            add_note(
                    lab->t, 0,
                    "nodes without an image run over the host's root file system, where Kathará takes its own default image: %zu",
                    light) < 0)
                r = no_memory(err);
        if (r >= 0 && light > 0 && has_file(lab, "shared") && !can_be_bound("/shared") &&
            add_note(lab->t, 0, "light nodes do not see 'shared': there is no /shared here") < 0)
                r = no_memory(err);
        if (r >= 0 && has_file(lab, "shared.shutdown") &&
            add_note(lab->t, 0, "'shared.shutdown' is not run") < 0)
                r = no_memory(err);
        return r < 0 ? r : topology_name_uplinks(lab->t) < 0 ? no_memory(err) : 0;
}

int topology_read_kathara(const char *directory, Topology *t, Err *err) {
        autofree char *text = NULL, *real = realpath(directory, NULL);
        autolab lab = { .t = t, .directory = real };
        size_t n_devices;
        int r;

        if (!real)
                return fail(err, errno, "cannot find '%s'", directory);
        t->file = str_format("%s/lab.conf", directory);
        if (!t->file)
                return no_memory(err);
        if (has_file(&lab, "lab.ext"))
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "%s/lab.ext: it joins collision domains to the host's "
                                       "interfaces, which is not done",
                                       directory),
                                "take it away, convert the lab with 'isola lab convert' and give "
                                "it 'uplinks' of kind nic: see isola-lab(5)");
        r = read_file(&lab, "lab.conf", &text, err);
        if (r == -ENOENT)
                return fail(err, r, "cannot read '%s'", t->file);
        t->no_addresses = true;
        if (r >= 0)
                r = each_line(&lab, text, take_line, err);
        n_devices = t->n_nodes;
        if (r >= 0)
                r = connect_domains(&lab, err);
        return r < 0 ? r : complete(&lab, n_devices, err);
}
