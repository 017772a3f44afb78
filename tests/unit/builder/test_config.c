/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/config.h"
#include "test.h"

/* What a case made; reachable until its process ends, so no leak. */
static StageState states[8];
static Err errors[64];
static char *texts[64];
static size_t n_states, n_said;

/* Applies one instruction; returns the refusal's sentence or NULL. */
static char *apply_with(StageState *state, BuildArguments *arguments, const char *text,
                        char **ret_text) {
        Instruction instruction = {};
        Err *err = &errors[n_said];
        int r;

        expect_ok(instruction_parse(text, '\\', &instruction, err));
        r = config_apply(state, arguments, &instruction, '\\', &texts[n_said], err);
        instruction_clear(&instruction);
        if (ret_text)
                *ret_text = texts[n_said];
        n_said++;
        return r < 0 ? err->message : NULL;
}

static char *apply(StageState *state, const char *text) {
        BuildArguments none = {};
        char *why = apply_with(state, &none, text, NULL);

        build_arguments_clear(&none);
        return why;
}

static StageState *begun(void) {
        StageState *state = &states[n_states++];

        expect_ok(config_begin_scratch(state, &(OciPlatform){ .architecture = (char *) "amd64" }));
        return state;
}

TEST(environment) {
        StageState *s = begun();
        BuildArguments none = {};
        char *said;

        expect_str(strv_env_get(s->image.config.env, "PATH"), PATH_DEFAULT);
        expect(!apply(s, "ENV a=1 b='x y'"));
        expect(!apply_with(s, &none, "ENV a=2 c=$a d=\"$b\"", &said));
        expect_str(strv_env_get(s->image.config.env, "a"), "2");
        expect_str(strv_env_get(s->image.config.env, "c"), "1");
        expect_str(strv_env_get(s->image.config.env, "d"), "x y");
        expect_str(said, "ENV a=2 c=1 d=x y");
        expect_str(s->image.config.env[1], "a=2");
        expect(!apply(s, "ENV PATH=/opt/bin:$PATH"));
        expect_str(strv_env_get(s->variables, "PATH"), "/opt/bin:" PATH_DEFAULT);
}

TEST(arguments_are_seen_but_not_kept) {
        static const char *const given[] = { "V=2", NULL };
        BuildArguments arguments = {};
        StageState *s = begun();
        autoerr err = {};
        autofree char *text = NULL;

        expect_ok(build_arguments_init(&arguments, given, NULL, &err));
        expect(!apply_with(s, &arguments, "ARG V=1 W=x U", NULL));
        expect(!apply(s, "LABEL v=$V$U"));
        expect_str(strv_env_get(s->image.config.labels, "v"), "2");
        expect(!strv_env_get(s->image.config.env, "V"));
        text = config_arguments_text(s);
        expect_str(text, "|2 V=2 W=x ");
        /* As in BuildKit the later one holds. */
        expect(!apply(s, "ENV V=3"));
        expect_str(strv_env_get(s->variables, "V"), "3");
        expect(!apply_with(s, &arguments, "ARG V", NULL));
        expect_str(strv_env_get(s->variables, "V"), "2");
        expect_str(strv_env_get(s->image.config.env, "V"), "3");
        build_arguments_clear(&arguments);
}

TEST(commands) {
        StageState *s = begun();
        autofree char *cmd = NULL, *entry = NULL;

        expect(!apply(s, "CMD echo $HOME"));
        cmd = strv_join(s->image.config.cmd, "|");
        expect_str(cmd, "/bin/sh|-c|echo $HOME");
        expect(!apply(s, "ENTRYPOINT [\"/a\", \"b\"]"));
        expect(strv_length(s->image.config.cmd) == 3);
        expect(!apply(s, "SHELL [\"/bin/bash\", \"-ec\"]"));
        expect(!apply(s, "ENTRYPOINT x"));
        entry = strv_join(s->image.config.entrypoint, "|");
        expect_str(entry, "/bin/bash|-ec|x");
        expect(!apply(s, "CMD []"));
        expect(!s->image.config.cmd);
}

TEST(entrypoint_clears_an_inherited_cmd) {
        StageState *base = begun(), *s = &states[n_states++];

        expect(!apply(base, "CMD [\"x\"]"));
        expect_ok(config_begin_image(s, &base->image));
        expect(!apply(s, "ENTRYPOINT [\"/a\"]"));
        expect(!s->image.config.cmd);
}

TEST(ports) {
        StageState *s = begun();
        autofree char *ports = NULL;

        expect(!apply(s, "ENV P=\"90 91/UDP\""));
        expect(!apply(s, "EXPOSE 80 8000-8002/tcp 127.0.0.1:80:81 $P 80/tcp"));
        ports = strv_join(s->image.config.exposed_ports, " ");
        expect_str(ports, "80/tcp 8000/tcp 8001/tcp 8002/tcp 81/tcp 90/tcp 91/udp");
        expect_str(apply(s, "EXPOSE http"), "'http' is no port or range of ports");
        expect_str(apply(s, "EXPOSE 70000"), "'70000' is no port or range of ports");
        expect_str(apply(s, "EXPOSE 9-8"), "'9-8' is no port or range of ports");
        expect_str(apply(s, "EXPOSE 80/icmp"),
                   "'icmp' of port '80/icmp' is none of tcp, udp, sctp");
}

TEST(the_rest) {
        StageState *s = begun();

        expect(!apply(s, "WORKDIR /a/b"));
        expect(!apply(s, "WORKDIR ../c//d/"));
        expect_str(s->image.config.working_dir, "/a/c/d");
        expect_str(apply(s, "WORKDIR $none"), "WORKDIR '$none' is an empty path");
        expect(!apply(s, "USER me:us"));
        expect_str(s->image.config.user, "me:us");
        expect(!apply(s, "STOPSIGNAL SIGQUIT"));
        expect_str(s->image.config.stop_signal, "SIGQUIT");
        expect_str(apply(s, "STOPSIGNAL SIGNO"), "there is no signal 'SIGNO'");
        expect(!apply(s, "VOLUME [\"/x\", \"/y z\"]"));
        expect(strv_has(s->image.config.volumes, "/y z"));
        expect(!apply(s, "MAINTAINER me <me@x>"));
        expect_str(s->image.author, "me <me@x>");
        expect(!apply(s, "ONBUILD RUN x"));
        expect_str(s->image.config.on_build[0], "RUN x");
        expect(!apply(s, "HEALTHCHECK --interval=1m30s --retries=3 CMD [\"a\"]"));
        expect(s->image.config.healthcheck->interval == 90000000000);
        expect(s->image.config.healthcheck->retries == 3);
        expect_str(s->image.config.healthcheck->test[1], "a");
        expect(!apply(s, "HEALTHCHECK NONE"));
        expect_str(s->image.config.healthcheck->test[0], "NONE");
        expect(strstr(apply(s, "HEALTHCHECK --timeout=1us CMD a"), "--timeout=1us"));
        expect(strstr(apply(s, "RUN x"), "more than change the configuration"));
}
