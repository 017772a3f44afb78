/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/signal_name.h"
#include "base/str.h"

/* The kernel's and the C library's idea of the first real-time signals differ (signal(7)): what is
 * meant is the number a program inside would use, which is its C library's. */
static int parse_realtime(const char *text) {
        bool from_max = strncasecmp(text, "RTMAX", 5) == 0;
        int offset = 0;

        if (!from_max && strncasecmp(text, "RTMIN", 5) != 0)
                return -EINVAL;
        text += 5;
        if (*text && (*text != (from_max ? '-' : '+') ||
                      parse_int(text + 1, 0, SIGRTMAX - SIGRTMIN, &offset) < 0))
                return -EINVAL;
        return from_max ? SIGRTMAX - offset : SIGRTMIN + offset;
}

int signal_parse(const char *text) {
        int number;

        if (parse_int(text, 1, SIGRTMAX, &number) >= 0)
                return number;
        if (strncasecmp(text, "SIG", 3) == 0)
                text += 3;
        for (int i = 1; i < SIGRTMIN; i++) {
                const char *name = sigabbrev_np(i);

                if (name && strcasecmp(name, text) == 0)
                        return i;
        }
        return parse_realtime(text);
}
