/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What passes between isola and its helper isola-image
 *
 * The helper finds a request on HELPER_REQUEST, does it below its root directory and writes one
 * reply to HELPER_REPLY: both JSON.  It has no other descriptors than these:
 */

#include "base/json.h"
#include "store/describe.h"
#include "store/tree.h"

enum {
        HELPER_ARCHIVE = 0, /* the bytes from outside */
        HELPER_REPLY = 1,   /* pipe */
        HELPER_STDERR = 2,  /* /dev/null, or for what libc says when it aborts */
        HELPER_REQUEST = 3, /* memory file */
        HELPER_SOURCE = 4,  /* read-only directory to copy from */
        HELPER_FDS = 5,
};

/*
 * File names are bytes, JSON has characters: paths cross as "%XX" where they hold '%' or anything
 * that is not plain ASCII.
 */
char *helper_encode_path(const char *path);
void helper_decode_path(char *path);

typedef TreeItem HelperItem;

typedef struct HelperRequest {
        char *verb; /* "unpack", "copy", "inflate" (to the file dest), "describe" (describe.h: dest
                       is the kind of document, owner its media type, max_bytes how many layers it
                       has), "try" (what the sandbox keeps from us, for its test) */
        char *dest; /* below the root */
        int unpack_mode;
        int64_t max_bytes;
        HelperItem *items;
        size_t n_items;
        char **patterns, **exclude;
        bool parents, dest_is_dir, keep_owners;
        bool digest; /* wanted of what is unpacked */
        char *owner, *mode;
} HelperRequest;

typedef struct HelperReply {
        int code; /* 0, or negative errno with a message */
        char *message, *hint;
        int64_t entries, bytes, devices, strangers, attributes;
        char *digest; /* of the archive once it is not compressed any more */
        int64_t size;
        Description *description;
} HelperReply;

extern const JsonType helper_request_type, helper_reply_type;

/* The request with all its paths encoded (a new text), and the other way round in place. */
char *helper_request_text(const HelperRequest *request);
int helper_request_parse(const char *text, size_t size, HelperRequest *ret, Err *err);

#define HELPER_REPLY_MAX   (32u << 20)
#define HELPER_REQUEST_MAX (64u << 20)
