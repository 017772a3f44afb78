/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From a registry's name to a connection: isola.conf(5), registries.conf (registries.h),
 * certificates, credentials
 *
 * "docker.io" is asked at registry-1.docker.io.  Encryption is insisted on, but for this machine
 * itself and registries that isola.conf or the command line calls insecure: those are asked by
 * https without looking at the certificate, and by plain http if they do not speak it (Docker's
 * rule). Certificates are looked for where Docker and Podman do: certs.d/HOST[:PORT] in /etc/isola,
 * /etc/containers, /etc/docker and ~/.config/containers; *.crt are authorities, *.cert and *.key
 * ours.
 */

#include "transfer/conf.h"
#include "transfer/remote.h"

typedef struct PlaceOptions {
        const char *authfile;    /* or NULL, as all of them */
        const char *credentials; /* "user:password", instead of any file's */
        const char *cacert;      /* file with an authority that counts besides the system's */
        const char *cert_dir;    /* instead of certs.d/HOST */
        bool insecure;           /* --tls-verify=false */
        bool search;             /* the Hub's search is at another place than its images */
} PlaceOptions;

/**
 * place_open() - begin to talk to a registry
 * @registry:	"docker.io", "localhost:5000"
 * @repository:	for the most specific credentials; may be ""
 * @reference:	the tag or digest that is to be read, where mirrors and other places may stand in;
 *		NULL if the registry itself is meant, as to write to it or to list what it has
 */
int place_open(const char *registry, const char *repository, const char *reference,
               const PlaceOptions *options, Remote **ret, Err *err);

/* Whether plain http is allowed for a host because it is this machine: "localhost:5000". */
bool place_is_local(const char *registry);
