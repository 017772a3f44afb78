/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fds.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/ns.h"
#include "kernel/process.h"
#include "lab/device.h"
#include "lab/engine.h"
#include "lab/keeper.h"
#include "netlink/link.h"
#include "wire/tap.h"
#include "wire/wire.h"

#define REQUEST_MAX 65536

/* A link that is emulated. */
typedef struct Kept {
        char *key; /* topology_link_key() */
        Wire *wire;
        Quality file[2]; /* as the lab's file says */
} Kept;

typedef struct Keeper {
        const KeeperPlan *plan;
        pid_t fabric, *nodes;
        WireSet *set;
        Kept *links;
        size_t n_links;
        size_t last; /* the one that was asked about; mostly they are in turn */
} Keeper;

/* Takes @key over. */
static Kept *add_kept(Keeper *k, char *key) {
        Kept *kept = key ? json_grow(&k->links, &k->n_links, sizeof *kept) : NULL;

        if (!kept)
                free(key);
        else
                kept->key = key;
        return kept;
}

static void remove_kept(Keeper *k, Kept *kept) {
        if (kept->wire)
                wire_remove(kept->wire);
        free(kept->key);
        quality_clear(&kept->file[0]);
        quality_clear(&kept->file[1]);
        *kept = k->links[--k->n_links];
}

static Kept *find_kept(Keeper *k, const char *key) {
        for (size_t i = 0; i < k->n_links; i++) {
                size_t at = (k->last + i) % k->n_links;

                if (str_equal(k->links[at].key, key)) {
                        k->last = at;
                        return &k->links[at];
                }
        }
        return NULL;
}

/* ---- laying ---- */

typedef struct TapRequest {
        const char *name;
        const uint8_t *mac;
        uint32_t mtu;
        bool up; /* nobody else sets it up */
        int tap;
        Err err;
} TapRequest;

static int make_tap(void *context) {
        TapRequest *request = context;
        autoclose int tap = tap_take_over(request->name, &request->err),
                      nl = tap < 0 ? tap : nl_open();
        NlMessage m;
        Link link;
        int r;

        if (tap < 0)
                return tap;
        if (nl < 0)
                return fail(&request->err, nl, "cannot open a netlink socket");
        r = tap_set_persistent(tap, true);
        if (r < 0)
                return fail(&request->err, r, "cannot let '%s' stay", request->name);
        r = link_get(nl, request->name, &link, &request->err);
        if (r < 0)
                return r;
        nl_begin_empty(&m);
        link_next_change(&m, link.index, request->mtu, request->mac);
        if (request->up)
                link_next_up(&m, link.index);
        r = nl_call(nl, &m, &request->err);
        if (r >= 0)
                request->tap = take_fd(tap);
        return r;
}

int keeper_open_tap(const char *where, const char *name, uint32_t mtu, const uint8_t *mac, bool up,
                    pid_t node, Err *err) {
        TapRequest request = { .name = name, .mac = mac, .mtu = mtu, .up = up, .tap = -EBADF };
        autofree char *path = str_format("/proc/%d/ns/net", node);
        autoclose int netns = path ? ns_open(ns_kind("network"), path, err) : -ENOMEM;
        int r;

        if (netns < 0)
                return netns;
        r = netns_run(netns, make_tap, &request);
        if (r < 0)
                r = refuse(err, r, "cannot make '%s': %s", where,
                           request.err.message ? request.err.message : strerror(-r));
        if (r == -EACCES)
                r = err_hint(err, r,
                             "emulated links of an ordinary user need a /dev/net/tun that all may "
                             "open, as most systems have it (mode 0666)");
        err_clear(&request.err);
        return r < 0 ? r : request.tap;
}

int keeper_open_end(const Topology *t, const TopologyLink *l, int end, pid_t pid, Err *err) {
        const Node *node = &t->nodes[l->sides[end].node];
        const DeviceName name = device_name(t, l->sides[end]);
        autofree char *where = str_format("%s:%s", node->name, name.text);

        return keeper_open_tap(where ? where : name.text, name.text, l->mtu,
                               topology_interface(t, l->sides[end])->mac,
                               node->kind == NODE_OVS_BRIDGE, pid, err);
}

/* Takes both ends over, also if it fails. */
static int add_link(Keeper *k, char *key, const char *name, int a, int b, const Tunnel *tunnel,
                    const Quality quality[2], uint64_t seed, Err *err) {
        Kept *kept = add_kept(k, key);
        int r = kept ? 0 : fail(err, ENOMEM, "cannot emulate link '%s'", name);

        for (int d = 0; r >= 0 && d < 2; d++) {
                r = quality_copy(&quality[d], &kept->file[d]);
                if (r < 0)
                        r = fail(err, r, "cannot read its quality");
        }
        if (r >= 0)
                r = tunnel ? wire_add_tunnel(k->set, name, a, b, tunnel, quality, seed, &kept->wire,
                                             err)
                           : wire_add(k->set, name, a, b, quality, seed, &kept->wire, err);
        if (r >= 0)
                return 0;
        close_fd(a);
        close_fd(b);
        if (kept)
                remove_kept(k, kept);
        return r;
}

/* Of all links from the lab's seed, by their ends, unless a quality has its own. */
static int lay(Keeper *k, size_t index, Err *err) {
        const Topology *t = k->plan->topology;
        const TopologyLink *l = &t->links[index];
        char *key = topology_link_key(t, l);
        int a = keeper_open_end(t, l, 0, k->nodes[l->sides[0].node], err), b, r;

        b = a < 0 ? a : keeper_open_end(t, l, 1, k->nodes[l->sides[1].node], err);
        if (b < 0) {
                close_fd(a);
                free(key);
                return err_prefix(err, b, "cannot lay link '%s'", l->name);
        }
        r = add_link(k, key, l->name, a, b, NULL, l->quality, topology_link_seed(t, l), err);
        return r < 0 ? err_prefix(err, r, "cannot lay link '%s'", l->name) : 0;
}

/* With it before privileges are dropped, and the thread inherits it: to have what one has already
 * is always allowed. */
static int set_priority(int priority) {
        const struct sched_param parameter = { .sched_priority = priority };

        return sched_setscheduler(0, priority > 0 ? SCHED_FIFO : SCHED_OTHER, &parameter);
}

/* Before there is a thread: nobody with several enters a user namespace. */
static int drop_privileges(const Keeper *k, Err *err) {
        const int spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
        autoclose int fabric = pidfd_open(k->fabric, 0);

        if (k->plan->priority > 0 && set_priority(k->plan->priority) < 0)
                return err_hint(err, fail(err, errno, "cannot take real-time priority"),
                                "it needs CAP_SYS_NICE and, with control groups of version 1, a "
                                "share of cpu.rt_runtime_us");
        if (fabric < 0 || setns(fabric, spaces) < 0 || process_become_root() < 0)
                return fail(err, errno, "cannot enter the lab's fabric");
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        return 0;
}

static int hear_pids(Keeper *k, Err *err) {
        size_t size = k->plan->topology->n_nodes * sizeof *k->nodes;

        k->nodes = malloc(size);
        if (!k->nodes)
                return fail(err, ENOMEM, "cannot emulate links");
        if (fd_read_all(k->plan->pids, &k->fabric, sizeof k->fabric) != sizeof k->fabric ||
            fd_read_all(k->plan->pids, k->nodes, size) != (ssize_t) size)
                _exit(1); /* its maker has failed, and tells why */
        return 0;
}

/* Every link has two, and they are all its own. */
static void allow_descriptors(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                (void) setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static int set_up(Keeper *k, Err *err) {
        const Topology *t = k->plan->topology;
        WireOptions options = WIRE_OPTIONS_DEFAULT;
        int r = 0;

        r = hear_pids(k, err);
        if (r < 0)
                return r;
        options.priority = k->plan->priority;
        k->set = wire_set_new(&options, NULL, err);
        if (!k->set)
                return err->message ? err->code : fail(err, ENOMEM, "cannot emulate links");
        for (size_t i = 0; r >= 0 && !k->plan->none && i < t->n_links; i++)
                if (link_engine(&t->links[i], NULL) == ENGINE_WIRE)
                        r = lay(k, i, err);
        if (r >= 0)
                r = drop_privileges(k, err);
        if (r >= 0)
                r = wire_set_start(k->set, err);
        /* What answers questions has no need of it. */
        if (r >= 0 && k->plan->priority > 0 && set_priority(0) < 0)
                r = fail(err, errno, "cannot give up real-time priority");
        return r;
}

/* ---- requests ---- */

static int apply(Quality *q, char *const *settings, Err *err) {
        strv_foreach(setting, settings) {
                int r = quality_assign(q, *setting, err);

                if (r < 0)
                        return r;
        }
        return quality_check(q, err);
}

/* What was set live before another keeper took over; the file stays as it is. */
static int replace(Wire *wire, int direction, char *const *settings, Err *err) {
        autoquality q = {};
        int r = apply(&q, settings, err);

        return r < 0 ? r : wire_set_quality(wire, direction, &q, err);
}

static int set_direction(Wire *wire, int direction, char *const *settings, Err *err) {
        autoquality q = {};
        int r = wire_get_quality(wire, direction, &q);

        if (r < 0)
                return fail(err, r, "cannot read the link's quality");
        r = apply(&q, settings, err);
        return r < 0 ? r : wire_set_quality(wire, direction, &q, err);
}

/* The file says something else now. */
static int set_file(Kept *kept, int direction, char *const *settings, Err *err) {
        Quality q = {};
        int r = apply(&q, settings, err);

        if (r >= 0)
                r = wire_set_quality(kept->wire, direction, &q, err);
        if (r < 0) {
                quality_clear(&q);
                return r;
        }
        quality_clear(&kept->file[direction]);
        kept->file[direction] = q;
        return 0;
}

static int for_directions(Kept *kept, const KeeperRequest *q, Err *err) {
        int r = 0;

        for (int d = 0; r >= 0 && d < 2; d++) {
                if (q->direction >= 0 && q->direction != d)
                        continue;
                if (str_equal(q->verb, "set"))
                        r = set_direction(kept->wire, d, q->settings, err);
                else if (str_equal(q->verb, "replace"))
                        r = replace(kept->wire, d, q->settings, err);
                else if (str_equal(q->verb, "file"))
                        r = set_file(kept, d, q->settings, err);
                else
                        r = wire_set_quality(kept->wire, d, &kept->file[d], err);
        }
        return r;
}

static LinkStats stats_of(Wire *wire, int direction) {
        WireStats s;

        wire_stats(wire, direction, &s);
        return (LinkStats){
                .arrived = s.arrived,
                .arrived_bytes = s.arrived_bytes,
                .packets = s.packets,
                .bytes = s.bytes,
                .lost = s.dropped[WIRE_DROP_LOSS],
                .queue_full = s.dropped[WIRE_DROP_QUEUE],
                .codel = s.dropped[WIRE_DROP_CODEL],
                .cut = s.dropped[WIRE_DROP_CUT],
                .down = s.dropped[WIRE_DROP_DOWN],
                .memory = s.dropped[WIRE_DROP_MEMORY],
                .corrupted = s.corrupted,
                .duplicated = s.duplicated,
                .reordered = s.reordered,
                .queued = s.queued,
                .queued_bytes = s.queued_bytes,
                .in_flight = s.in_flight,
                .overruns = s.overruns,
                .late_median_ns = histogram_quantile(&s.lateness, 0.5),
                .late_p99_ns = histogram_quantile(&s.lateness, 0.99),
                .late_max_ns = s.lateness.max_ns,
        };
}

static int describe(Wire *wire, KeeperReply *reply) {
        reply->cut = wire_is_cut(wire);
        reply->captures = wire_captures(wire);
        for (int d = 0; d < 2; d++) {
                autoquality q = {};
                LinkStats *s = json_grow(&reply->directions, &reply->n_directions, sizeof *s);

                if (!s || wire_get_quality(wire, d, &q) < 0 ||
                    strv_take(&reply->quality, quality_words(&q)) < 0)
                        return -ENOMEM;
                *s = stats_of(wire, d);
        }
        return 0;
}

/* @fds: the two ends, taken over. */
static int read_tunnel(const KeeperRequest *q, Tunnel *ret, Err *err) {
        Address remote;

        if (!q->remote)
                return 0;
        return addr_parse(q->remote, &remote) < 0 ||
                               tunnel_init(ret, &remote, (uint16_t) q->port, q->vni) < 0
                       ? refuse(err, EINVAL, "'%s' and %u are no tunnel", q->remote, q->vni)
                       : 0;
}

static int obey_add(Keeper *k, const KeeperRequest *q, int fds[2], Err *err) {
        autoquality there = {}, back = {};
        Tunnel tunnel;
        int a = fds[0], b = fds[1], r;
        char *key = strdup(q->link);
        Quality both[2];

        if (a < 0 || b < 0 || find_kept(k, q->link)) {
                free(key);
                return refuse(err, EINVAL, "the link is emulated already, or has no ends");
        }
        r = apply(&there, q->settings, err);
        if (r >= 0)
                r = apply(&back, q->back, err);
        if (r >= 0)
                r = read_tunnel(q, &tunnel, err);
        if (r < 0) {
                free(key);
                return r;
        }
        fds[0] = fds[1] = -EBADF;
        both[0] = there;
        both[1] = back;
        return add_link(k, key, q->name ? q->name : q->link, a, b, q->remote ? &tunnel : NULL, both,
                        q->seed, err);
}

static int obey_about(Kept *kept, const KeeperRequest *q, int *fd, Err *err) {
        Wire *wire = kept->wire;
        int r = 0;

        if (str_equal(q->verb, "set") || str_equal(q->verb, "reset") ||
            str_equal(q->verb, "file") || str_equal(q->verb, "replace"))
                return for_directions(kept, q, err);
        if (str_equal(q->verb, "cut"))
                wire_cut(wire);
        else if (str_equal(q->verb, "restore"))
                wire_restore(wire);
        else if (str_equal(q->verb, "capture-end"))
                (void) wire_capture_end(wire); /* the reader sees whether all of it came */
        else if (str_equal(q->verb, "clear"))
                wire_clear_stats(wire);
        else if (str_equal(q->verb, "capture") && *fd >= 0) {
                r = wire_capture(wire, *fd, q->snaplen, err);
                if (r >= 0)
                        (void) take_fd(*fd);
        } else if (!str_equal(q->verb, "stats"))
                return refuse(err, EINVAL, "the keeper does not know '%s'", q->verb);
        return r;
}

static int obey(Keeper *k, const KeeperRequest *q, int fds[2], KeeperReply *reply, Err *err) {
        Kept *kept;
        int r;

        reply->starts = k->plan->starts;
        if (str_equal(q->verb, "add"))
                return obey_add(k, q, fds, err);
        kept = find_kept(k, q->link);
        if (!kept)
                return str_equal(q->verb, "remove")
                               ? 0
                               : refuse(err, ENOENT, "the link is not emulated");
        if (str_equal(q->verb, "remove")) {
                remove_kept(k, kept);
                return 0;
        }
        r = obey_about(kept, q, &fds[0], err);
        if (r >= 0 && describe(kept->wire, reply) < 0)
                r = fail(err, ENOMEM, "cannot describe the link");
        return r;
}

static void answer(int connection, KeeperReply *reply, Err *err, int r) {
        char *text = NULL;

        if (r < 0) {
                reply->code = r;
                reply->message = err->message ? strdup(err->message) : NULL;
                reply->hint = err->hint ? strdup(err->hint) : NULL;
        }
        text = json_text(&keeper_reply_type, reply);
        if (text)
                (void) send(connection, text, strlen(text), MSG_NOSIGNAL);
        free(text);
}

static void serve(Keeper *k, int connection) {
        autofree char *text = malloc(REQUEST_MAX + 1);
        KeeperRequest request = {};
        KeeperReply reply = {};
        autoerr err = {};
        int fds[2] = { -EBADF, -EBADF }, r;
        size_t n_fds = 0;
        int n = text ? fds_recv(connection, text, REQUEST_MAX, fds, 2, &n_fds) : -ENOMEM;

        if (n > 0) {
                r = json_parse(&keeper_request_type, text, (size_t) n, "request", &request, &err);
                if (r >= 0)
                        r = obey(k, &request, fds, &reply, &err);
                answer(connection, &reply, &err, r);
        }
        close_fd(fds[0]);
        close_fd(fds[1]);
        json_clear(&keeper_request_type, &request);
        json_clear(&keeper_reply_type, &reply);
}

/* ---- the process ---- */

static void tell(const KeeperPlan *plan, char what) {
        if (write(plan->done, &what, 1) != 1)
                _exit(1);
}

/* Its makers' other descriptors, and the locks that they hold with them. */
static void close_others(const KeeperPlan *plan) {
        const int mine[] = { plan->pids, plan->listener, plan->release, plan->done, plan->report };

        process_close_all_but(mine, sizeof mine / sizeof *mine);
        /* What writes to 0, 1 or 2 must not write to something else. */
        for (int fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
                        _exit(1);
}

_Noreturn void keeper_main(const KeeperPlan *plan) {
        Keeper k = { .plan = plan };
        autoerr err = {};
        char byte;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NAME, "isola-keeper");
        (void) signal(SIGPIPE, SIG_IGN);
        close_others(plan);
        allow_descriptors();
        if (set_up(&k, &err) < 0) {
                err_write(plan->report, &err);
                tell(plan, '-');
                _exit(1);
        }
        tell(plan, '+');
        if (read(plan->release, &byte, 1) != 1)
                _exit(1);
        (void) prctl(PR_SET_PDEATHSIG, 0);
        tell(plan, '+');
        wire_set_begin(k.set);
        for (;;) {
                int connection = accept4(plan->listener, NULL, NULL, SOCK_CLOEXEC);

                if (connection >= 0)
                        serve(&k, connection);
                close_fd(connection);
        }
}
