/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Removing networks, and what was left of them
 *
 * A bridge is removed only while its network's lock is held exclusively and no
 * address is claimed: whoever attaches a container has claimed one before and
 * holds the lock shared until the cable is plugged in.
 *
 * $RUN/networks/<network>/bridge names a bridge that was made; it is removed
 * last, so it tells of all that is left to do, cheaply: commands that list or
 * end containers look for it (network_sweep_idle()), starting one never does.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/network_firewall.h"
#include "engine/network_guest.h"
#include "engine/network_internal.h"
#include "engine/network_ports.h"
#include "engine/uplink.h"
#include "netlink/nft.h"

static NetworkPath address_path(const char *network, const char *address) {
        return network_path("networks/%s/address/%s", network, address);
}

/* The addresses that are claimed in a network; none if it was never used. */
static int list_addresses(const Home *home, const char *network, char ***ret, Err *err) {
        int r = dir_list(home->run_fd, address_path(network, "").text, ret);

        if (r == -ENOENT) {
                *ret = NULL;
                return 0;
        }
        return r < 0 ? fail(err, r, "cannot list the addresses of network '%s'", network) : 0;
}

int network_users(const Home *home, const Network *network, char ***ret, Err *err) {
        autostrv addresses = NULL;
        autostrv users = NULL;
        int r;

        r = list_addresses(home, network->name, &addresses, err);
        if (r < 0)
                return r;
        strv_foreach(address, addresses) {
                NetworkPath path = address_path(network->name, *address);
                char owner[256];

                if (claim_read(home->run_fd, path.text, owner, sizeof owner) < 0 ||
                    strv_has(users, owner))
                        continue;
                if (claim_is_stale(home, home->run_fd, path.text, true))
                        continue;
                r = strv_add(&users, owner);
                if (r < 0)
                        return fail(err, r, "cannot list the users of network '%s'", network->name);
        }
        *ret = take_ptr(users);
        return 0;
}

static int refuse_if_used(const Home *home, const Network *n, Err *err) {
        autostrv users = NULL;
        autostrv names = NULL;
        autofree char *list = NULL;
        int r;

        r = network_users(home, n, &users, err);
        if (r < 0)
                return r;
        strv_foreach(user, users) {
                autoptr(Container) c = NULL;

                r = container_load(home, *user, &c, NULL);
                r = strv_addf(&names, "'%.64s'", r >= 0 ? c->name : *user);
                if (r < 0)
                        return fail(err, r, "cannot list the users of network '%s'", n->name);
        }
        if (!names)
                return 0;
        list = strv_join(names, ", ");
        return err_hint(err,
                        refuse(err, EBUSY, "network '%s' is used by %s %s", n->name,
                               names[1] ? "containers" : "container", list ? list : ""),
                        "stop them first");
}

int network_remove_bridge(const char *bridge, Err *err) {
        autoclose int nl = nl_open();
        Link link;
        int r;

        if (nl < 0)
                return fail(err, nl, "cannot open a netlink socket");
        if (link_glance(nl, bridge, &link) == -ENODEV)
                return 0;
        r = link_remove(nl, bridge, err);
        if (r == -ENODEV && err)
                err_clear(err);
        return r == -ENODEV ? 0 : r;
}

/* Its rules, the bridge, and the table with the last one. */
static int forget_bridge(void *job, Err *err) {
        const Network *n = job;
        int r;

        firewall_forget(n);
        fault_point("sweep.forgotten");
        r = network_remove_bridge(n->bridge, err);
        fault_point("sweep.bridge");
        if (r >= 0)
                firewall_sweep();
        return r;
}

int network_remove(const Home *home, const char *name, Err *err) {
        autoclose int records = -EBADF, lock = -EBADF;
        autoptr(Network) n = NULL;
        int r;

        r = network_load(home, name, &n, err);
        if (r < 0)
                return r;
        if (!str_equal(n->driver, "bridge") || str_equal(n->name, "bridge"))
                return refuse(err, EPERM, "network '%s' is predefined and cannot be removed",
                              n->name);

        records = network_lock_records(home, err);
        if (records < 0)
                return records;
        lock = network_lock(home, n->name, true, true);
        if (lock < 0 && lock != -ENOENT)
                return fail(err, lock, "cannot lock network '%s'", n->name);
        r = refuse_if_used(home, n, err);
        if (r < 0)
                return r;

        r = uplink_run(home, forget_bridge, n, err);
        if (r < 0)
                return r;
        if (unlinkat(home->data_fd, network_path("networks/%s.json", n->name).text, 0) < 0 &&
            errno != ENOENT)
                return fail(err, errno, "cannot remove the record of network '%s'", n->name);
        r = tree_remove(home->run_fd, network_path("networks/%s", n->name).text);
        if (r < 0)
                log_warn("cannot remove '%s/networks/%s': %s", home->run, n->name, strerror(-r));
        return 0;
}

typedef struct Sweep {
        const Home *home;
        bool (*alive)(const char *container, void *context);
        void *context;
        bool bridges; /* also those that nobody uses */
} Sweep;

/* True while the claim's container is alive; else the claim is removed. */
static bool keep_address(const Sweep *s, const char *network, const char *address) {
        NetworkPath path = address_path(network, address);
        char owner[256];

        if (claim_read(s->home->run_fd, path.text, owner, sizeof owner) < 0)
                return false;
        if (s->alive(owner, s->context))
                return true;
        log_debug("taking back address %s of network '%s' from %.12s", address, network, owner);
        claim_drop(s->home->run_fd, path.text, owner);
        return false;
}

static void sweep_name(const Sweep *s, const char *network, const char *alias) {
        NetworkPath folder = network_path("networks/%s/names/%s", network, alias);
        autostrv files = NULL;

        if (dir_list(s->home->run_fd, folder.text, &files) < 0)
                return;
        strv_foreach(file, files) {
                NetworkPath path = network_path("%s/%s", folder.text, *file);
                autofree char *owner = NULL;

                if (owner_read(s->home->run_fd, path.text, &owner) >= 0 &&
                    !s->alive(owner, s->context))
                        (void) unlinkat(s->home->run_fd, path.text, 0);
        }
        (void) unlinkat(s->home->run_fd, folder.text, AT_REMOVEDIR);
}

/* Removes the bridge of a network that nobody uses; skips it if somebody is about to. */
static int sweep_bridge(const Home *home, const char *network, Err *err) {
        autoclose int lock = network_lock(home, network, true, false);
        autostrv addresses = NULL;
        autoptr(Network) n = NULL;
        int r;

        if (lock < 0)
                return 0;
        r = list_addresses(home, network, &addresses, err);
        if (r < 0 || addresses)
                return r;
        if (network_load(home, network, &n, NULL) < 0 || !n->bridge)
                return 0;
        log_debug("nobody uses network '%s': removing bridge '%s'", network, n->bridge);
        r = uplink_run(home, forget_bridge, n, err);
        if (r < 0)
                return r;
        (void) unlinkat(home->run_fd, network_path("networks/%s/" BRIDGE_MARK, network).text, 0);
        return 0;
}

static bool has_bridge(const Home *home, const char *network) {
        return file_has_name(home->run_fd, network_path("networks/%s/" BRIDGE_MARK, network).text);
}

/* Only a look: who removes the bridge looks again with the lock. */
static bool is_used(const Home *home, const char *network) {
        int fd = openat(home->run_fd, address_path(network, "").text,
                        O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;
        bool used = false;

        if (!dir)
                return false;
        while (!used && (entry = readdir(dir)))
                used = entry->d_name[0] != '.';
        closedir(dir);
        return used;
}

static bool any_used(const Home *home) {
        autostrv networks = NULL;

        (void) dir_list(home->run_fd, "networks", &networks);
        strv_foreach(network, networks)
                if (is_used(home, *network))
                        return true;
        return guest_any(home);
}

void network_sweep_idle(const Home *home) {
        autostrv networks = NULL;

        (void) dir_list(home->run_fd, "networks", &networks);
        strv_foreach(network, networks) {
                autoerr err = {};

                if (!has_bridge(home, *network) || is_used(home, *network))
                        continue;
                if (sweep_bridge(home, *network, &err) < 0)
                        log_info("%s", err.message);
        }
        uplink_end(home, any_used);
}

static int sweep_network(const Sweep *s, const char *network, Err *err) {
        autostrv addresses = NULL;
        autostrv names = NULL;
        bool used = false;
        int r;

        if (dir_list(s->home->run_fd, network_path("networks/%s/names", network).text, &names) >= 0)
                strv_foreach(name, names)
                        sweep_name(s, network, *name);
        r = list_addresses(s->home, network, &addresses, err);
        if (r < 0)
                return r;
        strv_foreach(address, addresses)
                used = keep_address(s, network, *address) || used;
        return used || !s->bridges ? 0 : sweep_bridge(s->home, network, err);
}

typedef struct Withdraw {
        const FirewallPort *ports;
        size_t n;
} Withdraw;

static int withdraw_there(void *job, Err *err) {
        const Withdraw *w = job;
        int nft = nft_socket();

        if (nft >= 0)
                firewall_withdraw(nft, w->ports, w->n);
        return 0;
}

static int sweep(const Sweep *s, Err *err) {
        const Home *home = s->home;
        autofree FirewallPort *ports = NULL;
        autostrv networks = NULL;
        size_t n_ports;
        int r;

        r = ports_sweep(home, s->alive, s->context, &ports, &n_ports, err);
        if (r < 0)
                return r;
        if (n_ports > 0)
                (void) uplink_run(home, withdraw_there, &(Withdraw){ ports, n_ports }, NULL);

        r = dir_list(home->run_fd, "networks", &networks);
        if (r < 0)
                return r == -ENOENT ? 0 : fail(err, r, "cannot list '%s/networks'", home->run);
        strv_foreach(network, networks) {
                r = sweep_network(s, *network, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A guest's owner, too, is alive until it is removed. */
typedef struct Living {
        const Home *home;
        bool (*alive)(const char *container, void *context);
        void *context;
} Living;

static bool is_living(const char *owner, void *context) {
        const Living *l = context;

        return l->alive(owner, l->context) || guest_owns(l->home, owner);
}

int network_sweep(const Home *home, bool (*alive)(const char *container, void *context),
                  void *context, Err *err) {
        Living living = { home, alive, context };
        const Sweep s = { home, is_living, &living, true };

        return sweep(&s, err);
}

static bool is_another(const char *container, void *context) {
        return !str_equal(container, context);
}

void network_release_all(const Home *home, const char *container) {
        const Sweep s = { home, is_another, (void *) container, false };
        autoerr err = {};

        if (sweep(&s, &err) < 0)
                log_warn("cannot take back what container %.12s had of networks: %s", container,
                         err.message);
}
