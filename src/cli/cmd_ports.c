/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "engine/ports.h"

typedef struct PortsOptions {
        bool all, quiet;
        const char *format;
        const char **filters;
} PortsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", PortsOptions, all,
                 "Also connections, and sockets that only have a port"),
        OPT_LIST('f', "filter", PortsOptions, filters, "KEY=VALUE",
                 "Only these: container, port, proto, process, pid, published=true|false"),
        OPT_STRING(0, "format", PortsOptions, format, "FORMAT",
                   "table, json, or a Go template over the rows"),
        OPT_FLAG('q', "quiet", PortsOptions, quiet, "Only the processes' ids, each once"),
        {},
};

static const Column columns[] = {
        { "PROTO", "Proto", false },
        { "STATE", "State", true },
        { "ADDRESS", "Address", false },
        { "PORT", "Port", false },
        { "PEER", "Peer", true },
        { "PROCESS", "Process", false },
        { "PID", "PID", false },
        { "PID INSIDE", "PIDInside", false },
        { "CONTAINER", "Container", false },
        { "PUBLISHED", "Published", false },
        { "NETNS", "NetworkNamespace", true },
        { "USER", "User", true },
        {},
};

static const Column all_columns[] = {
        { "PROTO", "Proto", false },
        { "STATE", "State", false },
        { "ADDRESS", "Address", false },
        { "PORT", "Port", false },
        { "PEER", "Peer", false },
        { "PROCESS", "Process", false },
        { "PID", "PID", false },
        { "PID INSIDE", "PIDInside", false },
        { "CONTAINER", "Container", false },
        { "PUBLISHED", "Published", false },
        { "NETNS", "NetworkNamespace", true },
        { "USER", "User", true },
        {},
};

static const char *protocol_name(const PortEntry *e) {
        return e->socket.protocol == IPPROTO_UDP ? "udp" : "tcp";
}

static int check_filter(const char *filter, Err *err) {
        static const char *const keys[] = { "container", "port", "proto",
                                            "process",   "pid",  "published" };
        const char *value = strchr(filter, '=');
        bool yes;

        for (size_t i = 0; value && i < sizeof keys / sizeof *keys; i++) {
                if (strlen(keys[i]) != (size_t) (value - filter) ||
                    strncmp(filter, keys[i], (size_t) (value - filter)) != 0)
                        continue;
                if (str_equal(keys[i], "published") && parse_bool(value + 1, &yes) < 0)
                        return refuse(err, EINVAL, "filter '%s': neither true nor false", filter);
                return 0;
        }
        return err_hint(err, refuse(err, EINVAL, "there is no filter '%s'", filter),
                        "filters are container, port, proto, process, pid, published");
}

static bool matches_port(const PortEntry *e, const char *value) {
        char text[32];

        snprintf(text, sizeof text, "%u/%s", e->socket.port, protocol_name(e));
        if (str_equal(text, value))
                return true;
        *strchr(text, '/') = 0;
        return str_equal(text, value);
}

static bool matches(const PortEntry *e, const char *filter) {
        const char *value = strchr(filter, '=') + 1;
        bool wanted = false;
        char pid[16];

        snprintf(pid, sizeof pid, "%d", e->pid);
        if (str_after(filter, "container="))
                return str_glob(value, e->container);
        if (str_after(filter, "process="))
                return str_glob(value, e->process);
        if (str_after(filter, "proto="))
                return str_equal(value, protocol_name(e));
        if (str_after(filter, "pid="))
                return str_equal(value, pid);
        if (str_after(filter, "port="))
                return matches_port(e, value);
        (void) parse_bool(value, &wanted);
        return wanted == !str_empty(e->published);
}

/* Values of one key are alternatives, different keys all have to match, as with Docker. */
static bool is_wanted(const PortEntry *e, const char *const *filters) {
        for (const char *const *f = filters; f && *f; f++) {
                size_t key = strcspn(*f, "=") + 1;
                bool any = false;

                for (const char *const *g = filters; *g && !any; g++)
                        any = strncmp(*f, *g, key) == 0 && matches(e, *g);
                if (!any)
                        return false;
        }
        return true;
}

static json_t *number(long long value) {
        char text[24];

        snprintf(text, sizeof text, "%lld", value);
        return json_string(text);
}

static int add_row(json_t *rows, const PortEntry *e) {
        json_t *pid = e->pid ? number(e->pid) : json_string("");
        json_t *inside = e->pid_inside ? number(e->pid_inside) : json_string("");
        json_t *row = json_pack(
                "{s:s, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:s, s:s, s:o, s:o}", "Proto",
                protocol_name(e), "State", port_state(&e->socket), "Address", e->address, "Port",
                number(e->socket.port), "Peer", e->peer, "Process", e->process, "PID", pid,
                "PIDInside", inside, "Container", e->container, "Published", e->published,
                "NetworkNamespace", number((long long) e->netns), "User", number(e->socket.uid));

        return row && json_array_append_new(rows, row) == 0 ? 0 : -ENOMEM;
}

static void print_pids(const Ports *ports, const char *const *filters) {
        for (size_t i = 0; i < ports->n; i++) {
                const PortEntry *e = &ports->entries[i];
                bool seen = e->pid == 0 || !is_wanted(e, filters);

                for (size_t k = 0; k < i && !seen; k++)
                        seen = ports->entries[k].pid == e->pid &&
                               is_wanted(&ports->entries[k], filters);
                if (!seen)
                        printf("%d\n", e->pid);
        }
}

static int cmd_ports(const CommandInput *in, Err *err) {
        const PortsOptions *o = in->options;
        autoptr(Ports) ports = NULL;
        json_t *rows;
        int r;

        for (const char **f = o->filters; f && *f; f++) {
                r = check_filter(*f, err);
                if (r < 0)
                        return r;
        }
        r = ports_list(in->home, o->all, &ports, err);
        if (r < 0)
                return r;
        if (o->quiet) {
                print_pids(ports, o->filters);
                return 0;
        }

        rows = json_array();
        for (size_t i = 0; rows && i < ports->n; i++)
                if (is_wanted(&ports->entries[i], o->filters) &&
                    add_row(rows, &ports->entries[i]) < 0) {
                        json_decref(rows);
                        rows = NULL;
                }
        if (!rows)
                return fail(err, ENOMEM, "cannot list sockets");
        r = format_rows(o->all ? all_columns : columns, rows, o->format, err);
        json_decref(rows);
        return r;
}

COMMAND(ports) = {
        .name = "ports",
        .group = "Networks",
        .synopsis = "[OPTION...]",
        .summary = "Show who listens where, over all network namespaces",
        .options = options,
        .options_size = sizeof(PortsOptions),
        .max_args = 0,
        .run = cmd_ports,
};
