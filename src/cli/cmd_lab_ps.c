/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "cli/format.h"
#include "cli/lab_operand.h"
#include "topology/management.h"

typedef struct PsOptions {
        const char *format;
        bool quiet, no_health;
} PsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING(0, "format", PsOptions, format, "FORMAT",
                   "Print as json, table or a Go template"),
        OPT_FLAG(0, "no-health", PsOptions, no_health, "Run no health checks"),
        OPT_FLAG('q', "quiet", PsOptions, quiet, "Only names"),
        {},
};

/* All of a family, separated by blanks. */
static char *addresses(const Topology *t, const Node *n, int family) {
        const Address *management = family == AF_INET ? &n->management : &n->management6;
        char text[INET6_ADDRSTRLEN];
        autostr s = {};

        for (size_t i = 0; i < n->n_interfaces; i++)
                for (size_t k = 0; k < n->interfaces[i].n_addresses; k++) {
                        const Address *a = &n->interfaces[i].addresses[k];

                        if (a->family != family)
                                continue;
                        addr_text(a, text);
                        str_printf(&s, "%s%s/%u", s.length ? " " : "", text, a->prefix);
                }
        if (node_is_managed(t, n)) {
                addr_text(management, text);
                str_printf(&s, "%s%s/%u", s.length ? " " : "", text, management->prefix);
        }
        return str_take(&s);
}

/* How its command does, in words; the caller's. */
static char *command_words(const Lab *lab, size_t i) {
        int code;

        switch (lab_node_command(lab, i, &code)) {
        case LAB_COMMAND_WAITING:
                return str_format("waiting");
        case LAB_COMMAND_RUNNING:
                return str_format("running");
        case LAB_COMMAND_ENDED:
                return str_format("ended (%d)", code);
        default:
                return str_format("%s", "");
        }
}

static int add_row(json_t *rows, const Lab *lab, size_t i, LabHealth health) {
        static const char *const words[] = { "", "healthy", "unhealthy" };
        const Node *n = &lab->topology->nodes[i];
        int number = lab_node_pid(lab, i);
        autofree char *v4 = addresses(lab->topology, n, AF_INET),
                      *v6 = addresses(lab->topology, n, AF_INET6), *pid = str_format("%d", number),
                      *command = command_words(lab, i);
        json_t *row = v4 && v6 && pid && command
                              ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Name",
                                          n->name, "Kind", node_kind_names[n->kind], "Image",
                                          n->image ? n->image : "", "Status",
                                          number > 0 ? "running" : "ended", "PID",
                                          number > 0 ? pid : "", "IPv4", v4, "IPv6", v6, "Command",
                                          command, "Health", words[health])
                              : NULL;

        return row && json_array_append_new(rows, row) == 0 ? 0 : -ENOMEM;
}

static int add_rows(json_t *rows, const Lab *lab, bool check, Err *err) {
        size_t n = lab->topology->n_nodes;
        autofree LabHealth *health = calloc(n, sizeof *health);
        int r = health ? 0 : fail(err, ENOMEM, "cannot list the nodes");

        if (r >= 0 && check)
                r = lab_health(lab, health, err);
        for (size_t i = 0; r >= 0 && i < n; i++)
                if (add_row(rows, lab, i, health[i]) < 0)
                        r = fail(err, ENOMEM, "cannot list the nodes");
        return r;
}

static int cmd_lab_ps(const CommandInput *in, Err *err) {
        static const Column columns[] = {
                { "NAME", "Name" },       { "KIND", "Kind" },     { "STATUS", "Status" },
                { "PID", "PID" },         { "IPV4", "IPv4" },     { "IPV6", "IPv6" },
                { "COMMAND", "Command" }, { "HEALTH", "Health" }, {},
        };
        const PsOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        json_t *rows;
        int r = lab_operand_open(in->home, in->n_args > 0 ? in->args[0] : NULL, &lab, err);

        if (r < 0)
                return r;
        rows = json_array();
        r = add_rows(rows, lab, !o->quiet && !o->no_health, err);
        if (r >= 0)
                r = format_rows(columns, rows, o->quiet && !o->format ? "{{.Name}}" : o->format,
                                err);
        json_decref(rows);
        return r;
}

COMMAND(lab_ps) = {
        .name = "lab ps",
        .group = "Labs",
        .synopsis = "[OPTION...] [LAB]",
        .summary = "List the nodes of a lab",
        .options = options,
        .options_size = sizeof(PsOptions),
        .max_args = 1,
        .completes = "lab",
        .run = cmd_lab_ps,
};
