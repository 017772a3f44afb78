/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "registry/challenge.h"
#include "registry/ops.h"

#define PAGE_MAX   (4u << 20)
#define ITEMS_MAX  1000000
#define PAGE_ITEMS 1000

/* Answers of a registry, and of the Hub's search. */
typedef struct Page {
        char **tags, **repositories;
        NetListItem *results;
        size_t n_results;
} Page;

static const JsonField result_fields[] = {
        JSON_STRING(NetListItem, name, "name", JSON_REQUIRED),
        JSON_STRING(NetListItem, description, "description"),
        JSON_I64(NetListItem, stars, "star_count"),
        JSON_BOOL(NetListItem, official, "is_official"),
        {},
};
static const JsonType result_type = { sizeof(NetListItem), result_fields };
static const JsonField page_fields[] = {
        JSON_STRINGS(Page, tags, "tags"),
        JSON_STRINGS(Page, repositories, "repositories"),
        JSON_ARRAY(Page, results, NetListItem, "results", &result_type),
        {},
};
static const JsonType page_type = { sizeof(Page), page_fields };

static bool is_full(const OpRun *run, const NetList *list) {
        size_t most = run->op->limit > 0 ? (size_t) run->op->limit : ITEMS_MAX;

        return list->n_items >= most;
}

static int add_names(const OpRun *run, char *const *names, NetList *list) {
        strv_foreach(name, names) {
                NetListItem *item;

                if (is_full(run, list))
                        return 0;
                if (run->op->text && !strstr(*name, run->op->text))
                        continue;
                item = json_grow(&list->items, &list->n_items, sizeof *item);
                if (!item)
                        return -ENOMEM;
                item->name = strdup(*name);
                if (!item->name)
                        return -ENOMEM;
        }
        return 0;
}

static int add_results(const OpRun *run, Page *page, NetList *list) {
        for (size_t i = 0; i < page->n_results && !is_full(run, list); i++) {
                NetListItem *item = json_grow(&list->items, &list->n_items, sizeof *item);

                if (!item)
                        return -ENOMEM;
                *item = page->results[i];
                page->results[i] = (NetListItem){};
        }
        return 0;
}

/* One page; @ret_next: the URL of the one after it, or NULL.  1 if there was one. */
static int ask_page(OpRun *run, const char *path, const char *url, const char *scope,
                    const char *what, NetList *list, char **ret_next, Err *err) {
        size_t last = run->client->setup->n_endpoints - 1;
        ClientRequest q = {
                .method = "GET", .path = path, .url = url, .scope = scope, .max_body = PAGE_MAX
        };
        HttpResponse response = {};
        autofree char *link = NULL;
        const char *header;
        Page page = {};
        int r;

        r = client_ask(run->client, last, run->http, &q, &response, err);
        if (r < 0)
                return op_cannot_ask(run, r, err);
        if (response.status == 200)
                r = json_parse(&page_type, response.body, response.body_size, what, &page, err);
        else
                r = client_refused(run->client, &response, what, err);
        if (r >= 0)
                r = add_names(run, page.tags ? page.tags : page.repositories, list);
        if (r >= 0)
                r = add_results(run, &page, list);
        json_clear(&page_type, &page);
        header = http_header(&response, "link");
        link = header ? link_next(header) : NULL;
        *ret_next = link ? client_location(&response, link) : NULL;
        http_response_clear(&response);
        return r == -ENOMEM ? fail(err, r, "cannot list") : r;
}

static int ask_all(OpRun *run, const char *path, const char *scope, const char *what, NetList *list,
                   Err *err) {
        autofree char *url = NULL;

        /* A link that leads in circles ends with the most items there may be, or here. */
        for (int pages = 0; pages < ITEMS_MAX / PAGE_ITEMS; pages++) {
                char *next = NULL;
                int r = ask_page(run, path, url, scope, what, list, &next, err);

                free(url);
                url = next;
                if (r < 0 || !url || is_full(run, list))
                        return r;
        }
        return refuse(err, EBADMSG, "the registry's list does not end");
}

static int write_list(OpRun *run, NetList *list, Err *err) {
        autofree char *text = json_text(&net_list_type, list);
        int r = text ? fd_write_all(run->fd, text, strlen(text)) : -EBADMSG;

        run->reply->bytes = text ? (int64_t) strlen(text) : 0;
        json_clear(&net_list_type, list);
        return r < 0 ? fail(err, r, "cannot keep the registry's list") : 0;
}

int op_tags(OpRun *run, Err *err) {
        autofree char *path = str_format("%s/tags/list?n=%d", run->op->repository, PAGE_ITEMS);
        autofree char *scope = op_scope(run->op->repository, "pull");
        autofree char *what = str_format("tags of '%s'", run->op->repository);
        NetList list = {};
        int r;

        if (!path || !scope || !what)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = ask_all(run, path, scope, what, &list, err);
        if (r < 0) {
                json_clear(&net_list_type, &list);
                return r;
        }
        return write_list(run, &list, err);
}

int op_catalog(OpRun *run, Err *err) {
        NetList list = {};
        char path[64];
        int r;

        snprintf(path, sizeof path, "_catalog?n=%d", PAGE_ITEMS);
        r = ask_all(run, path, "registry:catalog:*", "its repositories", &list, err);
        if (r < 0) {
                json_clear(&net_list_type, &list);
                return r;
        }
        return write_list(run, &list, err);
}

/* Docker's search where the registry has it; else its repositories are looked through. */
int op_search(OpRun *run, Err *err) {
        autofree char *escaped = http_escape(run->op->text ? run->op->text : ""), *path = NULL;
        autoerr why = {};
        NetList list = {};
        int r;

        path = escaped ? str_format("/v1/search?q=%s&n=%d", escaped,
                                    run->op->limit > 0 && run->op->limit < 100 ? run->op->limit
                                                                               : 100)
                       : NULL;
        if (!path)
                return fail(err, ENOMEM, "cannot ask the registry");
        r = ask_all(run, path, "", "search", &list, &why);
        if (r >= 0)
                return write_list(run, &list, err);
        json_clear(&net_list_type, &list);
        if (r == -ENOENT || r == -EOPNOTSUPP)
                return op_catalog(run, err);
        return refuse(err, r, "%s", why.message);
}
