/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/str.h"
#include "builder/platform.h"
#include "oci/image.h"

/* Go's names, and what others call the same (containerd/platforms normalizeArch()). */
static const struct {
        const char *name, *architecture, *variant;
} names[] = {
        { "amd64", "amd64", NULL },       { "x86_64", "amd64", NULL },
        { "x86-64", "amd64", NULL },      { "386", "386", NULL },
        { "i386", "386", NULL },          { "arm64", "arm64", NULL },
        { "aarch64", "arm64", NULL },     { "arm", "arm", "v7" },
        { "armhf", "arm", "v7" },         { "armel", "arm", "v6" },
        { "ppc64le", "ppc64le", NULL },   { "s390x", "s390x", NULL },
        { "riscv64", "riscv64", NULL },   { "loong64", "loong64", NULL },
        { "mips64le", "mips64le", NULL },
};
#define N_NAMES (sizeof names / sizeof *names)

void platform_clear(Platform *p) {
        free(p->architecture);
        free(p->variant);
        *p = (Platform){};
}

static int refuse_name(const char *name, Err *err) {
        const char *known[N_NAMES + 1] = {}, *nearest;

        for (size_t i = 0; i < N_NAMES; i++)
                known[i] = names[i].name;
        nearest = nearest_name(name, known);
        if (nearest)
                return refuse(err, EINVAL, "there is no architecture '%s'; did you mean '%s'?",
                              name, nearest);
        return refuse(err, EINVAL, "there is no architecture '%s'", name);
}

static int set(Platform *ret, const char *name, const char *variant, Err *err) {
        size_t i = 0;

        while (i < N_NAMES && strcasecmp(names[i].name, name) != 0)
                i++;
        if (i == N_NAMES)
                return refuse_name(name, err);
        if (str_empty(variant))
                variant = names[i].variant;
        /* "arm64/v8" is what "arm64" means. */
        if (str_equal(names[i].architecture, "arm64") && str_equal(variant, "v8"))
                variant = NULL;
        ret->architecture = strdup(names[i].architecture);
        ret->variant = variant ? strdup(variant) : NULL;
        return !ret->architecture || (variant && !ret->variant)
                       ? fail(err, ENOMEM, "cannot read a platform")
                       : 0;
}

int platform_parse(const char *text, Platform *ret, Err *err) {
        autostrv parts = NULL;
        size_t n, first;

        if (str_empty(text))
                return set(ret, oci_architecture(), NULL, err);
        if (strchr(text, ','))
                return refuse(err, EINVAL, "isola builds for one platform at a time, not for '%s'",
                              text);
        if (strv_split(text, "/", false, &parts) < 0)
                return fail(err, ENOMEM, "cannot read a platform");
        n = strv_length(parts);
        first = strcasecmp(parts[0], "linux") == 0;
        if (!first && n > 1)
                return refuse(err, EINVAL, "the system of platform '%s' is not linux", text);
        if (n > 3)
                return refuse(err, EINVAL, "'%s' is no platform such as linux/arm64", text);
        if (first && n == 1)
                return set(ret, oci_architecture(), NULL, err);
        return set(ret, parts[first], first + 1 < n ? parts[first + 1] : NULL, err);
}

char *platform_text(const Platform *p) {
        return str_format("linux/%s%s%s", p->architecture, p->variant ? "/" : "",
                          p->variant ? p->variant : "");
}

int platform_fits(const Platform *p, const char *architecture, const char *variant) {
        if (!str_equal(p->architecture, architecture))
                return 0;
        return str_empty(p->variant) || str_empty(variant) || str_equal(p->variant, variant);
}
