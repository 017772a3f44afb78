/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "oci/reference.h"

#define NAME_MAX_LENGTH 255
#define TAG_MAX_LENGTH  128
#define ID_LENGTH       64
#define HUB             "docker.io"
#define HUB_FOLDER      "library/"

Reference *reference_free(Reference *r) {
        if (r) {
                free(r->name);
                free(r->tag);
                free(r->digest);
                free(r);
        }
        return NULL;
}

static bool is_lower_or_digit(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One part between slashes: alphanumerics, joined by one '.', one or two '_', or any number of '-'.
 */
static bool path_component_is_valid(const char *s, size_t n) {
        size_t i = 0;

        if (n == 0 || !is_lower_or_digit(s[0]) || !is_lower_or_digit(s[n - 1]))
                return false;
        while (i < n) {
                size_t run = 1;
                char c = s[i];

                if (is_lower_or_digit(c)) {
                        i++;
                        continue;
                }
                while (i + run < n && s[i + run] == c)
                        run++;
                if (i + run < n && !is_lower_or_digit(s[i + run]))
                        return false;
                if (!(c == '-' || (c == '_' && run <= 2) || (c == '.' && run == 1)))
                        return false;
                i += run;
        }
        return true;
}

/* Letters, digits and '-', which stands between others, in parts with '.' between them. */
static bool host_is_valid(const char *s, const char *end) {
        for (const char *p = s; p < end; p++) {
                bool edge = p == s || p + 1 == end || p[-1] == '.' || p[1] == '.';

                if (!isalnum((unsigned char) *p) && (edge || (*p != '-' && *p != '.')))
                        return false;
        }
        return end > s;
}

/* "localhost", "host.domain", "host:port", "[::1]:5000". */
static bool registry_is_valid(const char *s, size_t n) {
        const char *end = s + n, *port;

        if (n > 0 && *s == '[') {
                port = memchr(s, ']', n);
                if (!port || strspn(s + 1, "0123456789abcdefABCDEF:") != (size_t) (port - s - 1))
                        return false;
                port++;
        } else {
                port = memchr(s, ':', n);
                if (!port)
                        port = end;
                if (!host_is_valid(s, port))
                        return false;
        }
        if (port == end)
                return true;
        if (*port != ':' || port + 1 == end)
                return false;
        for (const char *p = port + 1; p < end; p++)
                if (!isdigit((unsigned char) *p))
                        return false;
        return true;
}

/* The first component is a registry if it could not be a folder: Docker's rule. */
static bool looks_like_registry(const char *s, size_t n) {
        if (memchr(s, '.', n) || memchr(s, ':', n))
                return true;
        for (size_t i = 0; i < n; i++)
                if (s[i] >= 'A' && s[i] <= 'Z')
                        return true;
        return n == strlen("localhost") && strncmp(s, "localhost", n) == 0;
}

bool reference_is_short(const char *text) {
        const char *slash = strchr(text, '/');

        return !slash || !looks_like_registry(text, (size_t) (slash - text));
}

static int check_name(const char *text, const char *name, Err *err) {
        const char *slash = strchr(name, '/'), *p = name;

        if (!*name)
                return refuse(err, EINVAL, "image name '%s' is empty", text);
        if (strlen(name) == ID_LENGTH && strspn(name, "0123456789abcdef") == ID_LENGTH)
                return refuse(err, EINVAL, "'%s' is no image name but an id", text);
        if (strlen(name) > NAME_MAX_LENGTH)
                return refuse(err, EINVAL, "image name is longer than %d bytes", NAME_MAX_LENGTH);
        if (slash && looks_like_registry(name, (size_t) (slash - name))) {
                if (!registry_is_valid(name, (size_t) (slash - name)))
                        return refuse(err, EINVAL, "image name '%s': '%.*s' is no registry", text,
                                      (int) (slash - name), name);
                p = slash + 1;
        }
        for (const char *c = p; *c; c++)
                if (*c >= 'A' && *c <= 'Z')
                        return refuse(err, EINVAL, "image name '%s' must be lower case", text);
        for (;;) {
                size_t n = strcspn(p, "/");

                if (!path_component_is_valid(p, n))
                        return refuse(err, EINVAL,
                                      n ? "image name '%s': '%.*s' is not valid"
                                        : "image name '%s' has an empty part%.*s",
                                      text, (int) n, p);
                if (!p[n])
                        return 0;
                p += n + 1;
        }
}

static int check_tag(const char *text, const char *tag, Err *err) {
        size_t n = strlen(tag);

        if (n == 0)
                return refuse(err, EINVAL, "image name '%s' has an empty tag", text);
        if (n > TAG_MAX_LENGTH)
                return refuse(err, EINVAL, "image name '%s': the tag is longer than %d bytes", text,
                              TAG_MAX_LENGTH);
        for (const char *p = tag; *p; p++)
                if (!isalnum((unsigned char) *p) && *p != '_' &&
                    (p == tag || (*p != '.' && *p != '-')))
                        return refuse(err, EINVAL, "image name '%s': tag '%s' is not valid", text,
                                      tag);
        return 0;
}

/* algorithm ":" at least 32 hexadecimal digits; sha256, exactly 64, is what can be checked. */
static int check_digest(const char *text, const char *digest, Err *err) {
        const char *colon = strchr(digest, ':');
        size_t n = colon ? strlen(colon + 1) : 0;
        bool good =
                colon && colon > digest && n >= 32 && strspn(colon + 1, "0123456789abcdef") == n;

        if (good && str_after(digest, "sha256:"))
                good = n == 64;
        for (const char *p = digest; good && p < colon; p++)
                good = is_lower_or_digit(*p) || (p > digest && strchr("+._-", *p));
        if (!good)
                return refuse(err, EINVAL, "image name '%s': '%s' is no digest", text, digest);
        return str_after(digest, "sha256:")
                       ? 0
                       : refuse(err, EINVAL,
                                "image name '%s': isola checks sha256 digests, not '%.*s'", text,
                                (int) (colon - digest), digest);
}

/* "docker.io/library/debian" to "debian". */
static char *familiar_name(const char *name) {
        const char *rest = str_after(name, HUB "/"), *short_name;

        if (!rest)
                rest = str_after(name, "index." HUB "/");
        if (!rest)
                rest = name;
        short_name = str_after(rest, HUB_FOLDER);
        return strdup(short_name && !strchr(short_name, '/') ? short_name : rest);
}

int reference_parse(const char *text, Reference **ret, Err *err) {
        autoptr(Reference) ref = calloc(1, sizeof *ref);
        autofree char *copy = strdup(text);
        char *at, *slash, *colon;
        int r;

        if (!ref || !copy)
                return fail(err, ENOMEM, "cannot read image name");

        at = strchr(copy, '@');
        if (at) {
                *at = 0;
                r = check_digest(text, at + 1, err);
                if (r < 0)
                        return r;
        }
        slash = strrchr(copy, '/');
        colon = strrchr(slash ? slash : copy, ':');
        if (colon) {
                *colon = 0;
                r = check_tag(text, colon + 1, err);
                if (r < 0)
                        return r;
        }
        r = check_name(text, copy, err);
        if (r < 0)
                return r;

        ref->name = familiar_name(copy);
        if (colon || !at)
                ref->tag = strdup(colon ? colon + 1 : "latest");
        if (at)
                ref->digest = strdup(at + 1);
        if (!ref->name || ((colon || !at) && !ref->tag) || (at && !ref->digest))
                return fail(err, ENOMEM, "cannot read image name");
        *ret = take_ptr(ref);
        return 0;
}

char *reference_text(const Reference *r) {
        return r->digest ? str_format("%s@%s", r->name, r->digest)
                         : str_format("%s:%s", r->name, r->tag);
}

int reference_split(const Reference *r, char **ret_registry, char **ret_repository) {
        const char *slash = strchr(r->name, '/');
        bool has_registry = slash && looks_like_registry(r->name, (size_t) (slash - r->name));
        autofree char *registry =
                has_registry ? strndup(r->name, (size_t) (slash - r->name)) : strdup(HUB);
        autofree char *repository =
                str_format("%s%s", slash ? "" : HUB_FOLDER, has_registry ? slash + 1 : r->name);

        if (!registry || !repository)
                return -ENOMEM;
        *ret_registry = take_ptr(registry);
        *ret_repository = take_ptr(repository);
        return 0;
}
