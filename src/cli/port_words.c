/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/port_words.h"

/* One binding, or an exposed port without any (ip NULL); a run of them has last > first. */
typedef struct Shown {
        const char *ip, *protocol;
        int host, first, last;
} Shown;

char *port_address(const PortBinding *b) {
        const char *ip = str_empty(b->host_ip) ? "0.0.0.0" : b->host_ip;

        return str_format(strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip,
                          b->host_port ? b->host_port : "");
}

static int number(const char *text) {
        return text ? (int) strtol(text, NULL, 10) : 0;
}

static const char *protocol_of(const char *port) {
        const char *slash = port ? strchr(port, '/') : NULL;

        return slash ? slash + 1 : "tcp";
}

static int compare_text(const char *a, const char *b) {
        /* Those that are only exposed come last. */
        if (!a || !b)
                return !a - !b;
        return strcmp(a, b);
}

/* By address, protocol and port: runs become neighbours. */
static int compare(const void *x, const void *y) {
        const Shown *a = x, *b = y;
        int r = compare_text(a->ip, b->ip);

        if (r == 0)
                r = strcmp(a->protocol, b->protocol);
        if (r == 0)
                r = a->first - b->first;
        return r ? r : a->host - b->host;
}

static bool is_published(const PortMap *maps, size_t n, const char *port) {
        for (size_t i = 0; i < n; i++)
                if (str_equal(maps[i].port, port) && maps[i].n_bindings > 0)
                        return true;
        return false;
}

static size_t collect(const PortMap *maps, size_t n, char *const *exposed, Shown *list) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < maps[i].n_bindings; k++) {
                        const PortBinding *b = &maps[i].bindings[k];
                        int port = number(maps[i].port);

                        list[count++] = (Shown){
                                .ip = str_empty(b->host_ip) ? "0.0.0.0" : b->host_ip,
                                .protocol = protocol_of(maps[i].port),
                                .host = number(b->host_port),
                                .first = port,
                                .last = port,
                        };
                }
        strv_foreach(port, exposed)
                if (!is_published(maps, n, *port))
                        list[count++] = (Shown){ .protocol = protocol_of(*port),
                                                 .first = number(*port),
                                                 .last = number(*port) };
        return count;
}

static bool follows(const Shown *run, const Shown *next) {
        return compare_text(run->ip, next->ip) == 0 && str_equal(run->protocol, next->protocol) &&
               next->first == run->last + 1 &&
               (!run->ip || next->host == run->host + (next->first - run->first));
}

static void put(Str *out, const Shown *s) {
        int more = s->last - s->first;

        if (out->length > 0)
                str_put(out, ", ");
        if (s->ip) {
                str_printf(out, strchr(s->ip, ':') ? "[%s]:%d" : "%s:%d", s->ip, s->host);
                if (more)
                        str_printf(out, "-%d", s->host + more);
                str_put(out, "->");
        }
        str_printf(out, "%d", s->first);
        if (more)
                str_printf(out, "-%d", s->last);
        str_printf(out, "/%s", s->protocol);
}

char *port_words(const PortMap *maps, size_t n, char *const *exposed) {
        size_t room = strv_length(exposed), count;
        autofree Shown *list = NULL;
        autostr out = {};

        for (size_t i = 0; i < n; i++)
                room += maps[i].n_bindings;
        if (room == 0)
                return strdup("");
        list = calloc(room, sizeof *list);
        if (!list)
                return NULL;
        count = collect(maps, n, exposed, list);
        qsort(list, count, sizeof *list, compare);

        for (size_t i = 0; i < count; i++) {
                Shown run = list[i];

                while (i + 1 < count && follows(&run, &list[i + 1]))
                        run.last = list[++i].last;
                put(&out, &run);
        }
        return str_take(&out);
}
