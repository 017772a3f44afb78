/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/str.h"
#include "builder/secret.h"
#include "test.h"

static char *refusal(const char *secret, const char *agent) {
        const char *const secrets[] = { secret, NULL }, *const agents[] = { agent, NULL };
        BuildSecrets s = {};
        autoerr err = {};

        expect(build_secrets_parse(secrets, agents, &s, &err) < 0);
        build_secrets_clear(&s);
        return strdup(err.message);
}

TEST(where_a_secret_comes_from) {
        static const char *const words[] = { "id=file,src=/proc/self/comm", "id=named,env=NAMED",
                                             "id=HERE", "type=env,id=x,src=NAMED", NULL };
        BuildSecrets s = {};
        autofree char *value = NULL, *other = NULL, *third = NULL;
        size_t size = 0;
        autoerr err = {};

        setenv("HERE", "here", 1);
        setenv("NAMED", "named", 1);
        expect_ok(build_secrets_parse(words, NULL, &s, &err));
        expect(s.n_secrets == 4);
        expect_str(s.secrets[0].path, "/proc/self/comm");
        expect_str(s.secrets[3].variable, "NAMED");
        expect_ok(build_secret_read(&s, "named", &value, &size, &err));
        expect_str(value, "named");
        expect(size == 5);
        expect_ok(build_secret_read(&s, "HERE", &other, &size, &err));
        expect_str(other, "here");
        expect(build_secret_read(&s, "none", &third, &size, &err) == -ENOENT && !err.message);
        build_secrets_clear(&s);
}

static const struct {
        const char *secret, *agent, *message;
} mistakes[] = {
        { "src=/etc/passwd", NULL, "--secret needs an id: --secret id=NAME,src=FILE" },
        { "id=a,scr=/x", NULL, "--secret has no key 'scr'; did you mean 'src'?" },
        { "id=a,src=/x,env=B", NULL, "the secret 'a' comes from a file or a variable, not both" },
        { "id=a,type=dir", NULL, "--secret: type 'dir' is neither file nor env" },
        { "id=a,src=/no/such", NULL,
          "cannot read the secret 'a' from '/no/such': No such file or directory" },
        { NULL, "key=/etc/passwd", "'/etc/passwd' is no socket of an SSH agent" },
        { NULL, "default", "there is no SSH agent: SSH_AUTH_SOCK is empty" },
};

TEST(mistakes) {
        unsetenv("SSH_AUTH_SOCK");
        for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
                autofree char *message = refusal(mistakes[i].secret, mistakes[i].agent);

                expect_str(message, mistakes[i].message);
        }
}
