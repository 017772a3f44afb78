/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Network records: making, finding, listing and removing them
 *
 * "host" and "none" exist without a record.  "bridge" gets its record when it is
 * first asked for, so that it settles on a subnet that this host has free; all
 * others when the user makes them.  A record is written once, under the name's
 * lock, and never changes.
 */

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network_internal.h"

#define RECORD_VERSION 1

static const JsonField network_fields[] = {
        JSON_INT(Network, version, "Version"),
        JSON_STRING(Network, name, "Name", JSON_REQUIRED),
        JSON_STRING(Network, id, "Id", JSON_REQUIRED),
        JSON_STRING(Network, created, "Created"),
        JSON_STRING(Network, driver, "Driver", JSON_REQUIRED),
        JSON_STRING(Network, bridge, "Bridge"),
        JSON_BOOL(Network, internal, "Internal"),
        JSON_BOOL(Network, ipv6, "EnableIPv6"),
        JSON_STRING(Network, subnet, "Subnet"),
        JSON_STRING(Network, gateway, "Gateway"),
        JSON_STRING(Network, subnet6, "Subnet6"),
        JSON_STRING(Network, gateway6, "Gateway6"),
        JSON_PAIRS(Network, labels, "Labels"),
        JSON_PAIRS(Network, options, "Options"),
        {},
};
const JsonType network_type = { sizeof(Network), network_fields };

static const JsonField endpoint_fields[] = {
        JSON_STRING(Endpoint, network, "Network"),
        JSON_STRINGS(Endpoint, aliases, "Aliases", JSON_SAY_NULL),
        JSON_STRING(Endpoint, mac_address, "MacAddress", JSON_ALWAYS),
        JSON_STRING(Endpoint, network_id, "NetworkID", JSON_ALWAYS),
        JSON_STRING(Endpoint, endpoint_id, "EndpointID", JSON_ALWAYS),
        JSON_STRING(Endpoint, gateway, "Gateway", JSON_ALWAYS),
        JSON_STRING(Endpoint, ip_address, "IPAddress", JSON_ALWAYS),
        JSON_INT(Endpoint, ip_prefix, "IPPrefixLen", JSON_ALWAYS),
        JSON_STRING(Endpoint, gateway6, "IPv6Gateway", JSON_ALWAYS),
        JSON_STRING(Endpoint, ip6_address, "GlobalIPv6Address", JSON_ALWAYS),
        JSON_INT(Endpoint, ip6_prefix, "GlobalIPv6PrefixLen", JSON_ALWAYS),
        JSON_STRING(Endpoint, interface, "HostInterface"),
        JSON_BOOL(Endpoint, guarded, "Guarded"),
        {},
};
const JsonType endpoint_type = { sizeof(Endpoint), endpoint_fields };

Network *network_free(Network *n) {
        if (n) {
                json_clear(&network_type, n);
                free(n);
        }
        return NULL;
}

void network_list_free(Network **list, size_t n) {
        for (size_t i = 0; i < n; i++)
                network_free(list[i]);
        free(list);
}

void endpoint_clear(Endpoint *e) {
        json_clear(&endpoint_type, e);
}

bool network_is_guarded(const Network *n) {
        return str_equal(n->driver, "bridge") &&
               !str_equal(strv_env_get(n->options, NETWORK_FORGERY), "allow");
}

NetworkPath network_path(const char *format, ...) {
        NetworkPath p;
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(p.text, sizeof p.text, format, ap);
        va_end(ap);
        return p;
}

static int no_memory(Err *err) {
        return fail(err, ENOMEM, "cannot describe a network");
}

/* "host" and "none" are the same on every host, and so are their ids. */
static int load_fixed(const char *name, const char *driver, Network **ret, Err *err) {
        autoptr(Network) n = calloc(1, sizeof *n);
        char digest[DIGEST_LENGTH + 1];

        if (!n)
                return no_memory(err);
        digest_of(name, strlen(name), digest);
        n->name = strdup(name);
        n->driver = strdup(driver);
        n->id = strdup(digest_hex(digest));
        n->created = strdup("0001-01-01T00:00:00Z");
        if (!n->name || !n->driver || !n->id || !n->created)
                return no_memory(err);
        *ret = take_ptr(n);
        return 0;
}

static int load_record(const Home *home, const char *name, Network **ret, Err *err) {
        NetworkPath path = network_path("networks/%s.json", name);
        autoptr(Network) n = calloc(1, sizeof *n);
        int r;

        if (!n)
                return no_memory(err);
        r = json_load(&network_type, home->data_fd, path.text, n, err);
        if (r < 0)
                return r;
        if (n->version > RECORD_VERSION)
                return refuse(err, EPROTONOSUPPORT,
                              "network '%s' was made by a newer isola (record version %d)", name,
                              n->version);
        *ret = take_ptr(n);
        return 0;
}

static int save_record(const Home *home, const Network *n, Err *err) {
        return json_save(&network_type, home->data_fd,
                         network_path("networks/%s.json", n->name).text, n, true, err);
}

/* Fills in what the user did not say.  Runs under the lock of all records. */
static int complete(const Home *home, Network *n, Err *err) {
        char id[ID_LENGTH + 1];
        int r;

        id_new(id);
        n->version = RECORD_VERSION;
        n->id = strdup(id);
        n->created = clock_rfc3339(clock_now_ns());
        /* Only the first bridge of the default home may have the well-known name. */
        n->bridge = str_equal(n->name, "bridge") && str_equal(home->data, "/var/lib/isola")
                            ? strdup("isola0")
                            : str_format("isola-%.8s", id);
        if (!n->id || !n->created || !n->bridge)
                return no_memory(err);

        r = network_choose_subnets(home, n, NULL, 0, err);
        if (r < 0)
                return r;
        return save_record(home, n, err);
}

int network_lock_records(const Home *home, Err *err) {
        autoclose int dir = dir_open(home->data_fd, "networks", 0700);
        int lock;

        if (dir < 0)
                return fail(err, dir, "cannot open '%s/networks'", home->data);
        lock = lock_dir(dir, true);
        if (lock < 0)
                return fail(err, lock, "cannot lock '%s/networks'", home->data);
        return lock;
}

static bool record_exists(const Home *home, const char *name) {
        return file_access(home->data_fd, network_path("networks/%s.json", name).text, F_OK) == 0;
}

static int make_default(const Home *home, Network **ret, Err *err) {
        autoptr(Network) n = calloc(1, sizeof *n);
        autoclose int lock = -EBADF;
        int r;

        lock = network_lock_records(home, err);
        if (lock < 0)
                return lock;
        if (record_exists(home, "bridge"))
                return load_record(home, "bridge", ret, err);

        if (!n)
                return no_memory(err);
        n->name = strdup("bridge");
        n->driver = strdup("bridge");
        n->ipv6 = true;
        if (!n->name || !n->driver)
                return no_memory(err);
        r = complete(home, n, err);
        if (r < 0)
                return err_prefix(err, r, "cannot set up the default network");
        *ret = take_ptr(n);
        return 0;
}

int network_names(const Home *home, char ***ret, Err *err) {
        autostrv files = NULL;
        autostrv names = NULL;
        int r;

        r = dir_list(home->data_fd, "networks", &files);
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot list '%s/networks'", home->data);
        strv_foreach(file, files) {
                if (!str_ends_with(*file, ".json"))
                        continue;
                r = strv_addf(&names, "%.*s", (int) (strlen(*file) - strlen(".json")), *file);
                if (r < 0)
                        return no_memory(err);
        }
        *ret = take_ptr(names);
        return 0;
}

/*
 * The default network's subnet was free when its record was made, and is taken by its bridge while
 * that is there.  In between somebody else may take it, such as another isola with another --root:
 * then, if nobody uses the network, it moves.
 */
static int move_default(const Home *home, Network **n, Err *err) {
        autoclose int lock = -EBADF;
        autoptr(Network) moved = NULL;
        autostrv users = NULL;
        int r;

        if (if_nametoindex((*n)->bridge) > 0 || network_check_free(*n, NULL) != -EADDRINUSE)
                return 0;
        r = network_users(home, *n, &users, err);
        if (r < 0 || users)
                return r;

        lock = network_lock_records(home, err);
        if (lock < 0)
                return lock;
        r = load_record(home, "bridge", &moved, err);
        if (r < 0)
                return r;
        if (str_equal(moved->subnet, (*n)->subnet)) {
                log_info("network 'bridge' moves: subnet '%s' is taken on this host",
                         moved->subnet);
                free(take_ptr(moved->subnet));
                free(take_ptr(moved->gateway));
                r = network_choose_subnets(home, moved, NULL, 0, err);
                if (r >= 0)
                        r = save_record(home, moved, err);
                if (r < 0)
                        return r;
        }
        network_free(*n);
        *n = take_ptr(moved);
        return 0;
}

static int load_by_id(const Home *home, const char *prefix, Network **ret, Err *err) {
        autoptr(Network) found = NULL;
        Network **list;
        size_t n;
        int r;

        r = network_list(home, &list, &n, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n && r >= 0; i++) {
                if (!str_after(list[i]->id, prefix))
                        continue;
                if (found)
                        r = refuse(err, EINVAL, "more than one network's id begins with '%s'",
                                   prefix);
                else
                        found = take_ptr(list[i]);
        }
        network_list_free(list, n);
        if (r < 0)
                return r;
        if (!found)
                return -ENOENT;
        *ret = take_ptr(found);
        return 0;
}

int network_load(const Home *home, const char *name_or_id, Network **ret, Err *err) {
        const char *name = str_equal(name_or_id, "default") ? "bridge" : name_or_id;
        int r = -ENOENT;

        if (str_equal(name, "host"))
                return load_fixed("host", "host", ret, err);
        if (str_equal(name, "none") || str_equal(name, "null"))
                return load_fixed("none", "null", ret, err);

        if (name_is_valid(name)) {
                autoerr why = {};

                r = load_record(home, name, ret, &why);
                if (r < 0 && r != -ENOENT)
                        return refuse(err, r, "%s", why.message);
        }
        if (str_equal(name, "bridge"))
                return r == -ENOENT ? make_default(home, ret, err) : move_default(home, ret, err);
        if (r == -ENOENT && id_is_prefix(name)) {
                autoerr why = {};

                r = load_by_id(home, name, ret, &why);
                if (r < 0 && r != -ENOENT)
                        return refuse(err, r, "%s", why.message);
        }
        if (r == -ENOENT)
                return err_hint(err, refuse(err, ENOENT, "no such network: '%s'", name),
                                "isola network ls shows those there are");
        return r;
}

int network_list(const Home *home, Network ***ret, size_t *ret_n, Err *err) {
        static const char *const always[] = { "bridge", "host", "none", NULL };
        autostrv names = NULL;
        Network **list;
        size_t n = 0;
        int r;

        r = network_names(home, &names, err);
        if (r < 0)
                return r;
        list = calloc(strv_length(names) + 3, sizeof *list);
        if (!list)
                return no_memory(err);

        for (size_t i = 0; always[i] && r >= 0; i++) {
                r = network_load(home, always[i], &list[n], err);
                n += r >= 0;
        }
        strv_foreach(name, names) {
                autoerr why = {};

                if (r < 0 || str_equal(*name, "bridge"))
                        continue;
                r = load_record(home, *name, &list[n], &why);
                if (r == -ENOENT) /* removed since it was listed */
                        r = 0;
                else if (r < 0)
                        r = refuse(err, r, "%s", why.message);
                else
                        n++;
        }
        if (r < 0) {
                network_list_free(list, n);
                return r;
        }
        *ret = list;
        *ret_n = n;
        return 0;
}

static bool is_reserved_name(const char *name) {
        static const char *const reserved[] = { "bridge",      "default", "host",      "none",
                                                "null",        "private", "container", "pasta",
                                                "slirp4netns", NULL };

        return strv_has((char *const *) reserved, name);
}

int network_create(const Home *home, Network *wanted, Err *err) {
        autoclose int lock = -EBADF;

        if (!wanted->name || !name_is_valid(wanted->name))
                return err_hint(err,
                                refuse(err, EINVAL, "'%s' is not a name for a network",
                                       wanted->name ? wanted->name : ""),
                                "letters, digits and _.- in any order, a letter or digit first");
        if (is_reserved_name(wanted->name))
                return refuse(err, EEXIST, "network name '%s' is predefined", wanted->name);
        if (!wanted->driver)
                wanted->driver = strdup("bridge");
        if (!wanted->driver)
                return no_memory(err);
        if (!str_equal(wanted->driver, "bridge"))
                return err_hint(
                        err,
                        refuse(err, EINVAL, "network driver '%s' is not known", wanted->driver),
                        "bridge is; 'host' and 'none' are there already");

        lock = network_lock_records(home, err);
        if (lock < 0)
                return lock;
        if (record_exists(home, wanted->name))
                return refuse(err, EEXIST, "network '%s' already exists", wanted->name);
        return complete(home, wanted, err);
}
