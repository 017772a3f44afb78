/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/interrupt.h"
#include "cli/lab_measure.h"
#include "lab/nat.h"
#include "measure/boot.h"
#include "measure/probe.h"
#include "store/image.h"
#include "topology/address.h"
#include "topology/read.h"

#define STOPPED 130
#define IMAGE   "busybox"

typedef struct BootOptions {
        MeasureOptions measure; /* first: what lab_measure_write() reads */
        const char **beside;
        const char *image, *rootfs;
} BootOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LIST('b', "beside", BootOptions, beside, "WHAT",
                 "Also: light, image, crun, runc, podman, docker, all",
                 "light|image|crun|runc|podman|docker|all"),
        OPT_STRING(0, "image", BootOptions, image, "IMAGE",
                   "Image of containers beside the lab (busybox)", "image"),
        OPT_STRING(0, "rootfs", BootOptions, rootfs, "DIR",
                   "Root of crun's and runc's (the image's only layer)", "directory"),
        MEASURE_RESULTS_ONLY,
        {},
};

/* What is booted in each round. */
typedef struct Contender {
        const char *what; /* NULL: the lab as it is; "light", "image"; else a runtime */
        char *label;
        bool optional, left_out; /* it is left out if it cannot be run */
} Contender;

typedef struct Contest {
        const CommandInput *in;
        const char *file, *image;
        char *rootfs;
        size_t hosts; /* of the lab, and routers: as many containers stand beside it */
        Contender *list;
        size_t n;
} Contest;

static void contest_clear(Contest *c) {
        for (size_t i = 0; i < c->n; i++)
                free(c->list[i].label);
        free(c->list);
        free(c->rootfs);
}
#define autocontest __attribute__((__cleanup__(contest_clear))) Contest

/* ---- the lab ---- */

/* All hosts and routers as light nodes, or as containers that do nothing. */
static int change_nodes(Topology *t, const char *what, const char *image) {
        static const char *const sleeper[] = { "sleep", "1000000", NULL };
        bool light = str_equal(what, "light");
        int r = 0;

        for (size_t i = 0; i < t->n_nodes && r >= 0; i++) {
                Node *n = &t->nodes[i];

                if (node_is_switch(n))
                        continue;
                free(n->entrypoint);
                n->entrypoint = NULL;
                r = str_set(&n->image, light ? NULL : image);
                n->cmd = strv_free(n->cmd);
                if (r >= 0 && !light)
                        r = strv_add_words(&n->cmd, sleeper);
        }
        return r;
}

static int read_lab(const Contest *c, const char *what, Topology **ret, Err *err) {
        autoptr(Topology) t = NULL;
        int r = topology_read(c->file, NULL, &t, err);

        if (r >= 0)
                r = lab_choose_management(c->in->home, t, err);
        if (r >= 0)
                r = topology_assign_addresses(t, err);
        if (r >= 0 && t->n_nodes == 0)
                r = refuse(err, EINVAL, "a lab without nodes boots nothing");
        if (r >= 0 && what && change_nodes(t, what, c->image) < 0)
                r = fail(err, ENOMEM, "cannot read '%s'", c->file);
        if (r >= 0)
                *ret = take_ptr(t);
        return r;
}

static double ms_since(int64_t ns) {
        return (double) (monotonic_ns() - ns) / 1e6;
}

/* Builds the lab once and takes it away. */
static int boot_lab(const Contest *c, const char *what, BootResult *b, Err *err) {
        autoptr(Lab) lab = NULL;
        Topology *t = NULL;
        int64_t begun;
        double before;
        int r = read_lab(c, what, &t, err);

        if (r < 0)
                return r;
        before = boot_available_kib();
        begun = monotonic_ns();
        r = lab_up(c->in->home, t, &(LabOptions){ .source = c->file }, &lab, err);
        if (r < 0) {
                topology_free(t);
                return r;
        }
        *b = (BootResult){ .nodes = t->n_nodes, .up_ms = ms_since(begun) };
        b->host_kib = before - boot_available_kib();
        for (size_t i = 0; i < lab->state.n_nodes; i++)
                boot_add_process(b, lab_node_pid(lab, i));
        begun = monotonic_ns();
        r = lab_down(lab, err);
        b->down_ms = ms_since(begun);
        return r;
}

/* ---- a round ---- */

static int boot(const Contest *c, const Contender *one, BootResult *b, Err *err) {
        const RivalPlan plan = { one->what, c->hosts, c->image, c->rootfs };

        return !one->what || str_equal(one->what, "light") || str_equal(one->what, "image")
                       ? boot_lab(c, one->what, b, err)
                       : rival_boot(&plan, b, err);
}

/* What cannot be run the first time is not tried again. */
static int leave_out(Contender *one, Err *err) {
        log_warn("%s: left out: %s", one->label, err->message ? err->message : "it cannot be run");
        one->left_out = true;
        err_clear(err);
        return 0;
}

static int boot_once(const Contest *c, Contender *one, int repetition, Report *report, Err *err) {
        int64_t begun = monotonic_ns();
        CpuMark before = {}, after = {};
        autorecord record = {};
        int marked = cpu_mark(&before), r = record_begin(&record, "boot", one->label);
        BootResult b = {};

        r = r < 0 ? fail(err, r, "cannot keep what was measured") : boot(c, one, &b, err);
        if (r < 0)
                return one->optional ? leave_out(one, err) : r;
        record.repetition = repetition;
        record.seconds = (double) (monotonic_ns() - begun) / 1e9;
        r = record_boot(&record, &b);
        if (r >= 0 && marked >= 0 && cpu_mark(&after) >= 0)
                r = record_host(&record, &before, &after);
        if (r >= 0)
                r = report_add(report, &record);
        return r < 0 ? fail(err, r, "cannot keep what was measured") : 0;
}

/* ---- who stands beside it ---- */

/* The only layer of an image is a directory that a bundle can have as its root. */
static int find_rootfs(Contest *c, const char *given, Err *err) {
        autoptr(Image) image = NULL;
        int r;

        if (given) {
                c->rootfs = realpath(given, NULL);
                return c->rootfs ? 0 : fail(err, errno, "cannot open '%s'", given);
        }
        r = image_load(c->in->home, c->image, &image, err);
        if (r < 0)
                return r;
        if (strv_length(image->lowers) != 1)
                return err_hint(err,
                                refuse(err, EINVAL, "image '%s' is not of one layer", c->image),
                                "name a directory with --rootfs for crun and runc");
        return str_set(&c->rootfs, image->lowers[0]) < 0 ? fail(err, ENOMEM, "no memory") : 0;
}

static int add_contender(Contest *c, const char *what, const char *label, Err *err) {
        Contender *one;

        for (size_t i = 0; i < c->n; i++)
                if (what && str_equal(c->list[i].what, what))
                        return 0;
        one = json_grow(&c->list, &c->n, sizeof *one);
        if (!one)
                return fail(err, ENOMEM, "cannot measure");
        one->what = what;
        one->label = !what ? strdup(label)
                     : str_equal(what, "light") || str_equal(what, "image")
                             ? str_format("%s, %s nodes", label, what)
                             : str_format("%zu containers of %s", c->hosts, what);
        return one->label ? 0 : fail(err, ENOMEM, "cannot measure");
}

/* @wanted: it was asked for by its name. */
static int add_rival(Contest *c, const char *name, bool wanted, Err *err) {
        int r = rival_is_there(name, err);

        if (r == 0 && wanted)
                return refuse(err, ENOENT, "'%s' is not installed", name);
        if (r > 0)
                r = add_contender(c, name, NULL, err);
        if (r >= 0 && !wanted && c->n > 0 && str_equal(c->list[c->n - 1].what, name))
                c->list[c->n - 1].optional = true;
        return r;
}

static int add_beside(Contest *c, const char *what, const char *label, Err *err) {
        int r = 0;

        if (str_equal(what, "light") || str_equal(what, "image"))
                return add_contender(c, what, label, err);
        if (!str_equal(what, "all"))
                return add_rival(c, what, true, err);
        for (int i = 0; i < 2 && r >= 0; i++)
                r = add_contender(c, i ? "image" : "light", label, err);
        for (const char *const *name = rival_names; *name && r >= 0; name++)
                r = add_rival(c, *name, false, err);
        return r;
}

static int prepare(Contest *c, const BootOptions *o, Err *err) {
        autoptr(Topology) t = NULL;
        int r = read_lab(c, NULL, &t, err);

        for (size_t i = 0; r >= 0 && i < t->n_nodes; i++)
                c->hosts += !node_is_switch(&t->nodes[i]);
        if (r >= 0)
                r = add_contender(c, NULL, t->name, err);
        strv_foreach(what, o->beside)
                if (r >= 0)
                        r = add_beside(c, *what, t->name, err);
        for (size_t i = 0; r >= 0 && i < c->n; i++)
                if (!c->rootfs && c->list[i].what &&
                    (str_equal(c->list[i].what, "crun") || str_equal(c->list[i].what, "runc")))
                        r = find_rootfs(c, o->rootfs, err);
        return r;
}

static int cmd_lab_measure_boot(const CommandInput *in, Err *err) {
        const BootOptions *o = in->options;
        int repeat = lab_measure_repeats(o->measure.repeat, 1, err), r = repeat;
        autocontest c = { .in = in, .file = in->args[0], .image = o->image ? o->image : IMAGE };
        autoclose int stop = -EBADF;
        autoreport report = {};

        if (r >= 0)
                r = lab_measure_check_format(o->measure.format, err);
        if (r >= 0)
                r = prepare(&c, o, err);
        if (r < 0)
                return r;
        stop = interrupt_open();
        if (stop < 0)
                return fail(err, stop, "cannot take signals");
        if (report_begin(&report, in->args[0]) < 0)
                return fail(err, ENOMEM, "cannot measure");
        for (int i = 1; i <= repeat && r >= 0; i++)
                for (size_t k = 0; k < c.n && r >= 0 && !probe_is_stopped(stop); k++)
                        if (!c.list[k].left_out)
                                r = boot_once(&c, &c.list[k], i, &report, err);
        if (r >= 0)
                r = lab_measure_write(&report, &o->measure, err);
        return r < 0 ? r : probe_is_stopped(stop) ? STOPPED : 0;
}

COMMAND(lab_measure_boot) = {
        .name = "lab measure boot",
        .group = "Labs",
        .synopsis = "[OPTION...] FILE|DIR",
        .summary = "Measure how long a lab takes to come up, and its memory",
        .options = options,
        .options_size = sizeof(BootOptions),
        .min_args = 1,
        .max_args = 1,
        .completes = "file",
        .run = cmd_lab_measure_boot,
};
