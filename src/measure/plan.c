/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "measure/check_internal.h"
#include "measure/echo.h"
#include "measure/plan.h"

static const char *const families[] = { "any", "ipv4", "ipv6", NULL };
static const char *const directions[] = { "forward", "reverse", NULL };

#define AT(m) offsetof(Check, m)
#define FROM \
        { "from", SETTING_NODE, AT(from), true, NULL, "one end", NULL }
#define TO \
        { "to", SETTING_PLACE, AT(to), true, NULL, "the other end", NULL }
#define FAMILY \
        { "family", SETTING_WORD, AT(family), false, "any", "any, ipv4 or ipv6", families }
#define DIRECTION                                                              \
        {                                                                      \
                "direction", SETTING_WORD, AT(direction), false, "forward",    \
                        "forward, or reverse: the other end sends", directions \
        }
#define VALUE(n, k, m, v, h) \
        { n, k, AT(m), false, v, h, NULL }

static const CheckSetting ping_settings[] = {
        FROM,
        TO,
        VALUE("count", SETTING_COUNT, count, "100", "requests"),
        VALUE("interval", SETTING_SPAN, interval_ns, "20ms",
              "between requests; 0: the next after each answer"),
        VALUE("size", SETTING_COUNT, size, "56", "bytes of data"),
        VALUE("timeout", SETTING_SPAN, timeout_ns, "1s", "patience for each answer"),
        FAMILY,
        {},
};

static const CheckSetting owd_settings[] = {
        FROM,
        TO,
        VALUE("interval", SETTING_SPAN, interval_ns, "10ms", "between datagrams"),
        VALUE("size", SETTING_COUNT, size, "64", "bytes of data in each"),
        VALUE("duration", SETTING_SPAN, duration_ns, "5s", "of sending"),
        DIRECTION,
        FAMILY,
        {},
};

static const CheckSetting udp_settings[] = {
        FROM,
        TO,
        VALUE("rate", SETTING_RATE, rate_bps, "10mbit", "of IP packets"),
        VALUE("size", SETTING_COUNT, size, "1400", "bytes of data in each datagram"),
        VALUE("duration", SETTING_SPAN, duration_ns, "10s", "of sending"),
        DIRECTION,
        FAMILY,
        {},
};

static const CheckSetting tcp_settings[] = {
        FROM,
        TO,
        VALUE("flows", SETTING_COUNT, flows, "1", "connections at once"),
        VALUE("duration", SETTING_SPAN, duration_ns, "10s", "of sending"),
        VALUE("congestion", SETTING_TEXT, congestion, NULL, "congestion control"),
        DIRECTION,
        FAMILY,
        {},
};

static const CheckSetting load_settings[] = {
        FROM,
        TO,
        VALUE("flows", SETTING_COUNT, flows, "4", "connections at once"),
        VALUE("duration", SETTING_SPAN, duration_ns, "10s", "of the load"),
        VALUE("idle", SETTING_SPAN, idle_ns, "3s", "of quiet before"),
        VALUE("interval", SETTING_SPAN, interval_ns, "20ms", "between requests"),
        VALUE("congestion", SETTING_TEXT, congestion, NULL, "congestion control"),
        DIRECTION,
        FAMILY,
        {},
};

static const CheckSetting sweep_settings[] = {
        FROM,
        TO,
        VALUE("sizes", SETTING_TEXT, sizes, "64,128,256,512,1024,1280,1518", "frames, in bytes"),
        VALUE("rate", SETTING_RATE, rate_bps, "10gbit", "where the search begins"),
        VALUE("resolution", SETTING_PORTION, resolution, "1%", "of the rate, where it ends"),
        VALUE("tolerance", SETTING_PORTION, tolerance, "0%", "share of loss that passes"),
        VALUE("duration", SETTING_SPAN, duration_ns, "2s", "of each trial"),
        FAMILY,
        {},
};

static const CheckSetting matrix_settings[] = {
        VALUE("nodes", SETTING_NODES, nodes, NULL, "between whom; all hosts"),
        VALUE("count", SETTING_COUNT, count, "3", "requests for each pair"),
        VALUE("timeout", SETTING_SPAN, timeout_ns, "3s", "patience for each answer"),
        FAMILY,
        {},
};

/* ---- ends ---- */

typedef struct Ends {
        Station from, to;
} Ends;

/* The family that is asked for, or the first that both ends have. */
static int choose_family(const Check *c, Err *err) {
        static const int both[] = { AF_INET, AF_INET6 };
        Address a, b;

        for (int i = 0; i < 2; i++)
                if ((c->family == CHECK_ANY || c->family == CHECK_IPV4 + i) &&
                    endpoint_address(c->topology, &c->from.list[0], both[i], &a) &&
                    endpoint_address(c->topology, &c->to.list[0], both[i], &b))
                        return both[i];
        return refuse(err, EAFNOSUPPORT, "both ends have no addresses of %s in common",
                      c->family == CHECK_IPV4   ? "IPv4"
                      : c->family == CHECK_IPV6 ? "IPv6"
                                                : "one family");
}

static int open_ends(const Check *c, const CheckLab *lab, bool swap, Ends *ret, Err *err) {
        const Endpoint *from = &c->from.list[0], *to = &c->to.list[0];
        int family = choose_family(c, err), r;

        *ret = (Ends){ { .netns = -EBADF }, { .netns = -EBADF } };
        if (family < 0)
                return family;
        if (from->node == to->node)
                return refuse(err, EINVAL, "both ends are the same node");
        r = check_station(lab, swap ? to : from, family, &ret->from, err);
        if (r >= 0)
                r = check_station(lab, swap ? from : to, family, &ret->to, err);
        if (r < 0) {
                close_fd(ret->from.netns);
                return r;
        }
        (void) echo_warm_up(ret->from.netns, &ret->to.address, WARM_UP_MAX, lab->stop);
        return 0;
}

static void close_ends(Ends *e) {
        close_fd(e->from.netns);
        close_fd(e->to.netns);
}

/* ---- kinds ---- */

static int no_memory(int r, Err *err) {
        return r < 0 ? fail(err, r, "cannot keep what was measured") : 0;
}

static int measure_ping(const Check *c, const CheckLab *lab, Record *ret, Err *err) {
        const Endpoint *to = &c->to.list[0];
        int family = choose_family(c, err), r;
        autoping result = {};
        PingOptions o;
        Address address;
        Station s;

        /* Who answers need be no node. */
        if (family < 0 || !endpoint_address(c->topology, to, family, &address))
                return family;
        r = check_station(lab, &c->from.list[0], family, &s, err);
        if (r < 0)
                return r;
        (void) echo_warm_up(s.netns, &address, WARM_UP_MAX, lab->stop);
        o = ping_defaults(s.netns, &address);
        o.count = c->count;
        o.interval_ns = c->interval_ns;
        o.size = (size_t) c->size;
        o.timeout_ns = c->timeout_ns;
        o.stop = lab->stop;
        r = ping(&o, &result, err);
        close_fd(s.netns);
        return r < 0 ? r : no_memory(record_ping(ret, &result), err);
}

static int measure_stream(const Check *c, const CheckLab *lab, Record *ret, Err *err) {
        autostream result = {};
        StreamOptions o;
        Ends e;
        int r = open_ends(c, lab, c->direction == 1, &e, err);

        if (r < 0)
                return r;
        o = stream_defaults(&e.from, &e.to);
        o.size = (size_t) c->size;
        o.rate_bps = c->interval_ns > 0 ? stream_rate(&e.to, o.size, 1e9 / (double) c->interval_ns)
                                        : c->rate_bps;
        o.duration_ns = c->duration_ns;
        o.stop = lab->stop;
        r = stream(&o, &result, err);
        close_ends(&e);
        return r < 0 ? r : no_memory(record_stream(ret, &result), err);
}

static TcpOptions tcp_options(const Check *c, const CheckLab *lab, const Ends *e) {
        TcpOptions o = tcp_defaults(&e->from, &e->to);

        o.flows = (int) (c->flows <= TCP_FLOWS_MAX ? c->flows : TCP_FLOWS_MAX + 1);
        o.duration_ns = c->duration_ns;
        o.reverse = c->direction == 1;
        o.congestion = c->congestion;
        o.stop = lab->stop;
        return o;
}

static int measure_tcp(const Check *c, const CheckLab *lab, Record *ret, Err *err) {
        autotcp result = {};
        TcpOptions o;
        Ends e;
        int r = open_ends(c, lab, false, &e, err);

        if (r < 0)
                return r;
        o = tcp_options(c, lab, &e);
        r = tcp(&o, &result, err);
        close_ends(&e);
        return r < 0 ? r : no_memory(record_tcp(ret, &result), err);
}

static int measure_load(const Check *c, const CheckLab *lab, Record *ret, Err *err) {
        autoload result = {};
        LoadOptions o;
        Ends e;
        int r = open_ends(c, lab, false, &e, err);

        if (r < 0)
                return r;
        o = load_defaults(&e.from, &e.to);
        o.tcp = tcp_options(c, lab, &e);
        o.idle_ns = c->idle_ns;
        o.every_ns = c->interval_ns;
        r = load(&o, &result, err);
        close_ends(&e);
        return r < 0 ? r : no_memory(record_loaded(ret, &result), err);
}

static int read_sizes(const char *text, SweepOptions *o, Err *err) {
        autostrv words = NULL;
        int n = 0;

        if (strv_split(text, ", ", true, &words) < 0)
                return fail(err, ENOMEM, "cannot read sizes");
        strv_foreach(word, words) {
                if (n == SWEEP_SIZES_MAX - 1)
                        return refuse(err, EINVAL, "a sweep has at most %d sizes",
                                      SWEEP_SIZES_MAX - 1);
                if (parse_int(*word, 1, 9018, &o->sizes[n++]) < 0)
                        return err_hint(err,
                                        refuse(err, EINVAL, "'%s' is no size of a frame", *word),
                                        "bytes, separated by commas, as '64,512,1518'");
        }
        return 0;
}

static int measure_sweep(const Check *c, const CheckLab *lab, Record *ret, Err *err) {
        SweepResult result = {};
        SweepOptions o;
        Ends e;
        int r = open_ends(c, lab, false, &e, err);

        if (r < 0)
                return r;
        o = sweep_defaults(&e.from, &e.to);
        o.max_bps = c->rate_bps;
        o.resolution = c->resolution;
        o.tolerance = c->tolerance;
        o.trial_ns = c->duration_ns;
        o.stop = lab->stop;
        r = read_sizes(c->sizes, &o, err);
        if (r >= 0)
                r = sweep(&o, &result, err);
        close_ends(&e);
        return r < 0 ? r : no_memory(record_sweep(ret, &result), err);
}

static int measure_group(const Check *c, const CheckLab *lab, CheckGroup *g, Record *ret,
                         Err *err) {
        MatrixOptions o = matrix_defaults(g->stations, g->n);
        automatrix result = {};
        int r;

        if (g->n < 2)
                return refuse(err, EINVAL, "there are no two nodes with addresses to ping");
        o.count = (int) c->count;
        o.timeout_ns = c->timeout_ns;
        o.stop = lab->stop;
        r = matrix(&o, &result, err);
        return r < 0 ? r : no_memory(record_matrix(ret, &result, g->names), err);
}

static int measure_matrix(const Check *c, const CheckLab *lab, Record *ret, Err *err) {
        CheckGroup g = {};
        int r = check_group(&g, c, lab, c->family == CHECK_IPV6 ? AF_INET6 : AF_INET, err);

        if (r >= 0 && g.n < 2 && c->family == CHECK_ANY) {
                check_group_clear(&g);
                r = check_group(&g, c, lab, AF_INET6, err);
        }
        if (r >= 0)
                r = measure_group(c, lab, &g, ret, err);
        check_group_clear(&g);
        return r;
}

const CheckKind measure_kinds[] = {
        { "ping", NULL, "round trips", ping_settings, NULL, measure_ping },
        { "owd", NULL, "one-way delay", owd_settings, NULL, measure_stream },
        { "udp", NULL, "a constant rate of datagrams", udp_settings, NULL, measure_stream },
        { "tcp", NULL, "what TCP carries", tcp_settings, NULL, measure_tcp },
        { "load", NULL, "round trips under load", load_settings, NULL, measure_load },
        { "sweep", NULL, "the highest rate without loss", sweep_settings, NULL, measure_sweep },
        { "matrix", NULL, "round trips between all", matrix_settings, NULL, measure_matrix },
        {},
};

/* ---- reading and running ---- */

static const CheckSetting common[] = {
        { "name", SETTING_TEXT, AT(name), false, NULL, "how results call it", NULL },
        {},
};

int plan_read(const Topology *t, const Step *steps, size_t n, CheckList *ret, Err *err) {
        return check_steps_read(t, steps, n, measure_kinds, common, "measurement", ret, err);
}

static char *label_of(const Check *c) {
        autofree char *from = NULL, *to = NULL;

        if (c->name)
                return strdup(c->name);
        if (c->from.n == 0)
                return strdup(c->nodes.n ? "some nodes" : "all nodes");
        from = endpoint_name(c->topology, &c->from.list[0]);
        to = endpoint_name(c->topology, &c->to.list[0]);
        return from && to ? str_format("%s to %s", from, to) : NULL;
}

/* All that was asked for or is the default: whoever reads the record has no table. */
static int put_settings(const Check *c, Record *ret) {
        int r = 0;

        for (const CheckSetting *s = c->kind->settings; s->name && r >= 0; s++) {
                const char *value = strv_env_get(c->step->settings, s->name);

                if (str_equal(s->name, "from") || str_equal(s->name, "to"))
                        continue;
                if (value || s->value)
                        r = record_setting(ret, "%s=%s", s->name, value ? value : s->value);
        }
        return r;
}

int plan_run(const Check *c, const CheckLab *lab, int repetition, Record *ret, Err *err) {
        autofree char *label = label_of(c);
        int64_t begun = monotonic_ns();
        CpuMark before = {}, after = {};
        int r = label ? record_begin(ret, c->kind->name, label) : -ENOMEM, marked;

        if (r >= 0 && c->topology->name)
                r = str_set(&ret->lab, c->topology->name);
        if (r >= 0)
                r = put_settings(c, ret);
        if (r < 0)
                return fail(err, r, "cannot begin a measurement");
        ret->repetition = repetition;
        marked = cpu_mark(&before);
        r = c->kind->measure(c, lab, ret, err);
        ret->seconds = (double) (monotonic_ns() - begun) / 1e9;
        if (r >= 0 && marked >= 0 && cpu_mark(&after) >= 0 && record_host(ret, &before, &after) < 0)
                r = fail(err, ENOMEM, "cannot keep what was measured");
        if (r < 0) {
                record_clear(ret);
                return err_prefix(err, r, "%s %s", c->kind->name, label);
        }
        return 0;
}
