/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/file.h"
#include "base/str.h"
#include "measure/plan.h"
#include "pair.h"

/* Two nodes with the addresses of pair.h. */
static Topology *two_nodes(void) {
        static const char *const addresses[] = { "10.9.0.1/24", "10.9.0.2/24" };
        Topology *t = topology_new();

        expect(t && (t->name = strdup("pair")));
        for (size_t i = 0; i < 2; i++)
                expect_ok((int) topology_add_node(t, i ? "beta" : "alpha", NODE_HOST));
        expect_ok((int) topology_add_link(t, 0, "left", 1, "right"));
        for (size_t i = 0; i < 2; i++) {
                Interface *in = &t->nodes[i].interfaces[0];

                in->addresses = calloc(1, sizeof *in->addresses);
                in->n_addresses = 1;
                expect_ok(addr_parse(addresses[i], &in->addresses[0]));
        }
        return t;
}

static int give_netns(void *context, size_t node, Err *err) {
        const Station *stations = context;

        (void) err;
        return fcntl(stations[node].netns, F_DUPFD_CLOEXEC, 3);
}

/* Carries one step out; expects a figure that says whether it saw anything. */
static void measures(const char *kind, const char *const *settings, const char *figure) {
        autoptr(Topology) t = two_nodes();
        Station stations[2];
        CheckLab lab = { .topology = t, .context = stations, .stop = -EBADF, .netns = give_netns };
        Step step = { .kind = (char *) kind, .settings = (char **) settings };
        autochecks list = {};
        autorecord record = {};
        autoerr err = {};

        pair_make(AF_INET, &stations[0], &stations[1]);
        expect_well(plan_read(t, &step, 1, &list, &err), err);
        expect_well(plan_run(&list.list[0], &lab, 2, &record, &err), err);
        expect_str(record.kind, kind);
        expect_str(record.lab, "pair");
        expect(record.repetition == 2 && record_find(&record, figure)->value > 0);
        expect(record.seconds > 0);
}
#define MEASURES(kind, figure, ...) \
        measures(kind, (const char *const[]){ __VA_ARGS__, NULL }, figure)

TEST_IN(each_kind_gives_a_record, CLONE_NEWNET) {
        MEASURES("ping", "rtt median", "from=alpha", "to=beta", "count=5", "interval=1ms");
}
TEST_IN(one_way_delay, CLONE_NEWNET) {
        MEASURES("owd", "delay median", "from=alpha", "to=10.9.0.2", "duration=50ms");
}
TEST_IN(datagrams, CLONE_NEWNET) {
        MEASURES("udp", "throughput", "from=beta", "to=alpha:left", "duration=100ms");
}
TEST_IN(bulk, CLONE_NEWNET) {
        MEASURES("tcp", "goodput", "from=alpha", "to=beta", "duration=150ms", "direction=reverse");
}
TEST_IN(latency_under_load, CLONE_NEWNET) {
        MEASURES("load", "loaded rtt median", "from=alpha", "to=beta", "duration=200ms",
                 "idle=50ms", "interval=5ms");
}
TEST_IN(rates, CLONE_NEWNET) {
        MEASURES("sweep", "rate at 128 B", "from=alpha", "to=beta", "sizes=128", "rate=1mbit",
                 "duration=50ms", "tolerance=50%");
}
TEST_IN(everybody, CLONE_NEWNET) {
        MEASURES("matrix", "reached", "count=1");
}

TEST(what_a_measurement_has_not_is_refused) {
        static const struct {
                const char *kind, *setting, *message;
        } cases[] = {
                { "pign", "from=alpha", "there is no measurement 'pign'" },
                { "ping", "within=3s", "measurement 'ping' has no 'within'" },
                { "ping", "from=alpha", "measurement 'ping' lacks 'to'" },
                { "sweep", "tolerance=lots", "tolerance: 'lots' is no share" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoptr(Topology) t = two_nodes();
                char *settings[] = { (char *) cases[i].setting, NULL };
                Step step = { .kind = (char *) cases[i].kind, .settings = settings };
                autochecks list = {};
                autoerr err = {};

                expect(plan_read(t, &step, 1, &list, &err) == -EINVAL);
                printf("# %s\n", err.message);
                expect(strstr(err.message, cases[i].message));
        }
}

/* docs/labs-evaluation.md has a row for each kind with all its settings. */
TEST(every_kind_and_setting_is_documented) {
        autofree char *text = NULL;

        expect_ok(file_read(AT_FDCWD, ISOLA_TESTS "/../docs/labs-evaluation.md", 1 << 20, &text,
                            NULL));
        for (const CheckKind *k = measure_kinds; k->name; k++) {
                autofree char *start = str_format("\n| `%s` |", k->name);
                const char *line = strstr(text, start);
                autofree char *row = NULL;

                printf("# %s\n", k->name);
                expect(line);
                row = strndup(line + 1, strcspn(line + 1, "\n"));
                for (const CheckSetting *s = k->settings; s->name; s++) {
                        autofree char *word = str_format("`%s`", s->name);

                        printf("#   %s\n", word);
                        expect(strstr(row, word));
                }
        }
}
