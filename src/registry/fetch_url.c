/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Files at URLs: what ADD and contexts of builds ask for.  No credentials go with it. */

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "registry/ops.h"

#define ERROR_MAX 4096

static int take_bytes(void *context, int status, const void *bytes, size_t n) {
        OpRun *run = context;
        int r;

        if (status != 200)
                return 0;
        if (run->op->size && run->reply->bytes + (int64_t) n > run->op->size)
                return -EFBIG;
        r = fd_write_all(run->fd, bytes, n);
        run->reply->bytes += r < 0 ? 0 : (int64_t) n;
        return r;
}

static int ask(OpRun *run, HttpResponse *ret, Err *err) {
        const HttpRequest request = { .endpoint = &run->client->setup->endpoints[0],
                                      .method = "GET",
                                      .url = run->op->text,
                                      .sink = take_bytes,
                                      .context = run,
                                      .max_body = ERROR_MAX };

        return http_perform(run->http, &request, ret, err);
}

int op_url(OpRun *run, Err *err) {
        const int retries = run->client->setup->retries;
        HttpResponse response = {};
        const char *modified;
        int r;

        for (int i = 0;; i++) {
                bool again;

                r = ask(run, &response, err);
                /* What was written cannot be taken back. */
                again = i < retries && run->reply->bytes == 0 &&
                        (r < 0 ? client_may_mend(r) : client_status_may_mend(response.status));
                if (!again)
                        break;
                client_wait(i, response.retry_after_s);
                http_response_clear(&response);
                err_clear(err);
        }
        if (r < 0)
                return err_prefix(err, r, "cannot fetch '%s'", run->op->text);
        if (response.status != 200) {
                r = refuse(err, response.status == 404 ? ENOENT : EREMOTEIO,
                           "cannot fetch '%s': the server answers %d", run->op->text,
                           response.status);
        } else {
                modified = http_header(&response, "last-modified");
                run->reply->modified = modified ? strdup(modified) : NULL;
        }
        http_response_clear(&response);
        return r;
}
