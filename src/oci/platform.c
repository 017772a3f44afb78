/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/utsname.h>

#include "base/str.h"
#include "oci/platform.h"

static const struct {
        const char *word, *architecture, *variant;
} aliases[] = {
        { "x86_64", "amd64", NULL },  { "x86-64", "amd64", NULL },
        { "aarch64", "arm64", NULL }, { "armhf", "arm", "v7" },
        { "armel", "arm", "v6" },     { "i386", "386", NULL },
        { "i686", "386", NULL },      { "armv7l", "arm", "v7" },
        { "armv6l", "arm", "v6" },    { "loongarch64", "loong64", NULL },
};

static const char *const systems[] = { "linux", "windows", "darwin", "freebsd", NULL };

void platform_clear(OciPlatform *platform) {
        free(platform->architecture);
        free(platform->os);
        free(platform->variant);
        free(platform->os_version);
        *platform = (OciPlatform){};
}

static int set(OciPlatform *p, const char *os, const char *architecture, const char *variant) {
        for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
                if (str_equal(architecture, aliases[i].word)) {
                        architecture = aliases[i].architecture;
                        variant = variant ? variant : aliases[i].variant;
                        break;
                }
        *p = (OciPlatform){ .os = strdup(os),
                            .architecture = strdup(architecture),
                            .variant = variant ? strdup(variant) : NULL };
        return p->os && p->architecture && (!variant || p->variant) ? 0 : -ENOMEM;
}

int platform_here(OciPlatform *ret) {
        struct utsname u = {};
        const char *variant = NULL;

        if (uname(&u) == 0 && str_equal(u.machine, "armv7l"))
                variant = "v7";
        else if (str_equal(u.machine, "armv6l"))
                variant = "v6";
        return set(ret, "linux", oci_architecture(), variant);
}

static bool is_word(const char *s) {
        return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(s);
}

int platform_parse(const char *text, OciPlatform *ret, Err *err) {
        autostrv parts = NULL;
        size_t n;
        int r;

        r = strv_split(text, "/", false, &parts);
        if (r < 0)
                return fail(err, r, "cannot read the platform");
        n = strv_length(parts);
        strv_foreach(part, parts)
                if (!is_word(*part))
                        n = 0;
        if (n == 0 || n > 3)
                return err_hint(err, refuse(err, EINVAL, "'%s' is no platform", text),
                                "write os/architecture[/variant], such as linux/arm64");
        if (n > 1)
                r = set(ret, parts[0], parts[1], n > 2 ? parts[2] : NULL);
        else if (strv_has((char **) systems, parts[0]))
                r = set(ret, parts[0], oci_architecture(), NULL);
        else
                r = set(ret, "linux", parts[0], NULL);
        return r < 0 ? fail(err, r, "cannot read the platform") : 0;
}

char *platform_text(const OciPlatform *p) {
        return str_format("%s/%s%s%s", p->os ? p->os : "unknown",
                          p->architecture ? p->architecture : "unknown",
                          str_empty(p->variant) ? "" : "/", p->variant ? p->variant : "");
}

/* What an architecture without a variant is taken for (containerd's platforms). */
static int level(const OciPlatform *p, const char *variant) {
        if (str_empty(variant))
                return str_equal(p->architecture, "arm")     ? 7
                       : str_equal(p->architecture, "arm64") ? 8
                       : str_equal(p->architecture, "amd64") ? 1
                                                             : 0;
        return *variant == 'v' && variant[1] >= '0' && variant[1] <= '9' ? variant[1] - '0' : -1;
}

int platform_match(const OciPlatform *want, const OciPlatform *have) {
        int wanted, had;

        if (!str_equal(want->os, have->os) || !str_equal(want->architecture, have->architecture))
                return 0;
        wanted = level(want, want->variant);
        had = level(have, have->variant);
        if (wanted < 0 || had < 0)
                return str_equal(want->variant, have->variant) ? 100 : 0;
        if (had > wanted)
                return 0;
        return 2 * (had + 1) + !str_empty(have->variant);
}

bool platform_is_real(const OciDescriptor *d) {
        const char *kind = strv_env_get(d->annotations, "vnd.docker.reference.type");

        return !str_equal(kind, "attestation-manifest") &&
               !(d->platform && str_equal(d->platform->architecture, "unknown"));
}

static int nothing_fits(const OciIndex *index, const OciPlatform *want, const char *name,
                        Err *err) {
        autofree char *wanted = platform_text(want), *there = NULL;
        autostrv list = NULL;
        int r;

        for (size_t i = 0; i < index->n_manifests; i++)
                if (platform_is_real(&index->manifests[i]) && index->manifests[i].platform)
                        (void) strv_take(&list, platform_text(index->manifests[i].platform));
        there = strv_join(list, ", ");
        r = refuse(err, ENOENT, "there is no '%s' for %s", name, wanted ? wanted : "this machine");
        return str_empty(there) ? r : err_hint(err, r, "there is one for %s", there);
}

int platform_choose(const OciIndex *index, const OciPlatform *want, const char *name, Err *err) {
        int best = -1, rank = 0;

        for (size_t i = 0; i < index->n_manifests; i++) {
                const OciDescriptor *d = &index->manifests[i];
                int found;

                if (!platform_is_real(d))
                        continue;
                /* An index of one image that says nothing of platforms. */
                found = d->platform ? platform_match(want, d->platform) : index->n_manifests == 1;
                if (found > rank) {
                        rank = found;
                        best = (int) i;
                }
        }
        return best >= 0 ? best : nothing_fits(index, want, name, err);
}
