/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/oci.h"
#include "runtime/default_spec.h"

typedef struct OciSpecOptions {
        const char *bundle;
        bool rootless;
} OciSpecOptions;

static const Option options[] COMMAND_DATA = {
        OPT_STRING('b', "bundle", OciSpecOptions, bundle, "DIR",
                   "The bundle's directory (the current one)", "dir"),
        OPT_FLAG(0, "rootless", OciSpecOptions, rootless, "Write one for an ordinary user"),
        {},
};

static int cmd_oci_spec(const CommandInput *in, Err *err) {
        const OciSpecOptions *o = in->options;
        const char *path = o->bundle ? o->bundle : ".";
        autoclose int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        autofree char *text = NULL, *whole = NULL;
        autoptr(OciSpec) spec = NULL;
        json_t *tree;
        int r;

        if (dir < 0)
                return fail(err, errno, "cannot open the bundle '%s'", path);
        r = default_spec(o->rootless, &spec);
        if (r < 0)
                return fail(err, r, "cannot make a configuration");
        tree = json_tree(&oci_spec_type, spec);
        text = json_dumps(tree, JSON_INDENT(4));
        json_decref(tree);
        whole = text ? str_format("%s\n", text) : NULL;
        if (!whole)
                return fail(err, ENOMEM, "cannot make a configuration");
        r = file_create(dir, "config.json", whole, strlen(whole), 0644);
        if (r == -EEXIST)
                return err_hint(err, refuse(err, r, "'%s/config.json' exists already", path),
                                "remove it first");
        return r < 0 ? fail(err, r, "cannot write '%s/config.json'", path) : 0;
}

COMMAND(oci_spec) = {
        .name = "oci spec",
        .group = "OCI runtime",
        .synopsis = "[OPTION...]",
        .summary = "Write a config.json to begin with",
        .options = options,
        .options_size = sizeof(OciSpecOptions),
        .no_home = true,
        .run = cmd_oci_spec,
};
