/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "lab/control.h"
#include "lab/device.h"
#include "lab/engine.h"
#include "lab/lab_internal.h"
#include "lab/link.h"
#include "lab/switches.h"
#include "openflow/ovs.h"
#include "openflow/ovs_change.h"

#define DATABASE_MS 10000

static bool is_switch(const Topology *t, size_t node) {
        return t->nodes[node].kind == NODE_OVS_BRIDGE;
}

bool lab_has_switches(const Topology *t) {
        for (size_t i = 0; i < t->n_nodes; i++)
                if (is_switch(t, i))
                        return true;
        return false;
}

static int read_dpid(const Topology *t, size_t node, uint64_t *ret, Err *err) {
        const Node *n = &t->nodes[node];
        const char *text = n->dpid ? n->dpid : "";
        char *end;

        *ret = node + 1;
        if (!*text)
                return 0;
        errno = 0;
        *ret = strtoull(text, &end, 16);
        if (end == text || *end || errno || *ret == 0 || strlen(text) > 18)
                return topology_refuse(t, n->line, err,
                                       "'%s' is no dpid: up to 16 hexadecimal digits, not 0", text);
        return 0;
}

int lab_check_switches(const Topology *t, Err *err) {
        int r = lab_has_switches(t) ? ovs_check(err) : 0;

        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++) {
                const Node *n = &t->nodes[i];
                uint64_t dpid;

                if (!is_switch(t, i))
                        continue;
                r = read_dpid(t, i, &dpid, err);
                if (r >= 0 && n->fail_mode && !str_equal(n->fail_mode, "standalone") &&
                    !str_equal(n->fail_mode, "secure"))
                        r = topology_refuse(t, n->line, err,
                                            "'%s' is no fail-mode: standalone or secure",
                                            n->fail_mode);
                if (r >= 0)
                        r = lab_check_controllers(t, n, err);
        }
        return r;
}

static char *directory_of(const Lab *lab) {
        return str_format("%s/labs/%s/ovs", lab->home->run, lab->name);
}

/* ---- the switches ---- */

static int list_controllers(const Lab *lab, const char *directory, size_t node, char ***ret) {
        size_t n = strv_length(lab->topology->nodes[node].controllers);

        for (size_t i = 0; i < n; i++)
                if (strv_take(ret, lab_controller_target(lab, directory, node, i)) < 0)
                        return -ENOMEM;
        return 0;
}

/* Whether the link there leads to no other switch. */
static bool is_edge(const Topology *t, size_t node, size_t interface) {
        for (size_t i = 0; i < t->n_links; i++)
                for (int end = 0; end < 2; end++) {
                        const LinkSide *side = &t->links[i].sides[end];

                        if (side->node == node && side->interface == interface)
                                return !node_is_switch(&t->nodes[t->links[i].sides[!end].node]);
                }
        return false;
}

static bool is_there(const OvsInterfaces *there, const char *name) {
        return there && ovs_interface(there, name);
}

/* Its place, unless a port of the same switch that was there before has that number. */
static uint16_t number_of(const Topology *t, size_t node, size_t interface,
                          const OvsInterfaces *there) {
        for (size_t i = 0; there && i < t->nodes[node].n_interfaces; i++) {
                DeviceName name = device_name(t, (LinkSide){ node, i });
                const OvsInterface *port = ovs_interface(there, name.text);

                if (port && port->number == (int) interface + 1)
                        return 0;
        }
        return (uint16_t) (interface + 1);
}

/* A switch that is there is set, and gets the ports that it has not.  @there: NULL: nothing is. */
static int put_switch(const Lab *lab, size_t node, const char *directory,
                      const OvsInterfaces *there, OvsChange *change, Err *err) {
        const Topology *t = lab->topology;
        const Node *n = &t->nodes[node];
        DeviceName name = device_of_switch(t, node);
        autostrv controllers = NULL;
        autostrv protocols = NULL;
        OvsBridge bridge = { .name = name.text, .fail_mode = n->fail_mode, .rstp = n->stp };
        int r = read_dpid(t, node, &bridge.dpid, err);

        if (r >= 0 && (list_controllers(lab, directory, node, &controllers) < 0 ||
                       (n->protocols && strv_split(n->protocols, ", ", true, &protocols) < 0)))
                r = fail(err, ENOMEM, "cannot make switch '%s'", n->name);
        if (r < 0)
                return r;
        bridge.controllers = controllers;
        bridge.protocols = protocols;
        if (is_there(there, name.text))
                ovs_change_set_bridge(change, &bridge);
        else
                ovs_change_add_bridge(change, &bridge);
        for (size_t i = 0; i < n->n_interfaces; i++) {
                DeviceName port = device_name(t, (LinkSide){ node, i });

                if (!is_there(there, port.text))
                        ovs_change_add_port(change,
                                            &(OvsPort){ .bridge = name.text,
                                                        .name = port.text,
                                                        .edge = is_edge(t, node, i),
                                                        .number = number_of(t, node, i, there) });
        }
        for (size_t i = 0; i < t->n_uplinks; i++)
                if (t->uplinks[i].node == node) {
                        DeviceName port = device_of_uplink(t, i);

                        if (!is_there(there, port.text))
                                ovs_change_add_port(change, &(OvsPort){ .bridge = name.text,
                                                                        .name = port.text });
                }
        return 0;
}

static int make_switches(const Lab *lab, const char *directory, Err *err) {
        autofree char *path = ovs_database(directory);
        autoptr(OvsChange) change = ovs_change_new();
        autoptr(Ovsdb) db = NULL;
        int r = path && change ? ovsdb_open(path, DATABASE_MS, &db, err)
                               : fail(err, ENOMEM, "cannot make switches");

        for (size_t i = 0; r >= 0 && i < lab->topology->n_nodes; i++)
                if (is_switch(lab->topology, i))
                        r = put_switch(lab, i, directory, NULL, change, err);
        return r < 0 ? r : ovs_change_commit(change, db, err);
}

/* Their ends of links are in nobody's hands else. */
static int set_rates(const Lab *lab, Err *err) {
        const Topology *t = lab->topology;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < t->n_links; i++)
                for (int end = 0; r >= 0 && end < 2; end++)
                        if (is_switch(t, t->links[i].sides[end].node) &&
                            link_engine_is_kernels(link_engine(&t->links[i], NULL)))
                                r = lab_link_put_rate(lab, &t->links[i], end, err);
        return r;
}

int lab_switches_netns(const Lab *lab, Err *err) {
        for (size_t i = 0; i < lab->topology->n_nodes; i++)
                if (is_switch(lab->topology, i))
                        return lab_node_netns(lab, i, err);
        return refuse(err, ENOENT, "lab '%s' has no switches of Open vSwitch", lab->name);
}

int lab_start_switches(Lab *lab, Err *err) {
        autofree char *directory = directory_of(lab);
        autoclose int netns = -EBADF;
        int r;

        if (!lab_has_switches(lab->topology))
                return 0;
        netns = lab_switches_netns(lab, err);
        if (netns < 0)
                return netns;
        r = directory ? ovs_start(directory, netns, err)
                      : fail(err, ENOMEM, "cannot make switches");
        if (r >= 0)
                r = lab_start_controllers(lab, directory, err);
        if (r >= 0)
                r = make_switches(lab, directory, err);
        if (r >= 0)
                r = set_rates(lab, err);
        return r < 0 ? err_prefix(err, r, "cannot make the lab's switches") : 0;
}

/* ---- changing ---- */

/* 1 with its database, 0 if it does not run. */
static int open_database(const char *directory, Ovsdb **ret, Err *err) {
        autofree char *path = directory ? ovs_database(directory) : NULL;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot change the lab's switches");
        if (file_access(AT_FDCWD, directory, F_OK) < 0 || ovs_is_running(directory) <= 0)
                return 0;
        r = ovsdb_open(path, DATABASE_MS, ret, err);
        return r < 0 ? r : 1;
}

static bool is_ended(const LabPlan *plan, size_t before) {
        for (size_t i = 0; i < plan->n_steps; i++)
                if (plan->steps[i].verb == PLAN_END && plan->steps[i].before == before)
                        return true;
        return false;
}

/* Those of a switch that ends go with it. */
static void take_ports(const Topology *t, const LabPlan *plan, const TopologyLink *l,
                       const OvsInterfaces *there, OvsChange *change) {
        for (int end = 0; end < 2; end++) {
                DeviceName port = device_name(t, l->sides[end]),
                           bridge = device_of_switch(t, l->sides[end].node);

                if (is_switch(t, l->sides[end].node) && !is_ended(plan, l->sides[end].node) &&
                    is_there(there, port.text))
                        ovs_change_remove_port(change, bridge.text, port.text);
        }
}

static void take_uplink(const Topology *t, const LabPlan *plan, size_t uplink,
                        const OvsInterfaces *there, OvsChange *change) {
        size_t node = t->uplinks[uplink].node;
        DeviceName port = device_of_uplink(t, uplink), bridge = device_of_switch(t, node);

        if (is_switch(t, node) && !is_ended(plan, node) && is_there(there, port.text))
                ovs_change_remove_port(change, bridge.text, port.text);
}

int lab_prepare_switches(const Lab *from, const LabPlan *plan, Err *err) {
        const Topology *t = from->topology;
        autofree char *directory = directory_of(from);
        autoptr(OvsChange) change = ovs_change_new();
        autoptr(Ovsdb) db = NULL;
        autointerfaces there = {};
        int r = open_database(directory, &db, err);

        if (r <= 0)
                return r;
        r = change ? ovs_interfaces(db, &there, err) : fail(err, ENOMEM, "no memory");
        for (size_t i = 0; r >= 0 && i < plan->n_steps; i++) {
                const PlanStep *s = &plan->steps[i];
                DeviceName name;

                if (s->verb == PLAN_DETACH)
                        take_uplink(t, plan, s->before, &there, change);
                if (s->verb == PLAN_UNLAY)
                        take_ports(t, plan, &t->links[s->before], &there, change);
                if (s->verb != PLAN_END || !is_switch(t, s->before))
                        continue;
                name = device_of_switch(t, s->before);
                if (is_there(&there, name.text))
                        ovs_change_remove_bridge(change, name.text);
        }
        if (r >= 0)
                r = ovs_change_commit(change, db, err);
        return r < 0 ? err_prefix(err, r, "cannot change the lab's switches") : 0;
}

static bool is_set(const LabPlan *plan, size_t after) {
        for (size_t i = 0; i < plan->n_steps; i++)
                if (plan->steps[i].verb == PLAN_SWITCH && plan->steps[i].after == after)
                        return true;
        return false;
}

/* @anew: its controllers have been started anew, and listen elsewhere. */
static int change_running(Lab *to, const LabPlan *plan, const char *directory, bool anew, Ovsdb *db,
                          Err *err) {
        const Topology *t = to->topology;
        autoptr(OvsChange) change = ovs_change_new();
        autointerfaces there = {};
        int r = change ? ovs_interfaces(db, &there, err) : fail(err, ENOMEM, "no memory");

        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                if (is_switch(t, i) && (is_set(plan, i) || (anew && t->nodes[i].controllers)))
                        r = put_switch(to, i, directory, &there, change, err);
        return r < 0 ? r : ovs_change_commit(change, db, err);
}

int lab_change_switches(const Lab *from, Lab *to, const LabPlan *plan, Err *err) {
        autofree char *directory = directory_of(to);
        autoptr(Ovsdb) db = NULL;
        int r = open_database(directory, &db, err);

        if (r < 0)
                return r;
        if (!lab_has_switches(to->topology))
                return r == 0 ? 0 : lab_stop_switches(to, err);
        if (r == 0)
                return lab_start_switches(to, err);
        r = lab_change_controllers(from, to, directory, err);
        if (r >= 0)
                r = change_running(to, plan, directory, r > 0, db, err);
        fault_point("change.switches");
        return r < 0 ? err_prefix(err, r, "cannot change the lab's switches") : 0;
}

int lab_stop_switches(const Lab *lab, Err *err) {
        autofree char *directory = directory_of(lab);

        if (!directory)
                return fail(err, ENOMEM, "cannot stop the switches");
        return file_access(AT_FDCWD, directory, F_OK) < 0 ? 0 : ovs_stop(directory, err);
}

int lab_switch_target(const Lab *lab, size_t node, char **ret, Err *err) {
        autofree char *directory = directory_of(lab);

        if (!is_switch(lab->topology, node))
                return err_hint(err,
                                refuse(err, EINVAL, "node '%s' is no switch of Open vSwitch",
                                       lab->topology->nodes[node].name),
                                "those of kind ovs-bridge are");
        *ret = directory ? ovs_management(directory, device_of_switch(lab->topology, node).text)
                         : NULL;
        return *ret ? 0 : fail(err, ENOMEM, "cannot find the switch");
}
