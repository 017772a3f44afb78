/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/network_forwarding.h"

#define FORWARDING4 "/proc/sys/net/ipv4/ip_forward"
#define FORWARDING6 "/proc/sys/net/ipv6/conf/all/forwarding"

static bool is_set_to(const char *path, const char *value) {
        autofree char *text = NULL;

        return file_read_line(AT_FDCWD, path, &text) >= 0 && str_equal(text, value);
}

/* PATH FROM TO */
static int plan(char ***changes, const char *path, const char *from, const char *to) {
        return is_set_to(path, from) ? strv_addf(changes, "%s %s %s", path, from, to) : 0;
}

/*
 * A host that routes stops listening to router advertisements, and so loses its own default route,
 * unless accept_ra is 2 (ip-sysctl.rst).
 */
static int plan_advertised_routes(char ***changes) {
        autostrv names = NULL;
        int r = 0;

        if (dir_list(AT_FDCWD, "/proc/sys/net/ipv6/conf", &names) < 0)
                return 0;
        strv_foreach(name, names) {
                autofree char *path = str_format("/proc/sys/net/ipv6/conf/%s/accept_ra", *name);

                if (!path)
                        return -ENOMEM;
                if (r >= 0 && !str_equal(*name, "lo"))
                        r = plan(changes, path, "1", "2");
        }
        return r;
}

int forwarding_plan(bool ipv6, char ***ret, Err *err) {
        autostrv changes = NULL;
        int r = plan(&changes, FORWARDING4, "0", "1");

        if (r >= 0 && ipv6 && is_set_to(FORWARDING6, "0")) {
                r = plan_advertised_routes(&changes);
                if (r >= 0)
                        r = plan(&changes, FORWARDING6, "0", "1");
        }
        if (r < 0)
                return fail(err, r, "cannot switch on forwarding");
        *ret = take_ptr(changes);
        return 0;
}

/* Writes the word number @word of a change. */
static int set(const char *change, size_t word) {
        autostrv words = NULL;

        if (strv_split(change, " ", true, &words) < 0)
                return -ENOMEM;
        return strv_length(words) == 3 ? file_write(AT_FDCWD, words[0], words[word]) : -EINVAL;
}

int forwarding_switch_on(char *const *changes, const char *whom, Err *err) {
        strv_foreach(change, changes) {
                bool is4 = str_after(*change, FORWARDING4), is6 = str_after(*change, FORWARDING6);
                int r = set(*change, 2);

                if (r < 0 && is4)
                        return fail(err, r,
                                    "cannot switch on IPv4 forwarding (net.ipv4.ip_forward)");
                if (r < 0 && is6)
                        log_warn("cannot switch on IPv6 forwarding: %s", strerror(-r));
                else if (is4)
                        log_info("switched on IPv4 forwarding (net.ipv4.ip_forward) for %s", whom);
                else if (is6)
                        log_info("switched on IPv6 forwarding (net.ipv6.conf.all.forwarding) for "
                                 "%s",
                                 whom);
        }
        return 0;
}

void forwarding_switch_back(char *const *changes) {
        strv_foreach(change, changes) {
                autostrv words = NULL;

                /* What somebody has set otherwise since then is theirs. */
                if (strv_split(*change, " ", true, &words) >= 0 && strv_length(words) == 3 &&
                    is_set_to(words[0], words[2]) && set(*change, 1) < 0)
                        log_warn("cannot set '%s' back to %s", words[0], words[1]);
        }
}
