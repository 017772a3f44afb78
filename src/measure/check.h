/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The tests of a lab's file
 *
 * Each entry says what must hold; check_kinds has all kinds with their settings.  They
 * are read completely before the first is carried out, so that a wrong word is found
 * without waiting.  What a check needs of a lab it gets from CheckLab's functions.
 */

#include "base/str.h"
#include "measure/bound.h"
#include "measure/endpoint.h"
#include "measure/probe.h"
#include "measure/record.h"
#include "topology/topology.h"

typedef enum SettingKind {
        SETTING_NODE,    /* CheckEndpoints with one: a node's name */
        SETTING_NODES,   /* several */
        SETTING_PLACE,   /* "h2", "h2:eth1", an address */
        SETTING_PLACES,  /* several */
        SETTING_LINK,    /* size_t: as topology_find_link() */
        SETTING_COUNT,   /* int64_t, at least 1 */
        SETTING_CODE,    /* int64_t, 0 to 255 */
        SETTING_SPAN,    /* int64_t, ns */
        SETTING_RATE,    /* double, bits per second */
        SETTING_PORTION, /* double, 0 to 1 */
        SETTING_WORD,    /* int: which of the words */
        SETTING_TEXT,    /* const char *, borrowed from the step */
        SETTING_LATENCY, /* Bound; so below */
        SETTING_SPEED,   /* at least */
        SETTING_SHARE,
        SETTING_NUMBER,
} SettingKind;

typedef struct CheckSetting {
        const char *name;
        SettingKind kind;
        size_t offset; /* in Check */
        bool required;
        const char *value; /* what it is where the file says nothing; or NULL */
        const char *help;
        const char *const *words; /* of SETTING_WORD */
} CheckSetting;

typedef struct CheckEndpoints {
        Endpoint *list;
        size_t n;
} CheckEndpoints;

typedef struct Check Check;

typedef struct CheckOutcome CheckOutcome;
typedef struct CheckLab CheckLab;

typedef struct CheckKind {
        const char *name, *alias; /* or NULL */
        const char *help;
        const CheckSetting *settings;
        /* Carries it out once.  0: see the outcome; negative errno: it could not be. */
        int (*run)(const Check *c, const CheckLab *lab, CheckOutcome *ret, Err *err);
        /* Or of a measurement (plan.h): fills a record that has begun. */
        int (*measure)(const Check *c, const CheckLab *lab, Record *ret, Err *err);
} CheckKind;

extern const CheckKind check_kinds[];     /* ends with a NULL name */
extern const CheckSetting check_common[]; /* what all kinds have */
/* What a kind of setting is written like: "a span, as '10ms'". */
const char *check_form(SettingKind kind);

struct Check {
        const CheckKind *kind;
        const Step *step;
        const Topology *topology;
        const char *what;           /* "test" or "measurement" */
        const CheckSetting *common; /* that all kinds have */
        /* Settings; each kind has some of them. */
        const char *name, *command, *output, *via, *interface, *congestion, *sizes;
        CheckEndpoints from, to, nodes;
        size_t link;
        int64_t count, flows, size, port, exit, interval_ns, duration_ns, timeout_ns, within_ns,
                idle_ns;
        double rate_bps, resolution, tolerance;
        int family, direction, expect, after;
        Bound rtt, rtt_min, rtt_mean, rtt_p95, rtt_p99, rtt_max, jitter, loss;
        Bound delay, delay_p99, delay_max;
        Bound speed, retransmits, connect, fairness, reordered, duplicates, recover, restore;
};

typedef enum CheckFamily { CHECK_ANY, CHECK_IPV4, CHECK_IPV6, CHECK_BOTH } CheckFamily;
typedef enum CheckStatus {
        CHECK_PASSED,
        CHECK_FAILED, /* it does not hold */
        CHECK_ERROR,  /* it could not be carried out */
        CHECK_SKIPPED /* stopped before its turn */
} CheckStatus;

struct CheckOutcome {
        char *name; /* what it is called, or what it does */
        const char *kind;
        int line;
        CheckStatus status;
        char *reason;   /* of a failure or an error: a sentence */
        char **details; /* sentences: what was seen */
        double seconds;
        int tries;
};

/* What the lab does for its checks; each function gets @context. */
struct CheckLab {
        const Topology *topology;
        void *context;
        int stop; /* see probe.h */
        /* A node's network namespace, the caller's; negative errno with a sentence. */
        int (*netns)(void *context, size_t node, Err *err);
        /* Cuts or restores a link. */
        int (*set_link)(void *context, size_t link, bool up, Err *err);
        /* Runs a shell command in a node: its exit code, and what it wrote, the caller's. */
        int (*exec)(void *context, size_t node, const char *command, int64_t timeout_ns,
                    int *ret_code, char **ret_output, Err *err);
};

typedef struct CheckList {
        Check *list;
        size_t n;
} CheckList;

void check_list_clear(CheckList *c);
#define autochecks __attribute__((__cleanup__(check_list_clear))) CheckList
/* Reads all tests of a topology, which must outlive them.  -EINVAL "FILE:LINE: …" with the nearest
 * right word. */
int check_list_read(const Topology *t, CheckList *ret, Err *err);

/* The same of any steps: a measurement's by plan.h's kinds. */
int check_steps_read(const Topology *t, const Step *steps, size_t n, const CheckKind *kinds,
                     const CheckSetting *common, const char *what, CheckList *ret, Err *err);

void check_outcome_clear(CheckOutcome *o);
/* Carries one out, again and again until it holds or its "within" is over.  -ENOMEM only. */
int check_run(const Check *c, const CheckLab *lab, CheckOutcome *ret);

/* For kinds: adds a sentence of what was seen; sets the reason of a failure, if it is the first. */
int check_detail(CheckOutcome *o, const char *format, ...) printf_like(2, 3);
int check_failed(CheckOutcome *o, const char *format, ...) printf_like(2, 3);
/* Compares a figure to its bound: a detail, and a failure where it does not hold. */
int check_figure(const Check *c, CheckOutcome *o, const char *setting, double value,
                 const char *unit, const Bound *bound);

/* Results as people, JUnit's readers (XML) and TAP's (version 13) take them. */
void check_write_text(const CheckOutcome *outcomes, size_t n, bool verbose, Str *out);
void check_write_junit(const CheckOutcome *outcomes, size_t n, const char *lab, const char *file,
                       Str *out);
void check_write_tap(const CheckOutcome *outcomes, size_t n, Str *out);
