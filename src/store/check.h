/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Is what the store says true?
 *
 * Every image's manifest, config and layers are read again and compared with
 * their digests: a layer that was made here by the tar that it makes, one that
 * came from elsewhere by unpacking its blob once more and comparing the two.
 * Besides, there may be left-overs of processes that were killed, which do no
 * harm and which the next command that meets them removes.
 *
 * Repairing makes damaged layers again where their blob is there, and takes
 * images away that lack something, so that what says it is there is there; a
 * pull or build brings them back.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/home.h"

typedef enum StoreFindingKind {
        STORE_DAMAGED,  /* not what its digest says */
        STORE_MISSING,  /* named, but not there */
        STORE_LEFT_OVER /* there, but not named */
} StoreFindingKind;

typedef struct StoreFinding {
        StoreFindingKind kind;
        char *what;
        bool repaired;
} StoreFinding;

typedef struct StoreReport {
        StoreFinding *findings;
        size_t n_findings;
        size_t n_images, n_layers, n_blobs; /* that were looked at */
} StoreReport;

typedef struct StoreCheck {
        bool repair;
        bool quick; /* do not read the layers' files */
} StoreCheck;

/* Return: how many findings are damage that is still there; negative errno if it could not look. */
int store_check(const Home *home, const StoreCheck *how, StoreReport *ret, Err *err);
void store_report_clear(StoreReport *report);

/* "damaged", "missing", "left over" */
const char *store_finding_kind(StoreFindingKind kind);
