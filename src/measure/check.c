/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "measure/check_internal.h"

#define PAUSE_NS (200 * NS_PER_MS) /* between tries */

void check_outcome_clear(CheckOutcome *o) {
        free(o->name);
        free(o->reason);
        strv_free(o->details);
        *o = (CheckOutcome){};
}

static char *format_list(const char *format, va_list ap) printf_like(1, 0);
static char *format_list(const char *format, va_list ap) {
        char *text = NULL;

        return vasprintf(&text, format, ap) < 0 ? NULL : text;
}

int check_detail(CheckOutcome *o, const char *format, ...) {
        va_list ap;
        char *text;

        va_start(ap, format);
        text = format_list(format, ap);
        va_end(ap);
        return strv_take(&o->details, text);
}

int check_failed(CheckOutcome *o, const char *format, ...) {
        va_list ap;
        char *text;

        o->status = CHECK_FAILED;
        va_start(ap, format);
        text = format_list(format, ap);
        va_end(ap);
        if (o->reason)
                return strv_take(&o->details, text);
        o->reason = text;
        return text ? 0 : -ENOMEM;
}

/* What the file says of a setting, else its default. */
static const char *said(const Check *c, const char *setting) {
        const char *value = strv_env_get(c->step->settings, setting);

        for (const CheckSetting *s = c->kind->settings; !value && s->name; s++)
                if (str_equal(s->name, setting))
                        value = s->value;
        return value ? value : "";
}

int check_figure(const Check *c, CheckOutcome *o, const char *setting, double value,
                 const char *unit, const Bound *bound) {
        bool rate = str_equal(unit, "bit/s"), share = str_equal(unit, "share");
        autofree char *words = rate    ? figure_words(value / 1e6, "Mbit/s")
                               : share ? figure_words(value * 100, "%")
                                       : figure_words(value, unit);

        if (!words)
                return -ENOMEM;
        if (bound_holds(bound, value))
                return check_detail(o, "%s %s%s%s%s", setting, words, bound->is_set ? " (" : "",
                                    bound->is_set ? said(c, setting) : "",
                                    bound->is_set ? ")" : "");
        return check_failed(o, "%s is %s, wanted %s", setting, words, said(c, setting));
}

/* ---- places ---- */

int check_station(const CheckLab *lab, const Endpoint *p, int family, Station *ret, Err *err) {
        *ret = (Station){ .netns = -EBADF };
        if (p->node < 0)
                return refuse(err, EINVAL, "no node of the lab has that address");
        if (!endpoint_address(lab->topology, p, family, &ret->address))
                return refuse(err, EAFNOSUPPORT, "node '%s' has no address of IPv%d",
                              lab->topology->nodes[p->node].name, family == AF_INET6 ? 6 : 4);
        ret->netns = lab->netns(lab->context, (size_t) p->node, err);
        return ret->netns < 0 ? ret->netns : 0;
}

/* ---- many nodes ---- */

void check_group_clear(CheckGroup *g) {
        for (size_t i = 0; i < g->n; i++)
                close_fd(g->stations[i].netns);
        free(g->stations);
        strv_free(g->names);
}

static int group_add(CheckGroup *g, const CheckLab *lab, size_t node, int family, Err *err) {
        Endpoint p = { (ssize_t) node, -1, {} };
        Station s, *new;
        Address a;
        int r;

        if (!endpoint_address(lab->topology, &p, family, &a))
                return 0;
        r = check_station(lab, &p, family, &s, err);
        if (r < 0)
                return r;
        new = json_grow(&g->stations, &g->n, sizeof *new);
        if (!new) {
                close_fd(s.netns);
                return fail(err, ENOMEM, "cannot ping everybody");
        }
        *new = s;
        return strv_add(&g->names, lab->topology->nodes[node].name) < 0
                       ? fail(err, ENOMEM, "cannot ping everybody")
                       : 0;
}

int check_group(CheckGroup *g, const Check *c, const CheckLab *lab, int family, Err *err) {
        const Topology *t = lab->topology;
        NodeKind kind = NODE_ROUTER;
        int r = 0;

        for (size_t i = 0; i < c->nodes.n && r >= 0; i++)
                r = group_add(g, lab, (size_t) c->nodes.list[i].node, family, err);
        if (c->nodes.n > 0)
                return r;
        for (size_t i = 0; i < t->n_nodes; i++)
                if (t->nodes[i].kind == NODE_HOST)
                        kind = NODE_HOST;
        for (size_t i = 0; i < t->n_nodes && r >= 0; i++)
                if (t->nodes[i].kind == kind)
                        r = group_add(g, lab, i, family, err);
        return r;
}

/* ---- pairs ---- */

typedef int (*EachPair)(const Check *c, const CheckLab *lab, const Endpoint *from,
                        const Endpoint *to, int family, CheckOutcome *o, Err *err);

int check_families(const Check *c, const Endpoint *from, const Endpoint *to, EachPair each,
                   const CheckLab *lab, CheckOutcome *o, Err *err) {
        static const int families[] = { AF_INET, AF_INET6 };
        static const bool wanted[][2] = { [CHECK_ANY] = { true, true },
                                          [CHECK_IPV4] = { true, false },
                                          [CHECK_IPV6] = { false, true },
                                          [CHECK_BOTH] = { true, true } };
        int met = 0, r;

        for (int i = 0; i < 2; i++) {
                Address a, b;

                if (!wanted[c->family][i] || (c->family == CHECK_ANY && met))
                        continue;
                if (!endpoint_address(c->topology, from, families[i], &a) ||
                    !endpoint_address(c->topology, to, families[i], &b))
                        continue;
                met++;
                r = each(c, lab, from, to, families[i], o, err);
                if (r < 0)
                        return r;
        }
        if (met == 0 || (c->family == CHECK_BOTH && met == 1)) {
                autofree char *a = endpoint_name(c->topology, from);
                autofree char *b = endpoint_name(c->topology, to);

                return refuse(err, EAFNOSUPPORT, "'%s' and '%s' have no addresses of %s in common",
                              a ? a : "", b ? b : "",
                              c->family == CHECK_IPV4   ? "IPv4"
                              : c->family == CHECK_IPV6 ? "IPv6"
                              : c->family == CHECK_BOTH ? "both IPv4 and IPv6"
                                                        : "one family");
        }
        return 0;
}

int check_pairs(const Check *c, EachPair each, const CheckLab *lab, CheckOutcome *o, Err *err) {
        size_t pairs = 0;
        int r = 0;

        for (size_t i = 0; i < c->from.n && r >= 0; i++)
                for (size_t k = 0; k < c->to.n && r >= 0; k++) {
                        if (c->from.list[i].node == c->to.list[k].node)
                                continue;
                        pairs++;
                        r = check_families(c, &c->from.list[i], &c->to.list[k], each, lab, o, err);
                }
        if (pairs == 0)
                return refuse(err, EINVAL, "both ends are the same node");
        return r;
}

/* ---- running ---- */

/* "ping from=h1 to=h2": its words but limits with a default. */
static char *describe(const Check *c) {
        autofree char *settings = NULL;
        autostrv words = NULL;

        if (c->name)
                return strdup(c->name);
        strv_foreach(s, c->step->settings)
                if (!str_after(*s, "within=") && strv_add(&words, *s) < 0)
                        return NULL;
        settings = words ? strv_join(words, " ") : strdup("");
        return settings ? str_format("%s%s%s", c->kind->name, *settings ? " " : "", settings)
                        : NULL;
}

static int try_once(const Check *c, const CheckLab *lab, CheckOutcome *o) {
        autoerr err = {};
        int r;

        free(o->reason);
        o->reason = NULL;
        o->details = strv_free(o->details);
        o->status = CHECK_PASSED;
        o->tries++;
        r = c->kind->run(c, lab, o, &err);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                o->status = CHECK_ERROR;
                free(o->reason);
                o->reason = strdup(err.message ? err.message : strerror(-r));
        }
        return r < 0 && !o->reason ? -ENOMEM : 0;
}

int check_run(const Check *c, const CheckLab *lab, CheckOutcome *ret) {
        int64_t begun = monotonic_ns();
        int r;

        *ret = (CheckOutcome){ .kind = c->kind->name,
                               .line = c->step->line,
                               .name = describe(c),
                               .status = CHECK_SKIPPED };
        if (!ret->name)
                return -ENOMEM;
        if (probe_is_stopped(lab->stop))
                return 0;
        do {
                r = try_once(c, lab, ret);
                if (r < 0 || ret->status == CHECK_PASSED || c->within_ns == 0)
                        break;
                if (monotonic_ns() - begun >= c->within_ns)
                        break;
        } while (probe_wait(-1, 0, lab->stop, monotonic_ns() + PAUSE_NS) == 0);
        ret->seconds = (double) (monotonic_ns() - begun) / 1e9;
        if (r >= 0 && probe_is_stopped(lab->stop)) {
                ret->status = CHECK_SKIPPED;
                free(ret->reason);
                ret->reason = strdup("stopped");
        }
        if (r < 0)
                check_outcome_clear(ret);
        return r;
}
