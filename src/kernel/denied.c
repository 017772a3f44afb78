/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "kernel/denied.h"

int err_denied(Err *err, int code, const char *call, const char *since) {
        if (code != -ENOSYS && code != -EPERM)
                return code;
        return err_hint(err, code,
                        "isola needs %s(2), which Linux has since %s; a container around isola may "
                        "deny it, or it is not run as root",
                        call, since);
}
