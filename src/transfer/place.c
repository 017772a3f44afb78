/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "transfer/auth.h"
#include "transfer/place.h"
#include "transfer/registries.h"

#define CERT_MAX   (1u << 20)
#define HUB        "docker.io"
#define HUB_HOST   "registry-1.docker.io"
#define HUB_SEARCH "index.docker.io"

bool place_is_local(const char *registry) {
        size_t n = *registry == '[' ? strcspn(registry, "]") + 1 : strcspn(registry, ":");
        autofree char *host = strndup(registry, n);
        struct in_addr v4;
        struct in6_addr v6;

        if (!host)
                return false;
        if (str_equal(host, "localhost"))
                return true;
        if (inet_pton(AF_INET, host, &v4) == 1)
                return ntohl(v4.s_addr) >> 24 == 127;
        if (*host != '[')
                return false;
        host[n - 1] = 0;
        return inet_pton(AF_INET6, host + 1, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static int read_pem(int dir, const char *path, char **text, Err *err) {
        autofree char *more = NULL;
        char *joined;
        int r = file_read(dir, path, CERT_MAX, &more, NULL);

        if (r < 0)
                return fail(err, r, "cannot read the certificate '%s'", path);
        joined = str_format("%s%s%s", *text ? *text : "", *text ? "\n" : "", more);
        if (!joined)
                return fail(err, ENOMEM, "cannot read the certificate '%s'", path);
        free(*text);
        *text = joined;
        return 0;
}

/* "client.cert" and "client.key" belong together. */
static int take_client(int dir, const char *cert, NetEndpoint *e, Err *err) {
        autofree char *key = str_format("%.*skey", (int) (strlen(cert) - strlen("cert")), cert);
        int r;

        if (!key)
                return fail(err, ENOMEM, "cannot read the certificate '%s'", cert);
        if (file_access(dir, key, F_OK) < 0)
                return refuse(err, ENOENT, "the certificate '%s' has no key '%s' beside it", cert,
                              key);
        r = read_pem(dir, cert, &e->cert, err);
        return r < 0 ? r : read_pem(dir, key, &e->key, err);
}

static int take_directory(const char *path, bool must, NetEndpoint *e, bool *ret_found, Err *err) {
        autoclose int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autostrv names = NULL;
        int r;

        if (dir < 0)
                return must ? fail(err, errno, "cannot open '%s'", path) : 0;
        r = dir_list(dir, ".", &names);
        if (r < 0)
                return fail(err, r, "cannot list '%s'", path);
        strv_foreach(name, names) {
                r = 0;
                if (str_ends_with(*name, ".crt")) {
                        r = read_pem(dir, *name, &e->ca, err);
                        *ret_found = true;
                } else if (str_ends_with(*name, ".cert") && !e->cert) {
                        r = take_client(dir, *name, e, err);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* @ret_found: authorities were named, so that certificates are looked at on this machine, too. */
static int take_certificates(const char *registry, const RegistryConf *conf,
                             const PlaceOptions *options, NetEndpoint *e, bool *ret_found,
                             Err *err) {
        static const char *const places[] = { "/etc/isola", "/etc/containers", "/etc/docker",
                                              NULL };
        const char *home = getenv("HOME");
        autofree char *own = NULL;
        int r = 0;

        if (options->cacert || conf->ca) {
                r = read_pem(AT_FDCWD, options->cacert ? options->cacert : conf->ca, &e->ca, err);
                *ret_found = true;
        }
        if (r < 0 || options->cert_dir)
                return r < 0 ? r : take_directory(options->cert_dir, true, e, ret_found, err);
        for (const char *const *place = places; *place && r >= 0; place++) {
                autofree char *path = str_format("%s/certs.d/%s", *place, registry);

                r = path ? take_directory(path, false, e, ret_found, err) : -ENOMEM;
        }
        if (r < 0 || str_empty(home))
                return r;
        own = str_format("%s/.config/containers/certs.d/%s", home, registry);
        return own ? take_directory(own, false, e, ret_found, err) : -ENOMEM;
}

static int take_credentials(const char *registry, const char *repository,
                            const PlaceOptions *options, NetEndpoint *e, Err *err) {
        autocredentials c = {};
        const char *colon;
        int r;

        if (options->credentials) {
                colon = strchr(options->credentials, ':');
                e->user = colon ? strndup(options->credentials,
                                          (size_t) (colon - options->credentials))
                                : strdup(options->credentials);
                e->secret = strdup(colon ? colon + 1 : "");
                return e->user && e->secret ? 0 : fail(err, ENOMEM, "cannot keep credentials");
        }
        r = auth_find(registry, repository, options->authfile, &c, err);
        if (r <= 0)
                return r;
        e->user = take_ptr(c.user);
        e->secret = take_ptr(c.secret);
        e->identity_token = take_ptr(c.identity_token);
        e->registry_token = take_ptr(c.registry_token);
        return 0;
}

/* "https://host:port/path" into base and prefix. */
static int split_url(const char *url, NetEndpoint *e) {
        const char *host = strstr(url, "://") + 3, *slash = strchr(host, '/');
        size_t n;

        e->base = slash ? strndup(url, (size_t) (slash - url)) : strdup(url);
        e->prefix = strdup(slash ? slash + 1 : "");
        if (!e->base || !e->prefix)
                return -ENOMEM;
        n = strlen(e->prefix);
        if (n && e->prefix[n - 1] != '/') {
                char *with = str_format("%s/", e->prefix);

                if (!with)
                        return -ENOMEM;
                free(e->prefix);
                e->prefix = with;
        }
        return 0;
}

/* An endpoint whose base, prefix and drop are set: how it is trusted, and who we are there.
 * @insecure: neither is its certificate looked at, nor https insisted on. */
static int complete(NetEndpoint *e, const Conf *conf, const char *host, const char *repository,
                    bool insecure, const PlaceOptions *options, Err *err) {
        const RegistryConf *own = conf_of(conf, host);
        bool found = false;
        int r = take_certificates(host, own, options, e, &found, err);

        if (r < 0)
                return r;
        insecure = options->insecure ||
                   (!found && (insecure || own->insecure || place_is_local(host)));
        e->verify = !insecure;
        e->plain_too = insecure && str_after(e->base, "https://");
        return take_credentials(host, repository, options, e, err);
}

/* A mirror of isola.conf: its URL says how it is spoken to. */
static int add_mirror(NetSetup *setup, const Conf *conf, const char *url, const char *repository,
                      const PlaceOptions *options, Err *err) {
        const PlaceOptions plain = { .authfile = options->authfile };
        NetEndpoint *e = json_grow(&setup->endpoints, &setup->n_endpoints, sizeof *e);
        const RegistryConf *own;
        const char *host;
        bool found = false;
        int r;

        if (!e || split_url(url, e) < 0)
                return fail(err, ENOMEM, "cannot use the mirror '%s'", url);
        host = strstr(e->base, "://") + 3;
        own = conf_of(conf, host);
        e->mirror = true;
        r = take_certificates(host, own, &plain, e, &found, err);
        e->verify = found || !own->insecure;
        return r < 0 ? r : take_credentials(host, repository, &plain, e, err);
}

static const char *host_of(const char *registry, const PlaceOptions *options) {
        return !str_equal(registry, HUB) ? registry : options->search ? HUB_SEARCH : HUB_HOST;
}

static int add_origin(NetSetup *setup, const Conf *conf, const char *registry,
                      const char *repository, bool insecure, const PlaceOptions *options,
                      Err *err) {
        NetEndpoint *e = json_grow(&setup->endpoints, &setup->n_endpoints, sizeof *e);

        if (e) {
                e->base = str_format("https://%s", host_of(registry, options));
                e->prefix = strdup("");
        }
        if (!e || !e->base || !e->prefix)
                return fail(err, ENOMEM, "cannot ask the registry '%s'", registry);
        return complete(e, conf, registry, repository, insecure, options, err);
}

/* Where the repository is called otherwise: as little as can be of its name is replaced. */
static int set_names(NetEndpoint *e, const char *host, const char *old, const char *new) {
        size_t a = strlen(old), b = strlen(new);

        while (a && b && old[a - 1] == new[b - 1]) {
                a--;
                b--;
        }
        e->drop = (int) a;
        e->prefix = strndup(new, b);
        e->base = str_format("https://%s", host_of(host, &(PlaceOptions){}));
        return e->prefix && e->base ? 0 : -ENOMEM;
}

/* @name: "host/repository" of registries.conf, a mirror's or the registry's other place. */
static int add_elsewhere(NetSetup *setup, const Conf *conf, const char *name, const char *registry,
                         const char *repository, bool mirror, bool insecure,
                         const PlaceOptions *options, Err *err) {
        /* What was given for the registry that the user named is nobody else's. */
        const PlaceOptions plain = { .authfile = options->authfile };
        NetEndpoint *e = json_grow(&setup->endpoints, &setup->n_endpoints, sizeof *e);
        const char *slash = strchr(name, '/');
        autofree char *host = NULL;

        if (!slash)
                return refuse(err, EINVAL, "registries.conf: '%s' is no place for a repository",
                              name);
        host = strndup(name, (size_t) (slash - name));
        if (!e || !host || set_names(e, host, repository, slash + 1) < 0)
                return fail(err, ENOMEM, "cannot ask the registry '%s'", name);
        if (conf_of(conf, host)->blocked)
                return refuse(err, EACCES, "the registry '%s' is blocked in isola.conf", host);
        e->mirror = mirror;
        return complete(e, conf, host, slash + 1, insecure,
                        str_equal(host, registry) ? options : &plain, err);
}

static int add_rule(NetSetup *setup, const Conf *conf, const RegistryRule *rule, const char *name,
                    const char *registry, const char *repository, bool by_digest,
                    const PlaceOptions *options, Err *err) {
        int r = 0;

        for (size_t i = 0; i < rule->n_mirrors && r >= 0; i++) {
                const RegistryMirror *m = &rule->mirrors[i];
                autofree char *there = registry_rule_rewrite(rule, m->location, name);

                if (!there)
                        return fail(err, ENOMEM, "cannot ask the registry '%s'", name);
                if (registry_mirror_serves(rule, m, by_digest))
                        r = add_elsewhere(setup, conf, there, registry, repository, true,
                                          m->insecure, options, err);
        }
        return r;
}

/* What stands in when something is read: 1 if the registry itself is not to be asked. */
static int add_readers(NetSetup *setup, const Conf *conf, const RegistryRule *rule,
                       const char *name, const char *registry, const char *repository,
                       const char *reference, const PlaceOptions *options, Err *err) {
        autofree char *there = NULL;
        int r = 0;

        strv_foreach(mirror, conf_of(conf, registry)->mirrors)
                if (r >= 0)
                        r = add_mirror(setup, conf, *mirror, repository, options, err);
        if (r < 0 || !rule)
                return r;
        r = add_rule(setup, conf, rule, name, registry, repository, strchr(reference, ':') != NULL,
                     options, err);
        if (r < 0 || !rule->location)
                return r;
        there = registry_rule_rewrite(rule, rule->location, name);
        if (!there)
                return fail(err, ENOMEM, "cannot ask the registry '%s'", registry);
        if (str_equal(there, name))
                return 0;
        r = add_elsewhere(setup, conf, there, registry, repository, false, rule->insecure, options,
                          err);
        return r < 0 ? r : 1;
}

static int make_setup(const Conf *conf, const Registries *registries, const char *registry,
                      const char *repository, const char *reference, const PlaceOptions *options,
                      NetSetup *ret, Err *err) {
        autofree char *name = str_format("%s%s%s", registry, *repository ? "/" : "", repository);
        const RegistryRule *rule;
        int r = 0;

        if (!name)
                return fail(err, ENOMEM, "cannot ask the registry '%s'", registry);
        rule = registries_find(registries, name);
        if (conf_of(conf, registry)->blocked)
                return refuse(err, EACCES, "the registry '%s' is blocked in isola.conf", registry);
        if (rule && rule->blocked)
                return refuse(err, EACCES, "'%s' is blocked in registries.conf", rule->prefix);
        ret->registry = strdup(registry);
        ret->parallel = conf->parallel;
        ret->retries = conf->retries;
        ret->stall_ms = conf->stall_ms;
        if (reference)
                r = add_readers(ret, conf, rule, name, registry, repository, reference, options,
                                err);
        return r != 0 ? r
                      : add_origin(ret, conf, registry, repository, rule && rule->insecure, options,
                                   err);
}

int place_open(const char *registry, const char *repository, const char *reference,
               const PlaceOptions *options, Remote **ret, Err *err) {
        autoregistries registries = {};
        NetSetup setup = {};
        autoconf conf = {};
        int r;

        r = conf_load(&conf, err);
        if (r >= 0)
                r = registries_load(&registries, err);
        if (r < 0)
                return r;
        r = make_setup(&conf, &registries, registry, repository, reference, options, &setup, err);
        if (r >= 0)
                r = remote_open(&setup, ret, err);
        json_clear(&net_setup_type, &setup);
        return r;
}
