/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "transfer/auth.h"
#include "transfer/credential_helper.h"

#define AUTH_MAX    (1u << 20)
#define DOCKER_NAME "docker.io"

/* An entry of "auths". */
typedef struct AuthEntry {
        char *key;
        char *auth; /* base64 of user:password */
        char *username, *password, *identity_token, *registry_token;
} AuthEntry;

typedef struct AuthFile {
        AuthEntry *auths;
        size_t n_auths;
        char **helpers; /* "registry=helper" */
        char *store;    /* the helper for all others */
} AuthFile;

static const JsonField entry_fields[] = {
        JSON_STRING(AuthEntry, auth, "auth"),
        JSON_STRING(AuthEntry, username, "username"),
        JSON_STRING(AuthEntry, password, "password"),
        JSON_STRING(AuthEntry, identity_token, "identitytoken"),
        JSON_STRING(AuthEntry, registry_token, "registrytoken"),
        {},
};
static const JsonType entry_type = { sizeof(AuthEntry), entry_fields };
static const JsonField file_fields[] = {
        JSON_MAP(AuthFile, auths, AuthEntry, "auths", &entry_type),
        JSON_PAIRS(AuthFile, helpers, "credHelpers"),
        JSON_STRING(AuthFile, store, "credsStore"),
        {},
};
static const JsonType file_type = { sizeof(AuthFile), file_fields };

void credentials_clear(Credentials *c) {
        free(c->user);
        free(c->secret);
        free(c->identity_token);
        free(c->registry_token);
        *c = (Credentials){};
}

/* "https://index.docker.io/v1/" and the like are docker.io; a scheme and "/v1/" do not count. */
static char *bare_key(const char *key) {
        const char *p = str_after(key, "https://");
        char *bare;
        size_t n;

        if (!p)
                p = str_after(key, "http://");
        bare = strdup(p ? p : key);
        if (!bare)
                return NULL;
        for (n = strlen(bare); n && bare[n - 1] == '/';)
                bare[--n] = 0;
        if (str_ends_with(bare, "/v1") || str_ends_with(bare, "/v2"))
                bare[n - 3] = 0;
        if (str_equal(bare, "index.docker.io") || str_equal(bare, "registry-1.docker.io")) {
                free(bare);
                bare = strdup(DOCKER_NAME);
        }
        return bare;
}

/* How specific an entry is for the repository: its length; 0 if it is another's. */
static size_t fit(const char *key, const char *whole) {
        autofree char *bare = bare_key(key);
        const char *rest = bare ? str_after(whole, bare) : NULL;

        return rest && (*rest == '/' || !*rest) ? strlen(bare) : 0;
}

/* base64 of "user:password". */
static int decode(const char *text, Credentials *ret) {
        size_t n = strlen(text);
        autofree unsigned char *bytes = malloc(n + 4);
        char *colon;
        int length;

        if (!bytes)
                return -ENOMEM;
        length = n % 4 == 0 ? EVP_DecodeBlock(bytes, (const unsigned char *) text, (int) n) : -1;
        if (length < 0)
                return -EBADMSG;
        bytes[length] = 0; /* padding is decoded as zeros */
        colon = strchr((char *) bytes, ':');
        if (!colon)
                return -EBADMSG;
        *colon = 0;
        ret->user = strdup((char *) bytes);
        ret->secret = strdup(colon + 1);
        return ret->user && ret->secret ? 0 : -ENOMEM;
}

static int take_entry(const AuthEntry *e, Credentials *ret) {
        int r = str_set(&ret->identity_token, e->identity_token);

        if (r >= 0)
                r = str_set(&ret->registry_token, e->registry_token);
        if (r >= 0 && !str_empty(e->auth))
                return decode(e->auth, ret);
        if (r >= 0 && e->username) {
                r = str_set(&ret->user, e->username);
                if (r >= 0)
                        r = str_set(&ret->secret, e->password ? e->password : "");
        }
        return r;
}

static bool is_something(const Credentials *c) {
        return c->user || c->identity_token || c->registry_token;
}

static int search_in(const AuthFile *file, const char *registry, const char *repository,
                     Credentials *ret, char **ret_helper) {
        autofree char *whole = str_format("%s%s%s", registry, *repository ? "/" : "", repository);
        const AuthEntry *best = NULL;
        size_t length = 0;

        if (!whole)
                return -ENOMEM;
        strv_foreach(pair, file->helpers) {
                char *equals = strchr(*pair, '=');
                autofree char *key = strndup(*pair, (size_t) (equals - *pair));

                if (key && fit(key, registry)) {
                        *ret_helper = strdup(equals + 1);
                        return *ret_helper ? 0 : -ENOMEM;
                }
        }
        for (size_t i = 0; i < file->n_auths; i++) {
                size_t n = fit(file->auths[i].key, whole);

                if (n > length) {
                        length = n;
                        best = &file->auths[i];
                }
        }
        if (best) {
                int r = take_entry(best, ret);

                if (r < 0 || is_something(ret))
                        return r < 0 ? r : 1;
        }
        /* A helper for everything leaves empty entries behind, which say whom it knows. */
        if (!str_empty(file->store)) {
                *ret_helper = strdup(file->store);
                return *ret_helper ? 0 : -ENOMEM;
        }
        return 0;
}

int auth_search(const char *text, size_t size, const char *place, const char *registry,
                const char *repository, Credentials *ret, char **ret_helper, Err *err) {
        AuthFile file = {};
        int r = json_parse(&file_type, text, size, place, &file, err);

        if (r < 0)
                return r;
        r = search_in(&file, registry, repository, ret, ret_helper);
        json_clear(&file_type, &file);
        if (r == -EBADMSG)
                return refuse(err, r, "%s: the entry for '%s' is damaged", place, registry);
        return r < 0 ? fail(err, r, "cannot read '%s'", place) : r;
}

/* Docker's key for itself is a URL; others have their names. */
static const char *server_of(const char *registry) {
        return str_equal(registry, DOCKER_NAME) ? "https://index.docker.io/v1/" : registry;
}

static int ask_file(const char *path, const char *registry, const char *repository,
                    Credentials *ret, Err *err) {
        autofree char *text = NULL, *helper = NULL;
        size_t size;
        int r;

        r = file_read(AT_FDCWD, path, AUTH_MAX, &text, &size);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0)
                return fail(err, r, "cannot read '%s'", path);
        r = auth_search(text, size, path, registry, repository, ret, &helper, err);
        if (r != 0 || !helper)
                return r;
        return credential_get(helper, server_of(registry), ret, err);
}

static char *docker_file(void) {
        const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

        return !str_empty(dir) ? str_format("%s/config.json", dir)
                               : str_format("%s/.docker/config.json", str_empty(home) ? "/" : home);
}

static const char *named_file(const char *file) {
        return file                                      ? file
               : str_empty(getenv("REGISTRY_AUTH_FILE")) ? NULL
                                                         : getenv("REGISTRY_AUTH_FILE");
}

static int candidates(const char *file, char ***ret) {
        const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");
        const char *config = getenv("XDG_CONFIG_HOME"), *named = named_file(file);
        int r = 0;

        if (named)
                return strv_add(ret, named);
        if (!str_empty(runtime))
                r = strv_addf(ret, "%s/containers/auth.json", runtime);
        else
                r = strv_addf(ret, "/run/containers/%u/auth.json", (unsigned) geteuid());
        if (r >= 0 && !str_empty(config))
                r = strv_addf(ret, "%s/containers/auth.json", config);
        else if (r >= 0 && !str_empty(home))
                r = strv_addf(ret, "%s/.config/containers/auth.json", home);
        return r >= 0 ? strv_take(ret, docker_file()) : r;
}

int auth_find(const char *registry, const char *repository, const char *file, Credentials *ret,
              Err *err) {
        autostrv paths = NULL;

        if (candidates(file, &paths) < 0)
                return fail(err, ENOMEM, "cannot look for credentials");
        strv_foreach(path, paths) {
                int r = ask_file(*path, registry, repository, ret, err);

                if (r != 0)
                        return r;
        }
        return 0;
}

/* ------------------------------------------------------------------ login and logout */

/* The file that login writes: trees keep what else is in there. */
static int load_tree(const char *file, char **ret_path, json_t **ret, Err *err) {
        const char *named = named_file(file);
        autofree char *path = named ? strdup(named) : docker_file(), *text = NULL;
        json_error_t why;
        size_t size;
        int r;

        if (!path)
                return fail(err, ENOMEM, "cannot keep credentials");
        r = file_read(AT_FDCWD, path, AUTH_MAX, &text, &size);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot read '%s'", path);
        *ret = r < 0 || size == 0 ? json_object()
                                  : json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
        if (!json_is_object(*ret)) {
                json_decref(*ret);
                return refuse(err, EINVAL, "'%s' is damaged: %s", path, why.text);
        }
        *ret_path = take_ptr(path);
        return 0;
}

static int save_tree(const char *path, const json_t *tree, Err *err) {
        autofree char *text = json_dumps(tree, JSON_INDENT(8)), *parent = strdup(path);
        char *slash = parent ? strrchr(parent, '/') : NULL;
        int r = text && parent ? 0 : -ENOMEM;

        if (r >= 0 && slash && slash != parent) {
                *slash = 0;
                r = dir_make(AT_FDCWD, parent, 0700);
        }
        if (r >= 0)
                r = file_replace(AT_FDCWD, path, text, strlen(text), 0600, true);
        return r < 0 ? fail(err, r, "cannot write '%s'", path) : 0;
}

/* The helper that keeps a registry's credentials, or NULL. */
static const char *helper_of(const json_t *tree, const char *registry) {
        const char *own =
                json_string_value(json_object_get(json_object_get(tree, "credHelpers"), registry));
        const char *all = json_string_value(json_object_get(tree, "credsStore"));

        return !str_empty(own) ? own : !str_empty(all) ? all : NULL;
}

static char *encode(const char *user, const char *secret) {
        autofree char *pair = str_format("%s:%s", user, secret);
        size_t n = pair ? strlen(pair) : 0;
        char *text = pair ? malloc((n + 2) / 3 * 4 + 1) : NULL;

        if (text)
                EVP_EncodeBlock((unsigned char *) text, (const unsigned char *) pair, (int) n);
        return text;
}

static json_t *auths_of(json_t *tree) {
        json_t *auths = json_object_get(tree, "auths");

        if (json_is_object(auths))
                return auths;
        auths = json_object();
        json_object_set_new(tree, "auths", auths);
        return auths;
}

static int store_in(json_t *tree, const char *path, const char *registry, const char *user,
                    const char *secret, char **ret_where, Err *err) {
        const char *helper = helper_of(tree, registry);
        autofree char *coded = NULL;
        json_t *entry;
        int r = 0;

        if (helper) {
                r = credential_store(helper, server_of(registry), user, secret, err);
                *ret_where = str_format("the credential helper '%s'", helper);
                entry = json_object();
        } else {
                coded = encode(user, secret);
                entry = coded ? json_pack("{s:s}", "auth", coded) : NULL;
                *ret_where = str_format("'%s'", path);
        }
        if (r < 0) {
                json_decref(entry);
                return r;
        }
        if (!*ret_where || json_object_set_new(auths_of(tree), server_of(registry), entry) < 0)
                return fail(err, ENOMEM, "cannot keep credentials");
        return save_tree(path, tree, err);
}

int auth_store(const char *registry, const char *file, const char *user, const char *secret,
               char **ret_where, Err *err) {
        autofree char *path = NULL;
        json_t *tree = NULL;
        int r = load_tree(file, &path, &tree, err);

        if (r < 0)
                return r;
        r = store_in(tree, path, registry, user, secret, ret_where, err);
        json_decref(tree);
        return r;
}

static int erase_in(json_t *tree, const char *path, const char *registry, char **ret_where,
                    Err *err) {
        const char *helper = helper_of(tree, registry), *key;
        json_t *auths = auths_of(tree), *value;
        bool found = false;
        void *next;
        int r = 0;

        if (helper)
                r = credential_erase(helper, server_of(registry), err);
        json_object_foreach_safe(auths, next, key, value) {
                autofree char *bare = bare_key(key);

                if (bare && str_equal(bare, registry)) {
                        json_object_del(auths, key);
                        found = true;
                }
        }
        *ret_where = str_format("'%s'", path);
        if (r < 0 || !found)
                return r;
        r = save_tree(path, tree, err);
        return r < 0 ? r : 1;
}

int auth_erase(const char *registry, const char *file, char **ret_where, Err *err) {
        autofree char *path = NULL;
        json_t *tree = NULL;
        int r = load_tree(file, &path, &tree, err);

        if (r < 0)
                return r;
        r = erase_in(tree, path, registry, ret_where, err);
        json_decref(tree);
        return r;
}

int auth_list(const char *file, char ***ret, Err *err) {
        autofree char *path = NULL;
        json_t *tree = NULL, *value;
        const char *key;
        int r = load_tree(file, &path, &tree, err);

        if (r < 0)
                return r;
        json_object_foreach(auths_of(tree), key, value) if (r >= 0) r =
                strv_take(ret, bare_key(key));
        json_decref(tree);
        return r < 0 ? fail(err, r, "cannot list registries") : 0;
}
