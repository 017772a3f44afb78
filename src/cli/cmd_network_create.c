/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "engine/network.h"

typedef struct CreateOptions {
        const char *driver;
        const char **subnets, **gateways, **labels, **options;
        bool internal, ipv6;
} CreateOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('d', "driver", CreateOptions, driver, "DRIVER", "bridge, the only one",
                   "bridge"),
        OPT_LIST(0, "gateway", CreateOptions, gateways, "ADDRESS",
                 "The host's address in the subnet (its first)"),
        OPT_FLAG(0, "internal", CreateOptions, internal, "No way in or out of the network"),
        OPT_FLAG(0, "ipv6", CreateOptions, ipv6, "Give it an IPv6 subnet, too"),
        OPT_LIST(0, "label", CreateOptions, labels, "KEY=VALUE", "Set metadata"),
        OPT_LIST('o', "opt", CreateOptions, options, "KEY=VALUE",
                 "com.docker.network.driver.mtu=BYTES, " NETWORK_FORGERY "=allow"),
        OPT_LIST(0, "subnet", CreateOptions, subnets, "NET",
                 "Addresses to use, like 10.99.0.0/24 (a free /24)"),
        {},
};

/* Sorts what was said by address family; each may be said once. */
static int sort_families(const char *const *texts, const char *what, char **v4, char **v6,
                         Err *err) {
        for (; texts && *texts; texts++) {
                char **place = strchr(*texts, ':') ? v6 : v4;

                if (*place)
                        return refuse(err, EINVAL, "a network has one IPv%d %s, not '%s' and '%s'",
                                      place == v6 ? 6 : 4, what, *place, *texts);
                *place = strdup(*texts);
                if (!*place)
                        return fail(err, ENOMEM, "cannot read the %s", what);
        }
        return 0;
}

static int check_options(const char *const *list, Err *err) {
        int mtu;

        for (; list && *list; list++) {
                const char *value = str_after(*list, "com.docker.network.driver.mtu=");
                const char *forgery = str_after(*list, NETWORK_FORGERY "=");

                if (!strchr(*list, '=') || **list == '=')
                        return refuse(err, EINVAL, "option '%s' is not KEY=VALUE", *list);
                if (forgery && !str_equal(forgery, "allow") && !str_equal(forgery, "stop"))
                        return refuse(err, EINVAL, "'%s' is neither allow nor stop", forgery);
                if (forgery)
                        continue;
                if (!value)
                        return err_hint(err,
                                        refuse(err, EINVAL, "network option '%.*s' is not known",
                                               (int) strcspn(*list, "="), *list),
                                        "com.docker.network.driver.mtu and " NETWORK_FORGERY
                                        " are");
                if (parse_int(value, 1280, 65535, &mtu) < 0)
                        return refuse(err, EINVAL, "'%s' is no MTU: it must be from 1280 to 65535",
                                      value);
        }
        return 0;
}

static int check_labels(const char *const *list, Err *err) {
        for (; list && *list; list++)
                if (**list == '=' || !**list)
                        return refuse(err, EINVAL, "label '%s' has no key", *list);
        return 0;
}

static int fill_in(const CreateOptions *o, const char *name, Network *n, Err *err) {
        int r;

        n->internal = o->internal;
        n->ipv6 = o->ipv6;
        n->name = strdup(name);
        n->driver = strdup(o->driver ? o->driver : "bridge");
        if (!n->name || !n->driver || strv_copy((char *const *) o->labels, &n->labels) < 0 ||
            strv_copy((char *const *) o->options, &n->options) < 0)
                return fail(err, ENOMEM, "cannot make a network");

        r = check_options(o->options, err);
        if (r >= 0)
                r = check_labels(o->labels, err);
        if (r >= 0)
                r = sort_families(o->subnets, "subnet", &n->subnet, &n->subnet6, err);
        if (r >= 0)
                r = sort_families(o->gateways, "gateway", &n->gateway, &n->gateway6, err);
        return r;
}

static int cmd_network_create(const CommandInput *in, Err *err) {
        autoptr(Network) n = calloc(1, sizeof *n);
        int r;

        if (!n)
                return fail(err, ENOMEM, "cannot make a network");
        r = fill_in(in->options, in->args[0], n, err);
        if (r >= 0)
                r = network_create(in->home, n, err);
        if (r < 0)
                return r;
        puts(n->id);
        return 0;
}

COMMAND(network_create) = {
        .name = "network create",
        .group = "Networks",
        .synopsis = "[OPTION...] NAME",
        .summary = "Make a network",
        .options = options,
        .options_size = sizeof(CreateOptions),
        .min_args = 1,
        .max_args = 1,
        .run = cmd_network_create,
};
