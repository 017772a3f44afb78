/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "lab/doctor.h"

/* Trials that need more than the kernel's and the network's own; see doctor_trials.c. */
const ProbeFeature *doctor_node_features(size_t *ret_n);
const ProbeFeature *doctor_programs(size_t *ret_n);

/* Adds the limits; -ENOMEM. */
int doctor_add_limits(Diagnosis *d, unsigned nodes);
/* Adds one, to the others of its group; @detail and @remedy are taken over, NULL for none. -ENOMEM.
 */
int diagnosis_add(Diagnosis *d, const Finding *finding);
