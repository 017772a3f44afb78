/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <curl/curl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/str.h"
#include "registry/challenge.h"
#include "registry/client.h"

#define FIRST_WAIT_MS 500
#define LONGEST_MS    30000
#define ASKED_MAX_S   120
#define WARNINGS_MAX  16

/* {"errors": [{"code": …, "message": …}]}, distribution-spec "Error Codes". */
typedef struct RegistryError {
        char *code, *message;
} RegistryError;

typedef struct RegistryErrors {
        RegistryError *errors;
        size_t n_errors;
        char *details; /* the Hub's own form: {"details": …}, {"message": …} */
        char *message;
} RegistryErrors;

static const JsonField error_fields[] = {
        JSON_STRING(RegistryError, code, "code"),
        JSON_STRING(RegistryError, message, "message"),
        {},
};
static const JsonType error_type = { sizeof(RegistryError), error_fields };
static const JsonField errors_fields[] = {
        JSON_ARRAY(RegistryErrors, errors, RegistryError, "errors", &error_type),
        JSON_STRING(RegistryErrors, details, "details"),
        JSON_STRING(RegistryErrors, message, "message"),
        {},
};
static const JsonType errors_type = { sizeof(RegistryErrors), errors_fields };

int client_init(Client *client, NetSetup *setup) {
        client->setup = setup;
        client->identities = calloc(setup->n_endpoints, sizeof *client->identities);
        if (!client->identities)
                return -ENOMEM;
        for (size_t i = 0; i < setup->n_endpoints; i++)
                identity_init(&client->identities[i], &setup->endpoints[i]);
        pthread_mutex_init(&client->lock, NULL);
        return 0;
}

/* Warnings are shown, each once, and never acted upon. */
static void note_warnings(Client *client, const HttpResponse *response) {
        strv_foreach(header, response->headers) {
                const char *value = str_after(*header, "warning: ");
                autofree char *words = value ? warning_words(value) : NULL;

                if (!words)
                        continue;
                pthread_mutex_lock(&client->lock);
                if (!strv_has(client->warnings, words) &&
                    strv_length(client->warnings) < WARNINGS_MAX)
                        (void) strv_add(&client->warnings, words);
                pthread_mutex_unlock(&client->lock);
        }
}

char *client_take_warning(Client *client) {
        char *words = NULL;

        pthread_mutex_lock(&client->lock);
        if (client->told < strv_length(client->warnings)) {
                words = strv_join(client->warnings + client->told, "; ");
                client->told = strv_length(client->warnings);
        }
        pthread_mutex_unlock(&client->lock);
        return words;
}

void client_wait(int attempt, int64_t retry_after_s) {
        int64_t ms = FIRST_WAIT_MS << (attempt < 8 ? attempt : 8);
        uint16_t random = 0;

        if (ms > LONGEST_MS)
                ms = LONGEST_MS;
        /* Many clients that were cut off at once do not come back at once. */
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) == sizeof random)
                ms = ms / 2 + ms * random / (2 * UINT16_MAX);
        if (retry_after_s > 0)
                ms = 1000 * (retry_after_s < ASKED_MAX_S ? retry_after_s : ASKED_MAX_S);
        (void) nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

bool client_may_mend(int r) {
        return r == -ECONNRESET || r == -ETIMEDOUT || r == -EAGAIN;
}

bool client_status_may_mend(int status) {
        return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
               status == 504;
}

/* Same scheme, host and port: credentials go nowhere else. */
static bool is_at(const NetEndpoint *e, const char *url) {
        const char *rest = str_after(url, e->base);

        return rest && (*rest == '/' || *rest == '?' || !*rest);
}

/* Some registries say only at their greeting what they want to be asked with (gcr.io). */
static int answer_greeting(Client *client, size_t endpoint, Http *http, const char *scope,
                           Err *err) {
        const NetEndpoint *e = &client->setup->endpoints[endpoint];
        autofree char *url = str_format("%s/v2/", e->base);
        HttpResponse greeting = {};
        int r;

        if (!url)
                return fail(err, ENOMEM, "cannot ask it");
        r = http_perform(
                http,
                &(HttpRequest){ .endpoint = e, .method = "GET", .url = url, .max_body = 1u << 20 },
                &greeting, err);
        if (r >= 0)
                r = greeting.status == 401 ? identity_answer(&client->identities[endpoint], http,
                                                             &greeting, scope, err)
                                           : 0;
        http_response_clear(&greeting);
        return r;
}

/* One try, or two if the first one was answered with a challenge. */
static int ask_once(Client *client, size_t endpoint, Http *http, const ClientRequest *request,
                    const char *url, HttpResponse *ret, Err *err) {
        Identity *identity = &client->identities[endpoint];
        const NetEndpoint *e = &client->setup->endpoints[endpoint];
        HttpRequest q = { .endpoint = e,
                          .method = request->method,
                          .url = url,
                          .body = request->body,
                          .body_fd = request->body_fd,
                          .body_offset = request->body_offset,
                          .body_size = request->body_size,
                          .has_body = request->has_body,
                          .sink = request->sink,
                          .sent = request->sent,
                          .context = request->context,
                          .max_body = request->max_body ? request->max_body : 1u << 20 };

        for (int attempt = 0;; attempt++) {
                autofree char *secret =
                        is_at(e, url) ? identity_header(identity, request->scope) : NULL;
                autostrv all = NULL;
                int r;

                r = strv_copy(request->headers, &all);
                if (r >= 0 && secret)
                        r = strv_addf(&all, "Authorization: %s", secret);
                if (r < 0)
                        return fail(err, r, "cannot ask it");
                q.headers = all;
                r = http_perform(http, &q, ret, err);
                if (r >= 0)
                        note_warnings(client, ret);
                if (r < 0 || ret->status != 401 || !is_at(e, url) || attempt == 2)
                        return r;
                if (secret)
                        identity_forget(identity, request->scope);
                if (attempt > 0 && secret && !identity_lacks_scope(ret))
                        return 0;
                r = http_header(ret, "www-authenticate")
                            ? identity_answer(identity, http, ret, request->scope, err)
                            : answer_greeting(client, endpoint, http, request->scope, err);
                if (r <= 0)
                        return r;
                http_response_clear(ret);
        }
}

/* Where both are allowed: whether the endpoint speaks https.  Whoever asks first finds out. */
static int choose_scheme(Client *client, size_t endpoint, Http *http, Err *err) {
        Identity *identity = &client->identities[endpoint];
        NetEndpoint *e = &client->setup->endpoints[endpoint];
        HttpResponse response = {};
        autofree char *url = NULL, *plain = NULL;
        int r = 0;

        pthread_mutex_lock(&identity->choosing);
        if (e->plain_too) {
                url = str_format("%s/v2/", e->base);
                plain = str_format("http://%s", str_after(e->base, "https://"));
                if (!url || !plain) {
                        r = fail(err, ENOMEM, "cannot ask the registry");
                } else {
                        r = http_perform(http,
                                         &(HttpRequest){ .endpoint = e,
                                                         .method = "GET",
                                                         .url = url,
                                                         .max_body = 1u << 20 },
                                         &response, NULL);
                        if (r == -EPROTO || r == -ECONNREFUSED || r == -ECONNRESET) {
                                free(e->base);
                                e->base = take_ptr(plain);
                        }
                        r = 0;
                        e->plain_too = false;
                }
        }
        pthread_mutex_unlock(&identity->choosing);
        http_response_clear(&response);
        return r;
}

/* The repository that a path begins with may be called otherwise there. */
static char *path_below(const NetEndpoint *e, const char *path) {
        return str_format("%s/v2/%s%s", e->base, e->prefix, path + e->drop);
}

int client_ask(Client *client, size_t endpoint, Http *http, const ClientRequest *request,
               HttpResponse *ret, Err *err) {
        const NetEndpoint *e = &client->setup->endpoints[endpoint];
        autofree char *url = NULL;
        int ready = choose_scheme(client, endpoint, http, err);

        if (ready < 0)
                return ready;
        url = request->url            ? strdup(request->url)
              : *request->path == '/' ? str_format("%s%s", e->base, request->path)
                                      : path_below(e, request->path);
        if (!url)
                return fail(err, ENOMEM, "cannot ask the registry");
        for (int attempt = 0;; attempt++) {
                autoerr why = {};
                int64_t wait_s = 0;
                int r = ask_once(client, endpoint, http, request, url, ret, &why);

                if (r < 0 ? !client_may_mend(r)
                          : !client_status_may_mend(ret->status) || request->once)
                        attempt = client->setup->retries;
                if (attempt >= client->setup->retries || (request->once && r < 0)) {
                        if (r < 0) {
                                (void) refuse(err, r, "%s", why.message);
                                if (why.hint)
                                        (void) err_hint(err, r, "%s", why.hint);
                        }
                        return r;
                }
                if (r >= 0)
                        wait_s = ret->retry_after_s;
                http_response_clear(ret);
                client_wait(attempt, wait_s);
        }
}

static const char *first_message(const RegistryErrors *e, const char **ret_code) {
        for (size_t i = 0; i < e->n_errors; i++)
                if (e->errors[i].message || e->errors[i].code) {
                        *ret_code = e->errors[i].code;
                        return e->errors[i].message ? e->errors[i].message : e->errors[i].code;
                }
        return e->details ? e->details : e->message;
}

int client_refused(const Client *client, const HttpResponse *response, const char *what, Err *err) {
        RegistryErrors errors = {};
        const char *said = NULL, *code = NULL, *registry = client->setup->registry;
        autofree char *words = NULL;
        int r;

        if (json_parse(&errors_type, response->body, response->body_size, "answer", &errors,
                       NULL) >= 0)
                said = first_message(&errors, &code);
        words = said ? str_format(": %s", said) : strdup("");
        said = words ? words : "";
        switch (response->status) {
        case 401:
                r = err_hint(err,
                             refuse(err, EACCES, "%s: the registry '%s' denies access%s", what,
                                    registry, said),
                             "the repository may not exist or need 'isola login %s'", registry);
                break;
        case 403:
                r = err_hint(err,
                             refuse(err, EPERM, "%s: the registry '%s' denies access%s", what,
                                    registry, said),
                             "ask who runs it for the right, or 'isola login %s' as somebody else",
                             registry);
                break;
        case 404:
                r = refuse(err, ENOENT, "%s: not found in the registry '%s'%s", what, registry,
                           said);
                break;
        case 405:
                r = refuse(err, EOPNOTSUPP, "%s: the registry '%s' does not do that%s", what,
                           registry, said);
                break;
        case 429:
                r = err_hint(err,
                             refuse(err, EBUSY, "%s: the registry '%s' has had too many requests%s",
                                    what, registry, said),
                             "wait, or 'isola login %s': its limit for known users is higher",
                             registry);
                break;
        default:
                r = refuse(err, EIO, "%s: the registry '%s' answered with status %d%s", what,
                           registry, response->status, said);
        }
        json_clear(&errors_type, &errors);
        return r;
}

char *client_location(const HttpResponse *response, const char *location) {
        CURLU *url = curl_url();
        char *joined = NULL, *ret = NULL;

        if (url && curl_url_set(url, CURLUPART_URL, response->url, 0) == CURLUE_OK &&
            curl_url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK &&
            curl_url_get(url, CURLUPART_URL, &joined, 0) == CURLUE_OK &&
            (str_after(joined, "https://") ||
             (str_after(joined, "http://") && str_after(response->url, "http://"))))
                ret = strdup(joined);
        curl_free(joined);
        curl_url_cleanup(url);
        return ret;
}
