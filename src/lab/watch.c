/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "lab/watch_internal.h"

#define LAB_FILES    (IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR)
#define STATUS_FILES (IN_MODIFY | IN_CREATE | IN_ONLYDIR)

int watch_tell(WatchedLab *l, const char *type, const char *action, const char *name,
               const char *format, ...) {
        const LabWatch *o = l->watch->options;
        LabEvent e = { .time_ns = clock_now_ns(),
                       .type = type,
                       .action = action,
                       .lab = l->name,
                       .name = name ? name : "" };
        autofree char *words = NULL;
        autostrv attributes = NULL;
        va_list ap;

        if (l->watch->quiet)
                return 0;
        if (format) {
                va_start(ap, format);
                if (vasprintf(&words, format, ap) < 0)
                        words = NULL;
                va_end(ap);
                if (!words || strv_split(words, "\n", true, &attributes) < 0)
                        return -ENOMEM;
        }
        e.attributes = attributes;
        return o->tell(&e, o->context);
}

/* ---- what is waited for ---- */

int watch_source(Watch *w, Source *s, SourceKind kind, int fd, WatchedLab *l, WatchedNode *n) {
        struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = s } };

        *s = (Source){ kind, fd, l, n };
        if (fd < 0)
                return 0;
        return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void watch_source_close(Source *s) {
        s->fd = close_fd(s->fd);
}

/* ---- labs ---- */

static WatchedLab *find_lab(const Watch *w, const char *name) {
        for (size_t i = 0; i < w->n_labs; i++)
                if (str_equal(w->labs[i]->name, name))
                        return w->labs[i];
        return NULL;
}

static void watch_containers(Watch *w) {
        autofree char *path = str_format("%s/containers", w->home->run);

        if (path && w->containers < 0)
                w->containers =
                        inotify_add_watch(w->inotify, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

/* Directories are watched before they are looked at: nothing is missed in between. */
static void watch_files(WatchedLab *l) {
        Watch *w = l->watch;
        autofree char *path = str_format("%s/labs/%s", w->home->run, l->name),
                      *status = str_format("%s/labs/%s/status", w->home->run, l->name);

        if (path)
                l->files = inotify_add_watch(w->inotify, path, LAB_FILES);
        if (status)
                l->status = inotify_add_watch(w->inotify, status, STATUS_FILES);
}

static bool is_wanted(const Watch *w, const char *name) {
        return !w->options->labs || strv_has(w->options->labs, name);
}

static int add_lab(Watch *w, const char *name) {
        WatchedLab *l = find_lab(w, name), **place;

        if (!is_wanted(w, name))
                return 0;
        if (!l) {
                l = calloc(1, sizeof *l);
                place = l ? json_grow(&w->labs, &w->n_labs, sizeof *place) : NULL;
                if (!place) {
                        free(l);
                        return -ENOMEM;
                }
                *l = (WatchedLab){ .watch = w,
                                   .name = strdup(name),
                                   .files = -1,
                                   .status = -1,
                                   .keeper = { .fd = -EBADF } };
                *place = l;
        }
        l->gone = false;
        watch_containers(w);
        watch_files(l);
        return l->name ? watch_look(l) : -ENOMEM;
}

static void free_lab(WatchedLab *l) {
        watch_forget(l);
        free(l->name);
        free(l);
}

/* ---- files ---- */

static int heard_of_lab(WatchedLab *l, const struct inotify_event *e) {
        int r = 0;

        watch_containers(l->watch);
        if (l->status < 0)
                watch_files(l);
        if (e->len > 0 && str_after(e->name, "cut-"))
                return watch_look_at_cuts(l);
        /* The directory goes when all else has. */
        if ((e->mask & (IN_DELETE_SELF | IN_IGNORED)) ||
            (e->len > 0 && str_equal(e->name, "state.json")))
                r = watch_look(l);
        if (e->mask & IN_IGNORED)
                l->files = -1;
        return r;
}

static int heard_of_status(WatchedLab *l, const char *node) {
        for (size_t i = 0; i < l->n_nodes; i++)
                if (str_equal(l->nodes[i]->name, node))
                        return watch_node_command(l, l->nodes[i]);
        return 0;
}

static int heard_of_container(WatchedLab *l, int number) {
        for (size_t i = 0; i < l->n_nodes; i++)
                if (l->nodes[i]->container_files == number)
                        return watch_node_command(l, l->nodes[i]);
        return 0;
}

/* The directory of one that is started again is another one. */
static int heard_of_containers(WatchedLab *l, const char *id) {
        for (size_t i = 0; l->now && i < l->n_nodes; i++) {
                ssize_t at = topology_find_node(l->now->topology, l->nodes[i]->name);

                if (at >= 0 && str_equal(l->now->state.nodes[at].container, id))
                        return watch_node_command(l, l->nodes[i]);
        }
        return 0;
}

static int look_at_all(Watch *w) {
        autostrv names = NULL;
        int r = dir_list(w->home->run_fd, "labs", &names);

        strv_foreach(name, names)
                if (r >= 0)
                        r = add_lab(w, *name);
        for (size_t i = 0; r >= 0 && i < w->n_labs; i++)
                r = watch_look(w->labs[i]);
        return r == -ENOENT ? 0 : r;
}

static int heard(Watch *w, const struct inotify_event *e) {
        int r = 0;

        if (e->mask & IN_Q_OVERFLOW)
                return look_at_all(w);
        if (e->wd == w->directory)
                return e->len > 0 && (e->mask & (IN_CREATE | IN_MOVED_TO)) ? add_lab(w, e->name)
                                                                           : 0;
        for (size_t i = 0; r >= 0 && i < w->n_labs; i++) {
                WatchedLab *l = w->labs[i];

                if (e->wd == w->containers)
                        r = e->len > 0 ? heard_of_containers(l, e->name) : 0;
                else if (e->wd == l->files)
                        r = heard_of_lab(l, e);
                else if (e->wd == l->status && (e->mask & IN_IGNORED))
                        l->status = -1;
                else if (e->wd == l->status)
                        r = e->len > 0 ? heard_of_status(l, e->name) : 0;
                else
                        r = heard_of_container(l, e->wd);
        }
        return r;
}

static int read_files(Watch *w) {
        _Alignas(struct inotify_event) char buffer[16384];
        ssize_t n = read(w->inotify, buffer, sizeof buffer);
        int r = n < 0 && errno != EAGAIN && errno != EINTR ? -errno : 0;

        for (ssize_t at = 0; r >= 0 && at < n;) {
                const struct inotify_event *e = (const struct inotify_event *) (buffer + at);

                r = heard(w, e);
                at += (ssize_t) (sizeof *e + e->len);
        }
        return r;
}

/* ---- the loop ---- */

static int serve(Watch *w, const Source *s) {
        switch (s->kind) {
        case SOURCE_FILES:
                return read_files(w);
        case SOURCE_STOP:
                return 1;
        case SOURCE_PROCESS:
                return watch_node_ended(s->lab, s->node);
        case SOURCE_CONTAINER:
                return watch_node_command(s->lab, s->node);
        case SOURCE_LINKS:
                return watch_node_links(s->lab, s->node);
        case SOURCE_CHECK:
                return watch_node_check(s->lab, s->node);
        case SOURCE_KEEPER:
                return watch_keeper_ended(s->lab);
        }
        return 0;
}

static int64_t next_check_ms(const Watch *w) {
        int64_t next = INT64_MAX;

        for (size_t i = 0; i < w->n_labs; i++)
                for (size_t k = 0; k < w->labs[i]->n_nodes; k++) {
                        int64_t due = watch_node_due_ms(w->labs[i]->nodes[k]);

                        next = due < next ? due : next;
                }
        return next;
}

static int check_due(Watch *w) {
        int64_t now = clock_monotonic_ms();
        int r = 0;

        for (size_t i = 0; r >= 0 && i < w->n_labs; i++)
                for (size_t k = 0; r >= 0 && k < w->labs[i]->n_nodes; k++)
                        if (watch_node_due_ms(w->labs[i]->nodes[k]) <= now)
                                r = watch_node_check(w->labs[i], w->labs[i]->nodes[k]);
        return r;
}

/* Labs that were named, and are all gone. */
static bool is_over(const Watch *w) {
        size_t gone = 0;

        for (size_t i = 0; i < w->n_labs; i++)
                gone += w->labs[i]->gone;
        return w->options->labs && gone == strv_length(w->options->labs);
}

/* One at a time: what is served may close the others. */
static int run(Watch *w) {
        int r = 0;

        while (r == 0 && !is_over(w)) {
                int64_t now = clock_monotonic_ms(), end = w->options->end_ms,
                        next = next_check_ms(w);
                struct epoll_event event;
                int n;

                if (end >= 0 && now >= end)
                        break;
                if (end >= 0 && end < next)
                        next = end;
                n = epoll_wait(w->epoll, &event, 1,
                               next == INT64_MAX    ? -1
                               : next <= now        ? 0
                               : next - now > 60000 ? 60000
                                                    : (int) (next - now));
                if (n < 0 && errno != EINTR)
                        return -errno;
                r = n > 0 ? serve(w, event.data.ptr) : check_due(w);
        }
        return r < 0 ? r : 0;
}

static int begin(Watch *w, Source *files, Source *stop) {
        autofree char *path = str_format("%s/labs", w->home->run);
        int r = path ? dir_make(w->home->run_fd, "labs", 0700) : -ENOMEM;

        if (r < 0)
                return r;
        w->directory = inotify_add_watch(w->inotify, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
        if (w->directory < 0)
                return -errno;
        r = watch_source(w, files, SOURCE_FILES, w->inotify, NULL, NULL);
        if (r >= 0)
                r = watch_source(w, stop, SOURCE_STOP, w->options->stop, NULL, NULL);
        w->quiet = !w->options->initial;
        if (r >= 0)
                r = look_at_all(w);
        w->quiet = false;
        return r;
}

int lab_watch(const Home *home, const LabWatch *options, Err *err) {
        autoclose int epoll = epoll_create1(EPOLL_CLOEXEC),
                      inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        Watch w = { .home = home,
                    .options = options,
                    .epoll = epoll,
                    .inotify = inotify,
                    .containers = -1,
                    .err = err };
        Source files, stop;
        int r = epoll < 0 || inotify < 0 ? -errno : begin(&w, &files, &stop);

        if (r >= 0)
                r = run(&w);
        for (size_t i = 0; i < w.n_labs; i++)
                free_lab(w.labs[i]);
        free(w.labs);
        return r < 0 && !err->message ? fail(err, r, "cannot watch labs") : r;
}
