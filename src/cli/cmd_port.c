/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/port_words.h"
#include "engine/container.h"

static void print_map(const PortMap *map, bool with_port) {
        for (size_t i = 0; i < map->n_bindings; i++) {
                autofree char *address = port_address(&map->bindings[i]);

                if (with_port)
                        printf("%s -> ", map->port);
                puts(address ? address : "");
        }
}

/* @wanted: "80" or "80/udp". */
static int print_one(const Container *c, const char *wanted, Err *err) {
        autofree char *full = strchr(wanted, '/') ? strdup(wanted) : str_format("%s/tcp", wanted);

        if (!full)
                return fail(err, ENOMEM, "cannot read port '%s'", wanted);
        for (size_t i = 0; i < c->state.n_ports; i++)
                if (str_equal(c->state.ports[i].port, full)) {
                        print_map(&c->state.ports[i], false);
                        return 0;
                }
        return err_hint(
                err,
                refuse(err, ENOENT, "port '%s' of container '%s' is not published", full, c->name),
                "'isola port %s' lists those that are", c->name);
}

static int cmd_port(const CommandInput *in, Err *err) {
        autoptr(Container) c = NULL;
        int r;

        r = container_load(in->home, in->args[0], &c, err);
        if (r < 0)
                return r;
        if (in->args[1])
                return print_one(c, in->args[1], err);
        for (size_t i = 0; i < c->state.n_ports; i++)
                print_map(&c->state.ports[i], true);
        return 0;
}

COMMAND(port) = {
        .name = "port",
        .alias = "container port",
        .group = "Containers",
        .synopsis = "CONTAINER [PORT[/PROTOCOL]]",
        .summary = "Show which addresses of the host lead to a container",
        .min_args = 1,
        .max_args = 2,
        .completes = "container",
        .run = cmd_port,
};
