/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>

#include "cli/format.h"
#include "cli/inspect_each.h"
#include "engine/network.h"
#include "engine/volume.h"
#include "store/image.h"

int inspect_each(const CommandInput *in, Inspect inspect, const char *format, Err *err) {
        json_t *documents = json_array();
        int r, code = 0;

        for (char **name = in->args; *name; name++) {
                json_t *document;
                autoerr why = {};

                r = inspect(in->home, *name, in->options, &document, &why);
                if (r >= 0)
                        json_array_append_new(documents, document);
                else {
                        command_complain(&why);
                        code = 1;
                }
        }
        r = format_documents(documents, format, err);
        json_decref(documents);
        return r < 0 ? r : code;
}

int inspect_image(const Home *home, const char *name, const void *options, json_t **ret, Err *err) {
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

int inspect_network(const Home *home, const char *name, const void *options, json_t **ret,
                    Err *err) {
        autoptr(Network) network = NULL;
        int r;

        r = network_load(home, name, &network, err);
        return r < 0 ? r : network_inspect(home, network, ret, err);
}

int inspect_volume(const Home *home, const char *name, const void *options, json_t **ret,
                   Err *err) {
        autoptr(Volume) volume = NULL;
        int r;

        r = volume_load(home, name, &volume, err);
        if (r < 0)
                return r;
        *ret = volume_inspect(home, volume);
        return *ret ? 0 : fail(err, ENOMEM, "cannot inspect volume '%s'", name);
}
