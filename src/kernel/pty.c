/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "kernel/pty.h"

int pty_open(int devpts, int rows, int columns, int *ret_slave, Err *err) {
        autoclose int master = -EBADF, slave = -EBADF;
        struct winsize size = { .ws_row = (unsigned short) rows,
                                .ws_col = (unsigned short) columns };
        int unlock = 0;
        struct statfs fs;

        if (fstatfs(devpts, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
                return refuse(err, ENOTTY, "'/dev/pts' is not a devpts");
        master = openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (master < 0)
                return fail(err, errno, "cannot open a terminal");
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return fail(err, errno, "cannot unlock a terminal");
        slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0)
                return fail(err, errno, "cannot open a terminal's other side");
        if (rows > 0 && columns > 0 && ioctl(master, TIOCSWINSZ, &size) < 0)
                return fail(err, errno, "cannot set a terminal's size");

        *ret_slave = take_fd(slave);
        return take_fd(master);
}

int pty_check_master(int master) {
        unsigned number;
        struct stat st;

        /* 5:2 is /dev/ptmx and every devpts' ptmx; only a master tells its number. */
        if (fstat(master, &st) < 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) != 5 ||
            minor(st.st_rdev) != 2 || ioctl(master, TIOCGPTN, &number) < 0)
                return -EPROTO;
        return 0;
}
