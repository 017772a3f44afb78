/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Filters: BPF programs at the interfaces of a network namespace
 *
 * A filter is written in C with share/filters/isola_filter.h and compiled with
 * clang.  It says which packets match; what becomes of those is said when it is
 * attached to a place, which is what one interface receives, or what it sends.
 * The filters of a place are asked in the order of their priorities.
 *
 * Nothing of a filter is on disk: the kernel holds the program for the interface
 * (netlink/clsact.h), the program holds its maps, and what isola must know of it
 * is in the filter's name and in those maps.  All of it ends with the interface.
 *
 * Filters of one name in a namespace share the maps that their author declared,
 * so a flow table can be filled at one place and asked at another.  What isola
 * counts, and parameters, are each place's own.
 *
 * BPF programs are loaded by root of the machine (CAP_BPF, CAP_NET_ADMIN) only: the
 * kernel gives them to no user namespace.  The object file is read as that user.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "netlink/clsact.h"

struct json_t;

#define FILTER_NAME_MAX 63
#define FILTER_STEP     10 /* between priorities that are chosen automatically */

/* What isola_filter.h counts and returns, by its numbers. */
typedef enum FilterVerdict {
        FILTER_PASS,
        FILTER_MATCH,
        FILTER_DROP,
        FILTER_ACCEPT,
        FILTER_MIRROR,
        FILTER_REDIRECT,
        FILTER_COUNT,
        FILTER_FAILED,
        FILTER_VERDICTS,
} FilterVerdict;

typedef struct FilterPlace {
        int netns; /* network namespace, or -EBADF for the current one */
        const char *interface;
        bool egress; /* what the interface sends, instead of what it receives */
} FilterPlace;

typedef struct FilterSpec {
        const char *name;        /* NULL: the program's */
        const char *object;      /* path of the object file */
        const char *program;     /* which of its functions; NULL if it has but one */
        FilterVerdict action;    /* on what matches; FILTER_PASS: what its source says */
        const char *target;      /* interface of the same namespace to mirror or redirect to */
        int priority;            /* from 1 to 65535, or 0: behind those that are there */
        char *const *parameters; /* NAME=VALUE, NULL-terminated; or NULL */
} FilterSpec;

typedef struct FilterCounter {
        uint64_t packets, bytes; /* bundled TCP counts as the packets that it becomes */
} FilterCounter;

/* A filter as the kernel has it. */
typedef struct Filter {
        char name[FILTER_NAME_MAX + 1];
        char interface[16];
        bool egress;
        uint16_t priority;
        uint32_t program;  /* id */
        char function[64]; /* what it is called in its source */
        FilterVerdict action;
        uint32_t target;      /* index, or 0 */
        char target_name[16]; /* "" if it is gone */
        FilterCounter counters[FILTER_VERDICTS];
} Filter;

/* "drop"; NULL for none. */
const char *filter_verdict_name(FilterVerdict verdict);

/* "drop", "accept", "count", "mirror:IF" or "redirect:IF"; the interface goes to *ret_target. */
int filter_action_parse(const char *text, FilterVerdict *ret, const char **ret_target, Err *err);

/**
 * filter_check() - let the kernel verify an object file, and load nothing for good
 * @program:	one of its functions, or NULL for each
 * @ret:	{"programs": [{"name", "instructions"}], "action": "drop", "parameters": {…},
 *"maps":
 *		[{"name", "kind", "maxEntries", "key", "value"}]}, key and value as examples of
 *		zeros; owned by the caller
 */
int filter_check(const char *object, const char *program, struct json_t **ret, Err *err);

/**
 * filter_attach() - load a filter and show it a place's packets
 * @ret:	what it became, without counters; or NULL
 *
 * Return: 0; -EEXIST if the place has a filter of that name or that priority, -ENODEV without the
 * interface, -EPERM, -EINVAL, … with a sentence; then the place is as it was.
 */
int filter_attach(const FilterPlace *at, const FilterSpec *spec, Filter *ret, Err *err);

/* Takes a filter away, and with the last one clsact; -ENOENT if the place has none of that name. */
int filter_detach(const FilterPlace *at, const char *name, Err *err);

/*
 * Calls @each for isola's filters with their counters: of @interface or, with NULL, of all
 * interfaces of the namespace, by interface, what is received first, by priority.  A negative value
 * ends the walk.
 */
int filter_each(int netns, const char *interface, int (*each)(const Filter *filter, void *context),
                void *context, Err *err);

/* Finds one by its name; -ENOENT. */
int filter_find(const FilterPlace *at, const char *name, Filter *ret, Err *err);

/* Sets a filter's counters to 0. */
int filter_reset(const Filter *filter, Err *err);
