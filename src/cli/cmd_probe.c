/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * isola __probe -- ID FD
 *
 * One health check of a container, for its monitor (engine/health.h).
 */

#include <errno.h>

#include "base/str.h"
#include "cli/command.h"
#include "engine/health.h"

static int cmd_probe(const CommandInput *in, Err *err) {
        autoptr(Container) c = NULL;
        int r, report;

        if (parse_int(in->args[1], 3, INT32_MAX, &report) < 0)
                return refuse(err, EINVAL, "'%s' is no descriptor", in->args[1]);
        r = container_load(in->home, in->args[0], &c, err);
        return r < 0 ? r : health_probe(c, report, err);
}

COMMAND(probe) = {
        .name = "__probe",
        .hidden = true,
        .min_args = 2,
        .max_args = 2,
        .run = cmd_probe,
};
