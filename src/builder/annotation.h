/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * --annotation [WHERE,…:]NAME=VALUE
 *
 * WHERE is manifest (the default), index, manifest-descriptor or index-descriptor, and may name one
 * platform: manifest[linux/arm64].  A descriptor's annotations are where the manifest is named: in
 * the index, or in the index.json of a layout that is written out.
 */

#include "oci/image.h"

typedef enum AnnotationPlace {
        ANNOTATE_MANIFEST,
        ANNOTATE_INDEX,
        ANNOTATE_MANIFEST_DESCRIPTOR,
        ANNOTATE_INDEX_DESCRIPTOR,
} AnnotationPlace;

typedef struct Annotation {
        AnnotationPlace place;
        OciPlatform platform; /* architecture NULL: all */
        char *pair;           /* "NAME=VALUE" */
} Annotation;

typedef struct Annotations {
        Annotation *list;
        size_t n;
} Annotations;

int annotations_parse(const char *const *words, Annotations *ret, Err *err);
void annotations_clear(Annotations *annotations);
bool annotations_have(const Annotations *annotations, AnnotationPlace place);
/* Those for one place, of one platform or (NULL) of the index: "NAME=VALUE"s, the caller's. */
int annotations_for(const Annotations *annotations, AnnotationPlace place,
                    const OciPlatform *platform, char ***ret);
