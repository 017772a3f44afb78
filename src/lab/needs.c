/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/nearest.h"
#include "base/str.h"
#include "lab/engine.h"
#include "lab/needs.h"
#include "lab/node.h"
#include "store/image.h"
#include "wire/pattern.h"
#include "wire/trace.h"

/* Puts the place in front of a sentence that has none. */
static int at_line(const Topology *t, int line, int code, Err *err) {
        return t->file ? err_prefix(err, code, "%s:%d", t->file, line) : code;
}

/* ---- links ---- */

static int check_quality(const Quality *q, Err *err) {
        autoptr(Trace) trace = NULL;
        autoptr(Pattern) pattern = NULL;
        int r = q->trace ? trace_read(q->trace, &trace, err) : 0;

        if (r >= 0 && q->loss_pattern)
                r = pattern_read(q->loss_pattern, &pattern, err);
        return r;
}

static int check_link(const TopologyLink *l, Err *err) {
        int r = link_engine(l, err);

        for (int i = 0; i < 2 && r >= 0; i++)
                r = check_quality(&l->quality[i], err);
        return r;
}

/* ---- nodes ---- */

/* Whether a light node may have there what the host has not. */
static bool is_its_own(const Node *n, const char *path) {
        static const char *const places[] = { "/proc", "/sys",     "/dev",     "/run",
                                              "/tmp",  "/var/tmp", "/var/log", NULL };

        for (const char *const *place = places; *place; place++) {
                const char *rest = str_after(path, *place);

                if (rest && (!*rest || *rest == '/'))
                        return true;
        }
        strv_foreach(bind, n->binds) {
                const char *target = *bind + strcspn(*bind, ":");
                size_t length = *target ? strcspn(target + 1, ":") : 0;

                if (length > 0 && strncmp(path, target + 1, length) == 0 &&
                    (!path[length] || path[length] == '/'))
                        return true;
        }
        return false;
}

static const char *path_of(char *const *env) {
        const char *path = NULL;

        strv_foreach(assignment, env) {
                const char *value = str_after(*assignment, "PATH=");

                path = value ? value : path;
        }
        return path ? path : "";
}

/* The nearest of all programs in the directories; the caller's, or NULL. */
static char *nearest_program(const char *word, char *const *places) {
        autostrv names = NULL;
        const char *nearest;

        strv_foreach(place, places) {
                autostrv here = NULL;

                if (dir_list(AT_FDCWD, *place, &here) < 0)
                        continue;
                strv_foreach(name, here)
                        if (strv_add(&names, *name) < 0)
                                return NULL;
        }
        nearest = names ? nearest_name(word, (const char *const *) names) : NULL;
        return nearest ? strdup(nearest) : NULL;
}

static int refuse_program(const Topology *t, const Node *n, char *const *places, Err *err) {
        autofree char *nearest = nearest_program(n->cmd[0], places);
        int r = topology_refuse(t, n->line, err, "node '%s': there is no program '%s'", n->name,
                                n->cmd[0]);

        return nearest ? err_hint(err, r, "did you mean '%s'?", nearest) : r;
}

/* A command's program is found as execvp(3) will find it. */
static int check_program(const Topology *t, const Node *n, Err *err) {
        autostrv env = node_environment(n, NULL, NULL);
        autostrv places = NULL;

        if (!env || strv_split(path_of(env), ":", true, &places) < 0)
                return fail(err, ENOMEM, "cannot check node '%s'", n->name);
        if (strchr(n->cmd[0], '/'))
                return *n->cmd[0] != '/' || is_its_own(n, n->cmd[0]) || access(n->cmd[0], F_OK) == 0
                               ? 0
                               : refuse_program(t, n, NULL, err);
        strv_foreach(place, places) {
                autofree char *file = str_format("%s/%s", *place, n->cmd[0]);

                if (is_its_own(n, *place) || (file && access(file, X_OK) == 0))
                        return 0;
        }
        return refuse_program(t, n, places, err);
}

static int check_node(const Home *home, const Topology *t, const Node *n, Err *err) {
        autoptr(Image) image = NULL;
        int r = 0;

        if (n->image) {
                r = image_load(home, n->image, &image, err);
                return r < 0 ? err_prefix(err, r, "node '%s'", n->name) : 0;
        }
        strv_foreach(bind, n->binds) {
                autofree char *source = strndup(*bind, strcspn(*bind, ":"));

                if (!source || access(source, F_OK) < 0)
                        return fail(err, source ? errno : ENOMEM, "node '%s': cannot bind '%s'",
                                    n->name, source ? source : *bind);
        }
        return 0;
}

int lab_check_needs(const Home *home, const Topology *t, Err *err) {
        int r = 0;

        for (size_t i = 0; i < t->n_links; i++) {
                r = check_link(&t->links[i], err);
                if (r < 0)
                        return at_line(t, t->links[i].line, r, err);
        }
        for (size_t i = 0; i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];

                r = check_node(home, t, n, err);
                if (r < 0)
                        return at_line(t, n->line, r, err);
                r = node_has_command(n) ? check_program(t, n, err) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}
