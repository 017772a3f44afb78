/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "builder/arguments.h"
#include "builder/expand.h"

/* Known to BuildKit and declared nowhere. */
static const char *const built_in[] = {
        "BUILDKIT_BUILD_NAME",   "BUILDKIT_CACHE_MOUNT_NS",   "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
        "BUILDKIT_INLINE_CACHE", "BUILDKIT_DOCKERFILE_CHECK", "BUILDKIT_MULTI_PLATFORM",
        "BUILDKIT_SYNTAX",       "BUILDKIT_SANDBOX_HOSTNAME", "SOURCE_DATE_EPOCH",
};
static const char *const proxies[] = {
        "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
        "ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy",
};

void build_arguments_clear(BuildArguments *a) {
        strv_free(a->given);
        strv_free(a->used);
        strv_free(a->global);
        platform_clear(&a->target);
        platform_clear(&a->machine);
        *a = (BuildArguments){};
}

int build_platform_parse(const char *text, OciPlatform *ret, Err *err) {
        int r;

        if (str_empty(text)) {
                r = platform_here(ret);
                return r < 0 ? fail(err, r, "cannot read a platform") : 0;
        }
        r = platform_parse(text, ret, err);
        if (r >= 0 && !str_equal(ret->os, "linux"))
                r = refuse(err, EINVAL, "the system of platform '%s' is not linux", text);
        return r;
}

/* What is always there; --build-arg may say otherwise. */
static int add_known(BuildArguments *a, const char *side, const char *what, const char *value) {
        autofree char *name = str_format("%s%s", side, what);
        const char *given = name ? strv_env_get(a->given, name) : NULL;

        return name ? strv_addf(&a->global, "%s=%s", name, given ? given : value) : -ENOMEM;
}

static int add_platform(BuildArguments *a, const char *side, const OciPlatform *p) {
        autofree char *text = platform_text(p);

        return !text || add_known(a, side, "PLATFORM", text) < 0 ||
                               add_known(a, side, "OS", "linux") < 0 ||
                               add_known(a, side, "OSVERSION", "") < 0 ||
                               add_known(a, side, "ARCH", p->architecture) < 0 ||
                               add_known(a, side, "VARIANT", p->variant ? p->variant : "") < 0
                       ? -ENOMEM
                       : 0;
}

int build_arguments_set_stage(BuildArguments *a, const char *stage) {
        const char *given = strv_env_get(a->given, "TARGETSTAGE");
        autofree char *pair = str_format("TARGETSTAGE=%s", given ? given : stage);

        return pair ? strv_env_set(&a->global, pair) : -ENOMEM;
}

/* Of the environment, as docker passes it on. */
static int add_epoch(BuildArguments *a) {
        const char *epoch = getenv("SOURCE_DATE_EPOCH");

        if (str_empty(epoch) || strv_env_get(a->given, "SOURCE_DATE_EPOCH"))
                return 0;
        return strv_addf(&a->given, "SOURCE_DATE_EPOCH=%s", epoch);
}

int build_arguments_init(BuildArguments *a, const char *const *words, const char *platform,
                         Err *err) {
        int r;

        r = platform_here(&a->machine);
        if (r < 0)
                return fail(err, r, "cannot keep the build arguments");
        r = build_platform_parse(platform, &a->target, err);
        if (r < 0)
                return r;
        strv_foreach(word, words) {
                const char *equals = strchr(*word, '=');
                const char *value = equals ? NULL : getenv(*word);

                r = 0;
                if (equals == *word || !**word)
                        return refuse(err, EINVAL, "build argument '%s' has no name", *word);
                if (equals)
                        r = strv_env_set(&a->given, *word);
                else if (value)
                        r = strv_addf(&a->given, "%s=%s", *word, value);
                if (r < 0)
                        return fail(err, r, "cannot keep the build arguments");
        }
        return add_epoch(a) < 0 || add_platform(a, "TARGET", &a->target) < 0 ||
                               add_platform(a, "BUILD", &a->machine) < 0 ||
                               build_arguments_set_stage(a, "default") < 0
                       ? fail(err, ENOMEM, "cannot keep the build arguments")
                       : 0;
}

static int set_value(char **ret, const char *value) {
        free(*ret);
        *ret = strdup(value);
        return *ret ? 0 : -ENOMEM;
}

int build_argument_resolve(BuildArguments *a, const char *word, char *const *variables,
                           bool in_stage, char escape, BuildArgument *ret, Err *err) {
        const char *equals = strchr(word, '='), *value;
        autofree char *raw_name = equals ? strndup(word, (size_t) (equals - word)) : strdup(word);
        autofree char *name = NULL, *result = NULL;
        int r;

        if (!raw_name)
                return fail(err, ENOMEM, "cannot keep the build arguments");
        r = expand_word(raw_name, variables, escape, &name, err);
        if (r < 0)
                return r;
        if (!*name || strpbrk(name, " \t"))
                return refuse(err, EINVAL, "ARG '%s' has no proper name", word);
        if (equals) {
                r = expand_word(equals + 1, variables, escape, &result, err);
                if (r < 0)
                        return r;
        }

        value = strv_env_get(a->given, name);
        if (!value && !equals && in_stage)
                value = strv_env_get(a->global, name);
        if ((value && set_value(&result, value) < 0) ||
            (!strv_has(a->used, name) && strv_add(&a->used, name) < 0))
                return fail(err, ENOMEM, "cannot keep the build arguments");

        ret->name = take_ptr(name);
        ret->value = take_ptr(result);
        return 0;
}

bool build_argument_is_proxy(const char *name) {
        for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
                if (str_equal(name, proxies[i]))
                        return true;
        return false;
}

int build_arguments_proxies(const BuildArguments *a, char ***ret) {
        for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
                const char *value = strv_env_get(a->given, proxies[i]);

                if (value && strv_addf(ret, "%s=%s", proxies[i], value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

void build_arguments_check_used(const BuildArguments *a) {
        strv_foreach(word, a->given) {
                autofree char *name = strndup(*word, strcspn(*word, "="));
                bool known = !name || build_argument_is_proxy(name) || strv_has(a->used, name);

                for (size_t i = 0; !known && i < sizeof built_in / sizeof *built_in; i++)
                        known = str_equal(name, built_in[i]);
                if (!known)
                        log_warn("build argument '%s' was not used: no ARG declares it", name);
        }
}
