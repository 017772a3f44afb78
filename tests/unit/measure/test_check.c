/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <net/if.h>
#include <sys/ioctl.h>

#include "base/file.h"
#include "measure/check.h"
#include "pair.h"
#include "topology/read.h"

#define HEAD                                                  \
        "name: pair\n"                                        \
        "topology:\n"                                         \
        "  nodes:\n"                                          \
        "    alpha: {kind: host}\n"                           \
        "    beta: {kind: host}\n"                            \
        "  links:\n"                                          \
        "    - endpoints: [\"alpha:left\", \"beta:right\"]\n" \
        "tests:\n"

static Topology *read_lab(const char *tests) {
        autofree char *text = NULL;
        Topology *t = topology_new();
        autoerr err = {};

        expect(t && asprintf(&text, HEAD "%s", tests) > 0);
        t->file = strdup("lab.yml");
        expect_well(topology_read_lab(text, strlen(text), "lab.yml", t, &err), err);
        return t;
}

/* ---- reading ---- */

static void refused(const char *tests, const char *message, const char *hint) {
        autoptr(Topology) t = read_lab(tests);
        autochecks list = {};
        autoerr err = {};

        expect(check_list_read(t, &list, &err) == -EINVAL);
        printf("# %s (%s)\n", err.message, err.hint ? err.hint : "");
        expect(strstr(err.message, message));
        expect(!hint || (err.hint && strstr(err.hint, hint)));
}

TEST(wrong_words_are_named_with_file_line_and_the_right_one) {
        refused("  - pingal\n", "lab.yml:9: there is no test 'pingal'", "'pingall'");
        refused("  - pingall\n  - frobnicate\n", "lab.yml:10: there is no test", "tests are");
        refused("  - ping: {from: alpha, to: beta, rrt: 10ms}\n", "test 'ping' has no 'rrt'",
                "'rtt'");
        refused("  - ping: {from: alpa, to: beta}\n", "from: 'alpa' is no node", "'alpha'");
        refused("  - ping: {from: alpha, to: \"beta:rigth\"}\n", "has no interface 'rigth'",
                "'right'");
        refused("  - ping: {from: alpha}\n", "lacks 'to'", "a node");
        refused("  - ping: {from: alpha, to: beta, rtt: soon}\n", "rtt: ", NULL);
        refused("  - ping: {from: alpha, to: beta, count: 0}\n", "'0' is no value of count",
                "above 0");
        refused("  - reach: {from: alpha, to: beta, expect: on}\n", "'on' is no value of expect",
                "'no'");
        refused("  - ping: {from: [alpha, beta], to: beta}\n", "'from' has one value", NULL);
        refused("  - cut: {link: alpha--gamma, from: alpha, to: beta}\n", "link: ", NULL);
        refused("  - ping: alpha\n", "by name", NULL);
}

TEST(what_is_left_out_has_its_default) {
        autoptr(Topology) t = read_lab("  - ping: {from: alpha, to: beta}\n  - pingall\n");
        autochecks list = {};
        autoerr err = {};

        expect_well(check_list_read(t, &list, &err), err);
        expect(list.n == 2 && list.list[0].count == 10 && list.list[0].timeout_ns == NS_PER_S);
        expect(list.list[0].loss.is_set && !list.list[0].rtt.is_set);
        expect(list.list[1].count == 1 && list.list[1].family == CHECK_ANY);
}

/* Whatever a table says must be readable by the same table. */
TEST(every_kind_has_help_and_defaults_that_are_right) {
        for (const CheckKind *k = check_kinds; k->name; k++) {
                expect(k->help && k->settings && k->run);
                for (const CheckSetting *s = k->settings; s->name; s++) {
                        expect(s->help && check_form(s->kind));
                        expect((s->kind == SETTING_WORD) == (s->words != NULL));
                        expect(!(s->required && s->value));
                }
        }
}

/* docs/labs-evaluation.md is the table in words: a heading for each kind, a row for each setting.
 */
TEST(every_kind_and_setting_is_documented) {
        autofree char *text = NULL;

        expect_ok(file_read(AT_FDCWD, ISOLA_TESTS "/../docs/labs-evaluation.md", 1 << 20, &text,
                            NULL));
        for (const CheckKind *k = check_kinds; k->name; k++) {
                autofree char *plain = str_format("\n### %s:", k->name);
                autofree char *other = str_format("\n### %s (or %s):", k->name, k->alias);
                const char *section = strstr(text, k->alias ? other : plain), *end;

                printf("# %s\n", k->name);
                expect(section);
                end = strstr(section + 1, "\n### ");
                for (const CheckSetting *s = k->settings; s->name; s++) {
                        autofree char *word = str_format("`%s`", s->name);
                        const char *found = strstr(section, word);

                        printf("#   %s\n", word);
                        expect(found && found < end);
                }
        }
}

/* ---- carrying out ---- */

typedef struct World {
        Station stations[2];
        bool stays_down;
        int cuts;
} World;

static int give_netns(void *context, size_t node, Err *err) {
        World *w = context;

        (void) err;
        return fcntl(w->stations[node].netns, F_DUPFD_CLOEXEC, 3);
}

static int set_link(void *context, size_t link, bool up, Err *err) {
        World *w = context;
        autoclose int own = pair_here(), fd = -EBADF;
        struct ifreq request = { .ifr_name = "left", .ifr_flags = up ? IFF_UP : 0 };

        (void) link, (void) err;
        w->cuts += !up;
        if (!up && w->stays_down)
                return 0;
        expect(setns(w->stations[0].netns, CLONE_NEWNET) == 0);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        expect(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
        expect(setns(own, CLONE_NEWNET) == 0);
        return 0;
}

static int run_command(void *context, size_t node, const char *command, int64_t timeout_ns,
                       int *ret_code, char **ret_output, Err *err) {
        FILE *f = popen(command, "re");
        char text[256] = "";

        (void) context, (void) node, (void) timeout_ns, (void) err;
        expect(f);
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        *ret_code = WEXITSTATUS(pclose(f));
        *ret_output = strdup(text);
        return 0;
}

static void give_address(Topology *t, size_t node, const char *text) {
        Interface *in = &t->nodes[node].interfaces[0];

        in->addresses = realloc(in->addresses, (in->n_addresses + 1) * sizeof *in->addresses);
        expect_ok(addr_parse(text, &in->addresses[in->n_addresses++]));
}

/* Carries out all tests of a text; the outcomes are the caller's. */
static CheckOutcome *carry_out(const char *tests, World *w, size_t *ret_n) {
        Topology *t = read_lab(tests);
        CheckLab lab = { .topology = t,
                         .context = w,
                         .stop = -EBADF,
                         .netns = give_netns,
                         .set_link = set_link,
                         .exec = run_command };
        autochecks list = {};
        CheckOutcome *outcomes;
        autoerr err = {};

        pair_make(AF_INET, &w->stations[0], &w->stations[1]);
        for (size_t i = 0; i < 2; i++)
                t->nodes[i].interfaces[0].n_addresses = 0;
        give_address(t, 0, "10.9.0.1/24");
        give_address(t, 1, "10.9.0.2/24");
        give_address(t, 0, "fd09::1/64");
        give_address(t, 1, "fd09::2/64");
        expect_well(check_list_read(t, &list, &err), err);
        outcomes = calloc(list.n, sizeof *outcomes);
        for (size_t i = 0; i < list.n; i++) {
                expect_ok(check_run(&list.list[i], &lab, &outcomes[i]));
                printf("# %d %s: %s\n", (int) outcomes[i].status, outcomes[i].name,
                       outcomes[i].reason ? outcomes[i].reason : "");
                strv_foreach(d, outcomes[i].details)
                        printf("#   %s\n", *d);
                fflush(stdout);
        }
        *ret_n = list.n;
        topology_free(t);
        return outcomes;
}

static void outcomes_free(CheckOutcome *outcomes, size_t n) {
        for (size_t i = 0; i < n; i++)
                check_outcome_clear(&outcomes[i]);
        free(outcomes);
}

static void expect_all(const char *tests, CheckStatus status) {
        World w = {};
        size_t n;
        CheckOutcome *outcomes = carry_out(tests, &w, &n);

        for (size_t i = 0; i < n; i++)
                expect(outcomes[i].status == status);
        outcomes_free(outcomes, n);
}

TEST_IN(what_holds_passes, CLONE_NEWNET) {
        expect_all(
                "  - pingall\n"
                "  - pingall: {nodes: [alpha, beta], count: 3, family: ipv4}\n"
                "  - reach: {from: [alpha, beta], to: [alpha, beta]}\n"
                "  - reach: {from: alpha, to: 10.9.0.77, expect: no, timeout: 20ms}\n"
                "  - reach: {from: alpha, to: beta, port: 9, expect: no}\n"
                "  - ping: {from: alpha, to: \"beta:right\", count: 3, interval: 1ms, rtt: 10s}\n"
                "  - rtt: {from: alpha, to: 10.9.0.2, count: 3, interval: 1ms, loss: 0%}\n"
                "  - tcp: {from: alpha, to: beta, duration: 200ms, rate: \">= 1kbit\"}\n"
                "  - udp: {from: beta, to: alpha, duration: 50ms, delay: 10s, loss: 90%}\n"
                "  - loss: {from: alpha, to: beta, loss: 0%, count: 20}\n"
                "  - route: {node: alpha, to: beta, dev: left}\n"
                "  - route: {node: alpha, to: 192.0.2.1, expect: no}\n"
                "  - exec: {node: alpha, command: echo hello there, output: hello}\n"
                "  - exec: {node: alpha, command: exit 3, exit: 3}\n",
                CHECK_PASSED);
}

TEST_IN(what_does_not_hold_fails, CLONE_NEWNET) {
        expect_all("  - reach: {from: alpha, to: 10.9.0.77, timeout: 20ms}\n"
                   "  - reach: {from: alpha, to: beta, expect: no}\n"
                   "  - reach: {from: alpha, to: beta, port: 9}\n"
                   "  - ping: {from: alpha, to: beta, count: 2, interval: 1ms, rtt: \">= 10s\"}\n"
                   "  - tcp: {from: alpha, to: beta, duration: 150ms, rate: 900gbit}\n"
                   "  - route: {node: alpha, to: beta, via: 10.9.0.9}\n"
                   "  - route: {node: alpha, to: beta, dev: eth7}\n"
                   "  - route: {node: alpha, to: 192.0.2.1}\n"
                   "  - exec: {node: alpha, command: \"false\"}\n"
                   "  - exec: {node: alpha, command: echo no, output: \"yes*\"}\n" +
                           0,
                   CHECK_FAILED);
}

TEST_IN(what_cannot_be_done_is_an_error, CLONE_NEWNET) {
        expect_all("  - reach: {from: alpha, to: alpha}\n"
                   "  - tcp: {from: alpha, to: beta, congestion: nonsense}\n"
                   "  - tcp: {from: alpha, to: 192.0.2.7}\n",
                   CHECK_ERROR);
}

TEST_IN(a_link_that_is_cut_is_restored, CLONE_NEWNET) {
        World w = {};
        size_t n;
        CheckOutcome *o =
                carry_out("  - cut: {link: alpha--beta, from: beta, to: alpha, after: loss,"
                          " duration: 100ms}\n"
                          "  - pingall: {within: 10s}\n"
                          "  - cut: {link: alpha--beta, from: beta, to: alpha,"
                          " recover: 100ms}\n"
                          "  - pingall: {within: 10s}\n",
                          &w, &n);

        expect(n == 4 && w.cuts == 2);
        expect(o[0].status == CHECK_PASSED && o[1].status == CHECK_PASSED);
        /* There is no other way in this lab. */
        expect(o[2].status == CHECK_FAILED && o[3].status == CHECK_PASSED);
        outcomes_free(o, n);
}

TEST_IN(a_cut_that_others_make_good_recovers, CLONE_NEWNET) {
        World w = { .stays_down = true };
        size_t n;
        CheckOutcome *o =
                carry_out("  - cut: {link: alpha--beta, from: beta, to: alpha, recover: 9s}\n"
                          "  - cut: {link: alpha--beta, from: beta, to: alpha, after: loss}\n",
                          &w, &n);

        expect(n == 2 && o[0].status == CHECK_PASSED && o[1].status == CHECK_FAILED);
        outcomes_free(o, n);
}

TEST_IN(it_tries_again_within_the_time_given, CLONE_NEWNET | CLONE_NEWNS) {
        World w = {};
        CheckOutcome *o;
        size_t n;

        expect(mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0 && chdir("/tmp") == 0);
        o = carry_out("  - exec: {node: alpha, within: 60s, command: \"test -e again || "
                      "{ touch again; exit 1; }\"}\n"
                      "  - exec: {node: alpha, within: 300ms, command: \"false\"}\n",
                      &w, &n);
        expect(n == 2 && o[0].status == CHECK_PASSED && o[0].tries == 2);
        expect(o[1].status == CHECK_FAILED && o[1].tries > 1);
        outcomes_free(o, n);
}

/* ---- results ---- */

static const CheckOutcome known[] = {
        { .name = (char *) "ping a & b", .kind = "ping", .line = 3, .status = CHECK_PASSED },
        { .name = (char *) "tcp #1",
          .kind = "tcp",
          .status = CHECK_FAILED,
          .reason = (char *) "rate is <1 \"Mbit/s\"",
          .details = (char *[]){ (char *) "retransmits 7", NULL } },
        { .name = (char *) "exec", .kind = "exec", .status = CHECK_SKIPPED },
};

TEST(results_in_text) {
        autostr out = {};

        check_write_text(known, 3, false, &out);
        expect_str(out.text, "ok      ping a & b (0.00 s)\n"
                             "FAILED  tcp #1 (0.00 s)\n"
                             "        rate is <1 \"Mbit/s\"\n"
                             "        retransmits 7\n"
                             "skipped exec (0.00 s)\n"
                             "1 passed, 1 failed, 1 skipped\n");
}

TEST(results_as_junit_reads_them) {
        autostr out = {};

        check_write_junit(known, 3, "lab", "lab.yml", &out);
        expect(strstr(out.text, "tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""));
        expect(strstr(out.text, "name=\"ping a &amp; b\""));
        expect(strstr(out.text, "message=\"rate is &lt;1 &quot;Mbit/s&quot;\""));
        expect(strstr(out.text, "file=\"lab.yml\" line=\"3\""));
}

TEST(results_as_tap_reads_them) {
        autostr out = {};

        check_write_tap(known, 3, &out);
        expect_str(out.text, "TAP version 13\n1..3\nok 1 - ping a & b\nnot ok 2 - tcp \\#1\n"
                             "  ---\n  message: \"rate is <1 \\\"Mbit/s\\\"\"\n  details:\n"
                             "    - \"retransmits 7\"\n  ...\nok 3 - exec # SKIP stopped\n");
}
