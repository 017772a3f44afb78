/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/remote_image.h"
#include "base/str.h"
#include "oci/platform.h"

void remote_image_clear(RemoteImage *image) {
        reference_free(image->ref);
        free(image->registry);
        free(image->repository);
        remote_free(image->remote);
        *image = (RemoteImage){};
}

static const char *wanted(const RemoteImage *image) {
        return image->ref->digest ? image->ref->digest : image->ref->tag;
}

int remote_image_open(const char *name, const PlaceOptions *place, bool read, RemoteImage *ret,
                      Err *err) {
        const char *rest = str_after(name, "docker://");
        int r = reference_parse(rest ? rest : name, &ret->ref, err);

        if (r < 0)
                return r;
        if (reference_split(ret->ref, &ret->registry, &ret->repository) < 0)
                return fail(err, ENOMEM, "cannot ask the registry");
        return place_open(ret->registry, ret->repository, read ? wanted(ret) : NULL, place,
                          &ret->remote, err);
}

int remote_image_fetch(const RemoteImage *image, Document *ret, Err *err) {
        return document_fetch(image->remote, image->repository, wanted(image), ret, err);
}

static int get_entry(void *context, const OciDescriptor *d, Document *ret, Err *err) {
        const RemoteImage *image = context;

        return document_fetch(image->remote, image->repository, d->digest, ret, err);
}

int remote_image_choose(const RemoteImage *image, const char *text, const Document *index,
                        Document *ret, Err *err) {
        OciPlatform platform = {};
        int r;

        if (text)
                r = platform_parse(text, &platform, err);
        else
                r = platform_here(&platform) < 0 ? fail(err, ENOMEM, "cannot choose a platform")
                                                 : 0;
        if (r >= 0)
                r = document_choose(index->said.index, &platform, image->ref->name, get_entry,
                                    (void *) image, ret, err);
        platform_clear(&platform);
        return r;
}

int remote_image_narrow(const RemoteImage *image, const char *platform, Document *document,
                        Err *err) {
        Document one = {};
        int r;

        if (!document->said.index)
                return 0;
        r = remote_image_choose(image, platform, document, &one, err);
        if (r < 0)
                return r;
        document_free(document);
        *document = one;
        return 0;
}
