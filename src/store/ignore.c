/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "store/ignore.h"

typedef struct IgnorePattern {
        char *text; /* cleaned, without '!' and a leading '/' */
        bool takes_back;
} IgnorePattern;

struct Ignore {
        IgnorePattern *patterns;
        size_t n;
        bool any_takes_back;
};

char *path_clean(const char *path) {
        bool rooted = *path == '/';
        autostrv parts = NULL;
        autostrv kept = NULL;
        autofree char *joined = NULL;
        size_t n = 0;

        if (strv_split(path, "/", true, &parts) < 0)
                return NULL;
        strv_foreach(part, parts) {
                if (str_equal(*part, "."))
                        continue;
                if (str_equal(*part, "..") && (n > 0 ? !str_equal(kept[n - 1], "..") : rooted)) {
                        if (n > 0) {
                                free(kept[--n]);
                                kept[n] = NULL;
                        }
                        continue;
                }
                if (strv_add(&kept, *part) < 0)
                        return NULL;
                n++;
        }
        joined = strv_join(kept, "/");
        if (!joined)
                return NULL;
        if (rooted)
                return str_format("/%s", joined);
        return strdup(*joined ? joined : ".");
}

/* One [set] at *pattern, which is moved behind it; -1 if it is not closed. */
static int match_set(const char **pattern, char c) {
        const char *p = *pattern + 1;
        bool negated = *p == '^', found = false;

        if (negated)
                p++;
        for (bool first = true; *p && (*p != ']' || first); first = false) {
                unsigned char low, high;

                if (*p == '\\' && p[1])
                        p++;
                low = high = (unsigned char) *p++;
                if (*p == '-' && p[1] && p[1] != ']') {
                        p++;
                        if (*p == '\\' && p[1])
                                p++;
                        high = (unsigned char) *p++;
                }
                if ((unsigned char) c >= low && (unsigned char) c <= high)
                        found = true;
        }
        if (*p != ']')
                return -1;
        *pattern = p + 1;
        return found != negated;
}

/*
 * A pattern beside a path.  Many stars have very many ways to fail: from some number of tries on it
 * is written down from which places in both nothing fits, so each pair is tried once.
 */
typedef struct Matching {
        const char *pattern, *path;
        bool deep; /* ** is known */
        size_t tries, width;
        unsigned char *failed; /* bits, one for each pair; NULL at first */
} Matching;

#define TRIES_UNNOTED 1000

static unsigned char *failed_byte(const Matching *m, const char *p, const char *s,
                                  unsigned char *ret_bit) {
        size_t place = (size_t) (p - m->pattern) * m->width + (size_t) (s - m->path);

        *ret_bit = (unsigned char) (1 << place % 8);
        return &m->failed[place / 8];
}

static bool match_rest(Matching *m, const char *p, const char *s);

static bool match_from(Matching *m, const char *p, const char *s) {
        unsigned char bit, *byte;

        if (!m->failed && ++m->tries > TRIES_UNNOTED)
                m->failed = calloc((strlen(m->pattern) + 1) * m->width / 8 + 1, 1);
        if (!m->failed)
                return match_rest(m, p, s);
        byte = failed_byte(m, p, s, &bit);
        if (*byte & bit)
                return false;
        if (match_rest(m, p, s))
                return true;
        *byte |= bit;
        return false;
}

/*
 * Except at the pattern's end, a ** takes the '/' behind it and stands for any number of whole
 * directories, as patternmatcher's regular expression (.*\/)? does.
 */
static bool match_rest(Matching *m, const char *p, const char *s) {
        while (*p) {
                if (m->deep && p[0] == '*' && p[1] == '*') {
                        p += 2;
                        if (*p == '/')
                                p++;
                        if (!*p || match_from(m, p, s))
                                return true;
                        while ((s = strchr(s, '/')))
                                if (match_from(m, p, ++s))
                                        return true;
                        return false;
                }
                if (*p == '*') {
                        for (p++;; s++) {
                                if (match_from(m, p, s))
                                        return true;
                                if (!*s || *s == '/')
                                        return false;
                        }
                }
                if (!*s)
                        return false;
                if (*p == '?') {
                        if (*s == '/')
                                return false;
                        p++;
                } else if (*p == '[') {
                        if (*s == '/' || match_set(&p, *s) != 1)
                                return false;
                } else {
                        if (*p == '\\' && p[1])
                                p++;
                        if (*p++ != *s)
                                return false;
                }
                s++;
        }
        return !*s;
}

static bool match(const char *pattern, const char *path, bool deep) {
        Matching m = { .pattern = pattern, .path = path, .deep = deep, .width = strlen(path) + 1 };
        bool matched = match_rest(&m, pattern, path);

        free(m.failed);
        return matched;
}

bool pattern_matches(const char *pattern, const char *path) {
        return pattern_is_valid(pattern) && match(pattern, path, false);
}

bool pattern_is_valid(const char *pattern) {
        for (const char *p = pattern; *p;) {
                if (*p == '[') {
                        if (match_set(&p, 0) < 0)
                                return false;
                } else if (*p == '\\' && !p[1]) {
                        return false;
                } else {
                        p += *p == '\\' ? 2 : 1;
                }
        }
        return true;
}

bool pattern_has_wildcard(const char *pattern) {
        return pattern[strcspn(pattern, "*?[\\")] != 0;
}

/* `**name` without other wildcards is a plain suffix for patternmatcher: it matches "myname" too.
 */
static bool is_suffix_match(const char *pattern, const char *path) {
        const char *suffix = str_after(pattern, "**");
        size_t n;

        if (!suffix || pattern_has_wildcard(suffix))
                return false;
        n = strlen(suffix);
        return strlen(path) >= n && strcmp(path + strlen(path) - n, suffix) == 0;
}

static bool ignore_pattern_matches(const IgnorePattern *pattern, const char *path) {
        return match(pattern->text, path, true) || is_suffix_match(pattern->text, path);
}

/* The path itself or a directory above it. */
static bool matches_or_parent(const IgnorePattern *pattern, char *path) {
        for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
                bool matched;

                *slash = 0;
                matched = ignore_pattern_matches(pattern, path);
                *slash = '/';
                if (matched)
                        return true;
        }
        return ignore_pattern_matches(pattern, path);
}

bool ignore_matches(const Ignore *ignore, const char *path) {
        autofree char *copy = NULL;
        bool matched = false;

        /* "*" is what the context holds, not the context. */
        if (!ignore || ignore->n == 0 || str_equal(path, "."))
                return false;
        copy = strdup(path);
        if (!copy)
                return false;
        for (size_t i = 0; i < ignore->n; i++) {
                const IgnorePattern *pattern = &ignore->patterns[i];

                if (pattern->takes_back == matched && matches_or_parent(pattern, copy))
                        matched = !pattern->takes_back;
        }
        return matched;
}

bool ignore_takes_back(const Ignore *ignore) {
        return ignore && ignore->any_takes_back;
}

bool ignore_leaves_nothing(const Ignore *ignore) {
        static const char *const all[] = { "*", "**", "**/*" };

        for (size_t i = 0; ignore && i < ignore->n; i++)
                for (size_t j = 0; j < 3; j++)
                        if (!ignore->patterns[i].takes_back &&
                            str_equal(ignore->patterns[i].text, all[j]))
                                return true;
        return false;
}

bool ignore_looks_below(const Ignore *ignore, const char *directory) {
        size_t n = strlen(directory);

        if (!ignore || !ignore->any_takes_back)
                return false;
        for (size_t i = 0; i < ignore->n; i++) {
                const IgnorePattern *pattern = &ignore->patterns[i];
                size_t plain = strcspn(pattern->text, "*?[\\");

                if (!pattern->takes_back)
                        continue;
                /* The pattern's plain beginning and the directory must not part ways. */
                if (strncmp(pattern->text, directory, plain < n ? plain : n) == 0 &&
                    (plain < n || plain == n || pattern->text[n] == '/' ||
                     plain < strlen(pattern->text)))
                        return true;
        }
        return false;
}

/* Trims, in place. */
static char *trim(char *line) {
        size_t n;

        line += strspn(line, " \t\v\f\r");
        n = strlen(line);
        while (n > 0 && strchr(" \t\v\f\r", line[n - 1]))
                line[--n] = 0;
        return line;
}

static int add_pattern(Ignore *ignore, char *line, Err *err) {
        IgnorePattern *pattern;
        autofree char *cleaned = NULL;
        bool takes_back = *line == '!';
        const char *text;

        if (takes_back)
                line = trim(line + 1);
        if (!*line)
                return takes_back ? refuse(err, EINVAL, "'!' needs a pattern") : 0;
        cleaned = path_clean(line);
        if (!cleaned)
                return fail(err, ENOMEM, "cannot read");
        text = cleaned[0] == '/' && cleaned[1] ? cleaned + 1 : cleaned;
        if (!pattern_is_valid(text))
                return refuse(err, EINVAL, "'%s' is no pattern: a '[' is not closed", line);

        pattern = realloc(ignore->patterns, (ignore->n + 1) * sizeof *pattern);
        if (!pattern)
                return fail(err, ENOMEM, "cannot read");
        ignore->patterns = pattern;
        pattern += ignore->n;
        *pattern = (IgnorePattern){ strdup(text), takes_back };
        if (!pattern->text)
                return fail(err, ENOMEM, "cannot read");
        ignore->n++;
        ignore->any_takes_back |= takes_back;
        return 0;
}

int ignore_parse(const char *text, const char *place, Ignore **ret, Err *err) {
        autoptr(Ignore) ignore = calloc(1, sizeof *ignore);
        autostrv lines = NULL;
        const char *after_mark = str_after(text, "\xef\xbb\xbf");
        int number = 0;

        if (!ignore || strv_split(after_mark ? after_mark : text, "\n", false, &lines) < 0)
                return fail(err, ENOMEM, "cannot read '%s'", place);
        strv_foreach(line, lines) {
                int r;

                number++;
                if (**line == '#')
                        continue;
                r = add_pattern(ignore, trim(*line), err);
                if (r < 0)
                        return err_prefix(err, r, "%s:%d", place, number);
        }
        *ret = take_ptr(ignore);
        return 0;
}

Ignore *ignore_free(Ignore *ignore) {
        if (!ignore)
                return NULL;
        for (size_t i = 0; i < ignore->n; i++)
                free(ignore->patterns[i].text);
        free(ignore->patterns);
        free(ignore);
        return NULL;
}
