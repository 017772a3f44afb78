/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/oci_create_options.h"

static const Option options[] COMMAND_DATA = {
        OCI_CREATE_OPTIONS,
        {},
};

static int cmd_oci_create(const CommandInput *in, Err *err) {
        autoptr(Bundle) bundle = NULL;
        OciCreate create;
        int r = oci_create_options(in, in->options, &bundle, &create, err);

        return r < 0 ? r : oci_create(in->oci->root, &create, err);
}

COMMAND(oci_create) = {
        .name = "oci create",
        .group = "OCI runtime",
        .synopsis = "[OPTION...] ID",
        .summary = "Make a container of a bundle, to be started",
        .options = options,
        .options_size = sizeof(OciCreateOptions),
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_create,
};
