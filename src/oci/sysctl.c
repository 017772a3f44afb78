/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "oci/sysctl.h"

static const struct {
        const char *prefix, *type;
} owners[] = {
        { "net/", "network" },        { "fs/mqueue/", "ipc" }, { "kernel/msg", "ipc" },
        { "kernel/sem", "ipc" },      { "kernel/shm", "ipc" }, { "kernel/domainname", "uts" },
        { "kernel/hostname", "uts" }, { "user/", "user" },
};

int oci_sysctl_parse(const char *setting, char **ret_path, const char **ret_value,
                     const char **ret_type, Err *err) {
        const char *value = strchr(setting, '=');
        autofree char *name = value ? strndup(setting, (size_t) (value - setting)) : NULL;
        autofree char *path = name ? strdup(name) : NULL;
        const char *first;

        if (value && !path)
                return fail(err, ENOMEM, "cannot set a sysctl");
        if (!value || !*name || strchr(value, '\n'))
                return refuse(err, EINVAL, "sysctl '%s' is not of the form NAME=VALUE", setting);

        first = strpbrk(path, "./");
        if (first && *first == '.')
                for (char *c = path; *c; c++)
                        *c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
        for (size_t i = 0; i < sizeof owners / sizeof *owners && !strstr(path, ".."); i++)
                if (str_after(path, owners[i].prefix)) {
                        *ret_path = take_ptr(path);
                        *ret_value = value + 1;
                        *ret_type = owners[i].type;
                        return 0;
                }
        return err_hint(err,
                        refuse(err, EPERM, "sysctl '%s' cannot be set for a container alone", name),
                        "net.*, kernel.msg*, kernel.sem, kernel.shm*, fs.mqueue.* and user.* can");
}
