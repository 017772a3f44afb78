/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/str.h"
#include "oci/reference.h"
#include "transfer/dest_internal.h"

typedef struct RegistryDest {
        Dest dest;
        Remote *remote;
        char *registry, *repository, *reference;
} RegistryDest;

static void clear(Dest *dest) {
        RegistryDest *d = (RegistryDest *) dest;

        remote_free(d->remote);
        free(d->registry);
        free(d->repository);
        free(d->reference);
}

/* Several blobs on their way to the registry. */
typedef struct Sending {
        RegistryDest *to;
        const CopyJob *job;
        const OciDescriptor **wanted;
        Blob *blobs; /* for the watcher */
        int *ids;    /* of what each waits for an answer to, or -1 */
        size_t n, under_way;
} Sending;

static void watch(const Sending *s) {
        if (s->job->watcher->blobs)
                s->job->watcher->blobs(s->job->watcher->context, s->blobs, s->n);
}

/* Whether the registry has it, or can take it from another repository of its own. */
static int find_one(Sending *s, size_t i, Err *err) {
        NetOp op = { .kind = (char *) "find-blob",
                     .repository = s->to->repository,
                     .digest = s->wanted[i]->digest,
                     .from = (char *) source_mount_from(s->job->source, s->to->registry,
                                                        s->to->repository) };
        int r = remote_send(s->to->remote, &op, -EBADF, err);

        s->ids[i] = op.id;
        return r;
}

static int send_one(Sending *s, size_t i, Err *err) {
        const OciDescriptor *d = s->wanted[i];
        NetOp op = { .kind = (char *) "put-blob",
                     .repository = s->to->repository,
                     .digest = d->digest,
                     .size = d->size };
        BlobPlace place;
        int r;

        r = source_blob(s->job->source, d, &place, err);
        if (r < 0)
                return r;
        if (place.size != d->size)
                return refuse(err, EBADMSG, "the blob '%s' has %lld bytes, not %lld", d->digest,
                              (long long) place.size, (long long) d->size);
        op.offset = place.offset;
        op.from = (char *) source_mount_from(s->job->source, s->to->registry, s->to->repository);
        r = remote_send(s->to->remote, &op, place.file, err);
        s->ids[i] = op.id;
        return r;
}

/* An answer about one of the blobs: to the question whether it is there, or that it was sent. */
static int hear(Sending *s, bool sent, Err *err) {
        NetReply reply = {};
        int r = remote_receive(s->to->remote, &reply, err);

        for (size_t i = 0; i < s->n && r >= 0; i++) {
                Blob *b = &s->blobs[i];

                if (s->ids[i] != reply.id)
                        continue;
                if (str_equal(reply.kind, "error")) {
                        r = remote_error(&reply, err);
                } else if (str_equal(reply.kind, "progress")) {
                        b->arrived = reply.bytes;
                } else {
                        s->ids[i] = -1;
                        s->under_way--;
                        b->there = reply.found;
                        b->finished = sent || reply.found;
                        if (b->finished)
                                b->arrived = b->size;
                }
        }
        json_clear(&net_reply_type, &reply);
        return r;
}

/* Asks after, or sends, each blob that is not there yet; several at once. */
static int each(Sending *s, int (*begin)(Sending *s, size_t i, Err *err), bool sent, Err *err) {
        size_t most = (size_t) remote_parallel(s->to->remote), next = 0;
        int r = 0;

        for (size_t i = 0; i < s->n; i++)
                s->ids[i] = -1;
        s->under_way = 0;
        while (r >= 0) {
                for (; r >= 0 && next < s->n && s->under_way < most; next++) {
                        if (s->blobs[next].finished)
                                continue;
                        r = begin(s, next, err);
                        s->under_way += r >= 0;
                }
                if (r < 0 || s->under_way == 0)
                        break;
                r = hear(s, sent, err);
                watch(s);
        }
        return r;
}

/* What has to be fetched to be sent. */
static int prepare(Sending *s, Err *err) {
        autofree const OciDescriptor **missing = calloc(s->n + 1, sizeof *missing);
        size_t n = 0;

        if (!missing)
                return fail(err, ENOMEM, "cannot push");
        for (size_t i = 0; i < s->n; i++)
                if (!s->blobs[i].finished)
                        missing[n++] = s->wanted[i];
        return source_prepare(s->job->source, missing, n, &(Watcher){}, err);
}

static int put_image(Dest *dest, const CopyJob *job, Err *err) {
        RegistryDest *to = (RegistryDest *) dest;
        autofree const OciDescriptor **wanted = NULL;
        autofree Blob *blobs = NULL;
        autofree int *ids = NULL;
        Sending s = { .to = to, .job = job };
        int r;

        r = dest_blobs(job, &wanted, &s.n, err);
        if (r < 0)
                return r;
        blobs = calloc(s.n, sizeof *blobs);
        ids = calloc(s.n, sizeof *ids);
        if (!blobs || !ids)
                return fail(err, ENOMEM, "cannot push");
        for (size_t i = 0; i < s.n; i++) {
                memcpy(blobs[i].digest, wanted[i]->digest, sizeof blobs[i].digest);
                blobs[i].size = wanted[i]->size;
        }
        s.wanted = wanted;
        s.blobs = blobs;
        s.ids = ids;
        /* Nothing is fetched or packed in vain; what is here is asked after as it is sent. */
        r = source_takes_work(job->source) ? each(&s, find_one, false, err) : 0;
        if (r >= 0)
                r = prepare(&s, err);
        if (r >= 0)
                r = each(&s, send_one, true, err);
        if (job->watcher->done)
                job->watcher->done(job->watcher->context, blobs, s.n);
        return r;
}

static int put_as(RegistryDest *to, const Document *document, const char *reference, Err *err) {
        NetOp op = { .kind = (char *) "put-manifest",
                     .repository = to->repository,
                     .reference = (char *) reference,
                     .media_type = document->media_type,
                     .size = (int64_t) document->size };
        autoclose int memory = memfd_create("isola-manifest", MFD_CLOEXEC);
        NetReply reply = {};
        int r = memory < 0 ? -errno : fd_write_all(memory, document->text, document->size);

        if (r < 0)
                return fail(err, r, "cannot push the manifest");
        r = remote_call(to->remote, &op, memory, NULL, NULL, &reply, err);
        if (r < 0)
                return r;
        if (reply.digest && !str_equal(reply.digest, document->digest))
                r = refuse(err, EBADMSG, "the registry calls the manifest %s, but its digest is %s",
                           reply.digest, document->digest);
        json_clear(&net_reply_type, &reply);
        return r;
}

static int put_document(Dest *dest, const Document *document, Err *err) {
        return put_as((RegistryDest *) dest, document, document->digest, err);
}

static int name(Dest *dest, const Document *document, const CopyJob *last, char *const *names,
                Err *err) {
        RegistryDest *to = (RegistryDest *) dest;

        return put_as(to, document, to->reference ? to->reference : document->digest, err);
}

static const DestKind registry_kind = {
        .clear = clear,
        .put_image = put_image,
        .put_document = put_document,
        .name = name,
};

int dest_open_registry(const char *text, const PlaceOptions *place, Dest **ret, Err *err) {
        RegistryDest *to = calloc(1, sizeof *to);
        autoptr(Reference) ref = NULL;
        autoptr(Dest) dest = NULL;
        int r;

        if (!to)
                return fail(err, ENOMEM, "cannot push");
        to->dest.kind = &registry_kind;
        dest = &to->dest;
        r = reference_parse(text, &ref, err);
        if (r < 0)
                return r;
        if (reference_split(ref, &to->registry, &to->repository) < 0 ||
            str_set(&to->reference, ref->digest ? ref->digest : ref->tag) < 0)
                return fail(err, ENOMEM, "cannot push");
        r = place_open(to->registry, to->repository, NULL, place, &to->remote, err);
        if (r < 0)
                return r;
        *ret = take_ptr(dest);
        return 0;
}
