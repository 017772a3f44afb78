/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "registry/challenge.h"

#define TOKEN_OTHERS   "!#$%&'*+-.^_`|~" /* RFC 7230 §3.2.6 */
#define MAX_CHALLENGES 16

static bool is_token(char c) {
        return isalnum((unsigned char) c) || (c && strchr(TOKEN_OTHERS, c));
}

static const char *skip_blanks(const char *p) {
        while (*p == ' ' || *p == '\t')
                p++;
        return p;
}

static const char *skip_commas(const char *p) {
        while (*p == ' ' || *p == '\t' || *p == ',')
                p++;
        return p;
}

static size_t token_length(const char *p) {
        size_t n = 0;

        while (is_token(p[n]))
                n++;
        return n;
}

/* Reads a token or a quoted string; where it ends, or NULL. */
static const char *read_value(const char *p, char **ret) {
        autostr value = {};

        if (*p != '"') {
                size_t n = token_length(p);

                /* Unquoted URLs are not allowed, but found. */
                while (p[n] && !strchr(" \t,\"", p[n]))
                        n++;
                if (n == 0)
                        return NULL;
                str_put_bytes(&value, p, n);
                p += n;
        } else {
                for (p++; *p && *p != '"'; p++) {
                        if (*p == '\\' && p[1])
                                p++;
                        str_put_char(&value, *p);
                }
                if (*p != '"')
                        return NULL;
                p++;
        }
        *ret = str_take(&value);
        return *ret ? p : NULL;
}

static void keep(Challenge *c, const char *name, size_t n, char *value) {
        const struct {
                const char *name;
                char **place;
        } known[] = {
                { "realm", &c->realm },
                { "service", &c->service },
                { "scope", &c->scope },
                { "error", &c->error },
        };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                if (strlen(known[i].name) != n || strncasecmp(known[i].name, name, n) != 0 ||
                    *known[i].place)
                        continue;
                *known[i].place = value;
                return;
        }
        free(value);
}

/* Reads "name=value" pairs until the next scheme or the end. */
static const char *read_parameters(const char *p, Challenge *c) {
        for (;;) {
                size_t n;
                const char *after;
                char *value = NULL;

                p = skip_commas(p);
                n = token_length(p);
                after = skip_blanks(p + n);
                if (n == 0 || *after != '=')
                        return p;
                after = read_value(skip_blanks(after + 1), &value);
                if (!after)
                        return NULL;
                keep(c, p, n, value);
                p = after;
        }
}

int challenge_parse(const char *text, Challenge **list, size_t *n) {
        const char *p = skip_commas(text);

        while (*p) {
                size_t length = token_length(p);
                Challenge *c;

                if (length == 0 || *n >= MAX_CHALLENGES)
                        return -EBADMSG;
                c = json_grow(list, n, sizeof *c);
                if (!c)
                        return -ENOMEM;
                c->scheme = strndup(p, length);
                if (!c->scheme)
                        return -ENOMEM;
                for (char *s = c->scheme; *s; s++)
                        *s = (char) tolower((unsigned char) *s);
                p = read_parameters(p + length, c);
                if (!p)
                        return -EBADMSG;
                /* token68 ("Negotiate abc==") belongs to schemes that we do not speak. */
                while (*p && *p != ',' && !is_token(*p))
                        p++;
        }
        return 0;
}

void challenge_list_free(Challenge *list, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(list[i].scheme);
                free(list[i].realm);
                free(list[i].service);
                free(list[i].scope);
                free(list[i].error);
        }
        free(list);
}

/* Whether one scope allows all that another one, of the same resource, asks for. */
static bool scope_covers(const char *have, const char *want) {
        const char *have_actions = strrchr(have, ':'), *want_actions = strrchr(want, ':');
        autostrv had = NULL;
        autostrv wanted = NULL;

        if (!have_actions || !want_actions || have_actions - have != want_actions - want ||
            strncmp(have, want, (size_t) (have_actions - have)) != 0 ||
            strv_split(have_actions + 1, ",", true, &had) < 0 ||
            strv_split(want_actions + 1, ",", true, &wanted) < 0)
                return false;
        strv_foreach(action, wanted)
                if (!strv_has(had, *action) && !strv_has(had, "*"))
                        return false;
        return true;
}

char *scope_join(const char *own, const char *asked) {
        autostrv all = NULL;
        autostrv more = NULL;

        if (strv_split(own, " ", true, &all) < 0 ||
            strv_split(asked ? asked : "", " ", true, &more) < 0)
                return NULL;
        strv_foreach(part, more) {
                bool covered = false;

                strv_foreach(have, all)
                        covered |= scope_covers(*have, *part);
                if (!covered && strv_add(&all, *part) < 0)
                        return NULL;
        }
        return strv_join(all, " ");
}

char *warning_words(const char *text) {
        const char *p = str_after(text, "299 ");
        char *words = NULL;

        if (!p)
                return NULL;
        p = skip_blanks(p);
        p += strcspn(p, " ");
        p = skip_blanks(p);
        return *p == '"' && read_value(p, &words) ? words : NULL;
}

/* Whether the parameters after a link's '>' say rel=next. */
static bool says_next(const char *p, const char *end) {
        for (; p < end; p++) {
                const char *value;
                size_t n;

                if (*p != ';')
                        continue;
                p = skip_blanks(p + 1);
                if (strncasecmp(p, "rel", 3) != 0)
                        continue;
                value = skip_blanks(p + 3);
                if (*value != '=')
                        continue;
                value = skip_blanks(value + 1);
                value += *value == '"';
                n = strcspn(value, "\";, ");
                if (n == 4 && strncasecmp(value, "next", 4) == 0)
                        return true;
        }
        return false;
}

char *link_next(const char *text) {
        for (const char *p = text; (p = strchr(p, '<'));) {
                const char *close = strchr(p, '>'), *end;

                if (!close)
                        return NULL;
                end = strchr(close, '<');
                if (!end)
                        end = close + strlen(close);
                if (says_next(close, end))
                        return strndup(p + 1, (size_t) (close - p - 1));
                p = close;
        }
        return NULL;
}
