/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/str.h"
#include "engine/own_network.h"
#include "engine/pasta.h"
#include "netlink/nl.h"
#include "netlink/route.h"

/* As Podman has it: link-local, so that no network has it. */
#define RESOLVER "169.254.1.1"

bool own_network_is(const char *mode) {
        const char *rest = mode ? str_after(mode, PASTA) : NULL;

        return rest && (!*rest || *rest == ':');
}

static int split(const char *mode, char ***ret) {
        const char *colon = mode ? strchr(mode, ':') : NULL;

        return colon ? strv_split(colon + 1, ",", true, ret) : 0;
}

/* Whether an option is among the words, alone or with "=". */
static bool has(char *const *words, const char *brief, const char *option) {
        strv_foreach(word, words) {
                const char *rest = str_after(*word, option);

                if (str_equal(*word, brief) || (rest && (!*rest || *rest == '=')))
                        return true;
        }
        return false;
}

int own_network_check(const char *mode, Err *err) {
        static const char *const ours[][2] = {
                { "-P", "--pid" },
                { "-l", "--log-file" },
                { "-f", "--foreground" },
                { "-F", "--fd" },
                { "-h", "--help" },
                { "-d", "--debug" },
                { "--trace", "--trace" },
                { "-e", "--stderr" },
                { "--netns", "--netns" },
                { "--userns", "--userns" },
                { "--runas", "--runas" },
                { "--netns-only", "--netns-only" },
                { "--version", "--version" },
        };
        autostrv words = NULL;

        if (split(mode, &words) < 0)
                return fail(err, ENOMEM, "cannot read the options");
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
                if (has(words, ours[i][0], ours[i][1]))
                        return refuse(err, EINVAL,
                                      "option '%s' of '" PASTA "' is not for --network: it says "
                                      "where and how it runs",
                                      ours[i][1]);
        strv_foreach(word, words) {
                if (**word == '-')
                        continue;
                if (word == words)
                        return err_hint(
                                err,
                                refuse(err, EINVAL, "'%s' is not an option of '" PASTA "'", *word),
                                "options and their values are separated by commas: "
                                "--network pasta:--mtu,1400,-4");
        }
        return 0;
}

/* --- what the container is told --- */

const char *own_network_resolver(const Container *c) {
        autostrv words = NULL;

        if (c->host.dns || split(c->host.network_mode, &words) < 0 ||
            has(words, "--dns-forward", "--dns-forward"))
                return NULL;
        return RESOLVER;
}

/* The value of an option, "--option VALUE" or "--option=VALUE"; NULL without it. */
static const char *value_of(char *const *words, const char *brief, const char *option) {
        strv_foreach(word, words) {
                const char *rest = str_after(*word, option);

                if (str_equal(*word, brief) || (rest && !*rest))
                        return word[1];
                if (rest && *rest == '=')
                        return rest + 1;
        }
        return NULL;
}

/* Which way a packet to the world would go; nothing is sent. */
static char *default_gateway(void) {
        static const char *const worlds[] = { "192.0.0.0", "2000::" };
        autoclose int nl = nl_open();

        for (size_t i = 0; nl >= 0 && i < sizeof worlds / sizeof *worlds; i++) {
                char text[INET6_ADDRSTRLEN];
                RouteAnswer way = {};
                Address world;

                if (addr_parse(worlds[i], &world) < 0 || route_lookup(nl, &world, &way, NULL) < 0 ||
                    !way.gateway.family)
                        continue;
                addr_text(&way.gateway, text);
                return strdup(text);
        }
        return NULL;
}

char *own_network_host(const Container *c) {
        autostrv words = NULL;
        const char *gateway;

        if (split(c->host.network_mode, &words) < 0 || has(words, "--no-map-gw", "--no-map-gw"))
                return NULL;
        gateway = value_of(words, "-g", "--gateway");
        return gateway ? strdup(gateway) : default_gateway();
}

/* --- running it --- */

static char *directory_of(const Container *c) {
        return str_format("%s/containers/%s", c->home->run, c->id);
}

static int add_port(const PublishedPort *p, char ***args) {
        int r = strv_add(args, p->protocol == IPPROTO_UDP ? "-u" : "-t");

        if (r < 0)
                return r;
        return p->host_ip ? strv_addf(args, "%s/%d:%d", p->host_ip, p->host_port, p->port)
                          : strv_addf(args, "%d:%d", p->host_port, p->port);
}

/* Nothing is open that nobody asked for; pasta's own default would be every port. */
static int close_rest(const PublishedPort *ports, size_t n, char *const *words, char ***args) {
        static const char *const options[][2] = { { "-t", "--tcp-ports" },
                                                  { "-u", "--udp-ports" },
                                                  { "-T", "--tcp-ns" },
                                                  { "-U", "--udp-ns" } };
        bool published[4] = {};
        int r = 0;

        for (size_t i = 0; i < n; i++)
                published[ports[i].protocol == IPPROTO_UDP] = true;
        for (size_t i = 0; i < 4 && r >= 0; i++) {
                if (published[i] || has(words, options[i][0], options[i][1]))
                        continue;
                r = strv_add(args, options[i][0]);
                if (r >= 0)
                        r = strv_add(args, "none");
        }
        return r;
}

static int make_options(const Container *c, const PublishedPort *ports, size_t n, char ***ret) {
        const char *resolver = own_network_resolver(c);
        autostrv words = NULL;
        int r = split(c->host.network_mode, &words);

        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_port(&ports[i], ret);
        if (r >= 0)
                r = close_rest(ports, n, words, ret);
        if (r >= 0 && resolver)
                r = strv_add(ret, "--dns-forward");
        if (r >= 0 && resolver)
                r = strv_add(ret, resolver);
        return r < 0 ? r : strv_extend(ret, words);
}

static int failed(const Container *c, Err *err) {
        autofree char *path = directory_of(c);
        autoclose int directory = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
        autofree char *reason = pasta_reason(directory);

        return refuse(err, ECONNREFUSED, "cannot connect container '%s': '" PASTA "' failed: %s",
                      c->name, reason ? reason : "it gave no reason");
}

int own_network_open(const Container *c, int netns, PublishedPort *ports, size_t n, Err *err) {
        autofree char *directory = directory_of(c);
        autoclose int starting = -EBADF;
        autostrv options = NULL;
        int r;

        r = network_claim_ports(c->home, c->id, ports, n, err);
        if (r < 0)
                return r;
        if (!directory || make_options(c, ports, n, &options) < 0)
                return fail(err, ENOMEM, "cannot connect container '%s'", c->name);
        r = pasta_start(&(PastaRun){ directory, netns, options }, &starting, err);
        fault_point("own_network.started");
        if (r == -ENOENT)
                return refuse(err, r,
                              "cannot connect container '%s': '" PASTA "' is not there (package "
                              "passt)",
                              c->name);
        if (r < 0)
                return r;
        return pasta_wait(starting) < 0 ? failed(c, err) : 0;
}

int own_network_find(const Container *c) {
        autofree char *path = directory_of(c);
        autoclose int directory = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

        return directory < 0 ? -ESRCH : pasta_find(directory, path);
}

void own_network_end(const Container *c) {
        autoclose int pasta = own_network_is(c->host.network_mode) ? own_network_find(c) : -ESRCH;

        if (pasta >= 0)
                pasta_end(pasta);
}
