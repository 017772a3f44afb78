/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "openflow/ovs.h"
#include "openflow/ovs_change.h"

#define TARGET_MAX  4096
#define VLAN_MAX    4094
#define PORTS_BELOW 0xff00
#define WAIT_MS     1000 /* in one piece; the database's client must wait longer */

DEFINE_AUTOPTR(json_t, ovsdb_drop)

/* What is to be removed, and what is to be removed again if the rest cannot be. */
typedef struct Name {
        char *bridge, *port; /* .port is NULL for the bridge itself */
} Name;

typedef struct Names {
        Name *list;
        size_t n;
} Names;

struct OvsChange {
        json_t *operations;
        Names added, removed;
        Names expected; /* bridges that must be there */
        bool patched;   /* and not have RSTP */
        unsigned ids;   /* made so far */
        Err error;      /* the first thing that was wrong */
};

static void names_clear(Names *names) {
        for (size_t i = 0; i < names->n; i++) {
                free(names->list[i].bridge);
                free(names->list[i].port);
        }
        free(names->list);
        *names = (Names){};
}

OvsChange *ovs_change_new(void) {
        OvsChange *change = calloc(1, sizeof *change);

        if (change)
                change->operations = json_array();
        return change;
}

OvsChange *ovs_change_free(OvsChange *change) {
        if (change) {
                json_decref(change->operations);
                names_clear(&change->added);
                names_clear(&change->removed);
                names_clear(&change->expected);
                err_clear(&change->error);
                free(change);
        }
        return NULL;
}

/* --- building --- */

static bool is_failed(const OvsChange *change) {
        return !change || change->error.code < 0;
}

static void out_of_memory(OvsChange *change) {
        if (!is_failed(change))
                fail(&change->error, ENOMEM, "cannot build a change of the switch");
}

static void add_name(OvsChange *change, Names *names, const char *bridge, const char *port) {
        Name *name = json_grow(&names->list, &names->n, sizeof *names->list);

        if (!name || str_set(&name->bridge, bridge) < 0 || str_set(&name->port, port) < 0)
                out_of_memory(change);
}

/* Takes the value over; NULL counts as no memory. */
static void put(OvsChange *change, json_t *object, const char *key, json_t *value) {
        if (json_object_set_new(object, key, value) < 0)
                out_of_memory(change);
}

static void append(OvsChange *change, json_t *list, json_t *value) {
        if (json_array_append_new(list, value) < 0)
                out_of_memory(change);
}

static void add_operation(OvsChange *change, json_t *operation) {
        append(change, change->operations, operation);
}

static json_t *set_of(json_t *elements) {
        return json_pack("[s, o]", "set", elements);
}

static json_t *strings(OvsChange *change, char *const *list) {
        json_t *elements = json_array();

        strv_foreach(item, list)
                append(change, elements, json_string(*item));
        return set_of(elements);
}

static json_t *by_name(const char *name) {
        return json_pack("[[s, s, s]]", "name", "==", name);
}

/* Inserts a row and returns its name within the transaction. */
static unsigned insert(OvsChange *change, const char *table, json_t *row) {
        char id[16];

        (void) snprintf(id, sizeof id, "r%u", ++change->ids);
        add_operation(change, json_pack("{s:s, s:s, s:o, s:s}", "op", "insert", "table", table,
                                        "row", row, "uuid-name", id));
        return change->ids;
}

static json_t *named(unsigned id) {
        char text[16];

        (void) snprintf(text, sizeof text, "r%u", id);
        return json_pack("[s, s]", "named-uuid", text);
}

static int check_name(OvsChange *change, const char *what, const char *name) {
        size_t length = name ? strlen(name) : 0;

        if (is_failed(change))
                return -EINVAL;
        if (length > 0 && length < IFNAMSIZ && !strpbrk(name, "/ \t\n") && !str_equal(name, ".") &&
            !str_equal(name, ".."))
                return 0;
        refuse(&change->error, EINVAL, "%s '%s' must be a name of 1 to %d bytes", what,
               name ? name : "", IFNAMSIZ - 1);
        return -EINVAL;
}

static int check_bridge(OvsChange *change, const OvsBridge *bridge) {
        int r = check_name(change, "the bridge", bridge->name);

        if (r < 0)
                return r;
        strv_foreach(target, bridge->controllers) {
                const char *rest = str_after(*target, "tcp:");

                if (!rest)
                        rest = str_after(*target, "unix:");
                if (!str_empty(rest) && strlen(rest) <= TARGET_MAX)
                        continue;
                r = refuse(
                        &change->error, EINVAL,
                        "bridge '%s': '%s' is no controller, which is tcp:ADDRESS:PORT or unix:PATH",
                        bridge->name, *target);
                return r;
        }
        if (!bridge->fail_mode || str_equal(bridge->fail_mode, "standalone") ||
            str_equal(bridge->fail_mode, "secure"))
                return 0;
        return refuse(&change->error, EINVAL,
                      "bridge '%s': fail mode '%s' is neither 'standalone' nor 'secure'",
                      bridge->name, bridge->fail_mode);
}

/* The columns that can be set afterwards. */
static void put_settings(OvsChange *change, json_t *row, const OvsBridge *bridge) {
        json_t *controllers = json_array(), *config = json_array();
        char dpid[17];

        strv_foreach(target, bridge->controllers) {
                unsigned id = insert(change, "Controller",
                                     json_pack("{s:s, s:s}", "target", *target, "connection_mode",
                                               "out-of-band"));

                append(change, controllers, named(id));
        }
        put(change, row, "controller", set_of(controllers));
        put(change, row, "protocols", strings(change, bridge->protocols));
        put(change, row, "fail_mode",
            bridge->fail_mode ? json_string(bridge->fail_mode) : set_of(json_array()));
        /* No path of the lab's own carries the control channel. */
        append(change, config, json_pack("[s, s]", "disable-in-band", "true"));
        if (bridge->dpid) {
                (void) snprintf(dpid, sizeof dpid, "%016" PRIx64, bridge->dpid);
                append(change, config, json_pack("[s, s]", "datapath-id", dpid));
        }
        put(change, row, "other_config", json_pack("[s, o]", "map", config));
}

/* A "wait" that fails at once: whether a bridge of that name is there (RFC 7047, section 5.2.6). */
static void expect_bridge(OvsChange *change, const char *name) {
        add_operation(change, json_pack("{s:s, s:i, s:s, s:o, s:[s], s:s, s:[]}", "op", "wait",
                                        "timeout", 0, "table", "Bridge", "where", by_name(name),
                                        "columns", "name", "until", "!=", "rows"));
        add_name(change, &change->expected, name, NULL);
}

void ovs_change_add_bridge(OvsChange *change, const OvsBridge *bridge) {
        const char *type = bridge->datapath_type ? bridge->datapath_type : "netdev";
        unsigned id;
        json_t *row;

        if (check_bridge(change, bridge) < 0)
                return;
        id = insert(change, "Interface",
                    json_pack("{s:s, s:s}", "name", bridge->name, "type", "internal"));
        id = insert(change, "Port",
                    json_pack("{s:s, s:o}", "name", bridge->name, "interfaces", named(id)));
        row = json_pack("{s:s, s:s, s:o, s:b}", "name", bridge->name, "datapath_type", type,
                        "ports", named(id), "rstp_enable", bridge->rstp);
        put_settings(change, row, bridge);
        id = insert(change, "Bridge", row);
        add_operation(change, json_pack("{s:s, s:s, s:[], s:[[s, s, o]]}", "op", "mutate", "table",
                                        "Open_vSwitch", "where", "mutations", "bridges", "insert",
                                        named(id)));
        add_name(change, &change->added, bridge->name, NULL);
}

void ovs_change_set_bridge(OvsChange *change, const OvsBridge *bridge) {
        json_t *row;

        if (check_bridge(change, bridge) < 0)
                return;
        expect_bridge(change, bridge->name);
        row = json_object();
        put_settings(change, row, bridge);
        add_operation(change, json_pack("{s:s, s:s, s:o, s:o}", "op", "update", "table", "Bridge",
                                        "where", by_name(bridge->name), "row", row));
}

/* Open vSwitch 3.1 ends without a word when RSTP's messages meet a patch port. */
static void expect_no_rstp(OvsChange *change, const char *bridge) {
        add_operation(change,
                      json_pack("{s:s, s:i, s:s, s:o, s:[s], s:s, s:[{s:b}]}", "op", "wait",
                                "timeout", 0, "table", "Bridge", "where", by_name(bridge),
                                "columns", "rstp_enable", "until", "==", "rows", "rstp_enable", 0));
        change->patched = true;
}

static int check_port(OvsChange *change, const OvsPort *port) {
        int r = check_name(change, "the bridge", port->bridge);

        if (r >= 0)
                r = check_name(change, "the port", port->name);
        if (r >= 0 && port->peer)
                r = check_name(change, "the peer", port->peer);
        if (r < 0)
                return r;
        if (port->number >= PORTS_BELOW)
                return refuse(&change->error, EINVAL, "port '%s': number %u is not below %u",
                              port->name, port->number, PORTS_BELOW);
        if (port->vlan > VLAN_MAX)
                return refuse(&change->error, EINVAL, "port '%s': there is no VLAN %u", port->name,
                              port->vlan);
        for (size_t i = 0; i < port->n_trunks; i++)
                if (port->trunks[i] > VLAN_MAX)
                        return refuse(&change->error, EINVAL, "port '%s': there is no VLAN %u",
                                      port->name, port->trunks[i]);
        return 0;
}

void ovs_change_add_port(OvsChange *change, const OvsPort *port) {
        json_t *row, *trunks = NULL;
        unsigned id;

        if (check_port(change, port) < 0)
                return;
        expect_bridge(change, port->bridge);
        row = json_pack("{s:s}", "name", port->name);
        if (port->number)
                put(change, row, "ofport_request", json_integer(port->number));
        if (port->peer) {
                expect_no_rstp(change, port->bridge);
                put(change, row, "type", json_string("patch"));
                put(change, row, "options", json_pack("[s, [[s, s]]]", "map", "peer", port->peer));
        }
        id = insert(change, "Interface", row);
        row = json_pack("{s:s, s:o}", "name", port->name, "interfaces", named(id));
        if (port->edge)
                put(change, row, "other_config",
                    json_pack("[s, [[s, s]]]", "map", "rstp-port-admin-edge", "true"));
        if (port->vlan)
                put(change, row, "tag", json_integer(port->vlan));
        if (port->n_trunks) {
                trunks = json_array();
                for (size_t i = 0; i < port->n_trunks; i++)
                        append(change, trunks, json_integer(port->trunks[i]));
                put(change, row, "trunks", set_of(trunks));
        }
        id = insert(change, "Port", row);
        add_operation(change, json_pack("{s:s, s:s, s:o, s:[[s, s, o]]}", "op", "mutate", "table",
                                        "Bridge", "where", by_name(port->bridge), "mutations",
                                        "ports", "insert", named(id)));
        add_name(change, &change->added, port->bridge, port->name);
}

void ovs_change_remove_bridge(OvsChange *change, const char *name) {
        if (check_name(change, "the bridge", name) >= 0)
                add_name(change, &change->removed, name, NULL);
}

void ovs_change_remove_port(OvsChange *change, const char *bridge, const char *name) {
        if (check_name(change, "the bridge", bridge) >= 0 &&
            check_name(change, "the port", name) >= 0)
                add_name(change, &change->removed, bridge, name);
}

/* --- carrying out --- */

/* The uuid in the only row of a select's result. */
static const char *selected(const json_t *result) {
        const json_t *row = json_array_get(json_object_get(result, "rows"), 0);

        return ovsdb_uuid(json_object_get(row, "_uuid"));
}

/* References are uuids, which only the database knows. */
static int look_up_removed(OvsChange *change, Ovsdb *db, json_t **ret, Err *err) {
        json_t *operations = json_array();

        for (size_t i = 0; i < change->removed.n; i++) {
                const Name *name = &change->removed.list[i];

                append(change, operations,
                       json_pack("{s:s, s:s, s:o, s:[s]}", "op", "select", "table",
                                 name->port ? "Port" : "Bridge", "where",
                                 by_name(name->port ? name->port : name->bridge), "columns",
                                 "_uuid"));
        }
        return ovsdb_transact(db, operations, ret, err);
}

static int add_removals(OvsChange *change, Ovsdb *db, Err *err) {
        autoptr(json_t) found = NULL;
        int r;

        if (change->removed.n == 0)
                return 0;
        r = look_up_removed(change, db, &found, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < change->removed.n; i++) {
                const Name *name = &change->removed.list[i];
                const char *uuid = selected(json_array_get(found, i));

                if (!uuid)
                        return refuse(err, ENOENT, "there is no %s '%s'",
                                      name->port ? "port" : "bridge",
                                      name->port ? name->port : name->bridge);
                add_operation(change,
                              json_pack("{s:s, s:s, s:o, s:[[s, s, [s, s]]]}", "op", "mutate",
                                        "table", name->port ? "Bridge" : "Open_vSwitch", "where",
                                        name->port ? by_name(name->bridge) : json_array(),
                                        "mutations", name->port ? "ports" : "bridges", "delete",
                                        "uuid", uuid));
        }
        return 0;
}

/* Counts next_cfg up; the switch sets cur_cfg to it when it has done what was asked. */
static void add_ticket(OvsChange *change) {
        add_operation(change, json_pack("{s:s, s:s, s:[], s:[[s, s, i]]}", "op", "mutate", "table",
                                        "Open_vSwitch", "where", "mutations", "next_cfg", "+=", 1));
        add_operation(change, json_pack("{s:s, s:s, s:[], s:[s]}", "op", "select", "table",
                                        "Open_vSwitch", "where", "columns", "next_cfg"));
}

static json_t *wait_for(long long ticket, int timeout_ms) {
        return json_pack("[{s:s, s:i, s:s, s:[[s, s, I]], s:[s], s:s, s:[]}]", "op", "wait",
                         "timeout", timeout_ms, "table", "Open_vSwitch", "where", "cur_cfg",
                         ">=", (json_int_t) ticket, "columns", "cur_cfg", "until", "!=", "rows");
}

/* The database waits as long for a switch that has ended, so it is asked in between. */
static int wait_applied(Ovsdb *db, long long ticket, Err *err) {
        autofree char *directory = ovsdb_directory(db);
        int64_t end = clock_monotonic_ms() + ovsdb_timeout(db);
        int r;

        if (!directory)
                return fail(err, ENOMEM, "cannot wait for the switch");
        do {
                r = ovsdb_transact(db, wait_for(ticket, WAIT_MS), NULL, err);
                if (r != -ETIME)
                        return r;
                err_clear(err);
                if (ovs_is_running(directory) == 0) {
                        refuse(err, ESRCH, "the switch has ended");
                        return err_hint(err, -ESRCH, "its log is '%s/ovs-vswitchd.log'", directory);
                }
        } while (clock_monotonic_ms() < end);
        return refuse(err, ETIMEDOUT, "the switch did not carry out a change in time");
}

static const char *device_of(const Name *name) {
        return name->port ? name->port : name->bridge;
}

static bool has_device(const Names *names, const char *device) {
        for (size_t i = 0; i < names->n; i++)
                if (str_equal(device_of(&names->list[i]), device))
                        return true;
        return false;
}

/* What is added and there already, or NULL. */
static const char *find_taken(const OvsChange *change, const OvsInterfaces *all) {
        for (size_t i = 0; i < change->added.n; i++)
                if (ovs_interface(all, device_of(&change->added.list[i])))
                        return device_of(&change->added.list[i]);
        return NULL;
}

/* A bridge that must be there and is neither that nor added, or NULL. */
static const char *find_missing(const OvsChange *change, const OvsInterfaces *all) {
        for (size_t i = 0; i < change->expected.n; i++) {
                const char *bridge = change->expected.list[i].bridge;

                if (!ovs_interface(all, bridge) && !has_device(&change->added, bridge))
                        return bridge;
        }
        return NULL;
}

/* The database says which index was broken, or that it waited; people want the name. */
static int explain(const OvsChange *change, Ovsdb *db, int r, Err *err) {
        autointerfaces all = {};
        const char *name;

        if ((r != -ETIME && r != -EEXIST) || ovs_interfaces(db, &all, NULL) < 0)
                return r;
        name = r == -ETIME ? find_missing(change, &all) : find_taken(change, &all);
        if (!name && (r == -EEXIST || !change->patched))
                return r;
        err_clear(err);
        if (r == -EEXIST)
                return refuse(err, EEXIST, "there is a bridge or port '%s' already", name);
        return name ? refuse(err, ENOENT, "there is no bridge '%s'", name)
                    : refuse(err, EINVAL, "a port with a peer cannot be of a bridge with RSTP");
}

static int apply(OvsChange *change, Ovsdb *db, Err *err) {
        autoptr(json_t) results = NULL;
        const json_t *row;
        size_t n;
        int r;

        add_ticket(change);
        n = json_array_size(change->operations);
        if (change->error.code < 0)
                return fail(err, ENOMEM, "cannot change the switch");
        r = ovsdb_transact(db, take_ptr(change->operations), &results, err);
        if (r < 0)
                return explain(change, db, r, err);
        row = json_array_get(json_object_get(json_array_get(results, n - 1), "rows"), 0);
        return wait_applied(db, ovsdb_integer(json_object_get(row, "next_cfg"), 0), err);
}

/* Whether the switch could open what was added; it says so in the interface's row. */
static int check_added(const OvsChange *change, Ovsdb *db, Err *err) {
        autointerfaces all = {};
        int r = change->added.n > 0 ? ovs_interfaces(db, &all, err) : 0;

        if (r < 0)
                return r;
        for (size_t i = 0; i < change->added.n; i++) {
                const char *device = device_of(&change->added.list[i]);
                const OvsInterface *interface = ovs_interface(&all, device);

                if (!interface)
                        return refuse(err, ENODEV, "interface '%s' has gone", device);
                if (interface->number < 0)
                        return refuse(err, ENODEV, "the switch cannot open interface '%s': %s",
                                      device,
                                      interface->error ? interface->error : "unknown reason");
        }
        return 0;
}

static void undo(const OvsChange *change, Ovsdb *db) {
        autoptr(OvsChange) reverse = ovs_change_new();

        for (size_t i = change->added.n; i-- > 0;) {
                const Name *name = &change->added.list[i];

                if (name->port)
                        ovs_change_remove_port(reverse, name->bridge, name->port);
                else
                        ovs_change_remove_bridge(reverse, name->bridge);
        }
        (void) ovs_change_commit(reverse, db, NULL);
}

int ovs_change_commit(OvsChange *change, Ovsdb *db, Err *err) {
        int r;

        if (!change || !change->operations)
                return fail(err, ENOMEM, "cannot change the switch");
        r = change->error.code;
        if (r < 0) {
                if (err)
                        *err = change->error;
                else
                        err_clear(&change->error);
                change->error = (Err){ .code = r };
                return r;
        }
        r = add_removals(change, db, err);
        if (r >= 0)
                r = apply(change, db, err);
        if (r < 0)
                return r;
        r = check_added(change, db, err);
        if (r < 0)
                undo(change, db);
        return r;
}

/* --- interfaces --- */

void ovs_interfaces_clear(OvsInterfaces *interfaces) {
        for (size_t i = 0; i < interfaces->n; i++) {
                free(interfaces->list[i].name);
                free(interfaces->list[i].error);
        }
        free(interfaces->list);
        *interfaces = (OvsInterfaces){};
}

static int compare(const void *a, const void *b) {
        return strcmp(((const OvsInterface *) a)->name, ((const OvsInterface *) b)->name);
}

static int read_interface(const json_t *row, OvsInterface *ret) {
        const char *name = ovsdb_text(json_object_get(row, "name")),
                   *error = ovsdb_text(json_object_get(row, "error"));
        long long number = ovsdb_integer(json_object_get(row, "ofport"), 0);

        if (!name || number < -1 || number > UINT16_MAX)
                return -EBADMSG;
        ret->number = (int) number;
        ret->name = str_printable(name);
        ret->error = error ? str_printable(error) : NULL;
        return ret->name && (!error || ret->error) ? 0 : -ENOMEM;
}

int ovs_interfaces(Ovsdb *db, OvsInterfaces *ret, Err *err) {
        autointerfaces found = {};
        autoptr(json_t) results = NULL;
        const json_t *rows, *row;
        size_t i;
        int r;

        r = ovsdb_transact(db,
                           json_pack("[{s:s, s:s, s:[], s:[s, s, s]}]", "op", "select", "table",
                                     "Interface", "where", "columns", "name", "ofport", "error"),
                           &results, err);
        if (r < 0)
                return r;
        rows = json_object_get(json_array_get(results, 0), "rows");
        json_array_foreach(rows, i, row) {
                OvsInterface *interface = json_grow(&found.list, &found.n, sizeof *found.list);

                r = interface ? read_interface(row, interface) : -ENOMEM;
                if (r < 0)
                        return fail(err, r, "cannot read the switch's interfaces");
        }
        if (found.n > 0)
                qsort(found.list, found.n, sizeof *found.list, compare);
        *ret = found;
        found = (OvsInterfaces){};
        return 0;
}

const OvsInterface *ovs_interface(const OvsInterfaces *interfaces, const char *name) {
        const OvsInterface key = { .name = (char *) name };

        return interfaces->n > 0
                       ? bsearch(&key, interfaces->list, interfaces->n, sizeof key, compare)
                       : NULL;
}
