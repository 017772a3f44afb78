/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "cli/option.h"
#include "test.h"

typedef struct Values {
        bool interactive, tty;
        const char *name;
        const char **ports;
        uint64_t memory;
        int64_t time;
        int tail;
        double cpus;
} Values;

static const Option table[] = {
        OPT_GROUP("Streams"),
        OPT_FLAG('i', "interactive", Values, interactive, "Keep stdin open"),
        OPT_FLAG('t', "tty", Values, tty, "Terminal"),
        OPT_STRING(0, "name", Values, name, "NAME", "Name"),
        OPT_LIST('p', "publish", Values, ports, "PORT", "Publish"),
        OPT_SIZE('m', "memory", Values, memory, "SIZE", "Memory"),
        OPT_SPAN(0, "time", Values, time, "TIME", "Time"),
        OPT_INT('n', "tail", Values, tail, "N", "Lines"),
        OPT_DOUBLE(0, "cpus", Values, cpus, "N", "CPUs"),
        {},
};

#define WORDS(...)                              \
        (char *const *) (const char *const[]) { \
                __VA_ARGS__, NULL               \
        }
/* What a command line was read into; freed at the end of each test. */
typedef struct Parsed {
        Values v;
        OptionWords w;
} Parsed;

static void clear(Parsed *p) {
        option_clear(table, &p->v, &p->w);
}
#define autoparsed        __attribute__((__cleanup__(clear))) Parsed
#define PARSE(first, ...) option_parse(table, first, WORDS(__VA_ARGS__), &p.v, &p.w, &err)

TEST(every_spelling_is_read) {
        autoparsed p = {};
        autoerr err = {};

        expect_ok(PARSE(false, "-it", "-p8080:80", "-p=1:1", "-p", "2:2", "--publish=3:3", "--name",
                        "web", "-m512m", "--time", "1.5s", "-n", "-4", "--cpus=1.5"));
        expect(p.v.interactive && p.v.tty);
        expect_str(p.v.name, "web");
        expect(strv_length((char *const *) p.v.ports) == 4);
        expect_str(p.v.ports[0], "8080:80");
        expect_str(p.v.ports[1], "1:1");
        expect_str(p.v.ports[2], "2:2");
        expect_str(p.v.ports[3], "3:3");
        expect(p.v.memory == 512 << 20);
        expect(p.v.time == 1500);
        expect(p.v.tail == -4);
        expect(p.v.cpus > 1.4 && p.v.cpus < 1.6);
}

TEST(time_is_minus_one_where_not_given_or_for_ever) {
        autoparsed p = {};
        autoerr err = {};

        expect_ok(PARSE(false, "x"));
        expect(p.v.time == -1);
        clear(&p);
        expect_ok(PARSE(false, "--time=-1"));
        expect(p.v.time == -1);
        expect_ok(PARSE(false, "--time=3"));
        expect(p.v.time == 3000);
}

TEST(inner_program_keeps_its_options) {
        autoparsed p = {};
        autoerr err = {};

        expect_ok(PARSE(true, "-i", "image", "sh", "-t", "--name=x"));
        expect(p.v.interactive && !p.v.tty && !p.v.name);
        expect(p.w.n_args == 4);
        expect_str(p.w.args[2], "-t");
}

TEST(two_dashes_end_the_options) {
        autoparsed p = {};
        autoerr err = {};

        expect_ok(PARSE(false, "a", "-i", "--", "-t", "--"));
        expect(p.v.interactive && !p.v.tty && p.w.n_args == 3);
        expect_str(p.w.args[1], "-t");
        expect_str(p.w.args[2], "--");
}

TEST(flags_can_be_denied) {
        autoparsed p = {};
        autoerr err = {};

        expect_ok(PARSE(false, "--tty", "--tty=false", "-i=true"));
        expect(!p.v.tty && p.v.interactive);
}

TEST(help_is_always_there) {
        autoparsed p = {};
        autoerr err = {};

        expect_ok(PARSE(false, "-ih"));
        expect(p.w.help);
        expect_ok(PARSE(true, "x", "--help"));
        expect(!p.w.help);
}

static void expect_refused(const char *a, const char *b, const char *sentence) {
        autoparsed p = {};
        autoerr err = {};

        expect(option_parse(table, false, WORDS(a, b), &p.v, &p.w, &err) == -EINVAL);
        expect_str(err.message, sentence);
}

TEST(errors_name_the_option) {
        expect_refused("--nmae", "x", "unknown option '--nmae'; did you mean '--name'?");
        expect_refused("--frobnicate=1", NULL, "unknown option '--frobnicate'");
        expect_refused("-x", NULL, "unknown option '-x'");
        expect_refused("-ix", NULL, "unknown option '-x' in '-ix'");
        expect_refused("--name", NULL, "option '--name' needs a value: --name NAME");
        expect_refused("-m", "much",
                       "option '--memory': 'much' is not a size such as 512m or 1.5g");
        expect_refused("--tail=4x", NULL, "option '--tail': '4x' is not a whole number");
        expect_refused("--tty=maybe", NULL, "option '--tty' is true or false, not 'maybe'");
        expect_refused("--tail=99999999999", NULL, "option '--tail': '99999999999' is too large");
}
