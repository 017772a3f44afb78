/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/stages.h"
#include "test.h"

/* What a case made; reachable until its process ends, so no leak. */
static struct {
        Containerfile *file;
        BuildArguments arguments;
        Stages *stages;
        Err err;
} made[16];
static size_t n_made;

/* Returns the stages, or NULL and the refusal's sentence. */
static Stages *plan(const char *text, const char *const *given, const char *target,
                    char **ret_why) {
        typeof(&made[0]) m = &made[n_made++];

        expect_ok(containerfile_parse(text, strlen(text), "Dockerfile", &m->file, &m->err));
        expect_ok(build_arguments_init(&m->arguments, given, NULL, &m->err));
        if (stages_make(m->file, &m->arguments, target, &m->stages, &m->err) < 0)
                *ret_why = m->err.message;
        return m->stages;
}

TEST(only_what_is_needed) {
        const char *text = "FROM a AS one\nRUN 1\nFROM b AS two\nRUN 2\n"
                           "FROM one AS three\nRUN 3\nFROM scratch\nCOPY --from=three /x /x\n";
        Stages *p = plan(text, NULL, NULL, NULL);

        expect(p->n == 4 && p->target == 3);
        expect(p->stages[0].needed && !p->stages[1].needed && p->stages[2].needed);
        expect(p->stages[2].base_stage == 0 && p->stages[3].base_stage == -1);
        expect(p->n_steps == 6);
        p = plan(text, NULL, "TWO", NULL);
        expect(p->target == 1 && p->n_steps == 2 && !p->stages[0].needed);
        p = plan(text, NULL, "0", NULL);
        expect(p->target == 0);
}

TEST(from_uses_global_arguments) {
        static const char *const given[] = { "TAG=13", NULL };
        Stages *p = plan("ARG TAG=12\nARG IMAGE=debian:$TAG\nFROM $IMAGE\n", NULL, NULL, NULL);

        expect_str(p->stages[0].base, "debian:12");
        expect(p->n_steps == 3);
        p = plan("ARG TAG=12\nARG IMAGE=debian:$TAG\nFROM $IMAGE\n", given, NULL, NULL);
        expect_str(p->stages[0].base, "debian:13");
        p = plan("FROM --platform=$TARGETPLATFORM x\n", NULL, NULL, NULL);
        expect(p);
}

TEST(a_stage_copies_from_by_number) {
        Stages *p = plan("FROM a\nFROM b\nFROM c\nCOPY --from=1 /x /\nCOPY --from=debian /x /\n",
                         NULL, NULL, NULL);

        expect(!p->stages[0].needed && p->stages[1].needed);
}

TEST(refusals) {
        static const struct {
                const char *text, *target, *why;
        } cases[] = {
                { "FROM $X\n", NULL,
                  "Dockerfile:1: FROM '$X' names no image: the variable is empty" },
                { "FROM a b\n", NULL, "Dockerfile:1: FROM needs an image, or `image AS name`" },
                { "FROM a IS b\n", NULL, "Dockerfile:1: FROM needs an image, or `image AS name`" },
                { "FROM a AS 1st\n", NULL, "Dockerfile:1: '1st' is no name for a stage" },
                { "FROM a\n", "x", "there is no stage 'x' in the Dockerfile" },
                { "ARG a=${\nFROM a\n", NULL, "Dockerfile:1: cannot expand '${': '${' has no '}'" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                char *why = NULL;

                expect(!plan(cases[i].text, NULL, cases[i].target, &why));
                expect_str(why, cases[i].why);
        }
}

TEST(platforms) {
        Stages *p = plan("FROM --platform=arm64 a\nFROM b\n", NULL, NULL, NULL);
        char *why = NULL;

        expect_str(p->stages[0].platform.architecture, "arm64");
        expect(p->stages[0].platform_said && !p->stages[1].platform_said);
        expect(!plan("FROM --platform=windows/amd64 a\n", NULL, NULL, &why));
        expect(strstr(why, "the system of platform 'windows/amd64' is not linux"));
}
