/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "test.h"
#include "transfer/auth.h"
#include "transfer/conf.h"
#include "transfer/place.h"

TEST(sections_and_values) {
        autoconf conf = {};
        autoerr err = {};
        const RegistryConf *hub;

        expect_ok(conf_parse("# comment\n[registries]\nparallel = 3\ntimeout=2m\nretries = 0\n"
                             "[ registry docker.io ]\nmirror = https://a.b/c # first\n"
                             "mirror = http://d\ninsecure = yes\n",
                             "x", &conf, &err));
        hub = conf_of(&conf, "docker.io");
        expect(conf.parallel == 3 && conf.retries == 0 && conf.stall_ms == 120000);
        expect_str(hub->mirrors[0], "https://a.b/c");
        expect_str(hub->mirrors[1], "http://d");
        expect(hub->insecure && !hub->blocked);
        expect(conf_of(&conf, "other")->mirrors == NULL);
}

TEST(this_machine_by_its_names) {
        expect(place_is_local("localhost:5000") && place_is_local("127.0.0.9") &&
               place_is_local("[::1]:5000"));
        expect(!place_is_local("10.0.0.1:5000") && !place_is_local("localhost.example.org") &&
               !place_is_local("[::2]"));
}

static const char file[] =
        "{\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"YTpi\"},"
        " \"r.io\": {\"auth\": \"YzpkOmU=\"}, \"r.io/team\": {\"username\": \"f\", \"password\": \"g\"},"
        " \"bad.io\": {\"auth\": \"!!\"}, \"tok.io\": {\"identitytoken\": \"t\"}},"
        " \"credHelpers\": {\"h.io\": \"store\"}}";

static int find(const char *registry, const char *repository, Credentials *c, char **helper) {
        autoerr err = {};

        return auth_search(file, sizeof file - 1, "file", registry, repository, c, helper, &err);
}

TEST(the_most_specific_entry_counts) {
        autocredentials hub = {}, other = {}, team = {}, token = {}, none = {}, bad = {};
        autofree char *helper = NULL;

        expect(find("docker.io", "library/debian", &hub, &helper) == 1);
        expect_str(hub.user, "a");
        expect_str(hub.secret, "b");
        expect(find("r.io", "teams/x", &other, &helper) == 1);
        expect_str(other.user, "c");
        expect_str(other.secret, "d:e");
        expect(find("r.io", "team/x", &team, &helper) == 1);
        expect_str(team.user, "f");
        expect(find("tok.io", "", &token, &helper) == 1);
        expect_str(token.identity_token, "t");
        expect(find("bad.io", "", &bad, &helper) == -EBADMSG);
        expect(find("none.io", "", &none, &helper) == 0 && helper == NULL);
        expect(find("h.io", "x", &none, &helper) == 0);
        expect_str(helper, "store");
}
