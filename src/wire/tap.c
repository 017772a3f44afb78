/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "wire/tap.h"

int tap_attach(int tun, const char *name, Err *err) {
        struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL };
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

int tap_open(const char *name, Err *err) {
        autoclose int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        int r;

        if (tun < 0)
                return err_hint(err, fail(err, errno, "cannot open '/dev/net/tun'"),
                                "the kernel's module tun makes it: modprobe tun");
        r = tap_attach(tun, name, err);
        return r < 0 ? r : take_fd(tun);
}

int tap_set_carrier(int tap, bool on) {
        int carrier = on;

        return ioctl(tap, TUNSETCARRIER, &carrier) < 0 ? -errno : 0;
}
