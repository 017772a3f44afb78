/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/size.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "cli/port_words.h"
#include "cli/ps_filter.h"
#include "engine/health.h"

#define COMMAND_WIDTH 20 /* Docker's */
#define NS_PER_SECOND 1000000000

typedef struct PsOptions {
        bool all, quiet, latest, size, no_trunc;
        int last;
        const char **filters;
        const char *format;
} PsOptions;

static const Option options[] COMMAND_DATA = {
        OPT_FLAG('a', "all", PsOptions, all, "Also those that do not run"),
        OPT_LIST('f', "filter", PsOptions, filters, "KEY=VALUE",
                 "Only those that match: id, name, label, status, exited, ancestor, before, since, "
                 "network, publish, expose, volume"),
        OPT_STRING(0, "format", PsOptions, format, "FORMAT", "json, table, or a Go template"),
        OPT_INT('n', "last", PsOptions, last, "NUMBER", "The NUMBER newest, in any state"),
        OPT_FLAG('l', "latest", PsOptions, latest, "The newest, in any state"),
        OPT_FLAG(0, "no-trunc", PsOptions, no_trunc, "Do not shorten ids and commands"),
        OPT_FLAG('q', "quiet", PsOptions, quiet, "Print ids only"),
        OPT_FLAG('s', "size", PsOptions, size, "Show how much they have written"),
        {},
};

static char *short_id(const Container *c, const PsOptions *o) {
        return strndup(c->id, o->no_trunc ? ID_LENGTH : ID_SHORT_LENGTH);
}

/* Cuts to @width characters, the last of which becomes an ellipsis. */
static void shorten(char *text, size_t width) {
        size_t n = 0;

        for (char *c = text; *c; c++) {
                if (((unsigned char) *c & 0xc0) == 0x80)
                        continue;
                n++;
                if (n < width)
                        continue;
                if (n == width && !c[1])
                        return;
                *c = 0;
                return;
        }
}

/* Program and arguments in quotes, as Docker shows them. */
static char *command_words(const Container *c, const PsOptions *o) {
        autofree char *arguments = strv_join(c->args, " ");
        autofree char *text = str_format("%s%s%s", c->path ? c->path : "", c->args ? " " : "",
                                         arguments ? arguments : "");
        size_t full = text ? strlen(text) : 0;
        autostr s = {};

        if (!text)
                return NULL;
        if (!o->no_trunc)
                shorten(text, COMMAND_WIDTH);
        str_put_char(&s, '"');
        for (const char *p = text; *p; p++) {
                if (*p == '\n' || *p == '\t' || *p == '\r')
                        str_printf(&s, "\\%c", *p == '\n' ? 'n' : *p == '\t' ? 't' : 'r');
                else
                        str_printf(&s, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
        }
        str_put(&s, strlen(text) < full ? "\xe2\x80\xa6\"" : "\"");
        return str_take(&s);
}

static char *ago(const char *time, const char *suffix) {
        autofree char *words = NULL;
        int64_t ns;

        if (!time || clock_parse_rfc3339(time, &ns) < 0)
                return strdup("");
        words = span_words(clock_now_ns() - ns);
        return words ? str_format("%s%s", words, suffix) : NULL;
}

/* " (healthy)", " (health: starting)"; NULL without a check. */
static char *health_words(const Container *c) {
        autohealth h = {};

        if (!health_is_wanted(c) || health_load(c, &h, NULL) < 0)
                return NULL;
        return str_format(str_equal(h.status, HEALTH_STARTING) ? " (health: %s)" : " (%s)",
                          h.status);
}

static char *status_words(const Container *c, ContainerStatus status) {
        autofree char *up = NULL, *down = NULL, *health = NULL;

        switch (status) {
        case CONTAINER_RUNNING:
                up = ago(c->state.started_at, "");
                health = health_words(c);
                return str_format("Up %s%s", up ? up : "", health ? health : "");
        case CONTAINER_PAUSED:
                up = ago(c->state.started_at, "");
                return str_format("Up %s (Paused)", up ? up : "");
        case CONTAINER_RESTARTING:
        case CONTAINER_EXITED:
                down = ago(c->state.finished_at, " ago");
                return str_format("%s (%d) %s",
                                  status == CONTAINER_EXITED ? "Exited" : "Restarting",
                                  c->state.exit_code, down ? down : "");
        case CONTAINER_DEAD:
                return strdup("Dead");
        default:
                return strdup("Created");
        }
}

static char *image_words(const Container *c, const PsOptions *o) {
        const char *name = c->config.image ? c->config.image : "";
        const char *digits = str_after(name, "sha256:");

        /* An image named by its id is shown as ids are. */
        digits = digits ? digits : name;
        if (!o->no_trunc && strlen(digits) > ID_SHORT_LENGTH && id_is_prefix(digits))
                return strndup(digits, ID_SHORT_LENGTH);
        return strdup(name);
}

static char *created_words(const Container *c) {
        char text[64];
        struct tm tm;
        int64_t ns;
        time_t s;

        if (!c->created || clock_parse_rfc3339(c->created, &ns) < 0)
                return strdup("");
        s = (time_t) (ns / NS_PER_SECOND);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S +0000 UTC", gmtime_r(&s, &tm));
        return strdup(text);
}

static char *network_words(const Container *c) {
        autostr s = {};

        for (size_t i = 0; i < c->state.n_networks; i++)
                str_printf(&s, "%s%s", i ? "," : "", c->state.networks[i].network);
        if (c->state.n_networks == 0)
                str_put(&s, c->host.network_mode ? c->host.network_mode : "");
        return str_take(&s);
}

static char *mount_words(const Container *c, const PsOptions *o) {
        autostr s = {};

        for (size_t i = 0; i < c->host.n_mounts; i++) {
                autofree char *source = strdup(c->host.mounts[i].source ? c->host.mounts[i].source
                                                                        : c->host.mounts[i].target);

                if (source && !o->no_trunc && strlen(source) > 15)
                        shorten(source, 15);
                str_printf(&s, "%s%s", i ? "," : "", source ? source : "");
        }
        return str_take(&s);
}

static char *port_list(const Container *c, ContainerStatus status) {
        bool runs = status == CONTAINER_RUNNING || status == CONTAINER_PAUSED;

        return runs ? port_words(c->state.ports, c->state.n_ports, c->config.exposed_ports)
                    : strdup("");
}

static int set(json_t *row, const char *name, char *text) {
        autofree char *owned = text;

        /* What is not UTF-8 was given so by the user; it is shown as well as JSON can. */
        json_t *value = owned ? json_string(owned) : NULL;

        if (!value && owned) {
                autofree char *safe = str_printable(owned);

                value = safe ? json_string(safe) : NULL;
        }
        return value ? json_object_set_new_nocheck(row, name, value) : -ENOMEM;
}

static int count_volumes(const Container *c) {
        int n = 0;

        for (size_t i = 0; i < c->host.n_mounts; i++)
                n += str_equal(c->host.mounts[i].type, "volume");
        return n;
}

static char *size_of(Container *c) {
        autofree char *own_words = NULL, *total_words = NULL;
        uint64_t own, total;

        if (container_size(c, &own, &total, NULL) < 0)
                return strdup("N/A");
        own_words = size_words(own);
        total_words = size_words(total);
        return own_words && total_words ? str_format("%s (virtual %s)", own_words, total_words)
                                        : NULL;
}

/* The columns of the default table; the rest is made only for a --format. */
static int fill_table(json_t *row, Container *c, const PsOptions *o) {
        ContainerStatus status = container_status(c);

        if (set(row, "ID", short_id(c, o)) < 0 || set(row, "Image", image_words(c, o)) < 0 ||
            set(row, "Command", command_words(c, o)) < 0 ||
            set(row, "RunningFor", ago(c->created, " ago")) < 0 ||
            set(row, "Status", status_words(c, status)) < 0 ||
            set(row, "Ports", port_list(c, status)) < 0 ||
            set(row, "Names", strdup(c->name ? c->name : "")) < 0 ||
            (o->size && set(row, "Size", size_of(c)) < 0))
                return -ENOMEM;
        return 0;
}

static int fill_rest(json_t *row, Container *c, const PsOptions *o) {
        if (set(row, "State", strdup(container_status_name(container_status(c)))) < 0 ||
            set(row, "CreatedAt", created_words(c)) < 0 ||
            set(row, "Labels", strv_join(c->config.labels, ",")) < 0 ||
            set(row, "LocalVolumes", str_format("%d", count_volumes(c))) < 0 ||
            set(row, "Mounts", mount_words(c, o)) < 0 ||
            set(row, "Networks", network_words(c)) < 0 ||
            (!o->size &&
             set(row, "Size", o->format && strstr(o->format, ".Size") ? size_of(c) : strdup("0B")) <
                     0))
                return -ENOMEM;
        return json_object_set_new_nocheck(row, ".Label", json_pairs_tree(c->config.labels));
}

static int print(Container **list, size_t n, const PsOptions *o, Err *err) {
        const Column columns[] = {
                { "CONTAINER ID", "ID" },
                { "IMAGE", "Image" },
                { "COMMAND", "Command" },
                { "CREATED", "RunningFor" },
                { "STATUS", "Status" },
                { "PORTS", "Ports" },
                { "NAMES", "Names" },
                { "SIZE", "Size", .optional = !o->size },
                { "STATE", "State", .optional = true },
                { "CREATED AT", "CreatedAt", .optional = true },
                { "LABELS", "Labels", .optional = true },
                { "LOCAL VOLUMES", "LocalVolumes", .optional = true },
                { "MOUNTS", "Mounts", .optional = true },
                { "NETWORKS", "Networks", .optional = true },
                {},
        };
        json_t *rows = json_array();
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                json_t *row = json_object();

                r = fill_table(row, list[i], o);
                if (r >= 0 && o->format)
                        r = fill_rest(row, list[i], o);
                json_array_append_new(rows, row);
        }
        r = r < 0 ? fail(err, r, "cannot list containers")
                  : format_rows(columns, rows, o->format, err);
        json_decref(rows);
        return r;
}

static void print_ids(Container **list, size_t n, const PsOptions *o) {
        for (size_t i = 0; i < n; i++)
                printf("%.*s\n", o->no_trunc ? ID_LENGTH : ID_SHORT_LENGTH, list[i]->id);
}

/* Moves those that match to the front; returns how many. */
static size_t choose(Container **list, size_t n, const PsFilter *filter) {
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (ps_filter_match(filter, list[i])) {
                        Container *c = list[kept];

                        list[kept++] = list[i];
                        list[i] = c;
                }
        return kept;
}

static int cmd_ps(const CommandInput *in, Err *err) {
        const PsOptions *o = in->options;
        int last = o->latest ? 1 : o->last, r;
        autoptr(PsFilter) filter = NULL;
        Container **list = NULL;
        size_t n = 0, kept;

        r = ps_filter_new(in->home, o->filters, &filter, err);
        if (r >= 0)
                r = container_list(in->home, o->all || last > 0 || ps_filter_wants_all(filter),
                                   &list, &n, err);
        if (r < 0)
                return r;

        kept = choose(list, n, filter);
        if (last > 0 && kept > (size_t) last)
                kept = (size_t) last;
        if (o->quiet && !o->format)
                print_ids(list, kept, o);
        else
                r = print(list, kept, o, err);
        container_list_free(list, n);
        return r;
}

COMMAND(ps) = {
        .name = "ps",
        .alias = "container ls,container ps,container list",
        .group = "Containers",
        .synopsis = "[OPTION...]",
        .summary = "List containers",
        .options = options,
        .options_size = sizeof(PsOptions),
        .max_args = 0,
        .run = cmd_ps,
};
