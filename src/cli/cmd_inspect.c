/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "cli/inspect_each.h"
#include "engine/container.h"

typedef struct InspectOptions {
        const char *format, *type;
        bool size;
} InspectOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT", "json, or a Go template"),
        OPT_FLAG('s', "size", InspectOptions, size, "Measure what containers have written"),
        OPT_STRING(0, "type", InspectOptions, type, "TYPE", "container, image, network or volume",
                   "container|image|network|volume"),
        {},
};

static int inspect_container(const Home *home, const char *name, const void *data, json_t **ret,
                             Err *err) {
        const InspectOptions *o = data;
        autoptr(Container) c = NULL;
        int r;

        r = container_load(home, name, &c, err);
        if (r < 0)
                return r;
        *ret = container_inspect(c, o->size);
        return *ret ? 0 : fail(err, ENOMEM, "cannot inspect container '%s'", name);
}

static const struct {
        const char *type;
        Inspect inspect;
} kinds[] = {
        { "container", inspect_container },
        { "image", inspect_image },
        { "network", inspect_network },
        { "volume", inspect_volume },
};

#define N_KINDS (sizeof kinds / sizeof *kinds)

/* Tries each kind of object in turn, as Docker does. */
static int inspect_any(const Home *home, const char *name, const void *data, json_t **ret,
                       Err *err) {
        const InspectOptions *o = data;

        for (size_t i = 0; i < N_KINDS; i++) {
                autoerr why = {};
                int r;

                if (o->type && !str_equal(o->type, kinds[i].type))
                        continue;
                if (o->type)
                        return kinds[i].inspect(home, name, o, ret, err);
                r = kinds[i].inspect(home, name, o, ret, &why);
                if (r >= 0)
                        return r;
                if (r != -ENOENT)
                        return err_hint(err, refuse(err, r, "%s", why.message), "%s",
                                        why.hint ? why.hint : "");
        }
        return refuse(err, ENOENT, "there is no container, image, network or volume '%s'", name);
}

static int check_type(const char *type, Err *err) {
        for (size_t i = 0; i < N_KINDS; i++)
                if (!type || str_equal(type, kinds[i].type))
                        return 0;
        return refuse(err, EINVAL, "type '%s' is not container, image, network or volume", type);
}

static int cmd_inspect(const CommandInput *in, Err *err) {
        const InspectOptions *o = in->options;
        int r = check_type(o->type, err);

        return r < 0 ? r : inspect_each(in, inspect_any, o->format, err);
}

COMMAND(inspect) = {
        .name = "inspect",
        .alias = "container inspect",
        .group = "Containers",
        .synopsis = "[OPTION...] NAME...",
        .summary = "Show everything about containers, images and networks",
        .options = options,
        .options_size = sizeof(InspectOptions),
        .min_args = 1,
        .max_args = ARGS_ANY,
        .completes = "container",
        .run = cmd_inspect,
};
