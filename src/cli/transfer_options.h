/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The options that the verbs that talk to registries share. */

#include "cli/command.h"
#include "transfer/place.h"

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
