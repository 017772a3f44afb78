/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network_firewall.h"
#include "engine/network_forwarding.h"
#include "engine/network_guest.h"
#include "engine/network_internal.h"
#include "engine/uplink.h"
#include "netlink/nft.h"

#define FORWARDING "guests/forwarding"
#define OWNER      "owner"

static NetworkPath folder(const char *owner) {
        return network_path("guests/%s", owner);
}

bool guest_owns(const Home *home, const char *owner) {
        return file_access(home->run_fd, folder(owner).text, F_OK) == 0;
}

bool guest_any(const Home *home) {
        autostrv owners = NULL;

        (void) dir_list(home->run_fd, "guests", &owners);
        return strv_length(owners) > strv_has(owners, "forwarding");
}

static int load(const Home *home, const char *owner, const char *file, Network **ret, Err *err) {
        autoptr(Network) n = calloc(1, sizeof *n);
        int r = n ? json_load(&network_type, home->run_fd,
                              network_path("guests/%s/%s", owner, file).text, n, err)
                  : fail(err, ENOMEM, "cannot read a network");

        if (r >= 0)
                *ret = take_ptr(n);
        return r;
}

static int each_of(const Home *home, const char *owner,
                   int (*each)(const Network *n, void *context), void *context, Err *err) {
        autostrv files = NULL;
        int r = dir_list(home->run_fd, folder(owner).text, &files);

        if (r < 0)
                return r == -ENOENT || r == -ENOTDIR
                               ? 0
                               : fail(err, r, "cannot list '%s/%s'", home->run, folder(owner).text);
        strv_foreach(file, files) {
                autoptr(Network) n = NULL;

                r = load(home, owner, *file, &n, err);
                if (r == -ENOENT) { /* removed since it was listed */
                        if (err)
                                err_clear(err);
                        continue;
                }
                if (r >= 0)
                        r = each(n, context);
                if (r < 0)
                        return r;
        }
        return 0;
}

int guest_each(const Home *home, int (*each)(const Network *n, void *context), void *context,
               Err *err) {
        autostrv owners = NULL;
        int r = dir_list(home->run_fd, "guests", &owners);

        if (r < 0)
                return r == -ENOENT ? 0 : fail(err, r, "cannot list '%s/guests'", home->run);
        strv_foreach(owner, owners) {
                r = each_of(home, *owner, each, context, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int take_words(const Network *n, void *context) {
        char **words = context;
        const char *owner = strv_env_get(n->labels, OWNER);

        return *words || !owner || (*words = strdup(owner)) ? 0 : -ENOMEM;
}

char *guest_owner_words(const Home *home, const char *owner) {
        char *words = NULL;

        (void) each_of(home, owner, take_words, &words, NULL);
        return words;
}

/* ---- adding ---- */

int guest_add(const Home *home, const char *owner, const char *words, Network *n,
              const Address *avoid, size_t n_avoid, Err *err) {
        autoclose int lock = network_lock_records(home, err);
        int r = lock;

        if (r < 0)
                return r;
        n->version = 1;
        n->ipv6 = n->subnet6 || !n->subnet;
        if (str_set(&n->name, n->bridge) < 0 || str_set(&n->id, owner) < 0 ||
            str_set(&n->driver, GUEST_DRIVER) < 0 || strv_addf(&n->labels, OWNER "=%s", words) < 0)
                return fail(err, ENOMEM, "cannot describe a network");
        r = network_choose_subnets(home, n, avoid, n_avoid, err);
        if (r >= 0 && (r = dir_make(home->run_fd, folder(owner).text, 0700)) < 0)
                r = fail(err, r, "cannot make '%s/%s'", home->run, folder(owner).text);
        return r < 0 ? r
                     : json_save(&network_type, home->run_fd,
                                 network_path("guests/%s/%s.json", owner, n->bridge).text, n, false,
                                 err);
}

int guest_is_free(const Home *home, const Address *net, Err *err) {
        return network_is_free(home, net, err);
}

/* What was noted before stays: it tells what it was at first. */
static int note_forwarding(const Home *home, char *const *changes, Err *err) {
        autofree char *before = NULL, *after = strv_join(changes, "\n"), *all = NULL;
        int r = file_read(home->run_fd, FORWARDING, 1 << 20, &before, NULL);

        all = str_format("%s%s%s", before ? before : "", before ? "\n" : "", after ? after : "");
        if (r < 0 && r != -ENOENT)
                return fail(err, r, "cannot read '%s/" FORWARDING "'", home->run);
        r = after && all ? file_replace(home->run_fd, FORWARDING, all, strlen(all), 0600, false)
                         : -ENOMEM;
        return r < 0 ? fail(err, r, "cannot write '%s/" FORWARDING "'", home->run) : 0;
}

typedef struct Connect {
        const Home *home;
        const Network *network;
} Connect;

static int connect_there(void *job, Err *err) {
        const Connect *c = job;
        const Home *home = c->home;
        const Network *n = c->network;
        autoclose int lock = network_lock_records(home, err);
        const char *owner = strv_env_get(n->labels, OWNER);
        autostrv changes = NULL;
        int nft = nft_socket(), r = lock;

        if (r >= 0)
                r = network_raise(n, err);
        if (r >= 0)
                r = forwarding_plan(n->subnet6, &changes, err);
        if (r >= 0 && changes)
                r = note_forwarding(home, changes, err);
        fault_point("guest.noted");
        if (r >= 0)
                r = forwarding_switch_on(changes, owner ? owner : n->name, err);
        if (r >= 0 && nft < 0)
                r = fail(err, nft, "cannot open a netfilter socket");
        if (r >= 0)
                r = firewall_prepare(home, n, nft, err);
        fault_point("guest.connected");
        return r < 0 ? r : changes != NULL;
}

int guest_connect(const Home *home, const Network *n, Err *err) {
        Connect c = { home, n };

        return uplink_run(home, connect_there, &c, err);
}

/* ---- removing ---- */

static int remove_one(const Network *n, void *context) {
        (void) context;
        firewall_forget(n);
        fault_point("guest.forgotten");
        return network_remove_bridge(n->bridge, NULL);
}

/* With the last owner.  Others that rely on it cannot be asked, but ours can. */
static void settle_forwarding(const Home *home, const char *owner) {
        autofree char *text = NULL;
        autostrv owners = NULL;
        autostrv changes = NULL;
        int nft = nft_socket();

        if (dir_list(home->run_fd, "guests", &owners) < 0 || strv_length(owners) != 2 ||
            !strv_has(owners, "forwarding") || !strv_has(owners, owner) ||
            file_read(home->run_fd, FORWARDING, 1 << 20, &text, NULL) < 0)
                return;
        if (nft >= 0 && firewall_has_networks(nft))
                log_info("forwarding stays switched on: networks of containers rely on it");
        else if (strv_split(text, "\n", true, &changes) >= 0)
                forwarding_switch_back(changes);
        (void) unlinkat(home->run_fd, FORWARDING, 0);
}

typedef struct Remove {
        const Home *home;
        const char *owner, *interface;
} Remove;

static int remove_all_there(void *job, Err *err) {
        const Remove *r = job;
        const Home *home = r->home;
        int result = each_of(home, r->owner, remove_one, NULL, err);

        if (result < 0)
                return err && err->message ? result
                                           : fail(err, result, "cannot remove the lab's way out");
        firewall_sweep();
        settle_forwarding(home, r->owner);
        return 0;
}

static int remove_one_there(void *job, Err *err) {
        const Remove *r = job;
        NetworkPath file = network_path("%s.json", r->interface);
        autoptr(Network) n = NULL;
        int result = load(r->home, r->owner, file.text, &n, err);

        return result < 0 ? result : remove_one(n, NULL);
}

int guest_remove_one(const Home *home, const char *owner, const char *interface, Err *err) {
        NetworkPath file = network_path("%s.json", interface),
                    path = network_path("guests/%s/%s", owner, file.text);
        Remove job = { home, owner, interface };
        autoclose int lock = -EBADF;
        autostrv files = NULL;
        int r;

        if (file_access(home->run_fd, path.text, F_OK) < 0)
                return 0;
        if (dir_list(home->run_fd, folder(owner).text, &files) >= 0 && strv_length(files) == 1)
                return guest_remove(home, owner, err);
        lock = network_lock_records(home, err);
        r = lock < 0 ? lock : uplink_run(home, remove_one_there, &job, err);
        if (r >= 0 && unlinkat(home->run_fd, path.text, 0) < 0 && errno != ENOENT)
                r = fail(err, errno, "cannot remove '%s/%s'", home->run, path.text);
        return r;
}

int guest_remove(const Home *home, const char *owner, Err *err) {
        Remove job = { home, owner, NULL };
        autoclose int lock = -EBADF;
        int r;

        if (!guest_owns(home, owner))
                return 0;
        lock = network_lock_records(home, err);
        if (lock < 0)
                return lock;
        network_release_all(home, owner);
        fault_point("guest.released");
        r = uplink_run(home, remove_all_there, &job, err);
        if (r < 0)
                return r;
        fault_point("guest.removed");
        r = tree_remove(home->run_fd, folder(owner).text);
        return r < 0 ? fail(err, r, "cannot remove '%s/%s'", home->run, folder(owner).text) : 0;
}
