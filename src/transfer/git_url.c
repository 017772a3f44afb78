/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "transfer/git_url.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"

GitUrl *git_url_free(GitUrl *url) {
        if (url) {
                free(url->remote);
                free(url->credentials);
                free(url->host);
                free(url->ref);
                free(url->subdir);
                free(url->checksum);
                free(url);
        }
        return NULL;
}

bool git_is_commit(const char *text) {
        size_t n = strspn(text, DIGITS "abcdef");

        return !text[n] && (n == 40 || n == 64);
}

char *url_redact(const char *text) {
        autostr out = {};

        for (const char *at; (at = strstr(text, "://")); text = at) {
                size_t host;

                at += strlen("://");
                str_put_bytes(&out, text, (size_t) (at - text));
                host = strcspn(at, "/?# \t\r\n\"'");
                for (size_t i = host; i-- > 0;)
                        if (at[i] == '@') {
                                str_put(&out, "xxxxx");
                                at += i;
                                break;
                        }
        }
        str_put(&out, text);
        return str_take(&out);
}

/* ---------------------------------------------------------------------- pieces */

static int hex(char c) {
        return isdigit((unsigned char) c) ? c - '0' : tolower((unsigned char) c) - 'a' + 10;
}

/* "%41" is "A", and "+" a blank where @plus; NULL without memory or for a damaged one. */
static char *decode(const char *text, size_t n, bool plus) {
        autostr out = {};

        for (size_t i = 0; i < n; i++) {
                char c = text[i];

                if (c == '%') {
                        if (n - i < 3 || !isxdigit((unsigned char) text[i + 1]) ||
                            !isxdigit((unsigned char) text[i + 2]))
                                return NULL;
                        c = (char) (hex(text[i + 1]) * 16 + hex(text[i + 2]));
                        i += 2;
                } else if (c == '+' && plus) {
                        c = ' ';
                }
                if (!c)
                        return NULL;
                str_put_char(&out, c);
        }
        return str_take(&out);
}

/* What a directory is called from the root on, which no ".." leaves; NULL for the root itself. */
static int set_subdir(GitUrl *url, const char *text, Err *err) {
        autofree char *rooted = str_format("/%s", text);
        autofree char *clean = NULL;
        autostrv kept = NULL;
        autostrv parts = NULL;

        if (!rooted || strv_split(rooted, "/", true, &parts) < 0)
                return fail(err, ENOMEM, "cannot read a URL");
        strv_foreach(part, parts) {
                size_t n = strv_length(kept);

                if (str_equal(*part, ".."))
                        n > 0 ? free(take_ptr(kept[n - 1])) : (void) 0;
                else if (!str_equal(*part, ".") && strv_add(&kept, *part) < 0)
                        return fail(err, ENOMEM, "cannot read a URL");
        }
        if (!kept || !kept[0])
                return 0;
        clean = strv_join(kept, "/");
        if (!clean)
                return fail(err, ENOMEM, "cannot read a URL");
        if (url->subdir && !str_equal(url->subdir, clean))
                return refuse(err, EINVAL, "the repository's subdir is '%s' and '%s'", url->subdir,
                              clean);
        return str_set(&url->subdir, clean) < 0 ? fail(err, ENOMEM, "cannot read a URL") : 0;
}

static int set_ref(GitUrl *url, const char *prefix, const char *text, Err *err) {
        autofree char *ref = str_format("%s%s", str_after(text, prefix) ? "" : prefix, text);

        if (!ref)
                return fail(err, ENOMEM, "cannot read a URL");
        if (*ref == '-')
                return refuse(err, EINVAL, "'%s' is no name of a branch or tag", ref);
        if (url->ref && !str_equal(url->ref, ref))
                return refuse(err, EINVAL, "the repository's ref is '%s' and '%s'", url->ref, ref);
        free(url->ref);
        url->ref = take_ptr(ref);
        return 0;
}

/* "REF:SUBDIR", both may be missing. */
static int read_fragment(GitUrl *url, const char *text, Err *err) {
        const char *colon = strchr(text, ':');
        autofree char *ref = strndup(text, strcspn(text, ":"));
        int r = 0;

        if (!ref)
                return fail(err, ENOMEM, "cannot read a URL");
        if (*ref)
                r = set_ref(url, "", ref, err);
        return r < 0 || !colon ? r : set_subdir(url, colon + 1, err);
}

static int read_switch(const char *name, const char *value, bool *ret, Err *err) {
        static const char *const yes[] = { "", "1", "t", "T", "TRUE", "true", "True", NULL };
        static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False", NULL };

        for (const char *const *word = yes; *word; word++)
                if (str_equal(value, *word)) {
                        *ret = true;
                        return 0;
                }
        for (const char *const *word = no; *word; word++)
                if (str_equal(value, *word)) {
                        *ret = false;
                        return 0;
                }
        return refuse(err, EINVAL, "%s=%s of a repository is neither true nor false", name, value);
}

typedef struct Field {
        const char *name;
        bool is_switch; /* may stand without a value */
        int (*read)(GitUrl *url, const char *value, Err *err);
} Field;

static int read_ref(GitUrl *url, const char *value, Err *err) {
        return set_ref(url, "", value, err);
}

static int read_tag(GitUrl *url, const char *value, Err *err) {
        return set_ref(url, "refs/tags/", value, err);
}

static int read_branch(GitUrl *url, const char *value, Err *err) {
        return set_ref(url, "refs/heads/", value, err);
}

static int read_checksum(GitUrl *url, const char *value, Err *err) {
        if (value[strspn(value, DIGITS "abcdefABCDEF")])
                return refuse(err, EINVAL, "the checksum '%s' of a repository is no commit", value);
        return str_set(&url->checksum, value) < 0 ? fail(err, ENOMEM, "cannot read a URL") : 0;
}

static int read_keep(GitUrl *url, const char *value, Err *err) {
        url->keeps_git_dir = true;
        return read_switch("keep-git-dir", value, &url->keep_git_dir, err);
}

static int read_submodules(GitUrl *url, const char *value, Err *err) {
        bool wanted = true;
        int r = read_switch("submodules", value, &wanted, err);

        url->skip_submodules = !wanted;
        return r;
}

static int read_mtime(GitUrl *url, const char *value, Err *err) {
        if (!str_equal(value, "commit") && !str_equal(value, "checkout"))
                return refuse(err, EINVAL,
                              "mtime=%s of a repository is neither commit nor checkout", value);
        url->times_of_checkout = str_equal(value, "checkout");
        return 0;
}

static int read_by_commit(GitUrl *url, const char *value, Err *err) {
        return read_switch("fetch-by-commit", value, &url->fetch_by_commit, err);
}

static const Field fields[] = {
        { "ref", false, read_ref },           { "tag", false, read_tag },
        { "branch", false, read_branch },     { "subdir", false, set_subdir },
        { "checksum", false, read_checksum }, { "commit", false, read_checksum },
        { "keep-git-dir", true, read_keep },  { "submodules", true, read_submodules },
        { "mtime", false, read_mtime },       { "fetch-by-commit", true, read_by_commit },
};
#define N_FIELDS (sizeof fields / sizeof *fields)

static int read_field(GitUrl *url, const char *pair, bool *seen, Err *err) {
        size_t n = strcspn(pair, "=");
        autofree char *name = decode(pair, n, true);
        autofree char *value =
                pair[n] ? decode(pair + n + 1, strlen(pair + n + 1), true) : strdup("");

        if (!name || !value)
                return refuse(err, EINVAL, "'%s' of a repository cannot be read", pair);
        for (size_t i = 0; i < N_FIELDS; i++) {
                if (!str_equal(fields[i].name, name))
                        continue;
                if (seen[i])
                        return refuse(err, EINVAL, "a repository's '%s' is given twice", name);
                if (!*value && !fields[i].is_switch)
                        return refuse(err, EINVAL, "a repository's '%s' has no value", name);
                seen[i] = true;
                return fields[i].read(url, value, err);
        }
        return err_hint(err, refuse(err, EINVAL, "a repository has no '%s'", name),
                        "there are ref, tag, branch, subdir, checksum, keep-git-dir, submodules, "
                        "mtime and fetch-by-commit");
}

static int read_query(GitUrl *url, const char *text, Err *err) {
        bool seen[N_FIELDS] = {};
        autostrv pairs = NULL;

        if (strv_split(text, "&", true, &pairs) < 0)
                return fail(err, ENOMEM, "cannot read a URL");
        strv_foreach(pair, pairs) {
                int r = read_field(url, *pair, seen, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* ----------------------------------------------------------------------- whole */

/* The length of what is before "://"; 0 if that is no scheme. */
static size_t scheme_length(const char *text) {
        size_t n = strspn(text, LETTERS DIGITS);

        return n > 0 && str_after(text + n, "://") ? n : 0;
}

/* "user@host:path", of which each but the path has few characters. */
static bool is_scp(const char *text) {
        size_t user = strspn(text, LETTERS DIGITS "-_"), host;

        if (user == 0 || text[user] != '@')
                return false;
        host = strspn(text + user + 1, LETTERS DIGITS "-.");
        return host > 0 && text[user + 1 + host] == ':';
}

/* Takes host, and for http what is before it, from what follows "://". */
static int read_host(GitUrl *url, const char *scheme, size_t n_scheme, const char *rest,
                     size_t n_rest, Err *err) {
        size_t n_host = 0, at = 0;

        while (n_host < n_rest && rest[n_host] != '/')
                n_host++;
        for (size_t i = 0; i < n_host; i++)
                if (rest[i] == '@')
                        at = i + 1;
        url->host = strndup(rest + at, n_host - at);
        if (at > 0 && url->http)
                url->credentials = decode(rest, at - 1, false);
        if (!url->http)
                at = 0;
        url->remote =
                str_format("%.*s://%.*s", (int) n_scheme, scheme, (int) (n_rest - at), rest + at);
        if (!url->host || !url->remote)
                return fail(err, ENOMEM, "cannot read a URL");
        for (char *c = url->remote; *c != ':'; c++)
                *c = (char) tolower((unsigned char) *c);
        return 0;
}

/* Return: 1; 0 if it is no repository. */
static int read_remote(GitUrl *url, const char *text, size_t n, Err *err) {
        const size_t n_scheme = scheme_length(text);
        const char *rest = n_scheme ? text + n_scheme + strlen("://") : text;
        size_t n_rest = n - (size_t) (rest - text);
        autofree char *path = NULL;

        url->guessed = str_after(text, "github.com/") != NULL;
        if (!n_scheme && !url->guessed) {
                if (!is_scp(text))
                        return 0;
                url->ssh = true;
                url->remote = strndup(text, n);
                rest = strchr(text, '@') + 1;
                url->host = strndup(rest, strcspn(rest, ":"));
                return url->remote && url->host ? 1 : fail(err, ENOMEM, "cannot read a URL");
        }
        if (url->guessed) {
                url->http = true;
                return read_host(url, "https", 5, rest, n_rest, err) < 0 ? -ENOMEM : 1;
        }
        url->ssh = n_scheme == 3 && strncasecmp(text, "ssh", 3) == 0;
        url->http = (n_scheme == 4 && strncasecmp(text, "http", 4) == 0) ||
                    (n_scheme == 5 && strncasecmp(text, "https", 5) == 0);
        if (!url->ssh && !url->http && !(n_scheme == 3 && strncasecmp(text, "git", 3) == 0))
                return 0;
        path = decode(rest, n_rest, false);
        if (!path || (url->http && !(strchr(path, '/') && str_ends_with(path, ".git"))))
                return 0;
        return read_host(url, text, n_scheme, rest, n_rest, err) < 0 ? -ENOMEM : 1;
}

int git_url_parse(const char *text, GitUrl **ret, Err *err) {
        autoptr(GitUrl) url = calloc(1, sizeof *url);
        size_t n_before = strcspn(text, "#"), n_remote;
        autofree char *query = NULL, *fragment = NULL;
        int r;

        if (!url)
                return fail(err, ENOMEM, "cannot read a URL");
        if (str_after(text, "./") || str_after(text, "../"))
                return 0;
        for (const char *c = text; *c; c++)
                if ((unsigned char) *c < ' ' || *c == 0x7f)
                        return 0;
        n_remote = strcspn(text, "?#");
        r = read_remote(url, text, n_remote, err);
        if (r <= 0)
                return r;
        query = strndup(text + n_remote, n_before - n_remote);
        /* scp's form is no URL, and nothing in its fragment is encoded. */
        fragment = !text[n_before] ? strdup("")
                   : scheme_length(text) || url->guessed
                           ? decode(text + n_before + 1, strlen(text + n_before + 1), false)
                           : strdup(text + n_before + 1);
        if (!query || !fragment)
                return 0;
        r = read_fragment(url, fragment, err);
        if (r >= 0 && *query)
                r = read_query(url, query + 1, err);
        if (r < 0)
                return err_prefix(err, r, "'%s'", url->remote);
        *ret = take_ptr(url);
        return 1;
}
