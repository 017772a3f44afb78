/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is left to do once all nodes and links are there: begin in the order that nodes ask for. */

#include "lab/lab.h"

/* Whether the topology wants more than light nodes that begin at once. */
bool lab_has_start(const Topology *t);

/**
 * lab_start() - start what waits, and run the commands of exec
 *
 * A node is started once all that it waits for has come and its delay has passed.  When no more can
 * be started, the commands of exec are run for one started node after the other, in the order of
 * the file; then it is configured.
 *
 * Return: 0 when all nodes are configured; negative errno with the sentence of the first one that
 * failed.
 */
int lab_start(Lab *lab, Err *err);
/* The same for those of a lab that is up which are new or started anew; @which: by node.  The
 * others are configured, and healthy if their checks say so. */
int lab_start_some(Lab *lab, const bool *which, Err *err);
/* Runs one command as exec does. */
int lab_run_exec(const Lab *lab, size_t node, char *command, Err *err);
