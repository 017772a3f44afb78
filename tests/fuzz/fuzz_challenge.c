/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What registries answer in WWW-Authenticate, Link and Warning. */

#include "base/auto.h"
#include "base/str.h"
#include "fuzz.h"
#include "registry/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autofree char *text = strndup((const char *) data, size), *next = NULL;
        autofree char *scopes = NULL, *words = NULL;
        Challenge *list = NULL;
        size_t n = 0;
        int r;

        must(text);
        r = challenge_parse(text, &list, &n);
        must(r == 0 || r == -EBADMSG);
        for (size_t i = 0; i < n; i++)
                must(list[i].scheme && *list[i].scheme);
        challenge_list_free(list, n);
        next = link_next(text);
        must(!next || strstr(text, next));
        /* What is asked for stays, and comes first. */
        scopes = scope_join("repository:a/b:pull,push", text);
        must(scopes && str_after(scopes, "repository:a/b:pull,push"));
        words = warning_words(text);
        must(!words || str_after(text, "299 "));
        return 0;
}
