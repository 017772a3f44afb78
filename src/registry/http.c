/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <curl/curl.h>
#include <string.h>

#include "base/str.h"
#include "registry/http.h"

#define MAX_REDIRECTS  10
#define CONNECT_MS     30000
#define BUFFER_SIZE    (256l << 10)
#define MAX_HEADERS    (256u << 10)
#define PROGRESS_BYTES (1 << 20)

struct Http {
        CURL *curl;
        const char *system_ca;
        int64_t stall_ms;
        char why[CURL_ERROR_SIZE];
};

/* One exchange. */
typedef struct Exchange {
        Http *http;
        const HttpRequest *request;
        HttpResponse *response;
        Str body;
        int64_t body_at, told; /* of what is sent */
        size_t header_bytes;
        int r; /* why the exchange is ended from here */
} Exchange;

Http *http_new(const char *system_ca, int64_t stall_ms) {
        Http *http = calloc(1, sizeof *http);

        if (!http)
                return NULL;
        http->curl = curl_easy_init();
        http->system_ca = system_ca;
        http->stall_ms = stall_ms;
        return http->curl ? http : http_free(http);
}

Http *http_free(Http *http) {
        if (http) {
                if (http->curl)
                        curl_easy_cleanup(http->curl);
                free(http);
        }
        return NULL;
}

void http_response_clear(HttpResponse *response) {
        strv_free(response->headers);
        free(response->body);
        free(response->url);
        *response = (HttpResponse){};
}

const char *http_header(const HttpResponse *response, const char *name) {
        size_t n = strlen(name);

        strv_foreach(header, response->headers)
                if (strncmp(*header, name, n) == 0 && (*header)[n] == ':')
                        return *header + n + 2;
        return NULL;
}

char *http_escape(const char *text) {
        autostr s = {};

        for (const char *p = text; *p; p++) {
                if (isalnum((unsigned char) *p) || strchr("-._~", *p))
                        str_put_char(&s, *p);
                else
                        str_printf(&s, "%%%02X", (unsigned char) *p);
        }
        return str_take(&s);
}

/* "Name: value\r\n" into "name: value"; a status line begins anew. */
static size_t take_header(char *bytes, size_t size, size_t n, void *context) {
        Exchange *x = context;
        size_t length = size * n, name, value;
        autostr line = {};

        x->header_bytes += length;
        if (x->header_bytes > MAX_HEADERS)
                return 0;
        if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
                x->response->headers = strv_free(x->response->headers);
                return length;
        }
        while (length > 0 && isspace((unsigned char) bytes[length - 1]))
                length--;
        for (name = 0; name < length && bytes[name] != ':'; name++)
                str_put_char(&line, (char) tolower((unsigned char) bytes[name]));
        if (name == length || memchr(bytes, 0, length))
                return size * n;
        for (value = name + 1; value < length && (bytes[value] == ' ' || bytes[value] == '\t');)
                value++;
        str_put(&line, ": ");
        str_put_bytes(&line, bytes + value, length - value);
        return strv_take(&x->response->headers, str_take(&line)) < 0 ? 0 : size * n;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *context) {
        Exchange *x = context;
        size_t length = size * n;
        long status = 0;

        curl_easy_getinfo(x->http->curl, CURLINFO_RESPONSE_CODE, &status);
        if (x->request->sink && (status == 200 || status == 206)) {
                x->r = x->request->sink(x->request->context, (int) status, bytes, length);
                return x->r < 0 ? 0 : length;
        }
        if (x->body.length + length > x->request->max_body) {
                x->r = -EFBIG;
                return 0;
        }
        str_put_bytes(&x->body, bytes, length);
        return length;
}

static size_t give_body(char *bytes, size_t size, size_t n, void *context) {
        Exchange *x = context;
        const HttpRequest *q = x->request;
        int64_t left = q->body_size - x->body_at;
        size_t want = size * n;
        ssize_t got;

        if ((int64_t) want > left)
                want = (size_t) left;
        if (q->body) {
                memcpy(bytes, (const char *) q->body + x->body_at, want);
                got = (ssize_t) want;
        } else {
                got = want ? pread(q->body_fd, bytes, want, q->body_offset + x->body_at) : 0;
                if (got < 0 || (want && got == 0)) {
                        x->r = got < 0 ? -errno : -EIO;
                        return CURL_READFUNC_ABORT;
                }
        }
        x->body_at += got;
        if (q->sent && (x->body_at - x->told >= PROGRESS_BYTES || x->body_at == q->body_size)) {
                x->told = x->body_at;
                q->sent(q->context, x->body_at);
        }
        return (size_t) got;
}

/* libcurl begins anew when a connection that it kept turns out to be dead, or after a redirect. */
static int rewind_body(void *context, curl_off_t offset, int origin) {
        Exchange *x = context;

        if (origin != SEEK_SET)
                return CURL_SEEKFUNC_CANTSEEK;
        x->body_at = offset;
        return CURL_SEEKFUNC_OK;
}

static void set_method(CURL *c, Exchange *x) {
        const HttpRequest *q = x->request;

        if (str_equal(q->method, "HEAD")) {
                curl_easy_setopt(c, CURLOPT_NOBODY, 1l);
                return;
        }
        if (q->has_body) {
                curl_easy_setopt(c, CURLOPT_UPLOAD, 1l);
                curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t) q->body_size);
                curl_easy_setopt(c, CURLOPT_READFUNCTION, give_body);
                curl_easy_setopt(c, CURLOPT_READDATA, x);
                curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, rewind_body);
                curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
        }
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
}

bool http_knows_authorities(const Http *http) {
        return !str_empty(http->system_ca);
}

static struct curl_blob blob_of(const char *text) {
        return (struct curl_blob){ (void *) text, strlen(text), CURL_BLOB_COPY };
}

static int set_tls(Http *http, const NetEndpoint *e) {
        CURL *c = http->curl;
        autofree char *all = NULL;
        struct curl_blob blob;

        curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, (long) e->verify);
        curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, e->verify ? 2l : 0l);
        curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
        /* Without any, nobody is trusted: libcurl takes no blob that holds no certificate. */
        if (e->verify && !(str_empty(e->ca) && str_empty(http->system_ca))) {
                all = str_format("%s\n%s", e->ca ? e->ca : "",
                                 http->system_ca ? http->system_ca : "");
                if (!all)
                        return -ENOMEM;
                blob = blob_of(all);
                curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob);
        }
        if (e->cert) {
                blob = blob_of(e->cert);
                curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &blob);
        }
        if (e->key) {
                blob = blob_of(e->key);
                curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &blob);
        }
        return 0;
}

static void set_rest(CURL *c, Exchange *x) {
        const HttpRequest *q = x->request;
        bool tls = str_after(q->url, "https://") != NULL;

        curl_easy_setopt(c, CURLOPT_URL, q->url);
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1l);
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->http->why);
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
        curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, (long) !q->no_redirects);
        curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long) MAX_REDIRECTS);
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_MS);
        curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1l);
        curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long) ((x->http->stall_ms + 999) / 1000));
        curl_easy_setopt(c, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
        curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_SIZE);
        curl_easy_setopt(c, CURLOPT_USERAGENT, "isola/" ISOLA_VERSION);
        curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
        curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
        /* Bytes are hashed as they come: nothing may be decoded on the way. */
        curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, NULL);
}

static int explain(const Exchange *x, CURLcode code, Err *err) {
        static const struct {
                CURLcode code;
                int r;
        } known[] = {
                { CURLE_COULDNT_RESOLVE_HOST, -EHOSTUNREACH },
                { CURLE_COULDNT_RESOLVE_PROXY, -EHOSTUNREACH },
                { CURLE_COULDNT_CONNECT, -ECONNREFUSED },
                { CURLE_OPERATION_TIMEDOUT, -ETIMEDOUT },
                { CURLE_TOO_MANY_REDIRECTS, -ELOOP },
                { CURLE_PEER_FAILED_VERIFICATION, -EKEYREJECTED },
                { CURLE_SSL_CONNECT_ERROR, -EPROTO },
                { CURLE_SSL_CERTPROBLEM, -EINVAL },
                { CURLE_SSL_CACERT_BADFILE, -EINVAL },
                { CURLE_UNSUPPORTED_PROTOCOL, -EPROTONOSUPPORT },
                { CURLE_URL_MALFORMAT, -EINVAL },
                { CURLE_OUT_OF_MEMORY, -ENOMEM },
        };
        const char *why = *x->http->why ? x->http->why : curl_easy_strerror(code);
        int r = -ECONNRESET;

        if (x->r < 0)
                return x->r == -EFBIG ? refuse(err, x->r, "its answer is longer than %zu bytes",
                                               x->request->max_body)
                                      : fail(err, x->r, "cannot take its answer");
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (known[i].code == code)
                        r = known[i].r;
        /* With TLS 1.3 it is said after the handshake. */
        if (strstr(why, "certificate required") || strstr(why, "bad certificate"))
                return refuse(err, -ENOKEY, "it wants to see a certificate of ours");
        /* What libcurl says of a connection that is gone while it asks who is at its other end. */
        if (str_after(why, "getpeername() failed"))
                why = "it closed the connection";
        return refuse(err, r, "%s", why);
}

int http_perform(Http *http, const HttpRequest *request, HttpResponse *ret, Err *err) {
        Exchange x = { .http = http, .request = request, .response = ret };
        struct curl_slist *headers = NULL;
        curl_off_t retry_after = 0;
        char *url = NULL;
        CURLcode code;
        long status = 0;

        *ret = (HttpResponse){};
        *http->why = 0;
        curl_easy_reset(http->curl); /* connections stay */
        /* What libcurl would add by itself, and registries do not understand. */
        headers = curl_slist_append(headers, "Expect:");
        strv_foreach(header, request->headers)
                headers = curl_slist_append(headers, *header);
        curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
        set_rest(http->curl, &x);
        set_method(http->curl, &x);
        code = set_tls(http, request->endpoint) < 0 ? CURLE_OUT_OF_MEMORY
                                                    : curl_easy_perform(http->curl);
        curl_slist_free_all(headers);
        curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &retry_after);
        curl_easy_getinfo(http->curl, CURLINFO_EFFECTIVE_URL, &url);
        ret->status = (int) status;
        ret->retry_after_s = retry_after;
        ret->url = url ? strdup(url) : NULL;
        ret->body_size = x.body.length;
        ret->body = str_take(&x.body);
        if (code == CURLE_OK && (!ret->body || !ret->url))
                code = CURLE_OUT_OF_MEMORY;
        if (code == CURLE_OK)
                return 0;
        http_response_clear(ret);
        return explain(&x, code, err);
}
