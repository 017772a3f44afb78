/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cli/volumes_from.h"

static bool has_target(const Container *c, const char *target) {
        for (size_t i = 0; i < c->host.n_mounts; i++)
                if (str_equal(c->host.mounts[i].target, target))
                        return true;
        return false;
}

static int add_mount(Container *c, const ContainerMount *m, bool read_only) {
        ContainerMount *copy = json_grow(&c->host.mounts, &c->host.n_mounts, sizeof *copy);

        if (!copy || str_set(&copy->type, m->type) < 0 || str_set(&copy->source, m->source) < 0 ||
            str_set(&copy->target, m->target) < 0 ||
            str_set(&copy->propagation, m->propagation) < 0)
                return -ENOMEM;
        copy->read_only = m->read_only || read_only;
        copy->no_recursive = m->no_recursive;
        copy->no_copy = m->no_copy;
        return 0;
}

int volumes_from(const Home *home, const char *text, Container *c, Err *err) {
        const char *colon = strrchr(text, ':');
        autofree char *name = colon ? strndup(text, (size_t) (colon - text)) : strdup(text);
        autoptr(Container) other = NULL;
        int r;

        if (!name)
                return fail(err, ENOMEM, "cannot read '--volumes-from %s'", text);
        if (colon && !str_equal(colon, ":ro") && !str_equal(colon, ":rw"))
                return err_hint(err,
                                refuse(err, EINVAL, "'--volumes-from %s': '%s' is no option", text,
                                       colon + 1),
                                "the options are ro and rw");
        r = container_load(home, name, &other, err);
        for (size_t i = 0; r >= 0 && i < other->host.n_mounts; i++) {
                const ContainerMount *m = &other->host.mounts[i];

                if (str_equal(m->type, "tmpfs") || has_target(c, m->target))
                        continue;
                if (add_mount(c, m, str_equal(colon, ":ro")) < 0)
                        r = fail(err, ENOMEM, "cannot read '--volumes-from %s'", text);
        }
        return r >= 0 && strv_add(&c->host.volumes_from, text) < 0
                       ? fail(err, ENOMEM, "cannot read '--volumes-from %s'", text)
                       : r;
}
