/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "engine/idrange.h"
#include "kernel/idmap.h"
#include "kernel/ns.h"
#include "lab/engine.h"
#include "lab/keeper.h"
#include "lab/lab_internal.h"
#include "lab/node.h"
#include "lab/sources.h"

#define FILES_BESIDES    64 /* open files that do not depend on the lab */
#define FILES_OF_COMMAND 2

void sources_clear(Sources *s) {
        for (size_t i = 0; s->binds && i < s->topology->n_nodes; i++) {
                for (size_t k = 0; s->binds[i] && k < strv_length(s->topology->nodes[i].binds); k++)
                        close_fd(s->binds[i][k]);
                free(s->binds[i]);
                if (s->logs)
                        close_fd(s->logs[i]);
                if (s->statuses)
                        close_fd(s->statuses[i]);
        }
        free(s->binds);
        free(s->logs);
        free(s->statuses);
        host_tree_clear(&s->tree);
        close_fd(s->listener);
        close_fd(s->hosts);
        close_fd(s->userns);
}
/* Inside of a user's own namespace there are no ids to spare: those that are there. */
static int make_own_userns(Sources *s, Err *err) {
        autofree IdRange *uids = NULL, *gids = NULL;
        size_t n_uids, n_gids;
        int r = idmap_same("uid_map", &uids, &n_uids);

        if (r >= 0)
                r = idmap_same("gid_map", &gids, &n_gids);
        if (r < 0)
                return fail(err, r, "cannot read the map of user ids");
        s->userns = idmap_userns(uids, n_uids, gids, n_gids, err);
        return s->userns < 0 ? s->userns : 0;
}

static int make_userns(Lab *lab, Sources *s, Err *err) {
        IdRange range = { 0, 0, IDRANGE_SIZE };
        int r = idrange_take(lab->home, lab->state.id, &lab->state.ids, err);

        if (r < 0)
                return r;
        r = lab_save(lab, err);
        if (r < 0)
                return r;
        if (lab->state.ids == 0)
                return make_own_userns(s, err);
        range.outside = (int64_t) lab->state.ids;
        s->userns = idmap_userns(&range, 1, &range, 1, err);
        return s->userns < 0 ? s->userns : 0;
}

static int open_bind(const Sources *s, const char *bind, Err *err) {
        autofree char *source = strndup(bind, strcspn(bind, ":"));

        return source ? host_tree_source(source, s->userns, str_ends_with(bind, ":ro"), err)
                      : fail(err, ENOMEM, "cannot bind '%s'", bind);
}

static int open_in(const Lab *lab, const char *directory, const Node *n, int flags, Err *err) {
        autofree char *path = str_format("%s/%s", directory, n->name);
        int fd = path ? dir_make(lab->dir, directory, 0700) : -ENOMEM;

        if (fd >= 0) {
                fd = openat(lab->dir, path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
                fd = fd < 0 ? -errno : fd;
        }
        return fd < 0 ? fail(err, fd, "cannot open the log of '%s'", n->name) : fd;
}

static int open_of_node(const Lab *lab, Sources *s, size_t i, Err *err) {
        const Node *n = &s->topology->nodes[i];
        size_t n_binds = strv_length(n->binds);
        int r = 0;

        s->binds[i] = calloc(n_binds + 1, sizeof **s->binds);
        if (!s->binds[i])
                return fail(err, ENOMEM, "cannot make node '%s'", n->name);
        for (size_t k = 0; k < n_binds; k++)
                s->binds[i][k] = -EBADF;
        for (size_t k = 0; r >= 0 && !n->image && k < n_binds; k++)
                r = s->binds[i][k] = open_bind(s, n->binds[k], err);
        if (r >= 0 && node_has_command(n))
                r = s->logs[i] = open_in(lab, "logs", n, O_APPEND, err);
        if (r >= 0 && node_has_command(n))
                r = s->statuses[i] = open_in(lab, "status", n, 0, err);
        return r < 0 ? r : 0;
}

static int open_nodes(const Lab *lab, Sources *s, const bool *wanted, Err *err) {
        size_t n = lab->topology->n_nodes;
        int r = 0;

        s->logs = calloc(n, sizeof *s->logs);
        s->binds = calloc(n, sizeof *s->binds);
        s->statuses = calloc(n, sizeof *s->statuses);
        if (!s->logs || !s->binds || !s->statuses)
                return fail(err, ENOMEM, "cannot make lab '%s'", lab->name);
        for (size_t i = 0; i < n; i++)
                s->logs[i] = s->statuses[i] = -EBADF;
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (!wanted || wanted[i])
                        r = open_of_node(lab, s, i, err);
        return r;
}

/* Many users have a low soft limit, which their commands may raise up to the hard one. */
static int allow_files(Sources *s, const bool *wanted, Err *err) {
        const Topology *t = s->topology;
        rlim_t needed = FILES_BESIDES;
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return fail(err, errno, "cannot ask for the limit of open files");
        s->files = limit.rlim_cur;
        for (size_t i = 0; i < t->n_nodes; i++)
                if (!wanted || wanted[i])
                        needed += strv_length(t->nodes[i].binds) +
                                  (node_has_command(&t->nodes[i]) ? FILES_OF_COMMAND : 0);
        if (needed <= limit.rlim_cur)
                return 0;
        if (needed > limit.rlim_max)
                return err_hint(
                        err,
                        refuse(err, EMFILE,
                               "the lab needs %ju open files for logs and binds while it is "
                               "made, and you may have %ju",
                               (uintmax_t) needed, (uintmax_t) limit.rlim_max),
                        "'ulimit -Hn' shows the limit; root sets it in "
                        "/etc/security/limits.conf");
        limit.rlim_cur = needed;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0
                       ? fail(err, errno, "cannot raise the limit of open files")
                       : 0;
}

int sources_open(Lab *lab, Sources *s, Err *err) {
        autofree char *hosts = NULL;
        int r = allow_files(s, NULL, err);

        if (r >= 0)
                r = make_userns(lab, s, err);
        if (r >= 0)
                r = host_tree_open(s->userns, &s->tree, err);
        if (r < 0)
                return r;
        hosts = str_format("%s/labs/%s/hosts", lab->home->run, lab->name);
        r = s->hosts = hosts ? host_tree_source(hosts, s->userns, true, err)
                             : fail(err, ENOMEM, "cannot make lab '%s'", lab->name);
        if (r >= 0)
                r = open_nodes(lab, s, NULL, err);
        if (r >= 0)
                r = topology_needs_wire(lab->topology, err);
        if (r > 0)
                r = s->listener = keeper_listen(lab, err);
        return r;
}

int sources_open_more(Lab *lab, Sources *s, const bool *wanted, Err *err) {
        autofree char *path = str_format("/proc/%d/ns/user", lab->state.fabric.pid);

        int r = allow_files(s, wanted, err);

        if (r < 0)
                return r;
        s->userns = path ? ns_open(ns_kind("user"), path, err) : -ENOMEM;
        return s->userns < 0 ? s->userns : open_nodes(lab, s, wanted, err);
}
