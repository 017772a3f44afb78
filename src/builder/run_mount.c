/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/nearest.h"
#include "base/size.h"
#include "base/str.h"
#include "builder/expand.h"
#include "builder/run_mount.h"
#include "store/ignore.h"

#define UNSET INT64_MIN

static const char *const types[] = { "bind", "cache", "tmpfs", "secret", "ssh", NULL };
static const char *const sharings[] = { "shared", "private", "locked", NULL };
static const char *const keys[] = { "type", "from",    "source",      "src",      "target",
                                    "dst",  "id",      "destination", "readonly", "ro",
                                    "rw",   "sharing", "readwrite",   "required", "size",
                                    "mode", "uid",     "gid",         "env",      NULL };

/* One --mount on its way. */
typedef struct Reading {
        RunMount *m;
        bool access_said; /* ro or rw */
        int64_t mode, uid, gid;
        bool sharing_said;
        Err *err;
} Reading;

void run_mount_clear(RunMount *m) {
        free(m->from);
        free(m->source);
        free(m->target);
        free(m->id);
        free(m->env);
        *m = (RunMount){};
}

static int find_word(const char *word, const char *const *words) {
        for (int i = 0; words[i]; i++)
                if (strcasecmp(word, words[i]) == 0)
                        return i;
        return -1;
}

static int refuse_word(Err *err, const char *word, const char *const *words, const char *what) {
        const char *nearest = nearest_name(word, words);

        if (nearest)
                return refuse(err, EINVAL, "RUN --mount has no %s '%s'; did you mean '%s'?", what,
                              word, nearest);
        return refuse(err, EINVAL, "RUN --mount has no %s '%s'", what, word);
}

static int bad_value(Reading *reading, const char *key, const char *value) {
        return refuse(reading->err, EINVAL, "RUN --mount: '%s' is no value of %s", value, key);
}

static int take_text(Reading *reading, char **member, const char *value) {
        return str_set(member, value) < 0 ? fail(reading->err, ENOMEM, "cannot read a mount") : 0;
}

/* A key that only some types have. */
static int check_type(Reading *reading, const char *key, unsigned allowed) {
        if (allowed & 1u << reading->m->type)
                return 0;
        return refuse(reading->err, EINVAL, "RUN --mount: a mount of type %s has no '%s'",
                      types[reading->m->type], key);
}

#define ALLOW(t) (1u << (RUN_MOUNT_##t))

static int take_switch(Reading *reading, const char *key, const char *value) {
        bool on = true, read = str_equal(key, "readonly") || str_equal(key, "ro");

        if (value && parse_bool(value, &on) < 0)
                return bad_value(reading, key, value);
        if (str_equal(key, "required")) {
                reading->m->required = on;
                return check_type(reading, key, ALLOW(SECRET) | ALLOW(SSH));
        }
        reading->m->read_only = read == on;
        reading->access_said = true;
        return 0;
}

static int take_number(Reading *reading, const char *key, const char *value) {
        int64_t *member = str_equal(key, "mode")  ? &reading->mode
                          : str_equal(key, "uid") ? &reading->uid
                                                  : &reading->gid;
        bool octal = member == &reading->mode;
        char *end;
        unsigned long number = strtoul(value, &end, octal ? 8 : 10);

        if (*value < '0' || *value > '9' || *end || number > (octal ? 07777 : UINT32_MAX - 1ul))
                return bad_value(reading, key, value);
        *member = (int64_t) number;
        return 0;
}

static int take_choice(Reading *reading, const char *key, const char *value) {
        bool type = str_equal(key, "type");
        int found = find_word(value, type ? types : sharings);

        if (found < 0)
                return refuse_word(reading->err, value, type ? types : sharings,
                                   type ? "type" : "sharing");
        if (type)
                reading->m->type = (RunMountType) found;
        else
                reading->m->sharing = (RunMountSharing) found;
        reading->sharing_said |= !type;
        return 0;
}

static int take_key(Reading *reading, const char *key, const char *value) {
        static const char *const sources[] = { "source", "src", NULL };
        static const char *const targets[] = { "target", "dst", "destination", NULL };
        uint64_t size;
        int r;

        if (find_word(key, sources) >= 0)
                return take_text(reading, &reading->m->source, value);
        if (find_word(key, targets) >= 0)
                return take_text(reading, &reading->m->target, value);
        if (str_equal(key, "from"))
                return take_text(reading, &reading->m->from, value);
        if (str_equal(key, "id"))
                return take_text(reading, &reading->m->id, value);
        if (str_equal(key, "env"))
                return take_text(reading, &reading->m->env, value);
        if (str_equal(key, "type") || str_equal(key, "sharing"))
                return take_choice(reading, key, value);
        if (!str_equal(key, "size"))
                return take_number(reading, key, value);
        r = check_type(reading, key, ALLOW(TMPFS));
        if (r < 0)
                return r;
        if (size_parse(value, &size) < 0 || size > INT64_MAX)
                return bad_value(reading, key, value);
        reading->m->size = (int64_t) size;
        return 0;
}

static int read_field(Reading *reading, const char *field, char *const *variables, char escape) {
        static const char *const switches[] = { "readonly", "ro",       "readwrite",
                                                "rw",       "required", NULL };
        const char *equals = strchr(field, '=');
        autofree char *key = strndup(field, strcspn(field, "="));
        autofree char *value = NULL;
        int r = 0;

        if (!key)
                return fail(reading->err, ENOMEM, "cannot read a mount");
        for (char *c = key; *c; c++)
                *c |= *c >= 'A' && *c <= 'Z' ? 32 : 0;
        if (find_word(key, keys) < 0)
                return refuse_word(reading->err, key, keys, "key");
        if (str_equal(key, "from") && equals && strchr(equals, '$'))
                return refuse(reading->err, EINVAL,
                              "RUN --mount: variables are not allowed in from; give a stage that "
                              "name with FROM ... AS");
        if (equals)
                r = expand_word(equals + 1, variables, escape, &value, reading->err);
        if (r < 0)
                return r;
        if (find_word(key, switches) >= 0)
                return take_switch(reading, key, value);
        if (!value)
                return refuse(reading->err, EINVAL, "RUN --mount: '%s' needs a value", key);
        return take_key(reading, key, value);
}

/* What makes no sense together, as BuildKit's validateMount() has it. */
static int check(Reading *reading) {
        const RunMount *m = reading->m;
        const unsigned owned = ALLOW(CACHE) | ALLOW(SECRET) | ALLOW(SSH);
        int r = 0;

        if (reading->mode != UNSET)
                r = check_type(reading, "mode", owned);
        if (r >= 0 && reading->uid != UNSET)
                r = check_type(reading, "uid", owned);
        if (r >= 0 && reading->gid != UNSET)
                r = check_type(reading, "gid", owned);
        if (r >= 0 && reading->sharing_said)
                r = check_type(reading, "sharing", ALLOW(CACHE));
        if (r >= 0 && m->from)
                r = check_type(reading, "from", ALLOW(BIND) | ALLOW(CACHE));
        if (r >= 0 && m->env)
                r = check_type(reading, "env", ALLOW(SECRET));
        if (r < 0)
                return r;
        if (m->type == RUN_MOUNT_SECRET && !m->source && !m->target && !m->id)
                return refuse(reading->err, EINVAL,
                              "RUN --mount: a secret needs an id or a target");
        if (m->type == RUN_MOUNT_SECRET && m->source && m->id)
                return refuse(reading->err, EINVAL,
                              "RUN --mount: id and source of a secret are the same thing");
        return 0;
}

/* The name of a secret or a cache where none is said. */
static int find_id(RunMount *m) {
        const char *slash;

        if (m->id)
                return 0;
        if (m->type == RUN_MOUNT_SECRET) {
                slash = m->source ? NULL : strrchr(m->target, '/');
                return str_set(&m->id, m->source ? m->source : slash ? slash + 1 : m->target);
        }
        if (m->type == RUN_MOUNT_SSH)
                return str_set(&m->id, "default");
        if (m->type != RUN_MOUNT_CACHE)
                return 0;
        m->id = path_clean(str_empty(m->target) ? "." : m->target);
        return m->id ? 0 : -ENOMEM;
}

/* The target where none is said; an ssh mount's is for who knows how many there are. */
static int find_target(RunMount *m) {
        const char *slash = m->id ? strrchr(m->id, '/') : NULL;

        if (m->target || m->type != RUN_MOUNT_SECRET || m->env)
                return 0;
        m->target = str_format("/run/secrets/%s", slash ? slash + 1 : m->id);
        return m->target ? 0 : -ENOMEM;
}

static int complete(Reading *reading, const char *directory) {
        RunMount *m = reading->m;
        autofree char *joined = NULL;

        if (find_id(m) < 0 || find_target(m) < 0 ||
            (!m->source && m->type <= RUN_MOUNT_CACHE && str_set(&m->source, "/") < 0))
                return fail(reading->err, ENOMEM, "cannot read a mount");
        if (!reading->access_said)
                m->read_only = m->type != RUN_MOUNT_CACHE && m->type != RUN_MOUNT_TMPFS;
        m->mode = reading->mode != UNSET        ? (mode_t) reading->mode
                  : m->type == RUN_MOUNT_SECRET ? 0400
                  : m->type == RUN_MOUNT_SSH    ? 0600
                                                : 0755;
        m->uid = reading->uid == UNSET ? 0 : reading->uid;
        m->gid = reading->gid == UNSET ? 0 : reading->gid;
        if (!m->target && m->type >= RUN_MOUNT_SECRET)
                return 0;

        joined = m->target && *m->target == '/'
                         ? strdup(m->target)
                         : str_format("%s/%s", str_empty(directory) ? "" : directory,
                                      m->target ? m->target : "");
        free(m->target);
        m->target = joined ? path_clean(joined) : NULL;
        if (!m->target)
                return fail(reading->err, ENOMEM, "cannot read a mount");
        if (str_equal(m->target, "/"))
                return refuse(reading->err, EINVAL, "RUN --mount: nothing can be mounted at '/'");
        return 0;
}

int run_mount_parse(const char *text, char *const *variables, char escape, const char *directory,
                    RunMount *ret, Err *err) {
        Reading reading = { .m = ret, .mode = UNSET, .uid = UNSET, .gid = UNSET, .err = err };
        autostrv fields = NULL;
        int r;

        r = strv_split_csv(text, &fields);
        if (r == -EINVAL)
                return refuse(err, r, "RUN --mount=%s has an open quote", text);
        if (r < 0)
                return fail(err, r, "cannot read a mount");
        /* The type first: it says which of the other keys there are. */
        for (int pass = 0; pass < 2; pass++)
                strv_foreach(field, fields) {
                        if ((strncasecmp(*field, "type=", 5) == 0) != (pass == 0))
                                continue;
                        r = read_field(&reading, *field, variables, escape);
                        if (r < 0)
                                return r;
                }
        r = check(&reading);
        return r < 0 ? r : complete(&reading, directory);
}
