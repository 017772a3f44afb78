/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/relay.h"
#include "kernel/ns.h"
#include "kernel/proc_stat.h"
#include "lab/container_node.h"
#include "lab/lab_internal.h"
#include "lab/place.h"
#include "topology/read.h"

static const JsonField process_fields[] = {
        JSON_STRING(LabProcess, name, "name"),
        JSON_INT(LabProcess, pid, "pid"),
        JSON_U64(LabProcess, start_time, "startTime"),
        JSON_STRING(LabProcess, container, "container"),
        JSON_BOOL(LabProcess, limited, "limited"),
        JSON_BOOL(LabProcess, fresh, "fresh"),
        {},
};
static const JsonType process_type = { sizeof(LabProcess), process_fields };

static const JsonField change_fields[] = {
        JSON_STRING(LinkChange, link, "link", JSON_REQUIRED),
        JSON_INT(LinkChange, direction, "direction", JSON_ALWAYS),
        JSON_STRINGS(LinkChange, settings, "settings"),
        {},
};
static const JsonType change_type = { sizeof(LinkChange), change_fields };

static const JsonField state_fields[] = {
        JSON_INT(LabState, version, "version", JSON_REQUIRED),
        JSON_BOOL(LabState, complete, "complete", JSON_ALWAYS),
        JSON_BOOL(LabState, changing, "changing"),
        JSON_STRING(LabState, id, "id", JSON_REQUIRED),
        JSON_STRING(LabState, boot_id, "bootId"),
        JSON_STRING(LabState, created, "created"),
        JSON_STRING(LabState, source, "source"),
        JSON_STRING(LabState, cgroup, "cgroup"),
        JSON_U64(LabState, ids, "ids"),
        JSON_U64(LabState, netns, "netns"),
        JSON_STRUCT(LabState, fabric, LabProcess, "fabric", &process_type),
        JSON_STRUCT(LabState, keeper, LabProcess, "keeper", &process_type),
        JSON_INT(LabState, keeper_starts, "keeperStarts"),
        JSON_INT(LabState, priority, "priority"),
        JSON_ARRAY(LabState, controllers, LabProcess, "controllers", &process_type),
        JSON_STRUCT(LabState, porter, LabProcess, "porter", &process_type),
        JSON_ARRAY(LabState, nodes, LabProcess, "nodes", &process_type),
        JSON_ARRAY(LabState, changes, LinkChange, "changes", &change_type),
        {},
};
const JsonType lab_state_type = { sizeof(LabState), state_fields };

Lab *lab_free(Lab *lab) {
        if (lab) {
                close_fd(lab->dir);
                free(lab->name);
                json_clear(&lab_state_type, &lab->state);
                topology_free(lab->topology);
                free(lab);
        }
        return NULL;
}

Lab *lab_new(const Home *home, const char *name) {
        autoptr(Lab) lab = calloc(1, sizeof *lab);

        if (!lab)
                return NULL;
        lab->home = home;
        lab->dir = -EBADF;
        lab->name = strdup(name);
        return lab->name ? take_ptr(lab) : NULL;
}

int lab_save(const Lab *lab, Err *err) {
        return json_save(&lab_state_type, lab->dir, "state.json", &lab->state, false, err);
}

bool lab_process_lives(const Lab *lab, const LabProcess *p) {
        uint64_t start;

        return p->pid > 0 && str_equal(lab->state.boot_id, boot_id()) &&
               process_start_time(p->pid, &start) == 0 && start == p->start_time;
}

int lab_process_pidfd(const Lab *lab, const LabProcess *p) {
        autoclose int pidfd = p->pid > 0 ? pidfd_open(p->pid, 0) : -EBADF;

        /* Looked at after it was opened: the number cannot have changed hands in between. */
        return pidfd >= 0 && lab_process_lives(lab, p) ? take_fd(pidfd) : -ESRCH;
}

int lab_fabric_netns(const Lab *lab, Err *err) {
        autofree char *path = str_format("/proc/%d/ns/net", lab->state.fabric.pid);
        autoclose int netns = path ? ns_open(ns_kind("network"), path, err) : -ENOMEM;

        if (netns < 0)
                return netns;
        return lab_process_lives(lab, &lab->state.fabric)
                       ? take_fd(netns)
                       : refuse(err, ESRCH, "the process that holds lab '%s' has ended", lab->name);
}

static char *lab_path(const char *name) {
        return str_format("labs/%s", name);
}

/* -ENOENT without a sentence if there is none. */
static int load_record(const Lab *lab, LabState *ret, Err *err) {
        int r = json_load(&lab_state_type, lab->dir, "state.json", ret, err);

        if (r == -ENOENT && err)
                err_clear(err);
        /* A record of before there was such a member. */
        if (r >= 0 && !ret->cgroup) {
                ret->cgroup = str_format("isola/lab-%s", ret->id);
                if (!ret->cgroup)
                        return fail(err, ENOMEM, "no memory");
        }
        return r;
}

/* -ENOENT also for a directory that is no lab. */
static int load_state(const Home *home, const char *name, Lab **ret, Err *err) {
        autoptr(Lab) lab = lab_new(home, name);
        autofree char *path = lab_path(name);
        int r;

        if (!lab || !path)
                return fail(err, ENOMEM, "cannot open lab '%s'", name);
        lab->dir = openat(home->run_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (lab->dir < 0)
                return errno == ENOENT ? -ENOENT : fail(err, errno, "cannot open lab '%s'", name);
        r = load_record(lab, &lab->state, err);
        if (r == -ENOENT)
                return r;
        if (r < 0)
                return err_prefix(err, r, "the record of lab '%s' cannot be used", name);
        *ret = take_ptr(lab);
        return 0;
}

static int load_topology(Lab *lab, Err *err);

/* Reads the record again, which somebody may have changed. */
int lab_reload(Lab *lab, Err *err) {
        LabState state = {};
        int r = load_record(lab, &state, err);

        if (r == -ENOENT)
                return refuse(err, ENOENT, "there is no lab '%s' any more", lab->name);
        if (r < 0)
                return err_prefix(err, r, "the record of lab '%s' cannot be used", lab->name);
        json_clear(&lab_state_type, &lab->state);
        lab->state = state;
        return lab->topology && state.complete ? load_topology(lab, err) : 0;
}

/* 1 if it was left by a maker that is gone; then it is gone, too. */
static int sweep(Lab *lab, Err *err) {
        autoclose int lock = -EBADF;
        int r;

        if (lab->state.complete)
                return 0;
        lock = lock_dir(lab->dir, false);
        if (lock < 0)
                return 0;
        /* Its maker may have come to an end since it was read. */
        r = lab_reload(lab, err);
        if (r == -ENOENT && err)
                err_clear(err);
        if (r < 0)
                return r == -ENOENT ? 1 : r;
        if (lab->state.complete)
                return 0;
        log_info("removing what is left of lab '%s', whose making was broken off", lab->name);
        return lab_erase(lab, err) < 0 ? -EIO : 1;
}

static int not_there(const Home *home, const char *name, Err *err) {
        autostrv names = NULL;
        const char *near = NULL;
        int r = refuse(err, ENOENT, "there is no lab '%s'", name);

        if (dir_list(home->run_fd, "labs", &names) >= 0 && names)
                near = nearest_name(name, (const char *const *) names);
        return near ? err_hint(err, r, "did you mean '%s'?", near)
                    : err_hint(err, r, "'isola lab ls' lists those that are up");
}

static bool is_name(const char *name) {
        return *name && *name != '.' && !strchr(name, '/') && strlen(name) <= NODE_NAME_MAX;
}

int lab_load_state(const Home *home, const char *name, Lab **ret, Err *err) {
        int r = is_name(name) ? load_state(home, name, ret, err) : -ENOENT;

        if (r >= 0) {
                r = sweep(*ret, err);
                if (r == 0)
                        return 0;
                *ret = lab_free(*ret);
                if (r > 0)
                        r = -ENOENT;
        }
        if (r == -ENOENT && is_name(name))
                lab_sweep_containers(home, name);
        return r;
}

/* A switch of Open vSwitch is in the fabric; what was one and is none has no process. */
static void set_fabric(Lab *lab, size_t node) {
        const LabProcess *fabric = &lab->state.fabric;
        LabProcess *p = &lab->state.nodes[node];
        bool is_switch = lab->topology->nodes[node].kind == NODE_OVS_BRIDGE;

        if (is_switch || (p->pid == fabric->pid && p->start_time == fabric->start_time)) {
                p->pid = is_switch ? fabric->pid : 0;
                p->start_time = is_switch ? fabric->start_time : 0;
        }
}

/* In the order of the topology. */
static int arrange_nodes(Lab *lab, bool missing) {
        const Topology *t = lab->topology;
        LabProcess *nodes = calloc(t->n_nodes + 1, sizeof *nodes);
        size_t found = 0;
        int r = nodes ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < lab->state.n_nodes; i++) {
                LabProcess *p = &lab->state.nodes[i];
                ssize_t at = p->name ? topology_find_node(t, p->name) : -ENOENT;

                if (at >= 0 && !nodes[at].name) {
                        nodes[at] = *p;
                        *p = (LabProcess){};
                        found++;
                }
        }
        if (r >= 0 && found < t->n_nodes && !missing)
                r = -EUCLEAN;
        for (size_t i = 0; r >= 0 && found < t->n_nodes && i < t->n_nodes; i++)
                if (!nodes[i].name)
                        r = str_set(&nodes[i].name, t->nodes[i].name);
        for (size_t i = 0; i < lab->state.n_nodes; i++)
                json_clear(&process_type, &lab->state.nodes[i]);
        free(lab->state.nodes);
        lab->state.nodes = nodes;
        lab->state.n_nodes = nodes ? t->n_nodes : 0;
        for (size_t i = 0; i < lab->state.n_nodes; i++)
                set_fabric(lab, i);
        return r;
}

int lab_arrange_nodes(Lab *lab, Err *err) {
        int r = arrange_nodes(lab, true);

        return r < 0 ? fail(err, r, "cannot open lab '%s'", lab->name) : 0;
}

int lab_read_topology(Lab *lab, const char *file, bool missing, Err *err) {
        autofree char *path = str_format("%s/labs/%s/%s", lab->home->run, lab->name, file);
        int r;

        lab->topology = topology_free(lab->topology);
        r = path ? topology_read(path, "lab", &lab->topology, err)
                 : fail(err, ENOMEM, "cannot open lab '%s'", lab->name);
        if (r >= 0 && (r = arrange_nodes(lab, missing)) == -EUCLEAN)
                r = refuse(err, EUCLEAN, "its state and its topology do not belong together");
        else if (r == -ENOMEM)
                r = fail(err, r, "cannot open lab '%s'", lab->name);
        return r < 0 ? err_prefix(err, r, "the record of lab '%s' cannot be used", lab->name) : 0;
}

static int load_topology(Lab *lab, Err *err) {
        return lab_read_topology(lab, LAB_TOPOLOGY, false, err);
}

int lab_lock(Lab *lab, int *ret, Err *err) {
        autoclose int lock = lock_dir(lab->dir, true);
        int r = lock < 0 ? fail(err, lock, "cannot lock lab '%s'", lab->name)
                         : lab_reload(lab, err);

        if (r >= 0)
                *ret = take_fd(lock);
        return r;
}

int lab_look(const Home *home, const char *name, Lab **ret, Err *err) {
        autoptr(Lab) lab = NULL;
        int r = is_name(name) ? load_state(home, name, &lab, err) : -ENOENT;

        if (r >= 0 && lab->state.complete)
                r = load_topology(lab, err);
        if (r >= 0)
                *ret = take_ptr(lab);
        return r;
}

int lab_open_state(const Home *home, const char *name, Lab **ret, Err *err) {
        int r = lab_load_state(home, name, ret, err);

        return r == -ENOENT ? not_there(home, name, err) : r;
}

int lab_open(const Home *home, const char *name, Lab **ret, Err *err) {
        autoptr(Lab) lab = NULL;
        int r = lab_open_state(home, name, &lab, err);

        if (r < 0)
                return r;
        if (!lab->state.complete)
                return err_hint(err,
                                refuse(err, EBUSY, "lab '%s' is being made or taken down", name),
                                "wait for 'isola lab up'");
        r = lab_mend(lab, err);
        if (r < 0)
                return r;
        lab_mend_way_out(lab);
        r = load_topology(lab, err);
        if (r >= 0)
                *ret = take_ptr(lab);
        return r;
}

int lab_list(const Home *home, Lab ***ret, size_t *ret_n, Err *err) {
        autostrv names = NULL;
        Lab **list;
        size_t n = 0;
        int r;

        /* What labs before the last boot have left is removed by looking for them. */
        if (dir_list(home->data_fd, "labs", &names) >= 0)
                strv_foreach(name, names)
                        lab_sweep_containers(home, *name);
        strv_auto(&names);
        lab_sweep_places();
        r = dir_list(home->run_fd, "labs", &names);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot list the labs");
        list = calloc(strv_length(names) + 1, sizeof *list);
        if (!list)
                return fail(err, ENOMEM, "cannot list the labs");
        strv_foreach(name, names) {
                autoerr problem = {};

                r = lab_load_state(home, *name, &list[n], &problem);
                if (r >= 0 && list[n]->state.complete && lab_mend(list[n], &problem) < 0)
                        log_warn("%s", problem.message ? problem.message : *name);
                if (r >= 0)
                        n++;
                else if (r != -ENOENT)
                        log_warn("%s; leaving it out", problem.message ? problem.message : *name);
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

void lab_list_free(Lab **list, size_t n) {
        for (size_t i = 0; i < n; i++)
                lab_free(list[i]);
        free(list);
}

int lab_only(const Home *home, char **ret, Err *err) {
        Lab **list = NULL;
        size_t n = 0;
        int r = lab_list(home, &list, &n, err);

        if (r < 0)
                return r;
        if (n == 0)
                r = err_hint(err, refuse(err, ENOENT, "no lab is up"),
                             "'isola lab up FILE' makes one");
        else if (n > 1)
                r = err_hint(err, refuse(err, ENOTUNIQ, "%zu labs are up", n), "name one");
        else if (str_set(ret, list[0]->name) < 0)
                r = fail(err, ENOMEM, "cannot find the lab");
        lab_list_free(list, n);
        return r;
}

/* NULL if it has none, or none any more. */
static Container *load_container(const Lab *lab, size_t node) {
        const char *id = lab->state.nodes[node].container;
        Container *c = NULL;

        return id && container_load(lab->home, id, &c, NULL) >= 0 ? c : NULL;
}

int lab_node_pid(const Lab *lab, size_t node) {
        const LabProcess *p = &lab->state.nodes[node];
        autoptr(Container) c = NULL;

        if (!lab_process_lives(lab, p))
                return 0;
        if (!p->container)
                return p->pid;
        c = load_container(lab, node);
        return c && container_is_up(c) ? c->state.pid : 0;
}

bool lab_node_runs(const Lab *lab, size_t node) {
        return lab_node_pid(lab, node) > 0;
}

size_t lab_running_nodes(const Lab *lab) {
        size_t n = 0;

        for (size_t i = 0; i < lab->state.n_nodes; i++)
                n += lab_node_runs(lab, i);
        return n;
}

LabStatus lab_status(const Lab *lab) {
        if (!lab->state.complete)
                return LAB_MAKING;
        if (lab->state.changing)
                return LAB_CHANGING;
        return lab_process_lives(lab, &lab->state.fabric) &&
                               (!lab->state.keeper.pid ||
                                lab_process_lives(lab, &lab->state.keeper)) &&
                               (!lab->state.porter.pid ||
                                lab_process_lives(lab, &lab->state.porter)) &&
                               lab_running_nodes(lab) == lab->state.n_nodes
                       ? LAB_RUNNING
                       : LAB_BROKEN;
}

ssize_t lab_find_node(const Lab *lab, const char *name, Err *err) {
        ssize_t found = topology_find_node(lab->topology, name);
        autostrv names = NULL;
        const char *near;
        int r;

        if (found != -ENOENT)
                return found;
        for (size_t i = 0; i < lab->topology->n_nodes; i++)
                if (strv_add(&names, lab->topology->nodes[i].name) < 0)
                        return fail(err, ENOMEM, "cannot find node '%s'", name);
        near = names ? nearest_name(name, (const char *const *) names) : NULL;
        r = refuse(err, ENOENT, "lab '%s' has no node '%s'", lab->name, name);
        return near ? err_hint(err, r, "did you mean '%s'?", near) : r;
}

static LabCommand container_command(const Lab *lab, size_t node, int *ret_code) {
        autoptr(Container) c = load_container(lab, node);

        if (!lab->state.nodes[node].container)
                return LAB_COMMAND_WAITING;
        if (c && container_is_up(c))
                return LAB_COMMAND_RUNNING;
        *ret_code = c ? c->state.exit_code : RELAY_EXIT_UNKNOWN;
        return LAB_COMMAND_ENDED;
}

LabCommand lab_node_command(const Lab *lab, size_t node, int *ret_code) {
        const Node *n = &lab->topology->nodes[node];
        autofree char *path = str_format("status/%s", n->name), *text = NULL;

        *ret_code = 0;
        if (n->image)
                return container_command(lab, node, ret_code);
        if (!n->cmd)
                return LAB_COMMAND_NONE;
        if (!path || file_read_line(lab->dir, path, &text) < 0 || !*text)
                return LAB_COMMAND_WAITING;
        return sscanf(text, "ended %d", ret_code) == 1 ? LAB_COMMAND_ENDED : LAB_COMMAND_RUNNING;
}

int lab_node_pidfd(const Lab *lab, size_t node, Err *err) {
        int pidfd = lab_process_pidfd(lab, &lab->state.nodes[node]);

        if (pidfd >= 0)
                return pidfd;
        return err_hint(err,
                        refuse(err, ESRCH, "node '%s' does not run", lab->state.nodes[node].name),
                        "'isola lab up' with the lab's file makes it anew");
}

int lab_node_netns(const Lab *lab, size_t node, Err *err) {
        autoclose int pidfd = lab_node_pidfd(lab, node, err), netns = -EBADF;
        autofree char *path = NULL;

        if (pidfd < 0)
                return pidfd;
        path = str_format("/proc/%d/ns/net", lab->state.nodes[node].pid);
        netns = path ? ns_open(ns_kind("network"), path, err) : fail(err, ENOMEM, "no memory");
        if (netns < 0)
                return netns;
        /* Still the same process: its number was not used anew meanwhile. */
        if (pidfd_send_signal(pidfd, 0, NULL, 0) < 0)
                return refuse(err, ESRCH, "node '%s' has just ended", lab->state.nodes[node].name);
        return take_fd(netns);
}
