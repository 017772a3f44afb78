/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/toml.h"
#include "oci/reference.h"
#include "transfer/registries.h"

#define SYSTEM_DIR "/etc/containers"
#define FILE_NAME  "registries.conf"
#define DROP_INS   "registries.conf.d"

static const JsonField mirror_fields[] = {
        JSON_STRING(RegistryMirror, location, "location", JSON_REQUIRED),
        JSON_STRING(RegistryMirror, pull_from, "pull-from-mirror"),
        JSON_BOOL(RegistryMirror, insecure, "insecure"),
        {},
};
static const JsonType mirror_type = { sizeof(RegistryMirror), mirror_fields };

static const JsonField rule_fields[] = {
        JSON_STRING(RegistryRule, prefix, "prefix"),
        JSON_STRING(RegistryRule, location, "location"),
        JSON_ARRAY(RegistryRule, mirrors, RegistryMirror, "mirror", &mirror_type),
        JSON_BOOL(RegistryRule, insecure, "insecure"),
        JSON_BOOL(RegistryRule, blocked, "blocked"),
        JSON_BOOL(RegistryRule, mirror_by_digest_only, "mirror-by-digest-only"),
        {},
};
static const JsonType rule_type = { sizeof(RegistryRule), rule_fields };

static const JsonField registries_fields[] = {
        JSON_ARRAY(Registries, rules, RegistryRule, "registry", &rule_type),
        JSON_STRINGS(Registries, search, "unqualified-search-registries"),
        JSON_PAIRS(Registries, aliases, "aliases"),
        {},
};
static const JsonType registries_type = { sizeof(Registries), registries_fields };

/* Of the whole file: read above, or known and without a meaning here. */
static const char *const known_keys[] = { "registry",
                                          "unqualified-search-registries",
                                          "aliases",
                                          "short-name-mode",
                                          "credential-helpers",
                                          NULL };

void registries_clear(Registries *registries) {
        json_clear(&registries_type, registries);
}

/* ------------------------------------------------------------------ checking */

static bool has_field(const JsonField *fields, const char *name) {
        for (; fields->name; fields++)
                if (str_equal(fields->name, name))
                        return true;
        return false;
}

/* A key that is not known in one of a list's tables. */
static int check_keys(const json_t *list, const JsonField *fields, const char *what,
                      const char *place, Err *err) {
        const json_t *table;
        const char *key;
        size_t i;
        json_t *value;

        json_array_foreach(list, i, table) json_object_foreach((json_t *) table, key, value) {
                int r;

                if (!has_field(fields, key))
                        return refuse(err, EINVAL, "%s: %s has no '%s'", place, what, key);
                if (!str_equal(key, "mirror"))
                        continue;
                r = check_keys(value, mirror_fields, "[[registry.mirror]]", place, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_tree(const char *json, const char *place, Err *err) {
        json_t *tree = json_loads(json, 0, NULL), *value;
        const json_t *first = json_object_get(tree, "registries");
        const char *key;
        int r = tree ? 0 : fail(err, ENOMEM, "cannot read '%s'", place);

        if (first)
                r = err_hint(err,
                             refuse(err, EINVAL,
                                    "%s: this is the first version's format, which "
                                    "is not read",
                                    place),
                             "write [[registry]] tables, see containers-registries.conf(5)");
        if (r >= 0)
                r = check_keys(json_object_get(tree, "registry"), rule_fields, "[[registry]]",
                               place, err);
        if (r >= 0) {
                json_object_foreach(tree, key, value) {
                        if (!strv_has((char **) known_keys, key))
                                log_warn("%s: '%s' is not known and has no effect", place, key);
                }
        }
        json_decref(tree);
        return r;
}

/* "host[:port][/path]", nothing else. */
static int check_location(const char *location, const char *what, const char *place, Err *err) {
        autofree char *name = str_format("%s/x", location);
        autoptr(Reference) ref = NULL;

        if (!name)
                return fail(err, ENOMEM, "cannot read '%s'", place);
        if (strstr(location, "://"))
                return err_hint(
                        err, refuse(err, EINVAL, "%s: %s is no URL: '%s'", place, what, location),
                        "write HOST[:PORT][/PATH]");
        /* A tag or digest would stand before "/x". */
        if (strchr(location, '@') || reference_is_short(name) ||
            reference_parse(name, &ref, NULL) < 0)
                return refuse(err, EINVAL, "%s: %s is HOST[:PORT][/PATH], not '%s'", place, what,
                              location);
        return 0;
}

static int check_mirror(const RegistryRule *rule, const RegistryMirror *m, const char *place,
                        Err *err) {
        static const char *const kinds[] = { "all", "digest-only", "tag-only", NULL };

        if (!str_empty(m->pull_from) && !strv_has((char **) kinds, m->pull_from))
                return refuse(err, EINVAL,
                              "%s: pull-from-mirror is all, digest-only or tag-only, not '%s'",
                              place, m->pull_from);
        if (!str_empty(m->pull_from) && rule->mirror_by_digest_only)
                return refuse(err, EINVAL,
                              "%s: '%s' has mirror-by-digest-only, so its mirrors cannot have "
                              "pull-from-mirror",
                              place, rule->prefix);
        return check_location(m->location, "a mirror's location", place, err);
}

static int check_rule(RegistryRule *rule, const char *place, Err *err) {
        const char *host;
        int r = 0;

        if (!rule->prefix && rule->location && str_set(&rule->prefix, rule->location) < 0)
                return fail(err, ENOMEM, "cannot read '%s'", place);
        if (str_empty(rule->prefix))
                return refuse(err, EINVAL, "%s: a [[registry]] has neither prefix nor location",
                              place);
        for (size_t n = strlen(rule->prefix); n && rule->prefix[n - 1] == '/';)
                rule->prefix[--n] = 0;
        host = str_after(rule->prefix, "*.");
        if (host && strpbrk(host, "/:@*"))
                return refuse(err, EINVAL, "%s: '*.' stands before a host alone, not in '%s'",
                              place, rule->prefix);
        r = check_location(host ? host : rule->prefix, "a prefix", place, err);
        if (r >= 0 && !str_empty(rule->location))
                r = check_location(rule->location, "a location", place, err);
        if (r >= 0 && str_empty(rule->location))
                (void) str_set(&rule->location, NULL);
        for (size_t i = 0; i < rule->n_mirrors && r >= 0; i++)
                r = check_mirror(rule, &rule->mirrors[i], place, err);
        return r;
}

static int check_aliases(const Registries *file, const char *place, Err *err) {
        strv_foreach(pair, file->aliases) {
                const char *full = strchr(*pair, '=') + 1;
                autofree char *name = strndup(*pair, (size_t) (full - *pair - 1));
                autoptr(Reference) ref = NULL;

                if (!name)
                        return fail(err, ENOMEM, "cannot read '%s'", place);
                if (strpbrk(name, ":@") || !reference_is_short(name) ||
                    (*full && (reference_is_short(full) || reference_parse(full, &ref, NULL) < 0 ||
                               ref->digest || strchr(strrchr(full, '/'), ':'))))
                        return refuse(err, EINVAL,
                                      "%s: an alias gives a name without a registry one with it, "
                                      "both without tag, not '%s' '%s'",
                                      place, name, full);
        }
        strv_foreach(host, file->search) {
                int r = check_location(*host, "a registry that is searched", place, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------------------ reading */

static int merge_rule(Registries *into, RegistryRule *rule) {
        RegistryRule *place = NULL;

        for (size_t i = 0; i < into->n_rules; i++)
                if (str_equal(into->rules[i].prefix, rule->prefix))
                        place = &into->rules[i];
        if (place)
                json_clear(&rule_type, place);
        else
                place = json_grow(&into->rules, &into->n_rules, sizeof *place);
        if (!place)
                return -ENOMEM;
        *place = *rule;
        *rule = (RegistryRule){};
        return 0;
}

static int merge(Registries *into, Registries *file) {
        int r = 0;

        for (size_t i = 0; i < file->n_rules && r >= 0; i++)
                r = merge_rule(into, &file->rules[i]);
        if (r >= 0 && file->search) {
                strv_free(into->search);
                into->search = take_ptr(file->search);
        }
        strv_foreach(pair, file->aliases)
                if (r >= 0)
                        r = strv_env_set(&into->aliases, *pair);
        return r;
}

/* The same prefix twice in one file is a mistake, not a later file's right. */
static int check_twice(const Registries *file, const char *place, Err *err) {
        for (size_t i = 0; i < file->n_rules; i++)
                for (size_t k = 0; k < i; k++)
                        if (str_equal(file->rules[i].prefix, file->rules[k].prefix))
                                return refuse(err, EINVAL,
                                              "%s: there are two [[registry]] for '%s'", place,
                                              file->rules[i].prefix);
        return 0;
}

int registries_add(Registries *registries, const char *text, size_t size, const char *place,
                   Err *err) {
        autofree char *json = NULL;
        autoregistries file = {};
        int r = toml_to_json(text, size, place, &json, err);

        if (r >= 0)
                r = check_tree(json, place, err);
        if (r >= 0)
                r = json_parse(&registries_type, json, strlen(json), place, &file, err);
        for (size_t i = 0; i < file.n_rules && r >= 0; i++)
                r = check_rule(&file.rules[i], place, err);
        if (r >= 0)
                r = check_twice(&file, place, err);
        if (r >= 0)
                r = check_aliases(&file, place, err);
        if (r < 0)
                return r;
        return merge(registries, &file) < 0 ? fail(err, ENOMEM, "cannot read '%s'", place) : 0;
}

static int load_file(Registries *ret, const char *path, bool must, Err *err) {
        autofree char *text = NULL;
        size_t size;
        int r = file_read(AT_FDCWD, path, TOML_MAX, &text, &size);

        if ((r == -ENOENT || r == -ENOTDIR) && !must)
                return 0;
        return r < 0 ? fail(err, r, "cannot read '%s'", path)
                     : registries_add(ret, text, size, path, err);
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int load_drop_ins(Registries *ret, const char *directory, Err *err) {
        autofree char *path = str_format("%s/" DROP_INS, directory);
        autostrv names = NULL;
        int r = path ? dir_list(AT_FDCWD, path, &names) : -ENOMEM;

        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot list '%s'", path ? path : directory);
        if (names)
                qsort(names, strv_length(names), sizeof *names, compare);
        strv_foreach(name, names) {
                autofree char *file = str_format("%s/%s", path, *name);

                if (!str_ends_with(*name, ".conf"))
                        continue;
                r = file ? load_file(ret, file, false, err) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        return 0;
}

static char *own_directory(void) {
        const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

        return !str_empty(config) ? str_format("%s/containers", config)
               : !str_empty(home) ? str_format("%s/.config/containers", home)
                                  : NULL;
}

static int load_all(Registries *ret, Err *err) {
        const char *named = getenv("CONTAINERS_REGISTRIES_CONF");
        autofree char *own = own_directory(), *own_file = NULL;
        bool own_only;
        int r;

        own_file = own ? str_format("%s/" FILE_NAME, own) : NULL;
        own_only = str_empty(named) && own_file && file_access(AT_FDCWD, own_file, F_OK) >= 0;
        r = load_file(ret,
                      !str_empty(named) ? named
                      : own_only        ? own_file
                                        : SYSTEM_DIR "/" FILE_NAME,
                      !str_empty(named), err);
        if (r >= 0 && !own_only)
                r = load_drop_ins(ret, SYSTEM_DIR, err);
        return r >= 0 && own ? load_drop_ins(ret, own, err) : r;
}

int registries_load(Registries *ret, Err *err) {
        int r = load_all(ret, err);

        if (r < 0)
                registries_clear(ret);
        return r;
}

/* ------------------------------------------------------------------ asking */

/* How much of the name the prefix stands for; 0 if it is not its. */
static size_t matched(const char *prefix, const char *name) {
        const char *domain = str_after(prefix, "*"), *at;
        size_t n = strlen(prefix);

        if (!domain) {
                if (strncmp(name, prefix, n) != 0)
                        return 0;
        } else {
                at = strstr(name, domain);
                if (!at || at == name || memchr(name, '/', (size_t) (at - name)))
                        return 0;
                n = (size_t) (at - name) + strlen(domain);
        }
        return !name[n] || name[n] == '/' || name[n] == ':' ? n : 0;
}

const RegistryRule *registries_find(const Registries *registries, const char *name) {
        const RegistryRule *best = NULL;

        for (size_t i = 0; i < registries->n_rules; i++) {
                const RegistryRule *rule = &registries->rules[i];

                if (matched(rule->prefix, name) &&
                    (!best || strlen(rule->prefix) > strlen(best->prefix)))
                        best = rule;
        }
        return best;
}

char *registry_rule_rewrite(const RegistryRule *rule, const char *location, const char *name) {
        return str_format("%s%s", location, name + matched(rule->prefix, name));
}

bool registry_mirror_serves(const RegistryRule *rule, const RegistryMirror *mirror,
                            bool by_digest) {
        if (rule->mirror_by_digest_only || str_equal(mirror->pull_from, "digest-only"))
                return by_digest;
        return !(by_digest && str_equal(mirror->pull_from, "tag-only"));
}

static int ambiguous(const Registries *registries, const char *name, Err *err) {
        autofree char *all = strv_join(registries->search, ", ");

        return err_hint(err,
                        refuse(err, EINVAL,
                               "'%s' names no registry, and registries.conf searches several: %s",
                               name, all ? all : ""),
                        "write %s/%s, or make an alias in registries.conf", registries->search[0],
                        name);
}

/* @registry/@path in place of the name's path, with its tag or digest. */
static int complete(const char *full, const char *rest, const char *why, const char *name,
                    char **ret, char **ret_why, Err *err) {
        *ret = str_format("%s%s", full, rest);
        *ret_why = str_format("Resolved '%s' to '%s%s' (%s in registries.conf)", name, full, rest,
                              why);
        return *ret && *ret_why ? 0 : fail(err, ENOMEM, "cannot complete '%s'", name);
}

int registries_complete(const Registries *registries, const char *name, char **ret, char **ret_why,
                        Err *err) {
        const char *slash = strrchr(name, '/'), *rest = strpbrk(slash ? slash : name, ":@");
        autofree char *path = rest ? strndup(name, (size_t) (rest - name)) : strdup(name);
        autofree char *full = NULL;
        const char *alias;
        int r;

        *ret_why = NULL;
        if (!path)
                return fail(err, ENOMEM, "cannot complete '%s'", name);
        alias = reference_is_short(name) ? strv_env_get(registries->aliases, path) : NULL;
        if (!str_empty(alias)) {
                r = complete(alias, rest ? rest : "", "an alias", name, ret, ret_why, err);
        } else if (reference_is_short(name) && registries->search && *registries->search) {
                if (registries->search[1])
                        return ambiguous(registries, name, err);
                full = str_format("%s/%s", registries->search[0], path);
                r = full ? complete(full, rest ? rest : "", "the registry that is searched", name,
                                    ret, ret_why, err)
                         : fail(err, ENOMEM, "cannot complete '%s'", name);
        } else {
                *ret = strdup(name);
                return *ret ? 0 : fail(err, ENOMEM, "cannot complete '%s'", name);
        }
        /* The Hub's are short names as they stand. */
        if (r >= 0 && str_after(*ret, "docker.io/"))
                free(take_ptr(*ret_why));
        return r;
}

int registries_complete_name(const char *name, char **ret, char **ret_why, Err *err) {
        autoregistries registries = {};
        int r = registries_load(&registries, err);

        return r < 0 ? r : registries_complete(&registries, name, ret, ret_why, err);
}
