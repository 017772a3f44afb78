/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From a layer that is good for this boot to one that lasts. */

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "store/layer_internal.h"

#define THREADS_MAX 16 /* they wait for the disk, which takes many requests at once */

/* The layers that several threads mark, each taking the next one. */
typedef struct Marking {
        const Home *home;
        char *const *chain_ids;
        size_t n;
        pthread_mutex_t mutex; /* of the rest */
        size_t next;
        int error;
        Err *err;
} Marking;

/* What others left who were killed while they saved the record; the layout's lock is held. */
static void remove_half_written(int dir) {
        autostrv files = NULL;

        (void) dir_list(dir, ".", &files);
        strv_foreach(file, files)
                if (str_ends_with(*file, "~"))
                        (void) unlinkat(dir, *file, 0);
}

static int mark(const Home *home, const char *chain_id, Err *err) {
        autoptr(Layer) layer = NULL;
        bool synced;
        autoclose int dir = layer_open(home, chain_id, &layer, &synced);
        int r;

        if (dir < 0)
                return refuse(err, dir, "layer '%s' is gone", chain_id);
        if (synced)
                return 0;
        r = layer_save(layer, true, dir, err);
        if (r >= 0)
                remove_half_written(dir);
        return r;
}

static const char *next_of(Marking *m) {
        const char *id;

        pthread_mutex_lock(&m->mutex);
        id = m->next < m->n && m->error >= 0 ? m->chain_ids[m->next++] : NULL;
        pthread_mutex_unlock(&m->mutex);
        return id;
}

static void *mark_some(void *context) {
        Marking *m = context;
        const char *id;

        while ((id = next_of(m))) {
                autoerr why = {};
                int r = mark(m->home, id, &why);

                if (r >= 0)
                        continue;
                pthread_mutex_lock(&m->mutex);
                if (m->error >= 0)
                        m->error = refuse(m->err, r, "%s", why.message);
                pthread_mutex_unlock(&m->mutex);
        }
        return NULL;
}

/* Each waits for the disk once or twice: all of them together take as long as one. */
static int mark_all(Marking *m) {
        pthread_t threads[THREADS_MAX];
        size_t n = 0;

        while (n + 1 < m->n && n < THREADS_MAX - 1 &&
               pthread_create(&threads[n], NULL, mark_some, m) == 0)
                n++;
        mark_some(m);
        while (n > 0)
                pthread_join(threads[--n], NULL);
        return m->error;
}

/* Those that are not marked yet. */
static int find_unmarked(const Home *home, char *const *chain_ids, char ***ret, Err *err) {
        strv_foreach(id, chain_ids) {
                autoptr(Layer) layer = NULL;
                bool synced;
                autoclose int dir = layer_open(home, *id, &layer, &synced);

                if (dir < 0)
                        return refuse(err, dir, "layer '%s' is gone", *id);
                if (!synced && strv_add(ret, *id) < 0)
                        return fail(err, ENOMEM, "cannot sync the layers");
        }
        return 0;
}

bool layers_are_durable(const Home *home, char *const *chain_ids) {
        autostrv unmarked = NULL;
        autoerr ignored = {};

        return find_unmarked(home, chain_ids, &unmarked, &ignored) >= 0 && !unmarked;
}

int layer_make_durable(const Home *home, char *const *chain_ids, Err *err) {
        autostrv unmarked = NULL;
        Marking m = { .home = home, .mutex = PTHREAD_MUTEX_INITIALIZER, .err = err };

        if (syncfs(home->data_fd) < 0)
                return fail(err, errno, "cannot sync '%s'", home->data);
        m.error = find_unmarked(home, chain_ids, &unmarked, err);
        if (m.error < 0)
                return m.error;
        m.chain_ids = unmarked;
        m.n = strv_length(unmarked);
        return mark_all(&m);
}
