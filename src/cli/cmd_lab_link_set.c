/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/lab_operand.h"
#include "lab/link.h"
#include "topology/quality.h"

typedef struct SetOptions {
        const char *lab;
} SetOptions;

static const Option options[] COMMAND_DATA = {
        OPT_LAB(SetOptions, lab),
        {},
};

/* The settings, with files relative to where we are: the lab's process is somewhere else. */
static int root_files(char *const *settings, char ***ret, Err *err) {
        autofree char *here = getcwd(NULL, 0);
        int r = here ? 0 : -errno;

        strv_foreach(setting, settings) {
                const char *equals = strchr(*setting, '=');
                autofree char *key =
                        equals ? strndup(*setting, (size_t) (equals - *setting)) : NULL;
                autofree char *value = key && here ? quality_rooted(key, equals + 1, here) : NULL;

                if (r >= 0)
                        r = !equals ? strv_add(ret, *setting)
                            : value ? strv_addf(ret, "%s=%s", key, value)
                                    : -ENOMEM;
        }
        return r < 0 ? fail(err, r, "cannot find the files of a link's quality") : 0;
}

static int cmd_lab_link_set(const CommandInput *in, Err *err) {
        const SetOptions *o = in->options;
        autoptr(Lab) lab = NULL;
        autostrv settings = NULL;
        int r = lab_operand_open(in->home, o->lab, &lab, err), direction;
        ssize_t link;

        if (r < 0)
                return r;
        link = topology_find_link(lab->topology, in->args[0], &direction, err);
        if (link < 0)
                return (int) link;
        r = root_files(in->args + 1, &settings, err);
        return r < 0 ? r : lab_link_set(lab, (size_t) link, direction, settings, err);
}

COMMAND(lab_link_set) = {
        .name = "lab link set",
        .group = "Labs",
        .synopsis = "[OPTION...] LINK KEY=VALUE...",
        .summary = "Change the quality of a link",
        .options = options,
        .options_size = sizeof(SetOptions),
        .min_args = 2,
        .max_args = ARGS_ANY,
        .completes = "link",
        .run = cmd_lab_link_set,
};
