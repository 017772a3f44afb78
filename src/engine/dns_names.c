/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/id.h"
#include "base/str.h"
#include "engine/dns_names.h"

/* Calls @take for each name in a directory; without opendir(), whose buffer the monitor would keep.
 */
static void each_entry(int dir, void (*take)(const char *name, void *context), void *context) {
        _Alignas(struct dirent64) char buffer[2048];
        ssize_t n;

        while ((n = getdents64(dir, buffer, sizeof buffer)) > 0)
                for (char *p = buffer; p < buffer + n;) {
                        const struct dirent64 *entry = (const struct dirent64 *) p;

                        if (entry->d_name[0] != '.')
                                take(entry->d_name, context);
                        p += entry->d_reclen;
                }
}

static void take_address(const char *name, void *context) {
        DnsAddresses *a = context;
        struct in6_addr address = {};
        bool ipv6 = strchr(name, ':');

        if (a->n == DNS_ADDRESSES_MAX || inet_pton(ipv6 ? AF_INET6 : AF_INET, name, &address) != 1)
                return;
        a->address[a->n] = address;
        a->ipv6[a->n++] = ipv6;
}

static void find_exact(int names, const char *name, DnsAddresses *ret) {
        autoclose int dir = -EBADF;

        ret->found = false;
        ret->n = 0;
        if (!*name || *name == '.')
                return;
        dir = openat(names, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (dir < 0)
                return;
        each_entry(dir, take_address, ret);
        /* An empty directory is what is left of a name while it is being removed. */
        ret->found = ret->n > 0;
}

void dns_names_find(int names, const char *network, const char *name, DnsAddresses *ret) {
        size_t n = strlen(name), suffix = strlen(network);
        char shorter[256];

        find_exact(names, name, ret);
        if (ret->found || n <= suffix + 1 || n >= sizeof shorter || name[n - suffix - 1] != '.' ||
            strcasecmp(name + n - suffix, network) != 0)
                return;
        memcpy(shorter, name, n - suffix - 1);
        shorter[n - suffix - 1] = 0;
        find_exact(names, shorter, ret);
}

typedef struct AddressSearch {
        int names;
        char file[INET6_ADDRSTRLEN];
        char *name;
        size_t max;
        ino_t first; /* inode of the file found; files are made in the order of the names */
        bool is_id;
} AddressSearch;

static void try_name(const char *name, void *context) {
        bool is_id = strlen(name) == ID_SHORT_LENGTH && id_is_prefix(name);
        AddressSearch *s = context;
        char path[512];
        struct stat st;

        if ((size_t) snprintf(path, sizeof path, "%s/%s", name, s->file) >= sizeof path ||
            strlen(name) >= s->max || fstatat(s->names, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return;
        if (s->first && (is_id > s->is_id || (is_id == s->is_id && st.st_ino > s->first)))
                return;
        s->first = st.st_ino;
        s->is_id = is_id;
        snprintf(s->name, s->max, "%s", name);
}

int dns_names_find_address(int names, const struct in6_addr *address, bool ipv6, char *ret,
                           size_t max) {
        autoclose int dir = openat(names, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        AddressSearch search = { .names = names, .name = ret, .max = max };

        if (dir < 0 ||
            !inet_ntop(ipv6 ? AF_INET6 : AF_INET, address, search.file, sizeof search.file))
                return 0;
        each_entry(dir, try_name, &search);
        return search.first != 0;
}
