/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The words of --userns. */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "engine/userns_internal.h"

void userns_options_clear(UsernsOptions *o) {
        idplan_clear(&o->uids);
        idplan_clear(&o->gids);
}

bool userns_is_mode(const char *mode, const char *name) {
        const char *rest = mode ? str_after(mode, name) : NULL;

        return rest && (!*rest || *rest == ':');
}

static int read_id(const char *text, const char *value, int64_t most, int64_t *ret, Err *err) {
        uint64_t number;

        if (parse_u64(value, &number) < 0 || number > (uint64_t) most)
                return refuse(err, EINVAL, "option '--userns': '%s' is not a number of an id",
                              text);
        *ret = (int64_t) number;
        return 0;
}

static int read_mapping(const char *value, IdPlan *plan, Err *err) {
        IdWord word;
        int r = idplan_word(value, "userns", &word, err);

        if (r >= 0 && word.machine)
                r = refuse(err, EINVAL, "option '--userns': '@' is for --uidmap and --gidmap");
        if (r < 0)
                return r;
        r = idplan_add(plan, word.range.inside, word.range.outside, word.range.count);
        return r < 0 ? fail(err, r, "cannot map ids") : 0;
}

static int read_option(const char *mode, const char *word, UsernsOptions *o, Err *err) {
        bool keep = userns_is_mode(mode, "keep-id"), any = userns_is_mode(mode, "auto");
        const char *value;

        if (keep && (value = str_after(word, "uid=")))
                return read_id(word, value, UINT32_MAX - 1, &o->uid, err);
        if (keep && (value = str_after(word, "gid=")))
                return read_id(word, value, UINT32_MAX - 1, &o->gid, err);
        if ((keep || any) && (value = str_after(word, "size=")))
                return read_id(word, value, UINT32_MAX, &o->size, err);
        if (any && (value = str_after(word, "uidmapping=")))
                return read_mapping(value, &o->uids, err);
        if (any && (value = str_after(word, "gidmapping=")))
                return read_mapping(value, &o->gids, err);
        return err_hint(err,
                        refuse(err, EINVAL, "option '--userns=%.*s' has no option '%s'",
                               (int) strcspn(mode, ":"), mode, word),
                        "keep-id has uid=, gid= and size=, auto has size=, uidmapping= and "
                        "gidmapping=");
}

int userns_options_read(const char *mode, UsernsOptions *o, Err *err) {
        const char *colon = mode ? strchr(mode, ':') : NULL;
        autostrv words = NULL;
        int r = 0;

        o->uid = o->gid = -1;
        if (!colon)
                return 0;
        if (strv_split(colon + 1, ",", true, &words) < 0)
                return fail(err, ENOMEM, "cannot read the options");
        strv_foreach(word, words)
                if (r >= 0)
                        r = read_option(mode, *word, o, err);
        return r;
}

int userns_check(const char *mode, Err *err) {
        autousernsoptions o = {};

        if (str_empty(mode) || str_equal(mode, "private") || str_equal(mode, "host") ||
            str_equal(mode, "nomap"))
                return 0;
        if (userns_is_mode(mode, "keep-id") || userns_is_mode(mode, "auto"))
                return userns_options_read(mode, &o, err);
        return refuse(err, EINVAL,
                      "option '--userns': '%s' is not private, host, auto, keep-id or nomap", mode);
}
