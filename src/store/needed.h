/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What must stay in the store
 *
 * Of isola's own images their records say it, also of those that lack something; where a record is
 * gone, and of what other tools put into the layout, isola-image reads it again in its sandbox.
 * Each fails if one entry cannot be read: then nobody can say what may go.
 */

#include "store/layout.h"

/* Adds the digests of all blobs that the index's entries need. */
int needed_blobs(const Home *home, const OciIndex *index, char ***ret);
/* Adds the chain ids of all layers that they stand on. */
int needed_layers(const Home *home, const OciIndex *index, char ***ret);
