/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/str.h"
#include "measure/host.h"

void host_clear(Host *h) {
        free(h->name);
        free(h->kernel);
        free(h->machine);
        free(h->cpu);
        *h = (Host){};
}

/* "model name	: …" on x86, nothing on some others. */
static char *cpu_model(void) {
        autofree char *text = NULL;
        const char *line, *value;

        if (file_read(AT_FDCWD, "/proc/cpuinfo", 8 << 20, &text, NULL) < 0 ||
            !(line = strstr(text, "model name")) || !(value = strchr(line, ':')))
                return strdup("");
        value++;
        while (isblank((unsigned char) *value))
                value++;
        return strndup(value, strcspn(value, "\n"));
}

int host_look(Host *ret) {
        struct utsname u = {};
        struct sysinfo s = {};

        (void) uname(&u);
        (void) sysinfo(&s);
        *ret = (Host){ .name = strdup(u.nodename),
                       .kernel = str_format("%s %s %s", u.sysname, u.release, u.version),
                       .machine = strdup(u.machine),
                       .cpu = cpu_model(),
                       .cpus = sysconf(_SC_NPROCESSORS_ONLN),
                       .memory = (uint64_t) s.totalram * s.mem_unit };
        if (ret->name && ret->kernel && ret->machine && ret->cpu)
                return 0;
        host_clear(ret);
        return -ENOMEM;
}
