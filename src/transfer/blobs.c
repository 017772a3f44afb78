/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/sendfile.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "store/layout.h"
#include "store/sandbox.h"
#include "transfer/blobs.h"
#include "transfer/ingest.h"

#define PIECE_SIZE  (256u << 10)
#define PIPE_SIZE   (1 << 20)
#define PARALLEL    6 /* where no network has a say in it */
#define PROGRESS_MS 100
#define LOCAL_TURN  8 /* pieces of a local file before the others are looked at */

/* One blob at work. */
typedef struct Work {
        Blob *blob;
        bool begun;

        /* In: the network's pipe or the blob's own file; @part is what it is written to. */
        int in, op;
        bool replied, in_ended;
        int part;
        char *path;
        int64_t have; /* bytes that were read, hashed, and are in @part */
        Digest digest;
        bool verified;

        /* Out: the helper that unpacks. */
        LayerDraft *draft;
        SandboxRun *run;
        SandboxJob job;
        HelperRequest request;
        TreeView view;
        TreeReport report;
        int feed;
        int64_t fed;
        bool unpacked;
} Work;

typedef struct Mover {
        const BlobMove *m;
        Work *works;
        char *buffer;
} Mover;

static void work_clear(Work *w) {
        sandbox_free(w->run);
        layer_draft_free(w->draft);
        close_fd(w->in);
        close_fd(w->part);
        close_fd(w->feed);
        free(w->path);
}

static void mover_clear(Mover *mover) {
        for (size_t i = 0; mover->works && i < mover->m->n; i++)
                work_clear(&mover->works[i]);
        free(mover->works);
        free(mover->buffer);
}

static const char *called(const Blob *b) {
        return *b->digest ? b->digest : "blob";
}

/* ------------------------------------------------------------------ beginning */

/* What an earlier try left is hashed first. */
static int hash_beginning(Mover *mover, Work *w, Err *err) {
        int64_t done = 0;

        while (done < w->have) {
                ssize_t n = pread(w->part, mover->buffer, PIECE_SIZE, done);

                if (n <= 0)
                        return fail(err, n < 0 ? errno : EIO, "cannot read '%s'", w->path);
                digest_add(&w->digest, mover->buffer, (size_t) n);
                done += n;
        }
        if (lseek(w->part, w->have, SEEK_SET) < 0)
                return fail(err, errno, "cannot go on with '%s'", w->path);
        return 0;
}

static int begin_part(Mover *mover, Work *w, Err *err) {
        Blob *b = w->blob;
        int r;

        /* A file that is only copied has nothing to go on with, and may be a scratch file of that
         * name. */
        w->part = ingest_open(mover->m->home, *b->digest && !b->local ? b->digest : NULL, &w->have,
                              &w->path, err);
        if (w->part < 0)
                return w->part;
        if (w->have > b->size || b->local) {
                if (ftruncate(w->part, 0) < 0)
                        return fail(err, errno, "cannot begin '%s'", w->path);
                w->have = 0;
        }
        r = hash_beginning(mover, w, err);
        if (w->have > 0)
                log_debug("going on with %s at byte %lld", b->digest, (long long) w->have);
        return r;
}

static int ask_remote(Mover *mover, Work *w, Err *err) {
        const BlobMove *m = mover->m;
        NetOp op = { .kind = (char *) "blob",
                     .repository = (char *) m->repository,
                     .digest = w->blob->digest,
                     .urls = (char **) w->blob->urls,
                     .size = w->blob->size,
                     .offset = w->have };
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        (void) fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
        w->in = ends[0];
        r = remote_send(m->remote, &op, ends[1], err);
        close_fd(ends[1]);
        w->op = op.id;
        return r;
}

static int begin_unpacking(Mover *mover, Work *w, Err *err) {
        int ends[2], r;

        r = layer_draft(mover->m->home, &w->draft, err);
        if (r < 0)
                return r;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return fail(err, errno, "cannot make a pipe");
        (void) fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE);
        w->feed = ends[1];
        w->view = (TreeView){ .upper = w->draft->diff, .work = w->draft->work };
        w->request = (HelperRequest){ .verb = (char *) "unpack",
                                      .dest = (char *) "/",
                                      .unpack_mode = UNPACK_LAYER,
                                      .digest = true };
        w->job = (SandboxJob){ .view = &w->view, .archive = ends[0], .request = &w->request };
        r = sandbox_start(&w->job, &w->run, err);
        close_fd(ends[0]);
        if (r >= 0 && fcntl(w->feed, F_SETFL, O_WRONLY | O_NONBLOCK) < 0)
                r = fail(err, errno, "cannot prepare a pipe");
        return r;
}

static bool layer_is_there(const Mover *mover, const Blob *b) {
        char chain[DIGEST_LENGTH + 1];
        autoptr(Layer) layer = NULL;

        if (!b->diff_id)
                return true;
        layer_chain_id(*b->parent ? b->parent : NULL, b->diff_id, chain);
        return layer_load(mover->m->home, chain, &layer, NULL) >= 0;
}

/* Takes the bytes from the layout, where the blob is already; nothing is written then. */
static int use_kept(Mover *mover, Work *w, Err *err) {
        autofree char *path = layout_blob_path(w->blob->digest);

        w->in = path ? openat(mover->m->home->data_fd, path, O_RDONLY | O_CLOEXEC) : -1;
        if (w->in < 0)
                return fail(err, errno, "cannot open the blob '%s'", w->blob->digest);
        w->blob->local = true;
        w->blob->offset = 0;
        return 0;
}

/* What was kept and has changed since is brought anew. */
static bool is_whole(const Home *home, const char *digest) {
        char found[DIGEST_LENGTH + 1];

        if (layout_hash_blob(home, digest, found) >= 0 && str_equal(found, digest))
                return true;
        log_debug("the blob %s is damaged", digest);
        layout_remove_blob(home, digest);
        return false;
}

/* -EAGAIN: another process is bringing it; asked again later. */
static int begin(Mover *mover, Work *w, Err *err) {
        Blob *b = w->blob;
        bool kept = *b->digest && !b->to_scratch && layout_has_blob(mover->m->home, b->digest);
        bool unpack = !layer_is_there(mover, b);
        int r;

        if (kept && unpack)
                kept = is_whole(mover->m->home, b->digest);

        if (kept && !unpack) {
                b->there = b->finished = w->begun = true;
                return 0;
        }
        digest_begin(&w->digest);
        if (kept) {
                r = use_kept(mover, w, err);
        } else {
                r = begin_part(mover, w, err);
                if (r >= 0 && b->local) {
                        w->in = fcntl(b->file, F_DUPFD_CLOEXEC, 3);
                        r = w->in < 0 ? fail(err, errno, "cannot read the blob") : 0;
                } else if (r >= 0 && w->have < b->size) {
                        r = ask_remote(mover, w, err);
                } else if (r >= 0) {
                        w->in_ended = w->replied = true;
                }
        }
        b->waiting = r == -EAGAIN;
        if (r < 0)
                return r;
        w->begun = true;
        b->arrived = w->have;
        fault_point("blob.begun");
        return unpack ? begin_unpacking(mover, w, err) : 0;
}

/* ------------------------------------------------------------------ moving */

/* Some bytes further; 0 if there are none now. */
static int read_more(Mover *mover, Work *w, Err *err) {
        Blob *b = w->blob;
        size_t room = PIECE_SIZE;
        ssize_t n;
        int r;

        if (b->local && (int64_t) room > b->size - w->have)
                room = (size_t) (b->size - w->have);
        n = b->local ? pread(w->in, mover->buffer, room, b->offset + w->have)
                     : read(w->in, mover->buffer, room);
        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0
                                                         : fail(err, errno, "cannot read a blob");
        if (n == 0) {
                w->in_ended = true;
                w->replied |= b->local;
                return 0;
        }
        if (n > b->size - w->have)
                return refuse(err, EBADMSG, "%s is longer than it should be", called(b));
        digest_add(&w->digest, mover->buffer, (size_t) n);
        r = w->part >= 0 ? fd_write_all(w->part, mover->buffer, (size_t) n) : 0;
        if (r < 0)
                return fail(err, r, "cannot write '%s/%s'", mover->m->home->data, w->path);
        w->have += n;
        b->arrived = w->have;
        if (b->local && w->have == b->size)
                w->in_ended = w->replied = true;
        return 1;
}

/* All bytes are there: are they the right ones? */
static int verify(Mover *mover, Work *w, Err *err) {
        Blob *b = w->blob;
        char found[DIGEST_LENGTH + 1];
        int r = 0;

        w->verified = true;
        if (w->have < b->size)
                return refuse(err, EBADMSG, "%s ended after %lld of %lld bytes", called(b),
                              (long long) w->have, (long long) b->size);
        digest_end(&w->digest, found);
        if (*b->digest && !str_equal(found, b->digest)) {
                if (w->path)
                        ingest_drop(mover->m->home, w->path);
                return refuse(err, EBADMSG, "the digest of what came is %s, not %s", found,
                              b->digest);
        }
        memcpy(b->digest, found, sizeof b->digest);
        if (w->path && b->to_scratch) {
                b->file = take_fd(w->part);
                b->scratch = take_ptr(w->path);
        } else if (w->path) {
                r = ingest_keep(mover->m->home, w->path, b->digest, err);
        }
        return r;
}

/* Gives the helper what it has room for. */
static int feed(Work *w, Err *err) {
        int from = w->part >= 0 ? w->part : w->in;
        off_t offset = (w->part >= 0 ? 0 : w->blob->offset) + w->fed;
        ssize_t n;

        if (w->fed == w->have) {
                if (w->verified)
                        w->feed = close_fd(w->feed);
                return 0;
        }
        n = sendfile(w->feed, from, &offset, (size_t) (w->have - w->fed));
        if (n < 0 && errno == EPIPE) {
                w->feed = close_fd(w->feed); /* it will say why */
                return 0;
        }
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0
                                                         : fail(err, errno, "cannot feed a blob");
        w->fed += n;
        w->blob->unpacked_bytes = w->fed;
        return 0;
}

static int finish_unpacking(Mover *mover, Work *w, Err *err) {
        Blob *b = w->blob;
        int r = sandbox_finish(w->run, &w->report, err);

        w->run = sandbox_free(w->run);
        w->feed = close_fd(w->feed);
        if (r < 0)
                return err_prefix(err, r, "cannot unpack the layer %.19s", called(b));
        if (!str_equal(w->report.digest, b->diff_id))
                return refuse(err, EBADMSG, "the layer %.19s holds %s, but the config says %s",
                              called(b), w->report.digest, b->diff_id);
        w->unpacked = true;
        return 0;
}

static int commit(Mover *mover, Work *w, Err *err) {
        Blob *b = w->blob;
        autoptr(Layer) layer = NULL;
        int r = 0;

        if (w->draft) {
                r = layer_commit_unpacked(w->draft, *b->parent ? b->parent : NULL, b->diff_id,
                                          w->report.size, b->digest, &layer, err);
                w->draft = layer_draft_free(w->draft);
        }
        b->finished = true;
        work_clear(w);
        *w = (Work){ .blob = b, .begun = true, .in = -EBADF, .part = -EBADF, .feed = -EBADF };
        return r;
}

static int hear_remote(Mover *mover, Err *err) {
        const BlobMove *m = mover->m;
        NetReply reply = {};
        int r = remote_receive(m->remote, &reply, err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < m->n; i++) {
                Work *w = &mover->works[i];

                if (!w->begun || w->blob->local || w->op != reply.id || w->replied)
                        continue;
                if (str_equal(reply.kind, "error"))
                        r = remote_error(&reply, err);
                else if (str_equal(reply.kind, "done"))
                        w->replied = true;
        }
        json_clear(&net_reply_type, &reply);
        return r;
}

/* ------------------------------------------------------------------ the loop */

static bool is_at_work(const Work *w) {
        return w->begun && !w->blob->finished;
}

static int begin_more(Mover *mover, bool *ret_waiting, Err *err) {
        int at_work = 0, most = mover->m->remote ? remote_parallel(mover->m->remote) : PARALLEL;

        *ret_waiting = false;
        for (size_t i = 0; i < mover->m->n; i++)
                at_work += is_at_work(&mover->works[i]);
        for (size_t i = 0; i < mover->m->n && at_work < most; i++) {
                Work *w = &mover->works[i];
                int r;

                if (w->begun)
                        continue;
                r = begin(mover, w, err);
                if (r == -EAGAIN) {
                        *ret_waiting = true;
                        continue;
                }
                if (r < 0)
                        return r;
                at_work += is_at_work(w);
        }
        return 0;
}

/* What one blob can do without waiting. */
static int advance(Mover *mover, Work *w, short in, short feed_events, short run, Err *err) {
        int r = 1;

        if (w->blob->local)
                for (int i = 0; i < LOCAL_TURN && r > 0 && !w->in_ended; i++)
                        r = read_more(mover, w, err);
        else if (in)
                r = read_more(mover, w, err);
        if (r >= 0 && w->in_ended && w->replied && !w->verified)
                r = verify(mover, w, err);
        if (r >= 0 && w->feed >= 0 && (feed_events || w->fed == w->have))
                r = feed(w, err);
        if (r >= 0 && w->run && run)
                r = finish_unpacking(mover, w, err);
        if (r >= 0 && w->verified && !w->run && (!w->draft || w->unpacked))
                r = commit(mover, w, err);
        return r;
}

typedef struct Polled {
        struct pollfd *fds;
        size_t n;
} Polled;

static short *watch(Polled *p, int fd, short events) {
        p->fds[p->n] = (struct pollfd){ .fd = fd, .events = events };
        return &p->fds[p->n++].revents;
}

/* One round: waits for something to happen and does what it allows. */
static int turn(Mover *mover, Polled *p, bool waiting, Err *err) {
        const BlobMove *m = mover->m;
        short *remote = NULL, nothing = 0;
        bool local = false;
        size_t at = 0;
        int r = 0;

        p->n = 0;
        if (m->remote)
                remote = watch(p, remote_fd(m->remote), POLLIN);
        for (size_t i = 0; i < m->n; i++) {
                Work *w = &mover->works[i];
                bool at_work = is_at_work(w);

                watch(p, at_work && !w->blob->local && !w->in_ended ? w->in : -1, POLLIN);
                watch(p, at_work && w->feed >= 0 && w->fed < w->have ? w->feed : -1, POLLOUT);
                watch(p, at_work && w->run ? sandbox_fd(w->run) : -1, POLLIN);
                local |= at_work && (w->blob->local ? !w->in_ended
                                                    : w->in_ended && !w->verified && w->replied);
        }
        if (poll(p->fds, p->n, local ? 0 : waiting ? PROGRESS_MS : 1000) < 0 && errno != EINTR)
                return fail(err, errno, "cannot wait for blobs");
        at = m->remote != NULL;
        for (size_t i = 0; i < m->n && r >= 0; i++, at += 3)
                if (is_at_work(&mover->works[i]))
                        r = advance(mover, &mover->works[i], p->fds[at].revents,
                                    p->fds[at + 1].revents, p->fds[at + 2].revents, err);
        if (r >= 0 && *(remote ? remote : &nothing))
                r = hear_remote(mover, err);
        if (m->progress)
                m->progress(m->context);
        return r;
}

static bool is_done(const BlobMove *m) {
        for (size_t i = 0; i < m->n; i++)
                if (!m->blobs[i].finished)
                        return false;
        return true;
}

/* A helper that ended is an error to be told, not a signal to die of. */
static int move_all(const BlobMove *move, Err *err) {
        __attribute__((__cleanup__(mover_clear))) Mover mover = { .m = move };
        autofree struct pollfd *fds = calloc(3 * move->n + 1, sizeof *fds);
        Polled polled = { .fds = fds };
        int r = 0;

        mover.works = calloc(move->n + 1, sizeof *mover.works);
        mover.buffer = malloc(PIECE_SIZE);
        if (!fds || !mover.works || !mover.buffer)
                return fail(err, ENOMEM, "cannot bring blobs");
        for (size_t i = 0; i < move->n; i++)
                mover.works[i] = (Work){
                        .blob = &move->blobs[i], .in = -EBADF, .part = -EBADF, .feed = -EBADF
                };
        while (r >= 0 && !is_done(move)) {
                bool waiting;

                r = begin_more(&mover, &waiting, err);
                if (r >= 0)
                        r = turn(&mover, &polled, waiting, err);
        }
        return r;
}

int blobs_move(const BlobMove *move, Err *err) {
        struct sigaction before;
        int r;

        sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, &before);
        r = move_all(move, err);
        sigaction(SIGPIPE, &before, NULL);
        return r;
}
