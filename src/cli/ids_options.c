/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/str.h"
#include "cli/ids_options.h"
#include "engine/userns.h"

static bool has_choice(const IdsOptions *o) {
        return !str_empty(o->userns) && !str_equal(o->userns, "private") &&
               !str_equal(o->userns, "host");
}

int ids_options_read(const IdsOptions *o, bool privileged, HostConfig *host, Err *err) {
        bool maps = o->uidmap || o->gidmap, names = o->subuidname || o->subgidname;
        int r = userns_check(o->userns, err);

        if (r < 0)
                return r;
        if ((maps && names) || ((maps || names) && !str_empty(o->userns)))
                return refuse(
                        err, EINVAL,
                        "--userns, --uidmap with --gidmap, and --subuidname with --subgidname "
                        "exclude each other");
        if (privileged && (maps || names || has_choice(o)))
                return refuse(err, EINVAL,
                              "--privileged has the ids of who runs it: no others can be chosen");
        if ((o->uidmap && strv_copy((char *const *) o->uidmap, &host->id_mappings.uids) < 0) ||
            (o->gidmap && strv_copy((char *const *) o->gidmap, &host->id_mappings.gids) < 0) ||
            (o->subuidname && str_set(&host->subuid_name, o->subuidname) < 0) ||
            (o->subgidname && str_set(&host->subgid_name, o->subgidname) < 0))
                return fail(err, ENOMEM, "cannot read the options");
        return 0;
}
