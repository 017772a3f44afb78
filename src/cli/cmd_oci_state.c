/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/format.h"
#include "cli/oci.h"

static int cmd_oci_state(const CommandInput *in, Err *err) {
        autoptr(OciContainer) c = NULL;
        autofree char *text = NULL;
        OciState state;
        json_t *tree;
        int r;

        r = oci_operand(in, &c, err);
        if (r >= 0)
                r = oci_container_state(c, oci_container_status(c), &state, err);
        if (r < 0)
                return r;
        tree = json_tree(&oci_state_type, &state);
        json_clear(&oci_state_type, &state);
        text = json_dumps(tree, JSON_INDENT(2));
        json_decref(tree);
        if (!text)
                return fail(err, ENOMEM, "cannot print the state of container '%s'", c->id);
        format_print_json(text);
        return 0;
}

COMMAND(oci_state) = {
        .name = "oci state",
        .group = "OCI runtime",
        .synopsis = "ID",
        .summary = "Print a container's state as JSON",
        .min_args = 1,
        .max_args = 1,
        .no_home = true,
        .run = cmd_oci_state,
};
