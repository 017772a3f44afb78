/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <string.h>

#include "base/str.h"
#include "transfer/dest_internal.h"

Dest *dest_free(Dest *dest) {
        if (dest) {
                dest->kind->clear(dest);
                free(dest);
        }
        return NULL;
}

int dest_put_image(Dest *dest, const CopyJob *job, Err *err) {
        return dest->kind->put_image(dest, job, err);
}

int dest_put_document(Dest *dest, const Document *document, Err *err) {
        return dest->kind->put_document(dest, document, err);
}

int dest_name(Dest *dest, const Document *document, const CopyJob *last, char *const *names,
              Err *err) {
        return dest->kind->name(dest, document, last, names, err);
}

int dest_finish(Dest *dest, Err *err) {
        return dest->kind->finish ? dest->kind->finish(dest, err) : 0;
}

char *const *dest_ids(const Dest *dest) {
        return dest->ids;
}

int dest_blobs(const CopyJob *job, const OciDescriptor ***ret, size_t *ret_n, Err *err) {
        const OciManifest *m = job->manifest->said.manifest;
        const OciDescriptor **list = calloc(m->n_layers + 1, sizeof *list);
        size_t n = 0;

        if (!list)
                return fail(err, ENOMEM, "cannot list the blobs");
        for (size_t i = 0; i < m->n_layers; i++) {
                bool twice = false;

                for (size_t k = 0; k < n; k++)
                        twice |= str_equal(list[k]->digest, m->layers[i].digest);
                /* What may not be distributed stays where it is. */
                if (!twice && !media_type_is_foreign(m->layers[i].media_type))
                        list[n++] = &m->layers[i];
        }
        list[n++] = &m->config;
        *ret = list;
        *ret_n = n;
        return 0;
}
