/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/str.h"
#include "transfer/conf.h"
#include "transfer/remote.h"
#include "transfer/url.h"

int url_is_http(const char *word) {
        return strncasecmp(word, "http://", 7) == 0 || strncasecmp(word, "https://", 8) == 0;
}

/* RFC 9110, "IMF-fixdate": "Sun, 06 Nov 1994 08:49:37 GMT". */
static int64_t read_date(const char *text) {
        struct tm tm = {};

        return text && strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) ? (int64_t) timegm(&tm) : 0;
}

int url_fetch(const char *url, int file, int64_t max_bytes, int64_t *ret_modified, Err *err) {
        const char *host = strstr(url, "://");
        autofree char *base = NULL, *name = NULL;
        NetEndpoint endpoint = { .prefix = (char *) "", .verify = true };
        NetSetup setup = { .endpoints = &endpoint, .n_endpoints = 1, .parallel = 1 };
        NetOp op = { .kind = (char *) "url", .text = (char *) url, .size = max_bytes };
        autoptr(Remote) remote = NULL;
        NetReply reply = {};
        autoconf conf = {};
        int r;

        if (!url_is_http(url))
                return refuse(err, EINVAL, "'%s' is no http or https URL", url);
        r = conf_load(&conf, err);
        if (r < 0)
                return r;
        host += strlen("://");
        name = strndup(host, strcspn(host, "/?#"));
        base = strndup(url, (size_t) (host - url) + strcspn(host, "/?#"));
        if (!name || !base)
                return fail(err, ENOMEM, "cannot fetch '%s'", url);
        setup.registry = name;
        endpoint.base = base;
        setup.stall_ms = conf.stall_ms;
        setup.retries = conf.retries;
        r = remote_open(&setup, &remote, err);
        if (r >= 0)
                r = remote_call(remote, &op, file, NULL, NULL, &reply, err);
        if (r >= 0)
                *ret_modified = read_date(reply.modified);
        json_clear(&net_reply_type, &reply);
        return r;
}
