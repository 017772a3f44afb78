/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <openssl/evp.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "registry/challenge.h"
#include "registry/token.h"

#define ANSWER_MAX (1u << 20)
#define LIFE_S     60 /* where none is said; distribution's token specification */
#define MARGIN_MS  5000
#define CLIENT_ID  "isola"

/* What a token server answers. */
typedef struct TokenAnswer {
        char *token, *access_token;
        int64_t expires_in;
} TokenAnswer;

static const JsonField answer_fields[] = {
        JSON_STRING(TokenAnswer, token, "token"),
        JSON_STRING(TokenAnswer, access_token, "access_token"),
        JSON_I64(TokenAnswer, expires_in, "expires_in"),
        {},
};
static const JsonType answer_type = { sizeof(TokenAnswer), answer_fields };

void identity_init(Identity *identity, const NetEndpoint *endpoint) {
        *identity = (Identity){ .endpoint = endpoint };
        pthread_mutex_init(&identity->lock, NULL);
        pthread_mutex_init(&identity->choosing, NULL);
}

static char *basic_header(const NetEndpoint *e) {
        autofree char *pair = str_format("%s:%s", e->user, e->secret);
        autofree char *coded = NULL;
        size_t n;

        if (!pair)
                return NULL;
        n = strlen(pair);
        coded = malloc((n + 2) / 3 * 4 + 1);
        if (!coded)
                return NULL;
        EVP_EncodeBlock((unsigned char *) coded, (const unsigned char *) pair, (int) n);
        return str_format("Basic %s", coded);
}

static Token *find_token(Identity *identity, const char *scope) {
        for (size_t i = 0; i < identity->n_tokens; i++)
                if (str_equal(identity->tokens[i].scope, scope))
                        return &identity->tokens[i];
        return NULL;
}

char *identity_header(Identity *identity, const char *scope) {
        const NetEndpoint *e = identity->endpoint;
        char *header = NULL;
        Token *token;

        if (e->registry_token)
                return str_format("Bearer %s", e->registry_token);
        pthread_mutex_lock(&identity->lock);
        token = find_token(identity, scope);
        if (token && token->text && token->ends_ms > clock_monotonic_ms())
                header = str_format("Bearer %s", token->text);
        else if (identity->basic && e->user)
                header = basic_header(e);
        pthread_mutex_unlock(&identity->lock);
        return header;
}

void identity_forget(Identity *identity, const char *scope) {
        Token *token;

        pthread_mutex_lock(&identity->lock);
        token = find_token(identity, scope);
        if (token)
                token->ends_ms = 0;
        pthread_mutex_unlock(&identity->lock);
}

static int keep_token(Identity *identity, const char *scope, const char *text, int64_t life_s) {
        Token *token;
        int r = 0;

        if (life_s < LIFE_S)
                life_s = LIFE_S;
        if (life_s > 86400)
                life_s = 86400;
        pthread_mutex_lock(&identity->lock);
        token = find_token(identity, scope);
        if (!token) {
                token = json_grow(&identity->tokens, &identity->n_tokens, sizeof *token);
                if (token)
                        token->scope = strdup(scope);
        }
        if (!token || !token->scope)
                r = -ENOMEM;
        if (r >= 0)
                r = str_set(&token->text, text);
        if (r >= 0)
                token->ends_ms = clock_monotonic_ms() + life_s * 1000 - MARGIN_MS;
        pthread_mutex_unlock(&identity->lock);
        return r;
}

/* A token travels in a header: nothing in it may end that. */
static bool is_header_text(const char *text) {
        for (const char *p = text; *p; p++)
                if (*p <= ' ' || *p >= 127)
                        return false;
        return *text;
}

static int read_token(Identity *identity, const HttpResponse *response, const char *scope,
                      Err *err) {
        TokenAnswer answer = {};
        const char *text;
        int r;

        r = json_parse(&answer_type, response->body, response->body_size, "token", &answer, err);
        if (r < 0)
                return r;
        text = answer.token ? answer.token : answer.access_token;
        if (!text || !is_header_text(text))
                r = refuse(err, EBADMSG, "its answer holds no token");
        else if (keep_token(identity, scope, text, answer.expires_in) < 0)
                r = fail(err, ENOMEM, "cannot keep its token");
        json_clear(&answer_type, &answer);
        return r;
}

/* "repository:a/b:pull repository:c/d:pull" into scope=…&scope=… */
static int put_scopes(Str *query, const char *scope) {
        autostrv parts = NULL;
        int r = strv_split(scope, " ", true, &parts);

        strv_foreach(part, parts) {
                autofree char *escaped = http_escape(*part);

                if (!escaped)
                        return -ENOMEM;
                str_printf(query, "&scope=%s", escaped);
        }
        return r;
}

static int put_escaped(Str *query, const char *name, const char *value) {
        autofree char *escaped = http_escape(value ? value : "");

        if (!escaped)
                return -ENOMEM;
        str_printf(query, "%s%s=%s", query->length ? "&" : "", name, escaped);
        return 0;
}

/* With an identity token: OAuth 2.0 (RFC 6749 §6), as distribution's oauth.md has it. */
static int ask_oauth(Identity *identity, Http *http, const Challenge *c, const char *scope,
                     HttpResponse *ret, Err *err) {
        char *headers[] = { (char *) "Content-Type: application/x-www-form-urlencoded", NULL };
        HttpRequest q = { .endpoint = identity->endpoint,
                          .method = "POST",
                          .url = c->realm,
                          .headers = headers,
                          .no_redirects = true,
                          .max_body = ANSWER_MAX,
                          .has_body = true };
        autofree char *text = NULL;
        autostr form = {};
        int r;

        r = put_escaped(&form, "grant_type", "refresh_token");
        if (r >= 0)
                r = put_escaped(&form, "service", c->service);
        if (r >= 0)
                r = put_escaped(&form, "client_id", CLIENT_ID);
        if (r >= 0)
                r = put_escaped(&form, "scope", scope);
        if (r >= 0)
                r = put_escaped(&form, "refresh_token", identity->endpoint->identity_token);
        text = str_take(&form);
        if (r < 0 || !text)
                return fail(err, ENOMEM, "cannot ask for a token");
        q.body = text;
        q.body_size = (int64_t) strlen(text);
        return http_perform(http, &q, ret, err);
}

static int ask_token(Identity *identity, Http *http, const Challenge *c, const char *scope,
                     HttpResponse *ret, Err *err) {
        const NetEndpoint *e = identity->endpoint;
        autofree char *basic = e->user ? basic_header(e) : NULL;
        autofree char *header = basic ? str_format("Authorization: %s", basic) : NULL;
        autofree char *account = e->user ? http_escape(e->user) : NULL;
        autofree char *service = http_escape(c->service ? c->service : ""), *url = NULL;
        char *headers[] = { header, NULL };
        HttpRequest q = {
                .endpoint = e, .method = "GET", .headers = headers, .max_body = ANSWER_MAX
        };
        autostr text = {};

        if (!service || (e->user && (!header || !account)))
                return fail(err, ENOMEM, "cannot ask for a token");
        str_printf(&text, "%s%cservice=%s", c->realm, strchr(c->realm, '?') ? '&' : '?', service);
        if (account)
                str_printf(&text, "&account=%s", account);
        if (put_scopes(&text, scope) < 0)
                return fail(err, ENOMEM, "cannot ask for a token");
        url = str_take(&text);
        if (!url)
                return fail(err, ENOMEM, "cannot ask for a token");
        q.url = url;
        return http_perform(http, &q, ret, err);
}

static int check_realm(const NetEndpoint *e, const char *realm, Err *err) {
        bool tls = str_after(realm, "https://") != NULL;

        if (!tls && !str_after(realm, "http://"))
                return refuse(err, EBADMSG, "it names no place to get a token from");
        if (!tls && (e->user || e->identity_token) && str_after(e->base, "https://"))
                return refuse(err, EACCES,
                              "it wants the password sent unencrypted to '%s', which is not done",
                              realm);
        return 0;
}

static int get_token(Identity *identity, Http *http, const Challenge *c, const char *scope,
                     Err *err) {
        autofree char *wanted = scope_join(scope, c->scope);
        HttpResponse response = {};
        int r;

        if (!wanted)
                return fail(err, ENOMEM, "cannot ask for a token");
        r = check_realm(identity->endpoint, c->realm, err);
        if (r < 0)
                return r;
        r = identity->endpoint->identity_token
                    ? ask_oauth(identity, http, c, wanted, &response, err)
                    : ask_token(identity, http, c, wanted, &response, err);
        /* Token servers without OAuth 2.0 know the old way. */
        if (r >= 0 && identity->endpoint->identity_token && identity->endpoint->user &&
            (response.status == 404 || response.status == 405)) {
                http_response_clear(&response);
                r = ask_token(identity, http, c, wanted, &response, err);
        }
        if (r < 0)
                return err_prefix(err, r, "cannot get a token from '%s'", c->realm);
        if (response.status == 200)
                r = read_token(identity, &response, scope, err);
        else if (response.status == 401 || response.status == 403 || response.status == 400)
                r = 0; /* they are not content with who we are */
        else
                r = refuse(err, response.status >= 500 || response.status == 429 ? -EAGAIN : -EIO,
                           "'%s' answered with status %d", c->realm, response.status);
        if (r >= 0 && response.status == 200)
                r = 1;
        http_response_clear(&response);
        return r < 0 ? err_prefix(err, r, "cannot get a token") : r;
}

static int read_challenges(const HttpResponse *response, Challenge **ret, size_t *n) {
        strv_foreach(header, response->headers) {
                const char *value = str_after(*header, "www-authenticate: ");
                int r = value ? challenge_parse(value, ret, n) : 0;

                if (r < 0 && r != -EBADMSG)
                        return r;
        }
        return 0;
}

bool identity_lacks_scope(const HttpResponse *response) {
        Challenge *list = NULL;
        bool lacks = false;
        size_t n = 0;

        (void) read_challenges(response, &list, &n);
        for (size_t i = 0; i < n; i++)
                lacks |= str_equal(list[i].error, "insufficient_scope");
        challenge_list_free(list, n);
        return lacks;
}

int identity_answer(Identity *identity, Http *http, const HttpResponse *response, const char *scope,
                    Err *err) {
        Challenge *list = NULL;
        size_t n = 0;
        int r = 0;

        if (read_challenges(response, &list, &n) < 0) {
                challenge_list_free(list, n);
                return fail(err, ENOMEM, "cannot read what it asks for");
        }
        for (size_t i = 0; i < n && r == 0; i++) {
                const Challenge *c = &list[i];

                if (str_equal(c->scheme, "bearer") && c->realm)
                        r = get_token(identity, http, c, scope, err);
                else if (str_equal(c->scheme, "basic") && identity->endpoint->user &&
                         !identity->basic)
                        r = identity->basic = true;
        }
        challenge_list_free(list, n);
        return r;
}
