/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <poll.h>

#include "cli/command.h"

/* A caller may leave standard streams closed; what is opened next must not become one of them. */
static int fill_standard_streams(void) {
        struct pollfd streams[] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

        /* It says in one call which of them are closed, and that none is. */
        if (poll(streams, 3, 0) == 0)
                return 0;
        for (int fd = 0; fd <= 2; fd++)
                if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
                        return -1;
        return 0;
}

int main(int argc, char **argv) {
        if (fill_standard_streams() < 0)
                return 125;
        return command_main(argc, argv);
}
