/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/idrange.h"
#include "kernel/idmap.h"
#include "kernel/mount.h"
#include "kernel/proc_stat.h"
#include "lab/build.h"
#include "lab/container_node.h"
#include "lab/engine.h"
#include "lab/idle_node.h"
#include "lab/keeper.h"
#include "lab/lab_internal.h"
#include "lab/needs.h"
#include "lab/node.h"
#include "lab/place.h"
#include "lab/porter.h"
#include "lab/sources.h"
#include "lab/start.h"
#include "lab/switches.h"
#include "lab/uplink.h"
#include "topology/management.h"
#include "topology/write.h"

#define PLACES_MAX 64 /* how often a control group is made that others take for a dead lab's */

/* ---- what is on disk ---- */

static int is_up_already(const Lab *lab, Err *err) {
        return err_hint(err, refuse(err, EEXIST, "lab '%s' is up already", lab->name),
                        "'isola lab down %s' takes it away; --name gives this one another name",
                        lab->name);
}

/* Whether the directory that is locked is still the one of that name. */
static bool is_in_place(const Lab *lab, const char *path) {
        struct stat opened, named;

        return fstat(lab->dir, &opened) == 0 &&
               fstatat(lab->home->run_fd, path, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
               opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* -EAGAIN while somebody else is at it. */
static int make_directory(Lab *lab, const char *path) {
        int r = dir_make(lab->home->run_fd, "labs", 0700);

        if (r >= 0 && mkdirat(lab->home->run_fd, path, 0700) < 0 && errno != EEXIST)
                r = -errno;
        if (r < 0)
                return r;
        close_fd(lab->dir);
        lab->dir = openat(lab->home->run_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return lab->dir < 0 ? -errno : lock_dir(lab->dir, false);
}

/* Makes and locks the lab's directory, which nobody else can see without its lock being held. */
static int take_name(Lab *lab, int *ret_lock, Err *err) {
        autoptr(Lab) other = NULL;
        autofree char *path = str_format("labs/%s", lab->name);
        int r = lab_load_state(lab->home, lab->name, &other, err);

        if (r >= 0)
                return is_up_already(lab, err);
        if (r != -ENOENT)
                return r;
        r = path ? make_directory(lab, path) : -ENOMEM;
        /* Taken down between the two: there is another one to be made. */
        while (r >= 0 && !is_in_place(lab, path)) {
                close_fd(r);
                r = make_directory(lab, path);
        }
        if (r < 0)
                return r == -EAGAIN ? refuse(err, EBUSY, "lab '%s' is being made or taken down",
                                             lab->name)
                                    : fail(err, r, "cannot make '%s/labs/%s'", lab->home->run,
                                           lab->name);
        *ret_lock = r;
        /* Made between the two. */
        return file_has_name(lab->dir, "state.json") ? is_up_already(lab, err) : 0;
}

static int fill_state(Lab *lab, const char *source, int priority, Err *err) {
        LabState *s = &lab->state;
        const Topology *t = lab->topology;
        char id[ID_LENGTH + 1];

        id_new(id);
        s->version = 1;
        s->created = clock_rfc3339(clock_now_ns());
        s->nodes = calloc(t->n_nodes, sizeof *s->nodes);
        if (!s->created || !s->nodes || str_set(&s->id, id) < 0 ||
            str_set(&s->boot_id, boot_id()) < 0 || str_set(&s->source, source) < 0 ||
            lab_name_place(lab) < 0)
                return fail(err, ENOMEM, "cannot make lab '%s'", lab->name);
        s->priority = priority;
        s->n_nodes = t->n_nodes;
        for (size_t i = 0; i < t->n_nodes; i++)
                s->nodes[i].limited = node_is_limited(&t->nodes[i]);
        for (size_t i = 0; i < t->n_nodes; i++)
                if (str_set(&s->nodes[i].name, t->nodes[i].name) < 0)
                        return fail(err, ENOMEM, "cannot make lab '%s'", lab->name);
        return 0;
}

int lab_write_topology(const Lab *lab, const char *file, Err *err) {
        autostr s = {};
        autofree char *text = NULL;
        int r;

        topology_write_lab(lab->topology, &s);
        text = str_take(&s);
        r = text ? file_replace(lab->dir, file, text, strlen(text), 0600, false) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot write the lab's topology") : 0;
}

/* Behind the addresses of links, which are what a node's name means first. */
static void put_managed(Str *s, const Node *n) {
        const Address *addresses[] = { &n->management, &n->management6 };

        for (size_t i = 0; i < 2; i++) {
                char text[INET6_ADDRSTRLEN];

                addr_text(addresses[i], text);
                str_printf(s, "%s\t%s.mgmt %s\n", text, n->name, n->name);
        }
}

/* In place: nodes have this very file.  Who reads it meanwhile finds a part of it at the worst. */
static int write_hosts(int dir, const char *text) {
        autoclose int fd = openat(dir, "hosts", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
        size_t size = strlen(text);
        int r;

        if (fd < 0)
                return errno == ENOENT ? file_replace(dir, "hosts", text, size, 0644, false)
                                       : -errno;
        r = fd_write_all(fd, text, size);
        return r < 0 ? r : ftruncate(fd, (off_t) size) < 0 ? -errno : 0;
}

int lab_write_hosts(const Lab *lab, Err *err) {
        const Topology *t = lab->topology;
        autofree char *text = NULL;
        autostr s = {};
        int r;

        str_put(&s, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        for (size_t i = 0; i < t->n_nodes; i++)
                for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
                        for (size_t a = 0; a < t->nodes[i].interfaces[k].n_addresses; a++) {
                                char address[INET6_ADDRSTRLEN];

                                addr_text(&t->nodes[i].interfaces[k].addresses[a], address);
                                str_printf(&s, "%s\t%s\n", address, t->nodes[i].name);
                        }
        for (size_t i = 0; i < t->n_nodes; i++)
                if (node_is_managed(t, &t->nodes[i]))
                        put_managed(&s, &t->nodes[i]);
        text = str_take(&s);
        r = text ? write_hosts(lab->dir, text) : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot write the lab's hosts file") : 0;
}

/* ---- the whole ---- */

int lab_note_process(LabProcess *p, pid_t pid, Err *err) {
        int r = process_start_time(pid, &p->start_time);

        p->pid = pid;
        return r < 0 ? fail(err, r, "a process of the lab has ended") : 0;
}

static int note_processes(Lab *lab, pid_t fabric, pid_t keeper, const pid_t *nodes, Err *err) {
        int r = lab_note_process(&lab->state.fabric, fabric, err);

        if (r >= 0 && keeper > 0)
                r = lab_note_process(&lab->state.keeper, keeper, err);

        for (size_t i = 0; r >= 0 && i < lab->state.n_nodes; i++)
                r = lab_note_process(&lab->state.nodes[i], nodes[i], err);
        if (r < 0)
                return r;
        lab->state.complete = !lab_has_start(lab->topology) && !lab_has_switches(lab->topology) &&
                              !lab_has_uplinks(lab->topology);
        return lab_save(lab, err);
}

/* In the lab's place, which is swept away if somebody finds it before there is a process in it. */
static int start_maker(const Lab *lab, BuildPlan *plan, Build *build, pid_t *ret_fabric,
                       pid_t *ret_keeper, pid_t *nodes, Err *err) {
        int r = -ENODEV;

        /* -ENOENT, too: css_tryget_online_from_dir(), kernel/cgroup/cgroup.c. */
        for (int i = 0; (r == -ENODEV || r == -ENOENT) && build->pidfd < 0 && i < PLACES_MAX; i++) {
                autoptr(Cgroup) place = NULL;

                if (err)
                        err_clear(err);
                r = lab_place(lab, &place, err);
                if (r < 0)
                        return r;
                plan->cgroup = place ? cgroup_fd(place) : -EBADF;
                fault_point("lab.placed");
                r = build_start(plan, build, ret_fabric, ret_keeper, nodes, err);
        }
        return r;
}

static int build(Lab *lab, const LabOptions *options, Err *err) {
        autofree pid_t *nodes = calloc(lab->topology->n_nodes, sizeof *nodes);
        autosources s = SOURCES_NONE(lab->topology);
        Build build = { -EBADF, -EBADF };
        BuildPlan plan;
        pid_t fabric, keeper;
        int r = nodes ? sources_open(lab, &s, err)
                      : fail(err, ENOMEM, "cannot make lab '%s'", lab->name);

        if (r < 0)
                return r;
        plan = (BuildPlan){ .topology = lab->topology,
                            .tree = &s.tree,
                            .cgroup = -EBADF,
                            .userns = s.userns,
                            .hosts = s.hosts,
                            .binds = s.binds,
                            .logs = s.logs,
                            .statuses = s.statuses,
                            .files = s.files,
                            .listener = s.listener,
                            .priority = options->priority,
                            .apart = !idle_nodes_are_possible(),
                            .inside = -EBADF };
        r = start_maker(lab, &plan, &build, &fabric, &keeper, nodes, err);
        fault_point("lab.built");
        if (r >= 0)
                r = lab_limit_nodes(lab, nodes, err);
        fault_point("lab.limited");
        if (r >= 0)
                r = note_processes(lab, fabric, keeper, nodes, err);
        fault_point("lab.recorded");
        if (r >= 0)
                r = build_release(&build, err);
        build_clear(&build);
        return r;
}

/* All is there, and nothing of it dies with us any more. */
static int start(Lab *lab, Err *err) {
        int r;

        fault_point("lab.starting");
        r = lab_attach_uplinks(lab, err);
        if (r >= 0)
                r = lab_start_switches(lab, err);
        if (r >= 0)
                r = lab_publish_ports(lab, err);
        if (r >= 0)
                r = lab_start(lab, err);
        fault_point("lab.started");
        lab->state.complete = true;
        return r < 0 ? r : lab_save(lab, err);
}

int lab_check(const Home *home, const Topology *t, Err *err) {
        int r = lab_check_needs(home, t, err);

        return r < 0 ? r : lab_check_switches(t, err);
}

int lab_up(const Home *home, Topology *topology, const LabOptions *options, Lab **ret, Err *err) {
        autoptr(Lab) lab = lab_new(home, topology->name);
        autoclose int lock = -EBADF;
        int r = lab_resolve_uplinks(home, topology, NULL, err);

        if (r >= 0)
                r = lab_choose_netem(topology, err);
        if (r >= 0)
                r = lab_check(home, topology, err);
        if (r >= 0)
                r = lab_check_uplinks(home, topology, err);
        if (r < 0)
                return r;
        if (!lab)
                return fail(err, ENOMEM, "cannot make lab '%s'", topology->name);
        lab_sweep_places();
        r = take_name(lab, &lock, err);
        if (r < 0)
                return r;
        lab->topology = topology;
        r = fill_state(lab, options->source, options->priority, err);
        if (r >= 0 && lab_has_uplinks(topology))
                r = lab_note_home(lab, err);
        if (r >= 0)
                r = lab_save(lab, err);
        fault_point("lab.begun");
        if (r >= 0)
                r = lab_write_topology(lab, LAB_TOPOLOGY, err);
        if (r >= 0)
                r = lab_write_hosts(lab, err);
        if (r >= 0)
                r = lab_announce_containers(lab, err);
        if (r >= 0)
                r = build(lab, options, err);
        if (r >= 0 && !lab->state.complete)
                r = start(lab, err);
        if (r < 0) {
                (void) lab_erase(lab, NULL);
                lab->topology = NULL; /* it stays the caller's */
                return r;
        }
        *ret = take_ptr(lab);
        return 0;
}
