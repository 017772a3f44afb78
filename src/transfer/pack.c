/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <libdeflate.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <zstd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "oci/image.h"
#include "transfer/ingest.h"
#include "transfer/pack.h"

#define CHUNK_SIZE  (1u << 20)
#define GZIP_LEVEL  5 /* a third of gzip -6's time for the same size */
#define ZSTD_LEVEL  3 /* zstd's own */
#define THREADS_MAX 8

#define PACKED_VERSION 1

/* packed.json in a layer's directory */
typedef struct PackedRecord {
        int version;
        char *by, *digest;
        int64_t size;
} PackedRecord;

static const JsonField record_fields[] = {
        JSON_INT(PackedRecord, version, "version", JSON_REQUIRED),
        JSON_STRING(PackedRecord, by, "packedBy", JSON_REQUIRED),
        JSON_STRING(PackedRecord, digest, "digest", JSON_REQUIRED),
        JSON_I64(PackedRecord, size, "size", JSON_REQUIRED),
        {},
};
static const JsonType record_type = { sizeof(PackedRecord), record_fields };

/* One piece of the tar and what becomes of it. */
typedef struct Chunk {
        char *in, *out;
        size_t n, room, packed;
        struct libdeflate_compressor *gzip; /* one of these two */
        ZSTD_CCtx *zstd;
        pthread_t thread;
} Chunk;

typedef struct Packer {
        Packed *packed;
        Digest digest;
        const PackOptions *how;
        Chunk chunks[THREADS_MAX];
        size_t n_chunks, at; /* the one that is filled */
} Packer;

void packed_clear(Packed *packed) {
        close_fd(packed->file);
        free(packed->path);
        *packed = (Packed){ .file = -EBADF };
}

static int put(Packer *p, const void *bytes, size_t n) {
        digest_add(&p->digest, bytes, n);
        p->packed->size += (int64_t) n;
        return fd_write_all(p->packed->file, bytes, n);
}

int compression_levels(Compression compression) {
        return compression == COMPRESSION_ZSTD ? 22 : 12;
}

const char *compression_media_type(Compression compression) {
        return compression == COMPRESSION_ZSTD   ? OCI_MEDIA_ZSTD
               : compression == COMPRESSION_GZIP ? OCI_MEDIA_GZIP
                                                 : OCI_MEDIA_LAYER;
}

static void *compress_chunk(void *context) {
        Chunk *c = context;

        if (c->zstd) {
                size_t n = ZSTD_compress2(c->zstd, c->out, c->room, c->in, c->n);

                c->packed = ZSTD_isError(n) ? 0 : n;
        } else {
                c->packed = libdeflate_gzip_compress(c->gzip, c->in, c->n, c->out, c->room);
        }
        return NULL;
}

/* Compresses the chunks that are filled, each in a thread, and writes them in their order. */
static int flush(Packer *p) {
        size_t n = p->at + (p->at < p->n_chunks && p->chunks[p->at].n > 0);
        bool threaded[THREADS_MAX] = {};
        int r = 0;

        for (size_t i = 1; i < n; i++)
                threaded[i] = pthread_create(&p->chunks[i].thread, NULL, compress_chunk,
                                             &p->chunks[i]) == 0;
        for (size_t i = 0; i < n; i++) {
                if (threaded[i])
                        pthread_join(p->chunks[i].thread, NULL);
                else
                        compress_chunk(&p->chunks[i]);
        }
        for (size_t i = 0; i < n; i++) {
                if (r >= 0)
                        r = p->chunks[i].packed ? put(p, p->chunks[i].out, p->chunks[i].packed)
                                                : -EIO;
                p->chunks[i].n = 0;
        }
        p->at = 0;
        return r;
}

static int take(void *context, const void *bytes, size_t n) {
        Packer *p = context;

        if (p->how->compression == COMPRESSION_NONE)
                return put(p, bytes, n);
        while (n > 0) {
                Chunk *c = &p->chunks[p->at];
                size_t piece = CHUNK_SIZE - c->n < n ? CHUNK_SIZE - c->n : n;

                memcpy(c->in + c->n, bytes, piece);
                c->n += piece;
                bytes = (const char *) bytes + piece;
                n -= piece;
                if (c->n == CHUNK_SIZE && ++p->at == p->n_chunks) {
                        int r = flush(p);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static int prepare_chunk(Chunk *c, const PackOptions *how) {
        if (how->compression == COMPRESSION_ZSTD) {
                c->zstd = ZSTD_createCCtx();
                if (!c->zstd ||
                    ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel,
                                                        how->level ? how->level : ZSTD_LEVEL)))
                        return -ENOMEM;
                c->room = ZSTD_compressBound(CHUNK_SIZE);
        } else {
                c->gzip = libdeflate_alloc_compressor(how->level ? how->level : GZIP_LEVEL);
                if (!c->gzip)
                        return -ENOMEM;
                c->room = libdeflate_gzip_compress_bound(c->gzip, CHUNK_SIZE);
        }
        c->in = malloc(CHUNK_SIZE);
        c->out = malloc(c->room);
        return c->in && c->out ? 0 : -ENOMEM;
}

static int prepare(Packer *p) {
        cpu_set_t set;

        p->n_chunks = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t) CPU_COUNT(&set) : 1;
        if (p->n_chunks > THREADS_MAX)
                p->n_chunks = THREADS_MAX;
        for (size_t i = 0; i < p->n_chunks; i++) {
                int r = prepare_chunk(&p->chunks[i], p->how);

                if (r < 0)
                        return r;
        }
        return 0;
}

static void packer_clear(Packer *p) {
        for (size_t i = 0; i < p->n_chunks; i++) {
                libdeflate_free_compressor(p->chunks[i].gzip);
                ZSTD_freeCCtx(p->chunks[i].zstd);
                free(p->chunks[i].in);
                free(p->chunks[i].out);
        }
}

static int pack(const Layer *layer, Packer *p, Err *err) {
        bool compress = p->how->compression != COMPRESSION_NONE;
        int r = compress ? prepare(p) : 0;

        if (r < 0)
                return fail(err, r, "cannot pack the layer '%s'", layer->chain_id);
        r = layer_write_tar(layer, take, p, err);
        if (r >= 0 && compress) {
                r = flush(p);
                if (r < 0)
                        return fail(err, r, "cannot pack the layer '%s'", layer->chain_id);
        }
        return r;
}

static char *record_path(const Layer *layer) {
        return str_format("layers/%s/packed.json", digest_hex(layer->chain_id));
}

/* Everything that the bytes depend on besides the tar. */
static char *packed_by(const PackOptions *how) {
        bool zstd = how->compression == COMPRESSION_ZSTD;

        return str_format("%s %s, level %d, pieces of %u", zstd ? "zstd" : "libdeflate",
                          zstd ? ZSTD_versionString() : LIBDEFLATE_VERSION_STRING,
                          how->level ? how->level
                          : zstd     ? ZSTD_LEVEL
                                     : GZIP_LEVEL,
                          CHUNK_SIZE);
}

bool pack_remembered(const Home *home, const Layer *layer, const PackOptions *how,
                     char ret_digest[DIGEST_LENGTH + 1], int64_t *ret_size) {
        autofree char *path = record_path(layer), *by = packed_by(how);
        PackedRecord record = {};
        bool known;

        if (!path || !by || json_load(&record_type, home->data_fd, path, &record, NULL) < 0)
                return false;
        known = record.version == PACKED_VERSION && str_equal(record.by, by) &&
                digest_is_valid(record.digest) && record.size > 0;
        if (known) {
                memcpy(ret_digest, record.digest, DIGEST_LENGTH + 1);
                *ret_size = record.size;
        }
        json_clear(&record_type, &record);
        return known;
}

void pack_forget(const Home *home, const Layer *layer) {
        autofree char *path = record_path(layer);

        if (path)
                (void) unlinkat(home->data_fd, path, 0);
}

static void remember(const Home *home, const Layer *layer, const PackOptions *how,
                     const Packed *packed) {
        autofree char *path = record_path(layer), *by = packed_by(how);
        const PackedRecord record = { PACKED_VERSION, by, (char *) packed->digest, packed->size };
        int r = path && by ? json_save(&record_type, home->data_fd, path, &record, false, NULL)
                           : -ENOMEM;

        if (r < 0)
                log_debug("cannot remember how layer '%s' was packed: %s", layer->chain_id,
                          strerror(-r));
}

int pack_layer(const Home *home, const Layer *layer, const PackOptions *how, Packed *ret,
               Err *err) {
        Packed packed = { .file = -EBADF };
        Packer packer = { .packed = &packed, .how = how };
        int64_t have;
        int r;

        packed.file = ingest_open(home, NULL, &have, &packed.path, err);
        if (packed.file < 0)
                return packed.file;
        digest_begin(&packer.digest);
        r = pack(layer, &packer, err);
        packer_clear(&packer);
        if (r < 0) {
                ingest_drop(home, packed.path);
                packed_clear(&packed);
                return r;
        }
        digest_end(&packer.digest, packed.digest);
        if (how->compression != COMPRESSION_NONE)
                remember(home, layer, how, &packed);
        *ret = packed;
        return 0;
}
