/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/str.h"
#include "netlink/link_move.h"
#include "runtime/net_devices.h"

int net_devices_move(const OciLinux *spec, int netns, NetDevices *devices, Err *err) {
        if (!spec || spec->n_net_devices == 0)
                return 0;
        devices->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (devices->home < 0)
                return fail(err, errno, "cannot open the network namespace");

        for (size_t i = 0; i < spec->n_net_devices; i++) {
                const OciNetDevice *wanted = &spec->net_devices[i];
                const char *name = wanted->host_name;
                NetDevice moved = {}, *added;
                int r;

                moved.home_name = strdup(name);
                if (!moved.home_name)
                        return fail(err, ENOMEM, "cannot move interface '%s'", name);
                r = link_move(-EBADF, name, netns, str_empty(wanted->name) ? name : wanted->name,
                              moved.inside, err);
                added = r < 0 ? NULL : json_grow(&devices->list, &devices->n, sizeof *added);
                if (!added) {
                        free(moved.home_name);
                        return r < 0 ? r : fail(err, ENOMEM, "cannot move interface '%s'", name);
                }
                *added = moved;
        }
        return 0;
}

void net_devices_return(NetDevices *devices, int netns) {
        for (size_t i = 0; i < devices->n; i++) {
                const NetDevice *device = &devices->list[i];
                char name[IF_NAMESIZE];
                autoerr err = {};

                if (link_move(netns, device->inside, devices->home, device->home_name, name, &err) <
                    0)
                        log_warn("interface '%s' cannot be brought back: %s", device->home_name,
                                 err.message);
        }
}

void net_devices_clear(NetDevices *devices) {
        for (size_t i = 0; i < devices->n; i++)
                free(devices->list[i].home_name);
        free(devices->list);
        close_fd(devices->home);
        *devices = (NetDevices){ .home = -EBADF };
}

int net_devices_loopback(void) {
        struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        autoclose int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        /* Any kind of socket will do (netdevice(7)). */
        return s < 0 || ioctl(s, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}
