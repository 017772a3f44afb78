/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * isola.conf(5): which registries there are and how they are reached
 *
 * Sections in brackets, "name = value" lines, comments from '#' on.  /etc/isola/isola.conf is read
 * first, then ~/.config/isola/isola.conf, whose lines count more; $ISOLA_CONFIG names one file that
 * is read instead of both.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

/* [registry HOST[:PORT]] */
typedef struct RegistryConf {
        char *name;
        char **mirrors; /* "https://host/prefix", asked before the registry itself */
        char *ca;       /* file */
        bool insecure;  /* neither certificates are checked nor encryption is insisted on */
        bool blocked;
} RegistryConf;

typedef struct Conf {
        RegistryConf *registries;
        size_t n_registries;
        /* [registries] */
        int parallel; /* blobs at once */
        int retries;
        int64_t stall_ms;
} Conf;

int conf_load(Conf *ret, Err *err);
/* Adds what @text says; @place: how errors call it. */
int conf_parse(const char *text, const char *place, Conf *conf, Err *err);
void conf_clear(Conf *conf);
#define autoconf __attribute__((__cleanup__(conf_clear))) Conf

/* What is said of a registry; never NULL. */
const RegistryConf *conf_of(const Conf *conf, const char *registry);
