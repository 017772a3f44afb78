/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/caps.h"

int caps_bound(uint64_t keep) {
        for (int cap = 0; cap < 64; cap++) {
                if (keep >> cap & 1)
                        continue;
                if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
                        continue;
                if (errno != EINVAL)
                        return -errno;
                /* The kernel knows no capability of that number or above. */
                break;
        }
        return 0;
}

int caps_set(const CapSets *sets) {
        struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct data[2];

        for (int i = 0; i < 2; i++)
                data[i] = (struct __user_cap_data_struct){
                        .effective = (uint32_t) (sets->effective >> (32 * i)),
                        .permitted = (uint32_t) (sets->permitted >> (32 * i)),
                        .inheritable = (uint32_t) (sets->inheritable >> (32 * i)),
                };
        return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int caps_set_ambient(uint64_t set) {
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        for (int cap = 0; cap < 64; cap++)
                if (set >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
                        return -errno;
        return 0;
}

int caps_get(CapSets *ret) {
        struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct data[2];

        if (syscall(SYS_capget, &header, data) < 0)
                return -errno;
        *ret = (CapSets){
                .effective = data[0].effective | (uint64_t) data[1].effective << 32,
                .permitted = data[0].permitted | (uint64_t) data[1].permitted << 32,
                .inheritable = data[0].inheritable | (uint64_t) data[1].inheritable << 32,
        };
        for (int cap = 0; cap < 64; cap++) {
                int in = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

                if (in < 0)
                        break;
                if (in)
                        ret->bounding |= UINT64_C(1) << cap;
                if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
                        ret->ambient |= UINT64_C(1) << cap;
        }
        return 0;
}

uint64_t caps_permitted(void) {
        struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct data[2];

        if (syscall(SYS_capget, &header, data) < 0)
                return 0;
        return data[0].permitted | (uint64_t) data[1].permitted << 32;
}
