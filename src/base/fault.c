/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "base/fault.h"

#ifdef ISOLA_FAULT_POINTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

/* A line on stderr in one write(): several processes may pass places at once. */
static void tell(const char *name) {
        autofree char *line = str_format("fault point: %s\n", name);

        if (line && write(STDERR_FILENO, line, strlen(line)) < 0)
                return;
}

void fault_point(const char *name) {
        static int passed;
        const char *wanted = getenv("ISOLA_FAULT"), *count;
        int n = 1;

        if (!wanted)
                return;
        if (str_equal(wanted, "?")) {
                tell(name);
                return;
        }
        count = str_after(wanted, name);
        if (!count || (*count && *count != ':'))
                return;
        if (*count)
                (void) parse_int(count + 1, 1, 1 << 20, &n);
        if (++passed != n)
                return;
        (void) raise(SIGKILL);
        _exit(128 +
              SIGKILL); /* the first process of a pid namespace is immune to its own signals */
}

bool fault_weakens(const char *wall) {
        return str_equal(getenv("ISOLA_WEAKEN"), wall);
}

#else

/* An empty file is not C. */
typedef int FaultPointsAreOff;

#endif
