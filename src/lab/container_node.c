/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container.h"
#include "kernel/proc_stat.h"
#include "lab/container_node.h"

#define LABEL_LAB  "isola.lab"
#define LABEL_NODE "isola.lab.node"
#define LABEL_ID   "isola.lab.id"

#define NS_PER_SECOND 1000000000

/* ---- what announces them ---- */

static char *announcement(const char *lab) {
        return str_format("labs/%s", lab);
}

int lab_announce_containers(const Lab *lab, Err *err) {
        autofree char *path = announcement(lab->name), *owner = NULL;
        bool any = false;
        int r;

        for (size_t i = 0; i < lab->topology->n_nodes; i++)
                any = any || lab->topology->nodes[i].image;
        if (!any)
                return 0;
        r = path ? dir_make(lab->home->data_fd, "labs", 0700) : -ENOMEM;
        if (r >= 0)
                r = owner_create(lab->home->data_fd, path, lab->state.id);
        if (r == -EEXIST && owner_read(lab->home->data_fd, path, &owner) >= 0 &&
            str_equal(owner, lab->state.id))
                r = 0; /* it has some already */
        return r < 0 ? fail(err, r, "cannot make '%s/%s'", lab->home->data, path) : 0;
}

static int remove_all(const Home *home, const char *id, Err *err) {
        Container **list = NULL;
        size_t n = 0;
        int r = container_list(home, true, &list, &n, err);

        if (r < 0)
                return r;
        for (size_t i = 0; r >= 0 && i < n; i++) {
                autoerr why = {};

                if (!str_equal(strv_env_get(list[i]->config.labels, LABEL_ID), id))
                        continue;
                r = container_remove(list[i], true, true, &why);
                if (r == -ENOENT || r == -ECANCELED)
                        r = 0; /* somebody else has */
                if (r < 0)
                        r = refuse(err, r, "%s", why.message ? why.message : strerror(-r));
                fault_point("lab.container-removed");
        }
        container_list_free(list, n);
        return r < 0 ? r : 0;
}

int lab_remove_container(Lab *lab, size_t node, Err *err) {
        autofree char *name = str_format("%s-%s", lab->name, lab->state.nodes[node].name);
        autoptr(Container) c = NULL;
        autoerr why = {};
        int r = name ? container_load(lab->home, name, &c, &why) : -ENOMEM;

        /* One of that name may be somebody else's. */
        if (r >= 0 && !str_equal(strv_env_get(c->config.labels, LABEL_ID), lab->state.id))
                r = -ENOENT;
        if (r >= 0)
                r = container_remove(c, true, true, &why);
        if (r < 0 && r != -ENOENT && r != -ECANCELED)
                return refuse(err, r, "%s", why.message ? why.message : strerror(-r));
        free(lab->state.nodes[node].container);
        lab->state.nodes[node].container = NULL;
        return 0;
}

int lab_remove_containers(const Home *home, const char *name, const char *id, Err *err) {
        autofree char *path = announcement(name), *owner = NULL;
        int r = path ? owner_read(home->data_fd, path, &owner) : -ENOMEM;

        if (r == -ENOENT || (r >= 0 && !str_equal(owner, id)))
                return 0;
        if (r < 0)
                return fail(err, r, "cannot read '%s/%s'", home->data, path);
        r = remove_all(home, id, err);
        if (r >= 0 && unlinkat(home->data_fd, path, 0) < 0 && errno != ENOENT)
                r = fail(err, errno, "cannot remove '%s/%s'", home->data, path);
        return r;
}

/* The order counts: while a lab with this id is there, so is its directory. */
void lab_sweep_containers(const Home *home, const char *name) {
        autofree char *path = announcement(name), *id = NULL;
        autoerr err = {};

        if (!path || owner_read(home->data_fd, path, &id) < 0 ||
            file_access(home->run_fd, path, F_OK) == 0)
                return;
        log_info("removing the containers that lab '%s' has left", name);
        if (lab_remove_containers(home, name, id, &err) < 0)
                log_warn("%s", err.message ? err.message : "cannot remove a lab's containers");
}

/* ---- making one ---- */

static int add_mount(HostConfig *h, const char *bind) {
        const char *target = strchr(bind, ':') + 1, *options = strchr(target, ':');
        ContainerMount *m = json_grow(&h->mounts, &h->n_mounts, sizeof *m);

        if (!m)
                return -ENOMEM;
        m->type = strdup("bind");
        m->source = strndup(bind, (size_t) (target - 1 - bind));
        m->target = options ? strndup(target, (size_t) (options - target)) : strdup(target);
        m->read_only = options && str_equal(options + 1, "ro");
        return m->type && m->source && m->target ? 0 : -ENOMEM;
}

/* The lab's user ids are all of its nodes' together: what one may have is counted by its cgroup,
 * if it has a limit, and not by user. */
static int lift_process_limit(HostConfig *h) {
        ContainerUlimit *u = json_grow(&h->ulimits, &h->n_ulimits, sizeof *u);
        struct rlimit now;

        if (!u || getrlimit(RLIMIT_NPROC, &now) < 0)
                return -ENOMEM;
        u->name = strdup("nproc");
        u->soft = (int64_t) now.rlim_cur;
        u->hard = (int64_t) now.rlim_max;
        return u->name ? 0 : -ENOMEM;
}

static int describe_config(const Lab *lab, const Node *n, ContainerConfig *config) {
        if (str_set(&config->image, n->image) < 0 || str_set(&config->hostname, n->name) < 0 ||
            str_set(&config->user, n->user) < 0 || str_set(&config->working_dir, n->workdir) < 0 ||
            strv_copy(n->env, &config->env) < 0 || strv_copy(n->labels, &config->labels) < 0 ||
            (n->cmd && strv_copy(n->cmd, &config->cmd) < 0) ||
            (n->entrypoint && strv_split(n->entrypoint, " ", true, &config->entrypoint) < 0))
                return -ENOMEM;
        return strv_addf(&config->labels, LABEL_LAB "=%s", lab->name) < 0 ||
                               strv_addf(&config->labels, LABEL_NODE "=%s", n->name) < 0 ||
                               strv_addf(&config->labels, LABEL_ID "=%s", lab->state.id) < 0
                       ? -ENOMEM
                       : 0;
}

static int describe_host(const Lab *lab, const Node *n, const LabProcess *holder, HostConfig *h) {
        h->network_mode = str_format("process:%d:%ju", holder->pid, (uintmax_t) holder->start_time);
        h->hosts_file = str_format("%s/labs/%s/hosts", lab->home->run, lab->name);
        h->memory = (int64_t) n->memory;
        h->nano_cpus = (int64_t) (n->cpus * NS_PER_SECOND);
        h->pids_limit = (int64_t) n->pids;
        if (!h->network_mode || !h->hosts_file || str_set(&h->cpuset_cpus, n->cpuset) < 0 ||
            strv_copy(n->cap_add, &h->cap_add) < 0 || strv_copy(n->dns, &h->dns) < 0 ||
            lift_process_limit(h) < 0)
                return -ENOMEM;
        strv_foreach(setting, n->sysctls)
                if (!str_after(*setting, "net.") && strv_add(&h->sysctls, *setting) < 0)
                        return -ENOMEM;
        strv_foreach(bind, n->binds)
                if (add_mount(h, *bind) < 0)
                        return -ENOMEM;
        return 0;
}

static int create(Lab *lab, size_t node, Container **ret, Err *err) {
        const Node *n = &lab->topology->nodes[node];
        autoptr(Container) c = calloc(1, sizeof *c);
        int r;

        if (!c)
                return fail(err, ENOMEM, "cannot make its container");
        c->dir = -EBADF;
        c->name = str_format("%s-%s", lab->name, n->name);
        if (!c->name || describe_config(lab, n, &c->config) < 0 ||
            describe_host(lab, n, &lab->state.nodes[node], &c->host) < 0)
                return fail(err, ENOMEM, "cannot make its container");
        r = container_create(lab->home, c, err);
        if (r < 0)
                return r;
        fault_point("lab.container-created");
        if (str_set(&lab->state.nodes[node].container, c->id) < 0)
                return fail(err, ENOMEM, "cannot make its container");
        *ret = take_ptr(c);
        return 0;
}

int lab_start_container(Lab *lab, size_t node, Err *err) {
        autoptr(Container) c = NULL;
        int r = create(lab, node, &c, err);

        if (r >= 0)
                r = container_start(c, NULL, NULL, err);
        return r < 0 ? err_prefix(err, r, "node '%s'", lab->topology->nodes[node].name) : 0;
}
