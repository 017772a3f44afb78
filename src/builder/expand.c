/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "builder/expand.h"

#define DEPTH_MAX 100 /* of ${a:-${b:-…}}: more is an attack on the stack */

/* One word on its way; the functions below read from next and add to what their caller gives. */
typedef struct Lexer {
        const char *next;
        char *const *env;
        char escape;
        bool raw_escapes; /* inside a pattern: escapes stay for the matcher */
        bool raw_quotes;  /* quotes are characters like others */
        char ***unset;    /* where names without a value are noted, or NULL */
        int depth;
        Err *err;
        Str *fields;      /* the words so far, each followed by NUL; NULL: do not split */
        bool field_begun; /* something, maybe empty quotes, belongs to the present one */
} Lexer;

/* Adds text that white space in it divides. */
static void put_field(Lexer *lexer, const char *text, bool quoted) {
        if (!lexer->fields)
                return;
        if (quoted)
                lexer->field_begun = true;
        for (; *text; text++) {
                if (!quoted && isspace((unsigned char) *text)) {
                        if (lexer->field_begun)
                                str_put_char(lexer->fields, 0);
                        lexer->field_begun = false;
                } else {
                        str_put_char(lexer->fields, *text);
                        lexer->field_begun = true;
                }
        }
}

static void put_char(Lexer *lexer, Str *result, char c, bool quoted) {
        char text[2] = { c, 0 };

        str_put_char(result, c);
        put_field(lexer, text, quoted);
}

static int read_text(Lexer *lexer, char stop, Str *result);

/* A name of letters, digits and '_', or one special parameter, or a number. */
static int read_name(Lexer *lexer, char **ret) {
        const char *s = lexer->next;
        size_t n = 0;

        if (isdigit((unsigned char) *s))
                n = strspn(s, "0123456789");
        else if (*s && strchr("@*#?-$!", *s))
                n = 1;
        else
                while (isalnum((unsigned char) s[n]) || s[n] == '_')
                        n++;
        lexer->next += n;
        *ret = strndup(s, n);
        return *ret ? 0 : fail(lexer->err, ENOMEM, "cannot expand");
}

/* Reads the nested word up to @stop, outside of the split into fields. */
static int read_nested(Lexer *lexer, char stop, bool raw_escapes, char **ret) {
        Lexer inner = *lexer;
        autostr word = {};
        int r;

        if (++inner.depth > DEPTH_MAX)
                return refuse(lexer->err, EINVAL, "substitutions are nested too deeply");
        inner.raw_escapes = raw_escapes;
        inner.fields = NULL;
        r = read_text(&inner, stop, &word);
        lexer->next = inner.next;
        if (r < 0)
                return r;

        *ret = str_take(&word);
        return *ret ? 0 : fail(lexer->err, ENOMEM, "cannot expand");
}

/*
 * Matches the beginning of @text with a pattern of * ? and escaped characters; @ret: the
 * shortest or longest length that does.
 */
static bool match_prefix(const char *pattern, const char *text, size_t at, bool longest,
                         size_t *ret) {
        if (!*pattern) {
                *ret = at;
                return true;
        }
        if (*pattern == '*') {
                size_t rest = strlen(text + at);

                for (size_t i = 0; i <= rest; i++)
                        if (match_prefix(pattern + 1, text, at + (longest ? rest - i : i), longest,
                                         ret))
                                return true;
                return false;
        }
        if (!text[at])
                return false;
        if (*pattern == '?')
                return match_prefix(pattern + 1, text, at + 1, longest, ret);
        if (*pattern == '\\' && pattern[1])
                pattern++;
        return *pattern == text[at] && match_prefix(pattern + 1, text, at + 1, longest, ret);
}

/* Only what the matcher knows may be escaped in a pattern. */
static int check_pattern(const char *pattern, Err *err) {
        for (const char *p = pattern; *p; p++) {
                if (*p != '\\')
                        continue;
                p++;
                if (!*p || !strchr("*?\\}/", *p))
                        return refuse(err, EINVAL, "invalid escape in pattern '%s'", pattern);
        }
        return 0;
}

/* ${name#pattern} ## */
static void put_without_prefix(const char *value, const char *pattern, bool longest, Str *ret) {
        size_t n = 0;

        if (!match_prefix(pattern, value, 0, longest, &n))
                n = 0;
        str_put(ret, value + n);
}

/* ${name%pattern} %%: tries every beginning, from the end for the shortest match. */
static void put_without_suffix(const char *value, const char *pattern, bool longest, Str *ret) {
        size_t length = strlen(value), n;

        for (size_t i = 0; i <= length; i++) {
                size_t start = longest ? i : length - i;

                if (match_prefix(pattern, value, start, true, &n) && n == length) {
                        str_put_bytes(ret, value, start);
                        return;
                }
        }
        str_put(ret, value);
}

/* ${name/pattern/word} //: the leftmost longest match, which may be of nothing, but not right
 * behind another. */
static void put_replaced(const char *value, const char *pattern, const char *word, bool all,
                         Str *ret) {
        size_t at = 0, end, behind = SIZE_MAX;
        bool done = false;

        for (;;) {
                if (!done && match_prefix(pattern, value, at, true, &end) &&
                    (end > at || at != behind)) {
                        str_put(ret, word);
                        done = !all;
                        behind = end;
                        if (end > at) {
                                at = end;
                                continue;
                        }
                }
                if (!value[at])
                        return;
                str_put_char(ret, value[at++]);
        }
}

static int read_replacement(Lexer *lexer, const char *value, Str *ret) {
        autofree char *pattern = NULL, *word = NULL;
        bool all = *lexer->next == '/';
        int r;

        if (all)
                lexer->next++;
        r = read_nested(lexer, '/', true, &pattern);
        if (r >= 0)
                r = check_pattern(pattern, lexer->err);
        if (r >= 0)
                r = read_nested(lexer, '}', false, &word);
        if (r < 0)
                return r;
        put_replaced(value ? value : "", pattern, word, all, ret);
        return 0;
}

static int read_trim(Lexer *lexer, char op, const char *value, Str *ret) {
        autofree char *pattern = NULL;
        const char *p;
        bool longest;
        int r;

        r = read_nested(lexer, '}', true, &pattern);
        if (r < 0)
                return r;
        longest = *pattern == op;
        p = pattern + longest;
        r = check_pattern(p, lexer->err);
        if (r < 0)
                return r;
        if (op == '#')
                put_without_prefix(value ? value : "", p, longest, ret);
        else
                put_without_suffix(value ? value : "", p, longest, ret);
        return 0;
}

/* Special parameters are never set, and nobody means one by mistake. */
static int note_unset(Lexer *lexer, const char *name) {
        if (!lexer->unset || (!isalpha((unsigned char) *name) && *name != '_') ||
            strv_has(*lexer->unset, name))
                return 0;
        return strv_add(lexer->unset, name) < 0 ? fail(lexer->err, ENOMEM, "cannot expand") : 0;
}

/* What follows the name in ${name…. */
static int read_modifier(Lexer *lexer, const char *name, Str *ret) {
        const char *value = strv_env_get(lexer->env, name);
        autofree char *word = NULL;
        bool null_is_unset = false;
        char op = *lexer->next;
        int r;

        if (op == ':') {
                null_is_unset = true;
                op = *++lexer->next;
        }
        if (!op)
                return refuse(lexer->err, EINVAL, "'${%s' has no '}'", name);
        if (!strchr(null_is_unset ? "+-?" : "+-?#%/", op))
                return refuse(lexer->err, EINVAL, "'%s%c' is no modifier of a substitution",
                              null_is_unset ? ":" : "", op);
        lexer->next++;
        /* A default makes no difference: whoever reads it may have meant another name. */
        if (!value) {
                r = note_unset(lexer, name);
                if (r < 0)
                        return r;
        }
        if (op == '/')
                return read_replacement(lexer, value, ret);
        if (op == '#' || op == '%')
                return read_trim(lexer, op, value, ret);

        r = read_nested(lexer, '}', false, &word);
        if (r < 0)
                return r;
        if (value && !*value && null_is_unset)
                value = NULL;
        if (op == '?' && !value)
                return refuse(lexer->err, EINVAL, "%s: %s", name,
                              *word           ? word
                              : null_is_unset ? "is not allowed to be empty"
                                              : "is not allowed to be unset");
        if (op == '+')
                str_put(ret, value ? word : "");
        else
                str_put(ret, value ? value : word);
        return 0;
}

/* After the '$'. */
static int read_dollar(Lexer *lexer, Str *ret) {
        autofree char *name = NULL;
        const char *value;
        bool braced = *lexer->next == '{';
        int r;

        if (braced) {
                lexer->next++;
                if (!*lexer->next)
                        return refuse(lexer->err, EINVAL, "'${' has no '}'");
                if (strchr("{}:", *lexer->next))
                        return refuse(lexer->err, EINVAL, "'${%c' is no substitution",
                                      *lexer->next);
        }
        r = read_name(lexer, &name);
        if (r < 0)
                return r;
        if (braced && *lexer->next != '}')
                return read_modifier(lexer, name, ret);
        if (braced)
                lexer->next++;
        else if (!*name)
                return str_put_char(ret, '$'), 0;

        value = strv_env_get(lexer->env, name);
        str_put(ret, value ? value : "");
        return value ? 0 : note_unset(lexer, name);
}

static int put_dollar(Lexer *lexer, Str *result, bool quoted) {
        autostr value = {};
        int r;

        lexer->next++;
        r = read_dollar(lexer, &value);
        if (r < 0)
                return r;
        if (value.failed)
                return fail(lexer->err, ENOMEM, "cannot expand");
        if (value.text) {
                str_put_bytes(result, value.text, value.length);
                put_field(lexer, value.text, quoted);
        }
        return 0;
}

static int read_single_quotes(Lexer *lexer, Str *result) {
        put_field(lexer, "", true);
        for (lexer->next++; *lexer->next != '\''; lexer->next++) {
                if (!*lexer->next)
                        return refuse(lexer->err, EINVAL, "a ' has no partner");
                put_char(lexer, result, *lexer->next, true);
        }
        lexer->next++;
        return 0;
}

static int read_double_quotes(Lexer *lexer, Str *result) {
        int r;

        put_field(lexer, "", true);
        lexer->next++;
        while (*lexer->next != '"') {
                char c = *lexer->next;

                if (!c)
                        return refuse(lexer->err, EINVAL, "a \" has no partner");
                if (c == '$') {
                        r = put_dollar(lexer, result, true);
                        if (r < 0)
                                return r;
                        continue;
                }
                lexer->next++;
                if (c == lexer->escape) {
                        if (lexer->raw_escapes)
                                put_char(lexer, result, c, true);
                        if (!*lexer->next)
                                continue;
                        if (*lexer->next == '"' || *lexer->next == '$' ||
                            *lexer->next == lexer->escape)
                                c = *lexer->next++;
                        else if (lexer->raw_escapes)
                                continue;
                }
                put_char(lexer, result, c, true);
        }
        lexer->next++;
        return 0;
}

/* Reads up to @stop, which is passed over, or to the end if @stop is 0. */
static int read_text(Lexer *lexer, char stop, Str *result) {
        int r = 0;

        while (*lexer->next) {
                char c = *lexer->next;

                if (stop && c == stop) {
                        lexer->next++;
                        return 0;
                }
                if (c == '\'' && !lexer->raw_quotes) {
                        r = read_single_quotes(lexer, result);
                } else if (c == '"' && !lexer->raw_quotes) {
                        r = read_double_quotes(lexer, result);
                } else if (c == '$') {
                        r = put_dollar(lexer, result, false);
                } else if (c == lexer->escape) {
                        lexer->next++;
                        if (lexer->raw_escapes)
                                put_char(lexer, result, '\\', true);
                        if (*lexer->next)
                                put_char(lexer, result, *lexer->next++, true);
                } else {
                        lexer->next++;
                        put_char(lexer, result, c, false);
                }
                if (r < 0)
                        return r;
        }
        if (stop)
                return refuse(lexer->err, EINVAL, "a substitution has no '%c'", stop);
        return 0;
}

int expand_word(const char *word, char *const *env, char escape, char **ret, Err *err) {
        Lexer lexer = { .next = word, .env = env, .escape = escape, .err = err };
        autostr result = {};
        int r;

        r = read_text(&lexer, 0, &result);
        if (r < 0)
                return err_prefix(err, r, "cannot expand '%s'", word);
        *ret = str_take(&result);
        return *ret ? 0 : fail(err, ENOMEM, "cannot expand '%s'", word);
}

int expand_words(const char *word, char *const *env, char escape, char ***ret, Err *err) {
        autostr result = {}, fields = {};
        Lexer lexer = { .next = word, .env = env, .escape = escape, .err = err, .fields = &fields };
        autostrv words = NULL;
        int r;

        r = read_text(&lexer, 0, &result);
        if (r < 0)
                return err_prefix(err, r, "cannot expand '%s'", word);
        if (lexer.field_begun)
                str_put_char(&fields, 0);
        if (fields.failed || result.failed)
                return fail(err, ENOMEM, "cannot expand '%s'", word);

        for (size_t at = 0; at < fields.length; at += strlen(fields.text + at) + 1)
                if (strv_add(&words, fields.text + at) < 0)
                        return fail(err, ENOMEM, "cannot expand '%s'", word);
        *ret = take_ptr(words);
        return 0;
}

int expand_text(const char *text, char *const *env, char **ret, Err *err) {
        Lexer lexer = { .next = text, .env = env, .escape = '\\', .raw_quotes = true, .err = err };
        autostr result = {};
        int r;

        r = read_text(&lexer, 0, &result);
        if (r < 0)
                return err_prefix(err, r, "cannot expand the here-document");
        *ret = str_take(&result);
        return *ret ? 0 : fail(err, ENOMEM, "cannot expand the here-document");
}

int expand_unset(const char *word, char *const *env, char escape, char ***ret) {
        autoerr err = {};
        autostr result = {};
        Lexer lexer = { .next = word, .env = env, .escape = escape, .unset = ret, .err = &err };

        return read_text(&lexer, 0, &result);
}
