/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the verbs that look at or change a repository, without pulling, have in common. */

#include "oci/reference.h"
#include "transfer/document.h"
#include "transfer/place.h"

typedef struct RemoteImage {
        Reference *ref;
        char *registry, *repository;
        Remote *remote;
} RemoteImage;

/**
 * remote_image_open() - begin to talk to a name's registry
 * @name:	with or without "docker://" before it
 * @read:	it is to be read, where mirrors may stand in (transfer/place.h)
 */
int remote_image_open(const char *name, const PlaceOptions *place, bool read, RemoteImage *ret,
                      Err *err);
void remote_image_clear(RemoteImage *image);
#define autoremoteimage __attribute__((__cleanup__(remote_image_clear))) RemoteImage

/* What the name stands for: a manifest or an index. */
int remote_image_fetch(const RemoteImage *image, Document *ret, Err *err);
/* An index's manifest for a platform; NULL: this machine's. */
int remote_image_choose(const RemoteImage *image, const char *platform, const Document *index,
                        Document *ret, Err *err);
/* Of an index in @document, its manifest for a platform in its place. */
int remote_image_narrow(const RemoteImage *image, const char *platform, Document *document,
                        Err *err);
