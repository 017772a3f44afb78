/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "wire/tap.h"

static int attach(int tun, const char *name, int flags, Err *err) {
        struct ifreq request = { .ifr_flags =
                                         (short) (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags) };
        int header = 10;

        if (strlen(name) >= sizeof request.ifr_name)
                return refuse(err, EINVAL, "'%s' is too long for an interface", name);
        strcpy(request.ifr_name, name);
        if (ioctl(tun, TUNSETIFF, &request) < 0)
                return fail(err, errno, "cannot make the interface '%s'", name);
        if (ioctl(tun, TUNSETVNETHDRSZ, &header) < 0 ||
            ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0)
                return fail(err, errno, "cannot set the offloads of '%s'", name);
        return 0;
}

int tap_attach(int tun, const char *name, Err *err) {
        return attach(tun, name, IFF_TUN_EXCL, err);
}

static int open_tun(const char *name, int flags, Err *err) {
        autoclose int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        int r;

        if (tun < 0)
                return err_hint(err, fail(err, errno, "cannot open '/dev/net/tun'"),
                                "the kernel's module tun makes it: modprobe tun");
        r = attach(tun, name, flags, err);
        return r < 0 ? r : take_fd(tun);
}

int tap_open(const char *name, Err *err) {
        return open_tun(name, IFF_TUN_EXCL, err);
}

int tap_take_over(const char *name, Err *err) {
        return open_tun(name, 0, err);
}

int tap_set_persistent(int tap, bool on) {
        return ioctl(tap, TUNSETPERSIST, (unsigned long) on) < 0 ? -errno : 0;
}

int tap_set_carrier(int tap, bool on) {
        int carrier = on;

        return ioctl(tap, TUNSETCARRIER, &carrier) < 0 ? -errno : 0;
}
