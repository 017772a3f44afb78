/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Latency under load: round trips while nothing else moves, then while TCP fills the path. */

#include "measure/ping.h"
#include "measure/tcp.h"

typedef struct LoadOptions {
        TcpOptions tcp;   /* the load, its duration and stop descriptor */
        int64_t idle_ns;  /* how long to ping before */
        int64_t every_ns; /* between requests */
} LoadOptions;

typedef struct LoadResult {
        PingResult idle, loaded; /* @loaded's times begin with the load */
        TcpResult tcp;
} LoadResult;

void load_clear(LoadResult *r);
#define autoload __attribute__((__cleanup__(load_clear))) LoadResult

/* Four flows for ten seconds, a request every 20 ms, three seconds of quiet before. */
LoadOptions load_defaults(const Station *from, const Station *to);
int load(const LoadOptions *o, LoadResult *ret, Err *err);
