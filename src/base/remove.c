/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/remove.h"

#define THREADS_MAX 16 /* however many processors: they wait more than they work */
#define FEW         64 /* files that one thread removes by itself, and a piece of work otherwise */
#define PIECE_BYTES 4096
#define LIST_BYTES  8192
#define STACK_BYTES (64 << 10)
#define ROUNDS_MAX  16 /* of listing a directory in which something is left each time */

/* One that is being emptied.  It goes with the last thing in it. */
typedef struct Directory {
        struct Directory *above; /* NULL for what was asked for */
        int outer;               /* where that lies */
        int fd;
        int left;    /* things in it that are at work, its own listing among them */
        int rounds;  /* of listing */
        bool failed; /* something in it stays */
        char name[];
} Directory;

/* Some names to unlink, or a directory to list. */
typedef struct Piece {
        struct Piece *next;
        Directory *in;
        size_t n, used;
        char names[]; /* each with its NUL */
} Piece;

typedef struct Removal {
        pthread_mutex_t mutex; /* all of the following */
        pthread_cond_t changed;
        Piece *pieces; /* the newest first: depth before breadth, so that few directories are open
                        */
        size_t n_pieces, n_at_work;
        size_t n_seen; /* things that were listed so far */
        pthread_t threads[THREADS_MAX - 1];
        size_t n_threads;
        int error;
} Removal;

static void *work(void *context);

static void note_error(Removal *r, Directory *in, int code) {
        pthread_mutex_lock(&r->mutex);
        if (r->error == 0)
                r->error = code;
        for (Directory *d = in; d; d = d->above)
                d->failed = true;
        pthread_mutex_unlock(&r->mutex);
}

/* Signals are for the others. */
static void start_thread(Removal *r) {
        sigset_t all, before;
        pthread_attr_t attr;

        if (pthread_attr_init(&attr) != 0)
                return;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        if (pthread_attr_setstacksize(&attr, STACK_BYTES) == 0 &&
            pthread_create(&r->threads[r->n_threads], &attr, work, r) == 0)
                r->n_threads++;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attr);
}

static void push(Removal *r, Piece *piece) {
        pthread_mutex_lock(&r->mutex);
        piece->next = r->pieces;
        r->pieces = piece;
        r->n_pieces++;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->mutex);
}

/* True if others have enough to do, so that one had better work than hand out more. */
static bool is_well_supplied(Removal *r) {
        bool yes;

        pthread_mutex_lock(&r->mutex);
        yes = r->n_pieces >= THREADS_MAX;
        pthread_mutex_unlock(&r->mutex);
        return yes;
}

/* Return: true if something is left in it that is at work. */
static bool hold(Removal *r, Directory *d, int change) {
        bool yes;

        pthread_mutex_lock(&r->mutex);
        d->left += change;
        yes = d->left > 0;
        pthread_mutex_unlock(&r->mutex);
        return yes;
}

static void push_listing(Removal *r, Directory *d);

static int outer_of(const Directory *d) {
        return d->above ? d->above->fd : d->outer;
}

/* Removes what is empty; false if it is listed once more. */
static bool finish(Removal *r, Directory *d) {
        d->fd = close_fd(d->fd);
        if (unlinkat(outer_of(d), d->name, AT_REMOVEDIR) == 0 || errno == ENOENT || d->failed)
                return true;
        /* Names may escape who lists and removes at the same time (readdir(3)). */
        if (errno == ENOTEMPTY && ++d->rounds < ROUNDS_MAX) {
                d->left = 1;
                push_listing(r, d);
                return false;
        }
        note_error(r, d->above, -errno);
        return true;
}

/* One thing in it is done.  With the last one the directory goes, and so on upwards. */
static void let_go(Removal *r, Directory *d) {
        while (d && !hold(r, d, -1) && finish(r, d)) {
                Directory *above = d->above;

                free(d);
                d = above;
        }
}

/* Hands out its listing, which the caller has counted. */
static void push_listing(Removal *r, Directory *d) {
        Piece *piece = calloc(1, sizeof *piece);

        if (!piece) {
                note_error(r, d, -ENOMEM);
                let_go(r, d);
                return;
        }
        piece->in = d;
        push(r, piece);
}

static void push_directory(Removal *r, Directory *above, int outer, const char *name) {
        size_t n = strlen(name) + 1;
        Directory *d = malloc(sizeof *d + n);

        if (!d) {
                note_error(r, above, -ENOMEM);
                return;
        }
        *d = (Directory){ .above = above, .outer = outer, .fd = -EBADF, .left = 1 };
        memcpy(d->name, name, n);
        if (above)
                hold(r, above, 1);
        push_listing(r, d);
}

static void unlink_names(Removal *r, const Piece *piece) {
        const char *name = piece->names;

        for (size_t i = 0; i < piece->n; i++, name += strlen(name) + 1) {
                if (unlinkat(piece->in->fd, name, 0) == 0 || errno == ENOENT)
                        continue;
                if (errno == EISDIR)
                        push_directory(r, piece->in, -EBADF, name);
                else
                        note_error(r, piece->in, -errno);
        }
}

/* Somebody else's work, unless all have some. */
static void pass_on(Removal *r, Piece *piece) {
        if (is_well_supplied(r)) {
                unlink_names(r, piece);
                free(piece);
                return;
        }
        hold(r, piece->in, 1);
        push(r, piece);
}

static Piece *add_name(Removal *r, Directory *d, Piece *piece, const char *name) {
        size_t n = strlen(name) + 1;

        if (piece && (piece->n == FEW || piece->used + n > PIECE_BYTES)) {
                pass_on(r, piece);
                piece = NULL;
        }
        if (!piece) {
                piece = malloc(sizeof *piece + PIECE_BYTES);
                if (!piece) {
                        note_error(r, d, -ENOMEM);
                        return NULL;
                }
                *piece = (Piece){ .in = d };
        }
        memcpy(piece->names + piece->used, name, n);
        piece->used += n;
        piece->n++;
        return piece;
}

static bool is_dots(const char *name) {
        return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static void count(Removal *r, size_t n) {
        pthread_mutex_lock(&r->mutex);
        r->n_seen += n;
        pthread_mutex_unlock(&r->mutex);
}

static void list(Removal *r, Directory *d) {
        _Alignas(struct dirent64) char buffer[LIST_BYTES];
        Piece *piece = NULL;
        size_t seen = 0;
        ssize_t n;

        d->fd = openat(outer_of(d), d->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (d->fd < 0) {
                if (errno != ENOENT)
                        note_error(r, d, -errno);
                return;
        }
        while ((n = getdents64(d->fd, buffer, sizeof buffer)) > 0)
                for (ssize_t at = 0; at < n;) {
                        const struct dirent64 *entry = (const void *) (buffer + at);

                        at += entry->d_reclen;
                        seen++;
                        if (is_dots(entry->d_name))
                                continue;
                        if (entry->d_type == DT_DIR)
                                push_directory(r, d, -EBADF, entry->d_name);
                        else
                                piece = add_name(r, d, piece, entry->d_name);
                }
        if (n < 0)
                note_error(r, d, -errno);
        count(r, seen);
        if (piece) {
                unlink_names(r, piece);
                free(piece);
        }
}

static void *work(void *context) {
        Removal *r = context;

        pthread_mutex_lock(&r->mutex);
        while (r->pieces || r->n_at_work) {
                Piece *piece = r->pieces;

                if (!piece) {
                        pthread_cond_wait(&r->changed, &r->mutex);
                        continue;
                }
                r->pieces = piece->next;
                r->n_pieces--;
                r->n_at_work++;
                if (r->n_pieces && r->n_seen > FEW && r->n_threads < THREADS_MAX - 1)
                        start_thread(r);
                pthread_mutex_unlock(&r->mutex);

                if (piece->n)
                        unlink_names(r, piece);
                else
                        list(r, piece->in);
                let_go(r, piece->in);
                free(piece);

                pthread_mutex_lock(&r->mutex);
                r->n_at_work--;
        }
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->mutex);
        return NULL;
}

int tree_remove_large(int dir, const char *path) {
        Removal r = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

        if (unlinkat(dir, path, 0) == 0 || errno == ENOENT)
                return 0;
        if (errno != EISDIR)
                return -errno;

        push_directory(&r, NULL, dir, path);
        work(&r);
        for (size_t i = 0; i < r.n_threads; i++)
                pthread_join(r.threads[i], NULL);
        pthread_mutex_destroy(&r.mutex);
        pthread_cond_destroy(&r.changed);
        return r.error;
}
