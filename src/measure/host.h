/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The machine that measures. */

#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"

typedef struct Host {
        char *name, *kernel, *machine, *cpu; /* cpu: the processor's model, or "" */
        int64_t cpus;                        /* online */
        uint64_t memory;                     /* bytes */
} Host;

void host_clear(Host *h);
#define autohost __attribute__((__cleanup__(host_clear))) Host
/* -ENOMEM only: what is not known is left empty. */
int host_look(Host *ret);
