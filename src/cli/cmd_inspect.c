/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/command.h"
#include "cli/format.h"
#include "engine/container.h"
#include "engine/network.h"
#include "engine/volume.h"
#include "store/image.h"

typedef struct InspectOptions {
        const char *format, *type;
        bool size;
} InspectOptions;

static const Option options[] = {
        OPT_STRING('f', "format", InspectOptions, format, "FORMAT", "json, or a Go template"),
        OPT_FLAG('s', "size", InspectOptions, size, "Measure what containers have written"),
        OPT_STRING(0, "type", InspectOptions, type, "TYPE", "container, image, network or volume",
                   "container|image|network|volume"),
        {},
};

typedef int (*Inspect)(const Home *home, const char *name, const InspectOptions *o, json_t **ret,
                       Err *err);

static int inspect_container(const Home *home, const char *name, const InspectOptions *o,
                             json_t **ret, Err *err) {
        autoptr(Container) c = NULL;
        int r;

        r = container_load(home, name, &c, err);
        if (r < 0)
                return r;
        *ret = container_inspect(c, o->size);
        return *ret ? 0 : fail(err, ENOMEM, "cannot inspect container '%s'", name);
}

static int inspect_image(const Home *home, const char *name, const InspectOptions *o, json_t **ret,
                         Err *err) {
        autoptr(Image) image = NULL;
        int r;

        r = image_load(home, name, &image, err);
        if (r >= 0)
                r = image_load_names(home, image, err);
        if (r < 0)
                return r;
        *ret = image_inspect(image);
        return *ret ? 0 : fail(err, ENOMEM, "cannot inspect image '%s'", name);
}

static int inspect_network(const Home *home, const char *name, const InspectOptions *o,
                           json_t **ret, Err *err) {
        autoptr(Network) network = NULL;
        int r;

        r = network_load(home, name, &network, err);
        return r < 0 ? r : network_inspect(home, network, ret, err);
}

static int inspect_volume(const Home *home, const char *name, const InspectOptions *o, json_t **ret,
                          Err *err) {
        autoptr(Volume) volume = NULL;
        int r;

        r = volume_load(home, name, &volume, err);
        if (r < 0)
                return r;
        *ret = volume_inspect(home, volume);
        return *ret ? 0 : fail(err, ENOMEM, "cannot inspect volume '%s'", name);
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
static int inspect_any(const Home *home, const char *name, const InspectOptions *o, json_t **ret,
                       Err *err) {
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
        json_t *documents;
        int r, code = 0;

        r = check_type(o->type, err);
        if (r < 0)
                return r;
        documents = json_array();
        for (char **name = in->args; *name; name++) {
                json_t *document;
                autoerr why = {};

                r = inspect_any(in->home, *name, o, &document, &why);
                if (r >= 0)
                        json_array_append_new(documents, document);
                else {
                        command_complain(&why);
                        code = 1;
                }
        }
        r = format_documents(documents, o->format, err);
        json_decref(documents);
        return r < 0 ? r : code;
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
