/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/str.h"
#include "cli/list_filter.h"
#include "cli/option.h"
#include "cli/ps_filter.h"
#include "engine/health.h"
#include "store/image.h"

typedef enum Key {
        KEY_ANCESTOR,
        KEY_BEFORE,
        KEY_EXITED,
        KEY_EXPOSE,
        KEY_HEALTH,
        KEY_ID,
        KEY_LABEL,
        KEY_NAME,
        KEY_NETWORK,
        KEY_PUBLISH,
        KEY_SINCE,
        KEY_STATUS,
        KEY_VOLUME,
        N_KEYS,
} Key;

static const char *const key_names[] = {
        [KEY_ANCESTOR] = "ancestor", [KEY_BEFORE] = "before", [KEY_EXITED] = "exited",
        [KEY_EXPOSE] = "expose",     [KEY_HEALTH] = "health", [KEY_ID] = "id",
        [KEY_LABEL] = "label",       [KEY_NAME] = "name",     [KEY_NETWORK] = "network",
        [KEY_PUBLISH] = "publish",   [KEY_SINCE] = "since",   [KEY_STATUS] = "status",
        [KEY_VOLUME] = "volume",     [N_KEYS] = NULL,
};

typedef struct Test {
        Key key;
        char *text;
        bool is_pattern;
        regex_t pattern;     /* of id and name */
        char *image_id;      /* of ancestor */
        const char *created; /* of before and since: that container's */
        Container *other;    /* owns created */
        struct Test *next;
} Test;

struct PsFilter {
        Test *tests;
        bool has[N_KEYS];
};

PsFilter *ps_filter_free(PsFilter *f) {
        Test *next;

        for (Test *t = f ? f->tests : NULL; t; t = next) {
                next = t->next;
                if (t->is_pattern)
                        regfree(&t->pattern);
                container_free(t->other);
                free(t->image_id);
                free(t->text);
                free(t);
        }
        free(f);
        return NULL;
}

static int read_status(const Test *t, Err *err) {
        for (ContainerStatus s = CONTAINER_CREATED; s <= CONTAINER_DEAD; s++)
                if (str_equal(container_status_name(s), t->text))
                        return 0;
        return refuse(err, EINVAL,
                      "filter 'status=%s': it is created, running, paused, restarting, exited or "
                      "dead",
                      t->text);
}

static int read_pattern(Test *t, Err *err) {
        if (regcomp(&t->pattern, t->text, REG_EXTENDED | REG_NOSUB) != 0)
                return refuse(err, EINVAL, "filter '%s=%s' is not a regular expression",
                              key_names[t->key], t->text);
        t->is_pattern = true;
        return 0;
}

/* An image that is not there any more may still be what a container was made of. */
static int read_ancestor(const Home *home, Test *t, Err *err) {
        autoptr(Image) image = NULL;

        if (image_load(home, t->text, &image, NULL) < 0)
                return 0;
        t->image_id = strdup(image->id);
        return t->image_id ? 0 : fail(err, ENOMEM, "cannot read filters");
}

static int read_value(const Home *home, Test *t, Err *err) {
        int r, ignored;

        switch (t->key) {
        case KEY_STATUS:
                return read_status(t, err);
        case KEY_HEALTH:
                if (str_equal(t->text, HEALTH_STARTING) || str_equal(t->text, HEALTH_HEALTHY) ||
                    str_equal(t->text, HEALTH_UNHEALTHY) || str_equal(t->text, "none"))
                        return 0;
                return refuse(err, EINVAL,
                              "filter 'health=%s': it is starting, healthy, unhealthy or none",
                              t->text);
        case KEY_ID:
        case KEY_NAME:
                return read_pattern(t, err);
        case KEY_EXITED:
                if (parse_int(t->text, 0, 255, &ignored) < 0)
                        return refuse(err, EINVAL, "filter 'exited=%s' is not an exit code",
                                      t->text);
                return 0;
        case KEY_ANCESTOR:
                return read_ancestor(home, t, err);
        case KEY_BEFORE:
        case KEY_SINCE:
                r = container_load(home, t->text, &t->other, err);
                if (r < 0)
                        return err_prefix(err, r, "filter '%s=%s'", key_names[t->key], t->text);
                t->created = t->other->created;
                return 0;
        default:
                return 0;
        }
}

static int unknown(const char *text, size_t length, Err *err) {
        autofree char *key = strndup(text, length);
        const char *near = key ? nearest_name(key, key_names) : NULL;
        int r = near ? refuse(err, EINVAL, "unknown filter '%s'; did you mean '%s'?", key, near)
                     : refuse(err, EINVAL, "unknown filter '%.*s'", (int) length, text);

        return err_hint(
                err, r,
                "filters are ancestor, before, exited, expose, health, id, label, name, network, "
                "publish, since, status, volume");
}

static int add_test(PsFilter *f, const Home *home, const char *text, Err *err) {
        size_t n = strcspn(text, "=");
        Test *t;
        int key = 0;

        if (!text[n])
                return refuse(err, EINVAL, "filter '%s' is not KEY=VALUE", text);
        while (key < N_KEYS &&
               (strlen(key_names[key]) != n || memcmp(key_names[key], text, n) != 0))
                key++;
        if (key == N_KEYS)
                return unknown(text, n, err);

        t = calloc(1, sizeof *t);
        if (!t)
                return fail(err, ENOMEM, "cannot read filters");
        t->key = (Key) key;
        t->next = f->tests;
        f->tests = t;
        f->has[key] = true;
        t->text = strdup(text + n + 1);
        return t->text ? read_value(home, t, err) : fail(err, ENOMEM, "cannot read filters");
}

int ps_filter_new(const Home *home, const char *const *texts, PsFilter **ret, Err *err) {
        autoptr(PsFilter) f = calloc(1, sizeof *f);

        if (!f)
                return fail(err, ENOMEM, "cannot read filters");
        strv_foreach(text, texts) {
                int r = add_test(f, home, *text, err);

                if (r < 0)
                        return r;
        }
        *ret = take_ptr(f);
        return 0;
}

bool ps_filter_wants_all(const PsFilter *f) {
        return f->has[KEY_STATUS] || f->has[KEY_EXITED];
}

/* ---- matching ---- */

static bool has_volume(const Container *c, const char *wanted) {
        for (size_t i = 0; i < c->host.n_mounts; i++)
                if (str_equal(c->host.mounts[i].source, wanted) ||
                    str_equal(c->host.mounts[i].target, wanted))
                        return true;
        return false;
}

/* "80", "80-90", "80/udp"; @port: "80/tcp". */
static bool is_port(const char *wanted, const char *port) {
        const char *protocol = strchr(wanted, '/'), *dash = strchr(wanted, '-');
        long first = strtol(wanted, NULL, 10), last = dash ? strtol(dash + 1, NULL, 10) : first;
        long number = strtol(port, NULL, 10);

        return number >= first && number <= last &&
               str_ends_with(port, protocol ? protocol : "/tcp");
}

static bool has_port(const Container *c, const char *wanted, bool published) {
        for (size_t i = 0; i < c->state.n_ports; i++)
                if (is_port(wanted, c->state.ports[i].port))
                        return true;
        strv_foreach(port, published ? NULL : c->config.exposed_ports)
                if (is_port(wanted, *port))
                        return true;
        return false;
}

static bool has_network(const Container *c, const char *wanted) {
        if (str_equal(c->host.network_mode, wanted))
                return true;
        for (size_t i = 0; i < c->state.n_networks; i++)
                if (str_equal(c->state.networks[i].network, wanted) ||
                    (strlen(wanted) >= 12 && str_after(c->state.networks[i].network_id, wanted)))
                        return true;
        return false;
}

static bool has_name(const Container *c, const Test *t) {
        autofree char *with_slash = str_format("/%s", c->name);

        return regexec(&t->pattern, c->name, 0, NULL, 0) == 0 ||
               (with_slash && regexec(&t->pattern, with_slash, 0, NULL, 0) == 0);
}

static bool has_exited(const Container *c, const char *code) {
        ContainerStatus status = container_status(c);

        return (status == CONTAINER_EXITED || status == CONTAINER_DEAD) &&
               c->state.exit_code == (int) strtol(code, NULL, 10);
}

static bool has_health(const Container *c, const char *wanted) {
        autohealth h = {};

        if (!health_is_wanted(c) || health_load(c, &h, NULL) < 0)
                return str_equal(wanted, "none");
        return str_equal(h.status, wanted);
}

static bool match(const Test *t, const Container *c) {
        switch (t->key) {
        case KEY_ANCESTOR:
                return str_equal(c->config.image, t->text) || str_equal(c->image, t->image_id);
        case KEY_BEFORE:
                return strcmp(c->created, t->created) < 0;
        case KEY_SINCE:
                return strcmp(c->created, t->created) > 0;
        case KEY_EXITED:
                return has_exited(c, t->text);
        case KEY_EXPOSE:
                return has_port(c, t->text, false);
        case KEY_PUBLISH:
                return has_port(c, t->text, true);
        case KEY_HEALTH:
                return has_health(c, t->text);
        case KEY_ID:
                return regexec(&t->pattern, c->id, 0, NULL, 0) == 0;
        case KEY_LABEL:
                return label_fits(c->config.labels, t->text);
        case KEY_NAME:
                return has_name(c, t);
        case KEY_NETWORK:
                return has_network(c, t->text);
        case KEY_STATUS:
                return str_equal(container_status_name(container_status(c)), t->text);
        case KEY_VOLUME:
                return has_volume(c, t->text);
        default:
                return true;
        }
}

bool ps_filter_match(const PsFilter *f, const Container *c) {
        bool met[N_KEYS] = {};

        for (const Test *t = f->tests; t; t = t->next) {
                bool yes = match(t, c);

                if (!yes && t->key == KEY_LABEL)
                        return false;
                met[t->key] = met[t->key] || yes;
        }
        for (int key = 0; key < N_KEYS; key++)
                if (f->has[key] && !met[key])
                        return false;
        return true;
}
