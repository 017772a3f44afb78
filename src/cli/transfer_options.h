/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the verbs that talk to registries share: options, and how a transfer is shown. */

#include <stdio.h>

#include "cli/command.h"
#include "transfer/pull.h"

typedef struct TransferOptions {
        const char *authfile, *credentials, *cacert, *cert_dir, *tls_verify;
} TransferOptions;

/* Their rows, for a command whose struct has a member `TransferOptions transfer`. */
#define TRANSFER_OPTIONS(T)                                                                \
        OPT_GROUP("Registry"),                                                             \
                OPT_STRING(0, "authfile", T, transfer.authfile, "FILE",                    \
                           "Credentials, instead of Docker's and Podman's files", "file"), \
                OPT_STRING(0, "cacert", T, transfer.cacert, "FILE",                        \
                           "Trust this authority's certificates as well", "file"),         \
                OPT_STRING(0, "cert-dir", T, transfer.cert_dir, "DIR",                     \
                           "Certificates, instead of certs.d/HOST", "dir"),                \
                OPT_STRING(0, "creds", T, transfer.credentials, "USER:PASSWORD",           \
                           "Credentials, instead of any file"),                            \
                OPT_STRING(0, "tls-verify", T, transfer.tls_verify, "true|false",          \
                           "false: any certificate, or plain http, will do", "true|false")

int transfer_place(const TransferOptions *options, PlaceOptions *ret, Err *err);

/*
 * How a transfer is shown: on a terminal a line for each blob, with a bar, how fast and how long
 * yet; elsewhere a line for each that is done.
 */
typedef struct Progress {
        FILE *out;
        bool quiet, terminal;
        const char *verb;   /* "Pull complete" */
        const char *exists; /* "Already exists" */
        size_t lines;       /* drawn, and to be drawn over */
        int64_t began_ms, drawn_ms, began_bytes;
        bool *told; /* which blobs have had their last line */
        size_t n_told;
} Progress;

void progress_init(Progress *progress, FILE *out, bool quiet);
void progress_clear(Progress *progress);
void progress_say(Progress *progress, const char *text);
void progress_watch(Progress *progress, Watcher *ret, const char *verb);
