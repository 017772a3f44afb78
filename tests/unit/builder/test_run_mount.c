/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/run_mount.h"
#include "test.h"

static char variable[] = "DIR=/var/x";
static char *const variables[] = { variable, NULL };

static RunMount parse(const char *text) {
        RunMount m = {};
        autoerr err = {};

        expect_ok(run_mount_parse(text, variables, '\\', "/work", &m, &err));
        return m;
}

static char *refusal(const char *text) {
        RunMount m = {};
        autoerr err = {};

        expect(run_mount_parse(text, variables, '\\', "/work", &m, &err) == -EINVAL);
        run_mount_clear(&m);
        return strdup(err.message);
}

TEST(a_bind_is_what_is_meant_without_a_type) {
        RunMount m = parse("target=src,source=a/b,from=base");

        expect(m.type == RUN_MOUNT_BIND && m.read_only);
        expect_str(m.target, "/work/src");
        expect_str(m.source, "a/b");
        expect_str(m.from, "base");
        run_mount_clear(&m);
        m = parse("dst=$DIR,rw");
        expect(!m.read_only);
        expect_str(m.target, "/var/x");
        expect_str(m.source, "/");
        run_mount_clear(&m);
}

TEST(a_cache_is_called_by_its_target) {
        RunMount m = parse("type=cache,target=/go//pkg/,sharing=locked,mode=0700,uid=5");

        expect(m.type == RUN_MOUNT_CACHE && m.sharing == RUN_MOUNT_LOCKED && !m.read_only);
        expect_str(m.id, "/go/pkg");
        expect(m.mode == 0700 && m.uid == 5 && m.gid == 0);
        run_mount_clear(&m);
        m = parse("target=/x,id=apt,type=cache,ro");
        expect_str(m.id, "apt");
        expect(m.read_only && m.mode == 0755);
        run_mount_clear(&m);
}

TEST(secrets_and_agents_have_names_of_their_own) {
        RunMount m = parse("type=secret,id=dir/token");

        expect_str(m.target, "/run/secrets/token");
        expect(m.mode == 0400 && !m.required);
        run_mount_clear(&m);
        m = parse("type=secret,target=/root/.netrc,required");
        expect_str(m.id, ".netrc");
        expect(m.required);
        run_mount_clear(&m);
        m = parse("type=secret,id=token,env=TOKEN");
        expect(!m.target);
        expect_str(m.env, "TOKEN");
        run_mount_clear(&m);
        m = parse("type=ssh");
        expect_str(m.id, "default");
        expect(!m.target && m.mode == 0600);
        run_mount_clear(&m);
}

TEST(a_field_may_be_quoted) {
        RunMount m = parse("type=tmpfs,\"target=/a,b\",size=1m");

        expect_str(m.target, "/a,b");
        expect(m.size == 1 << 20 && m.type == RUN_MOUNT_TMPFS);
        run_mount_clear(&m);
}

static const struct {
        const char *text, *message;
} mistakes[] = {
        { "type=cach,target=/x", "RUN --mount has no type 'cach'; did you mean 'cache'?" },
        { "tagret=/x", "RUN --mount has no key 'tagret'; did you mean 'target'?" },
        { "type=cache,target=/x,sharing=alone", "RUN --mount has no sharing 'alone'" },
        { "target=/", "RUN --mount: nothing can be mounted at '/'" },
        { "target=/x,mode=755", "RUN --mount: a mount of type bind has no 'mode'" },
        { "target=/x,size=1m", "RUN --mount: a mount of type bind has no 'size'" },
        { "type=tmpfs,target=/x,from=a", "RUN --mount: a mount of type tmpfs has no 'from'" },
        { "type=secret", "RUN --mount: a secret needs an id or a target" },
        { "type=cache,target=/x,uid=root", "RUN --mount: 'root' is no value of uid" },
        { "type=cache,target=/x,mode=999", "RUN --mount: '999' is no value of mode" },
        { "target", "RUN --mount: 'target' needs a value" },
        { "target=/x,from=$BASE",
          "RUN --mount: variables are not allowed in from; give a stage that name with FROM ... AS" },
        { "\"target=/x", "RUN --mount=\"target=/x has an open quote" },
};

TEST(mistakes) {
        for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
                autofree char *message = refusal(mistakes[i].text);

                expect_str(message, mistakes[i].message);
        }
}
