/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "kernel/cap_name.h"
#include "kernel/caps.h"
#include "kernel/resolve.h"
#include "runtime/annotation.h"
#include "runtime/identity.h"

#define DATABASE_MAX (1u << 20)
#define ID_MAX       4294967294 /* 2^32-1 is "no id" to the kernel */

/* Reads /etc/passwd or /etc/group; *ret stays NULL if the container has none. */
static int read_database(int root, const char *path, char **ret, Err *err) {
        autoclose int file = resolve_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        autofree char *text = NULL;
        struct stat st;
        ssize_t n;

        if (file == -ENOENT || file == -ENOTDIR)
                return 0;
        if (file < 0 || fstat(file, &st) < 0)
                return fail(err, file < 0 ? file : errno, "cannot read '%s'", path);
        if (!S_ISREG(st.st_mode) || st.st_size > DATABASE_MAX)
                return refuse(err, EINVAL, "'%s' is not a file of at most 1 MiB", path);

        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return fail(err, ENOMEM, "cannot read '%s'", path);
        n = fd_read_all(file, text, (size_t) st.st_size);
        if (n < 0)
                return fail(err, (int) n, "cannot read '%s'", path);
        text[n] = 0;
        *ret = take_ptr(text);
        return 0;
}

/* Cuts the next line out of *text and its fields out of the line; returns how many, -1 at the end.
 */
static int next_entry(char **text, char **fields, int max) {
        char *line = *text, *end;
        int n = 0;

        if (!line || !*line)
                return -1;
        end = line + strcspn(line, "\n");
        *text = *end ? end + 1 : end;
        *end = 0;
        while (n < max) {
                fields[n++] = line;
                line = strchr(line, ':');
                if (!line)
                        break;
                *line++ = 0;
        }
        return n;
}

static int parse_id(const char *text, uint32_t *ret) {
        uint64_t id;

        if (!text || text[strspn(text, "0123456789")] || parse_u64(text, &id) < 0)
                return -EINVAL;
        if (id > ID_MAX)
                return -ERANGE;
        *ret = (uint32_t) id;
        return 0;
}

static bool is_number(const char *text) {
        return *text && !text[strspn(text, "0123456789")];
}

/* Finds a user by name, or by id if name is NULL; 1 if found, with its id, group and home. */
static int find_user(char *passwd, const char *name, Identity *id, char **ret_name) {
        char *field[7] = {};
        int n;

        while ((n = next_entry(&passwd, field, 7)) >= 0) {
                uint32_t uid, gid;

                if (n < 4 || parse_id(field[2], &uid) < 0 || parse_id(field[3], &gid) < 0)
                        continue;
                if (name ? strcmp(field[0], name) != 0 : uid != id->uid)
                        continue;
                id->uid = uid;
                id->gid = gid;
                id->home = n > 5 && *field[5] == '/' ? strdup(field[5]) : NULL;
                *ret_name = strdup(field[0]);
                return *ret_name ? 1 : -ENOMEM;
        }
        return 0;
}

static int find_group(char *group, const char *name, gid_t *ret) {
        char *field[4];
        int n;

        while ((n = next_entry(&group, field, 4)) >= 0) {
                uint32_t gid;

                if (n < 3 || parse_id(field[2], &gid) < 0 || strcmp(field[0], name) != 0)
                        continue;
                *ret = gid;
                return 1;
        }
        return 0;
}

static int add_group(Identity *id, gid_t gid) {
        gid_t *group;

        for (size_t i = 0; i < id->n_groups; i++)
                if (id->groups[i] == gid)
                        return 0;
        if (id->n_groups >= NGROUPS_MAX)
                return -E2BIG;
        group = json_grow(&id->groups, &id->n_groups, sizeof *group);
        if (!group)
                return -ENOMEM;
        *group = gid;
        return 0;
}

static bool is_member(char *members, const char *name) {
        char *rest = members, *member;

        while ((member = strsep(&rest, ",")))
                if (strcmp(member, name) == 0)
                        return true;
        return false;
}

/* Adds the groups of which name is a member. */
static int add_memberships(char *group, const char *name, Identity *id) {
        char *field[4];
        int n, r;

        while ((n = next_entry(&group, field, 4)) >= 0) {
                uint32_t gid;

                if (n < 4 || parse_id(field[2], &gid) < 0 || !is_member(field[3], name))
                        continue;
                r = add_group(id, gid);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int bad_id(const char *text, Err *err) {
        return refuse(err, ERANGE, "'%s' is too large for an id", text);
}

static int find_named_user(int root, const char *user, Identity *id, char **ret_name, Err *err) {
        autofree char *passwd = NULL;
        int r;

        if (is_number(user) && parse_id(user, &id->uid) < 0)
                return bad_id(user, err);
        id->gid = 0;
        r = read_database(root, "/etc/passwd", &passwd, err);
        if (r < 0)
                return r;
        r = find_user(passwd, is_number(user) ? NULL : user, id, ret_name);
        if (r < 0)
                return fail(err, r, "cannot look up user '%s'", user);
        if (r == 0 && !is_number(user)) {
                if (str_equal(user, "root") && !passwd)
                        return 0;
                return err_hint(err,
                                refuse(err, EINVAL, "there is no user '%s' in the container", user),
                                "a number needs no entry in /etc/passwd");
        }
        return 0;
}

static int find_named_group(int root, const char *group, Identity *id, Err *err) {
        autofree char *text = NULL;
        int r;

        if (is_number(group))
                return parse_id(group, &id->gid) < 0 ? bad_id(group, err) : 0;
        r = read_database(root, "/etc/group", &text, err);
        if (r < 0)
                return r;
        if (find_group(text, group, &id->gid) == 0 && !(str_equal(group, "root") && !text))
                return err_hint(
                        err, refuse(err, EINVAL, "there is no group '%s' in the container", group),
                        "a number needs no entry in /etc/group");
        return 0;
}

static int find_by_name(int root, const char *name, Identity *id, Err *err) {
        const char *colon = strchr(name, ':');
        autofree char *user = strndup(name, colon ? (size_t) (colon - name) : strlen(name));
        autofree char *found = NULL, *groups = NULL;
        int r;

        if (!user)
                return fail(err, ENOMEM, "cannot look up '%s'", name);
        if (!*user || (colon && (!colon[1] || strchr(colon + 1, ':'))))
                return refuse(err, EINVAL, "'%s' is not of the form USER[:GROUP]", name);

        r = find_named_user(root, user, id, &found, err);
        if (r < 0)
                return r;
        /* As Docker does: a group that is said replaces all that the user has. */
        if (colon)
                return find_named_group(root, colon + 1, id, err);
        if (!found)
                return 0;
        r = read_database(root, "/etc/group", &groups, err);
        if (r < 0)
                return r;
        r = add_memberships(groups, found, id);
        return r < 0 ? fail(err, r, "cannot look up the groups of '%s'", name) : 0;
}

static int add_named_groups(int root, char *const *names, Identity *id, Err *err) {
        strv_foreach(name, names) {
                Identity group = {};
                int r;

                r = find_named_group(root, *name, &group, err);
                if (r < 0)
                        return r;
                r = add_group(id, group.gid);
                if (r < 0)
                        return fail(err, r, "cannot add group '%s'", *name);
        }
        return 0;
}

int identity_find(int root, const OciUser *user, const char *name, Identity *ret, Err *err) {
        autofree char *passwd = NULL, *found = NULL;
        Identity id = { .uid = (uid_t) user->uid, .gid = (gid_t) user->gid };
        Identity known = { .uid = (uid_t) user->uid };
        int r = 0;

        if (user->uid < 0 || user->uid > ID_MAX || user->gid < 0 || user->gid > ID_MAX)
                return refuse(err, ERANGE, "user %lld:%lld is out of range", (long long) user->uid,
                              (long long) user->gid);
        if (name)
                r = find_by_name(root, name, &id, err);
        else {
                r = read_database(root, "/etc/passwd", &passwd, err);
                if (r >= 0 && find_user(passwd, NULL, &known, &found) > 0)
                        id.home = known.home;
        }
        for (size_t i = 0; i < user->n_additional_gids && r >= 0; i++) {
                int64_t gid = user->additional_gids[i];

                r = gid < 0 || gid > ID_MAX ? -ERANGE : add_group(&id, (gid_t) gid);
                if (r < 0)
                        r = fail(err, r, "cannot add group %lld", (long long) gid);
        }
        if (r >= 0)
                r = add_named_groups(root, user->group_names, &id, err);
        id.groups_asked = user->n_additional_gids > 0 || strv_length(user->group_names) > 0;
        if (r < 0) {
                identity_clear(&id);
                return r;
        }
        *ret = id;
        return 0;
}

void identity_clear(Identity *identity) {
        free(identity->groups);
        free(identity->home);
        *identity = (Identity){};
}

static uint64_t cap_bits(char *const *names) {
        uint64_t bits = 0;

        strv_foreach(name, names) {
                int cap = cap_from_name(*name);

                /* What this build has never heard of cannot be given, and need not be. */
                if (cap >= 0)
                        bits |= UINT64_C(1) << cap;
        }
        return bits;
}

/*
 * What the program starts with.  For a user who is not root the kernel empties
 * permitted and effective when the ids change; only ambient capabilities, which
 * the OCI's callers may ask for, are carried over.
 */
static CapSets wanted_caps(const Identity *identity, const IdentityLimits *limits) {
        const OciCapabilities *caps = limits->capabilities;
        uint64_t have = caps_permitted();
        CapSets sets = {};

        if (limits->all_capabilities)
                return (CapSets){ .bounding = ~UINT64_C(0),
                                  .permitted = identity->uid == 0 ? have : 0,
                                  .effective = identity->uid == 0 ? have : 0 };
        if (!caps)
                return sets;
        /* An engine that lacks a capability itself (in a container, say) cannot give it. */
        sets.bounding = cap_bits(caps->bounding);
        sets.permitted = cap_bits(caps->permitted) & have;
        sets.effective = cap_bits(caps->effective) & sets.permitted;
        sets.inheritable = cap_bits(caps->inheritable) & have;
        sets.ambient = cap_bits(caps->ambient) & sets.permitted & sets.inheritable;
        if (identity->uid != 0) {
                sets.permitted &= sets.ambient;
                sets.effective &= sets.ambient;
        }
        return sets;
}

/* Denied for good where an ordinary user has mapped only its own group: then they stay. */
static int drop_groups(void) {
        return setgroups(0, NULL) < 0 && errno != EPERM ? -errno : 0;
}

static int set_groups(const Identity *id) {
        if (id->n_groups == 0)
                return drop_groups();
        if (setgroups(id->n_groups, id->groups) == 0 || (errno == EPERM && !id->groups_asked))
                return 0;
        return -errno;
}

int identity_become_root(bool keep_groups, Err *err) {
        if ((!keep_groups && drop_groups() < 0) || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return fail(err, errno, "cannot become root of the user namespace");
        return 0;
}

static int change_ids(const Identity *id, bool keep_groups, Err *err) {
        const char *hint =
                "the container has only the ids of its own range: 0-65535 by default, root alone "
                "for a user without a range in /etc/subuid and /etc/subgid";

        if (!keep_groups && set_groups(id) < 0)
                return err_hint(err, fail(err, errno, "cannot set supplementary groups"), "%s",
                                hint);
        if (setresgid(id->gid, id->gid, id->gid) < 0)
                return err_hint(err, fail(err, errno, "cannot become group %u", id->gid), "%s",
                                hint);
        if (setresuid(id->uid, id->uid, id->uid) < 0)
                return err_hint(err, fail(err, errno, "cannot become user %u", id->uid), "%s",
                                hint);
        return 0;
}

static int apply_filter(const IdentityLimits *limits) {
        const SeccompFilter *f = limits->seccomp;

        if (!f)
                return 0;
        return f->notifies ? seccomp_apply_listened(f, limits->sync, limits->listener_word)
                           : seccomp_apply(f);
}

/*
 * Without no_new_privs only CAP_SYS_ADMIN may load a filter, so it is kept until
 * the filter is loaded and given up right after; with it, the filter comes last
 * of all and need not allow what we do before.
 */
int identity_become(const Identity *identity, const IdentityLimits *limits, Err *err) {
        const CapSets wanted = wanted_caps(identity, limits);
        CapSets meanwhile = wanted;
        bool early = limits->seccomp && !limits->no_new_privileges;
        int r;

        r = caps_bound(wanted.bounding);
        if (r < 0)
                return fail(err, r, "cannot limit the capabilities");
        if (identity->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
                return fail(err, errno, "cannot keep the capabilities");
        r = change_ids(identity, limits->keep_groups, err);
        if (r < 0)
                return r;

        if (early) {
                meanwhile.permitted |= UINT64_C(1) << CAP_SYS_ADMIN;
                meanwhile.effective |= UINT64_C(1) << CAP_SYS_ADMIN;
        }
        r = caps_set(&meanwhile);
        /* None is left without inheritable ones (capabilities(7)). */
        if (r >= 0 && wanted.inheritable)
                r = caps_set_ambient(wanted.ambient);
        if (r < 0)
                return fail(err, r, "cannot set the capabilities");

        if (limits->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return fail(err, errno, "cannot forbid new privileges");
        if (limits->landlock) {
                r = landlock_confine(limits->landlock, err);
                if (r < 0)
                        return r;
        }
        r = apply_filter(limits);
        if (r < 0)
                return fail(err, r, "cannot load the system call filter");
        r = early ? caps_set(&wanted) : 0;
        return r < 0 ? fail(err, r, "cannot set the capabilities") : 0;
}

bool identity_keeps_groups(const OciSpec *spec) {
        return annotation_is_true(spec, "run.oci.keep_original_groups");
}

void identity_own_streams(const Identity *identity) {
        struct stat st;

        for (int stream = 0; stream <= 2; stream++)
                if (fstat(stream, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_nlink == 1 &&
                    st.st_uid != identity->uid)
                        /* A pipe of somebody who is nobody here stays as it is. */
                        if (fchown(stream, identity->uid, identity->gid) < 0)
                                continue;
}
