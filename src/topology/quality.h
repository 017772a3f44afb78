/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The quality of one direction of a link
 *
 * What a packet meets on its way, in this order: a queue of bounded length, a
 * transmitter of a rate, loss, damage and duplication, propagation (delay with
 * jitter).  Without any of it a link is a cable.
 *
 * Each property is set by name from a text, the same in a lab's file and on the
 * command line: see quality_set() for the names and grammars.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef enum DelayDistribution {
        DELAY_UNIFORM, /* within delay ± jitter */
        DELAY_NORMAL,  /* mean delay, standard deviation jitter, as for the next two */
        DELAY_PARETO,
        DELAY_PARETONORMAL, /* a quarter normal, three quarters Pareto, as in netem */
} DelayDistribution;

typedef enum LossKind {
        LOSS_NONE,
        LOSS_INDEPENDENT,     /* each packet with probability loss_p */
        LOSS_GILBERT_ELLIOTT, /* two states, see below */
        LOSS_PATTERN,         /* as a file says, again from its beginning at its end */
} LossKind;

typedef enum QueueUnit {
        QUEUE_DEFAULT, /* 1000 packets, as netem and pfifo */
        QUEUE_PACKETS,
        QUEUE_BYTES,
        QUEUE_TIME, /* as many bytes as the rate sends in that time */
} QueueUnit;

typedef enum QueueDiscipline {
        QUEUE_DROPTAIL,
        QUEUE_CODEL, /* RFC 8289: target 5 ms, interval 100 ms */
} QueueDiscipline;

/* At a point in time after the lab is up, properties get other values. */
typedef struct QualityStep {
        int64_t at_ns;
        char **settings; /* "delay=20ms" */
} QualityStep;

typedef struct Quality {
        int64_t delay_ns, jitter_ns;
        DelayDistribution distribution;
        bool may_reorder;  /* a packet with less delay overtakes; else order is kept */
        uint64_t rate_bps; /* bits per second of whole frames; 0: no limit */
        QueueUnit queue_unit;
        uint64_t queue; /* packets, bytes, or nanoseconds */
        QueueDiscipline discipline;
        LossKind loss;
        /* Probabilities from 0 to 1.  Independent: loss_p.  Gilbert-Elliott: good to bad loss_p,
         * bad to good loss_r, loss in the bad state loss_bad, in the good state loss_good. */
        double loss_p, loss_r, loss_bad, loss_good;
        char *loss_pattern; /* file: a line for each packet, or 0 and 1: see quality_set() */
        double corrupt, duplicate, reorder;
        char *trace; /* file of delivery opportunities or rates over time */
        bool has_seed;
        uint64_t seed; /* else from the lab's seed and the link's name */
        QualityStep *schedule;
        size_t n_schedule;
} Quality;

void quality_clear(Quality *q);
#define autoquality __attribute__((__cleanup__(quality_clear))) Quality
int quality_copy(const Quality *q, Quality *ret);
bool quality_equal(const Quality *a, const Quality *b);
/* Whether it is that of a cable: nothing set but, perhaps, a seed. */
bool quality_is_plain(const Quality *q);

/**
 * quality_set() - set one property
 *
 *   delay jitter      spans: "10ms", "1.5s", "250us"
 *   distribution      uniform normal pareto paretonormal
 *   order             keep free
 *   rate              "10mbit", "1.5gbit", "64kbit", bits per second; "0": no limit
 *   queue             "100p" packets, "64kb" bytes (powers of 1024), "20ms" at the rate
 *   discipline        droptail codel
 *   loss              "1%", or "gemodel P R [BAD [GOOD]]" (percentages; BAD 100%, GOOD 0%), or
 *                     "pattern FILE"
 *   corrupt duplicate reorder   "0.1%"
 *   trace             FILE
 *   seed              a number
 *   schedule          "AT KEY=VALUE...; AT ...", as "10s delay=20ms loss=1%; 20s loss=0%"
 *
 * "none" or "" takes a property back.
 *
 * Return: 0; -EINVAL with a sentence that names key and value; -ENOENT for an unknown key, with the
 * nearest one.
 */
int quality_set(Quality *q, const char *key, const char *value, Err *err);
/* quality_set() of "key=value". */
int quality_assign(Quality *q, const char *assignment, Err *err);
/* The names, NULL-terminated, in the order above. */
extern const char *const quality_keys[];

/* The properties that are set, each as "key=value" that quality_set() reads back to the same; the
 * caller's.  -ENOMEM. */
int quality_settings(const Quality *q, char ***ret);
/* quality_settings() in one line, "delay=10ms rate=1mbit", "" for a cable; NULL without memory. */
char *quality_words(const Quality *q);

/* Reads the line that quality_words() made into an empty one; -EINVAL. */
int quality_read_words(Quality *q, const char *words, Err *err);

/* @value of the property @key with a file that it names by a relative path below @directory; the
 * caller's, NULL without memory. */
char *quality_rooted(const char *key, const char *value, const char *directory);

/* Whether its properties go together: no jitter beyond the delay, a queue in time has a rate, … */
int quality_check(const Quality *q, Err *err);
