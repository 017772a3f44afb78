/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The nodes of a lab.yml. */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/nearest.h"
#include "base/str.h"
#include "topology/read_internal.h"

/* Names of kinds here, and Containerlab's that mean the same. */
static const struct {
        const char *name;
        NodeKind kind;
} kinds[] = {
        { "host", NODE_HOST },
        { "linux", NODE_HOST },
        { "router", NODE_ROUTER },
        { "bridge", NODE_BRIDGE },
        { "ovs-bridge", NODE_OVS_BRIDGE },
};

int read_kind(const Topology *t, const YamlValue *map, Err *err) {
        const YamlValue *v = yaml_get(map, "kind");
        const char *near;
        int r;

        if (!v)
                return -ENOENT;
        r = need_text(t, v, "a kind", err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (str_equal(kinds[i].name, v->text))
                        return (int) kinds[i].kind;
        near = nearest_name(v->text, node_kind_names);
        r = topology_refuse(t, v->line, err, "there is no kind '%s'%s%s%s", v->text,
                            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return err_hint(err, r,
                        "kinds are host, router, bridge and ovs-bridge; a vendor's router does not "
                        "run here, but FRR or BIRD in a router does, and any image in a host");
}

static int read_kind_again(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) t, (void) into, (void) v, (void) err; /* read_kind() has it */
        return 0;
}

/* Sources are relative to the file. */
static int read_binds(Topology *t, void *into, const YamlValue *v, Err *err) {
        Node *n = into;
        int r = need_list(t, v, "binds", err);

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                const YamlValue *item = v->items[i];

                r = need_text(t, item, "a bind", err);
                if (r < 0)
                        break;
                if (!strchr(item->text, ':') || *item->text == ':')
                        return topology_refuse(t, item->line, err,
                                               "'%s' is not SOURCE:DESTINATION[:ro]", item->text);
                r = *item->text == '/' ? strv_add(&n->binds, item->text)
                                       : strv_addf(&n->binds, "%s/%s",
                                                   t->directory ? t->directory : "", item->text);
                if (r < 0)
                        return no_memory(err);
        }
        return r;
}

static int read_management(Topology *t, Address *ret, int family, const YamlValue *v, Err *err) {
        int r = need_text(t, v, "an address", err);

        if (r >= 0 && (addr_parse(v->text, ret) < 0 || ret->family != family))
                r = topology_refuse(t, v->line, err, "'%s' is no IPv%d address", v->text,
                                    family == AF_INET ? 4 : 6);
        return r;
}

static int read_management4(Topology *t, void *into, const YamlValue *v, Err *err) {
        return read_management(t, &((Node *) into)->management, AF_INET, v, err);
}

static int read_management6(Topology *t, void *into, const YamlValue *v, Err *err) {
        return read_management(t, &((Node *) into)->management6, AF_INET6, v, err);
}

static int read_network_mode(Topology *t, void *into, const YamlValue *v, Err *err) {
        int r = need_text(t, v, "network-mode", err);

        if (r >= 0 && !str_equal(v->text, "none"))
                return topology_refuse(t, v->line, err,
                                       "network-mode is none or not said, not '%s'", v->text);
        ((Node *) into)->no_management = true;
        return r;
}

static int read_dns(Topology *t, void *into, const YamlValue *v, Err *err) {
        static const Key keys[] = {
                { "servers", KEY_TEXTS, offsetof(Node, dns), NULL },
                { "search", KEY_NOTED, 0, NULL },
                { "options", KEY_NOTED, 0, NULL },
                {},
        };

        return read_keys(t, keys, "dns", v, into, err);
}

static int read_test(Topology *t, void *into, const YamlValue *v, Err *err) {
        static const Key key[] = { { "test", KEY_COMMAND, offsetof(HealthCheck, test), NULL }, {} };
        HealthCheck *h = into;
        YamlValue one = { .kind = YAML_MAP, .line = v->line, .n = 1 };
        char *names[] = { (char *) "test" };
        YamlValue *items[] = { (YamlValue *) v };
        int lines[] = { v->line }, r;

        one.keys = names;
        one.items = items;
        one.key_lines = lines;
        r = read_keys(t, key, "a health check", &one, h, err);
        if (r < 0 || !h->test)
                return r;
        /* As in an image's: CMD and its arguments, CMD-SHELL and a line for the shell, NONE. */
        if (str_equal(h->test[0], "NONE"))
                h->test = strv_free(h->test);
        else if (str_equal(h->test[0], "CMD") || str_equal(h->test[0], "CMD-SHELL")) {
                autostrv words = h->test;
                int shell = str_equal(words[0], "CMD-SHELL");

                h->test = NULL;
                if ((shell && (strv_add(&h->test, "sh") < 0 || strv_add(&h->test, "-c") < 0)) ||
                    strv_extend(&h->test, words + 1) < 0)
                        return no_memory(err);
        }
        return 0;
}

static int read_retries(Topology *t, void *into, const YamlValue *v, Err *err) {
        if (v->kind != YAML_SCALAR ||
            parse_int(v->text, 1, 1000000, &((HealthCheck *) into)->retries) < 0)
                return topology_refuse(t, v->line, err, "retries must be a number from 1");
        return 0;
}

static int read_health(Topology *t, void *into, const YamlValue *v, Err *err) {
        static const Key keys[] = {
                { "test", KEY_CALL, 0, read_test },
                { "interval", KEY_SPAN, offsetof(HealthCheck, interval_ns), NULL },
                { "timeout", KEY_SPAN, offsetof(HealthCheck, timeout_ns), NULL },
                { "start-period", KEY_SPAN, offsetof(HealthCheck, start_period_ns), NULL },
                { "retries", KEY_CALL, 0, read_retries },
                {},
        };

        return read_keys(t, keys, "a health check", v, &((Node *) into)->health, err);
}

static int add_wait(Topology *t, Node *n, const YamlValue *v, Err *err) {
        static const char *const stages[] = { "create",  "create-links", "configure",
                                              "healthy", "exit",         NULL };
        const YamlValue *node = yaml_get(v, "node"), *stage = yaml_get(v, "stage");
        NodeWait *wait;
        const char *near;

        if (!node || !stage || node->kind != YAML_SCALAR || stage->kind != YAML_SCALAR)
                return topology_refuse(t, v->line, err, "a wait has a node and a stage");
        for (size_t i = 0; stages[i]; i++) {
                if (!str_equal(stages[i], stage->text))
                        continue;
                wait = json_grow(&n->waits, &n->n_waits, sizeof *wait);
                return !wait || str_set(&wait->node, node->text) < 0 ||
                                       str_set(&wait->stage, stage->text) < 0
                               ? no_memory(err)
                               : 0;
        }
        near = nearest_name(stage->text, stages);
        return topology_refuse(t, stage->line, err, "there is no stage '%s'%s%s%s", stage->text,
                               near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* "stages: {create: {wait-for: [{node: a, stage: healthy}]}}": whatever the stage, before it is
 * made. */
static int read_stages(Topology *t, void *into, const YamlValue *v, Err *err) {
        int r = need_map(t, v, "stages", err);

        for (size_t i = 0; r >= 0 && i < v->n; i++) {
                const YamlValue *waits = yaml_get(v->items[i], "wait-for"),
                                *exec = yaml_get(v->items[i], "exec");

                if (exec && add_note(t, exec->line, "'exec' of a stage is not carried out") < 0)
                        return no_memory(err);
                if (!waits)
                        continue;
                r = need_list(t, waits, "wait-for", err);
                for (size_t k = 0; r >= 0 && k < waits->n; k++)
                        r = add_wait(t, into, waits->items[k], err);
        }
        return r;
}

static int read_position(Topology *t, void *into, const YamlValue *v, Err *err) {
        Node *n = into;
        char *end_x = NULL, *end_y = NULL;

        if (v->kind == YAML_LIST && v->n == 2 && v->items[0]->kind == YAML_SCALAR &&
            v->items[1]->kind == YAML_SCALAR) {
                n->x = strtod(v->items[0]->text, &end_x);
                n->y = strtod(v->items[1]->text, &end_y);
        }
        if (!end_x || *end_x || !end_y || *end_y)
                return topology_refuse(t, v->line, err, "a position is [X, Y]");
        n->has_position = true;
        return 0;
}

/* "interfaces" needs the links: read_lab.c looks at it after them. */
static int read_interfaces_later(Topology *t, void *into, const YamlValue *v, Err *err) {
        (void) into;
        return need_map(t, v, "interfaces", err);
}

#define TEXT(key, member) \
        { key, KEY_TEXT, offsetof(Node, member), NULL }
#define TEXTS(key, member) \
        { key, KEY_TEXTS, offsetof(Node, member), NULL }
#define PAIRS(key, member) \
        { key, KEY_PAIRS, offsetof(Node, member), NULL }
#define FLAG(key, member) \
        { key, KEY_FLAG, offsetof(Node, member), NULL }
#define CALL(key, function) \
        { key, KEY_CALL, 0, function }
#define NOTED(key) \
        { key, KEY_NOTED, 0, NULL }

static const Key node_keys[] = {
        CALL("kind", read_kind_again),
        TEXT("image", image),
        TEXT("entrypoint", entrypoint),
        { "cmd", KEY_COMMAND, offsetof(Node, cmd), NULL },
        PAIRS("env", env),
        PAIRS("labels", labels),
        CALL("binds", read_binds),
        TEXTS("ports", ports),
        TEXTS("exec", exec),
        PAIRS("sysctls", sysctls),
        TEXTS("routes", routes),
        TEXTS("cap-add", cap_add),
        CALL("dns", read_dns),
        TEXT("user", user),
        TEXT("workdir", workdir),
        TEXT("group", group),
        { "cpu", KEY_NUMBER, offsetof(Node, cpus), NULL },
        TEXT("cpu-set", cpuset),
        { "memory", KEY_SIZE, offsetof(Node, memory), NULL },
        { "pids", KEY_COUNT, offsetof(Node, pids), NULL },
        CALL("mgmt-ipv4", read_management4),
        CALL("mgmt-ipv6", read_management6),
        CALL("network-mode", read_network_mode),
        { "startup-delay", KEY_SPAN, offsetof(Node, startup_delay_ns), NULL },
        CALL("stages", read_stages),
        CALL("healthcheck", read_health),
        FLAG("stp", stp),
        FLAG("vlan-filtering", vlan_filtering),
        TEXTS("controllers", controllers),
        TEXT("protocols", protocols),
        TEXT("dpid", dpid),
        TEXT("fail-mode", fail_mode),
        CALL("position", read_position),
        CALL("interfaces", read_interfaces_later),
        NOTED("type"),
        NOTED("version"),
        NOTED("license"),
        NOTED("startup-config"),
        NOTED("enforce-startup-config"),
        NOTED("auto-remove"),
        NOTED("image-pull-policy"),
        NOTED("restart-policy"),
        NOTED("runtime"),
        NOTED("publish"),
        NOTED("certificate"),
        NOTED("aliases"),
        NOTED("env-files"),
        NOTED("devices"),
        NOTED("shm-size"),
        {},
};

int read_node(Topology *t, Node *n, const YamlValue *map, Err *err) {
        return map ? read_keys(t, node_keys, "a node", map, n, err) : 0;
}
