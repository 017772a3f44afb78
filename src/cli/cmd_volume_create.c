/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "engine/volume.h"

typedef struct CreateOptions {
        const char *driver;
        const char **labels;
} CreateOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('d', "driver", CreateOptions, driver, "DRIVER", "local, the only one", "local"),
        OPT_LIST(0, "label", CreateOptions, labels, "KEY=VALUE", "Set metadata"),
        {},
};

static int cmd_volume_create(const CommandInput *in, Err *err) {
        const CreateOptions *o = in->options;
        autoptr(Volume) v = calloc(1, sizeof *v);
        int r;

        if (o->driver && !str_equal(o->driver, "local"))
                return err_hint(
                        err, refuse(err, EINVAL, "there is no volume driver '%s'", o->driver),
                        "volumes are directories of this machine: 'local'; mount other file "
                        "systems on the host, and bind them with -v");
        for (const char **label = o->labels; label && *label; label++)
                if (**label == '=' || !**label)
                        return refuse(err, EINVAL, "label '%s' has no key", *label);
        if (!v || (in->n_args > 0 && str_set(&v->name, in->args[0]) < 0) ||
            strv_copy((char *const *) o->labels, &v->labels) < 0)
                return fail(err, ENOMEM, "cannot make a volume");

        r = volume_create(in->home, v, err);
        if (r < 0)
                return r;
        puts(v->name);
        return 0;
}

COMMAND(volume_create) = {
        .name = "volume create",
        .group = "Volumes",
        .synopsis = "[OPTION...] [NAME]",
        .summary = "Make a volume",
        .options = options,
        .options_size = sizeof(CreateOptions),
        .max_args = 1,
        .run = cmd_volume_create,
};
