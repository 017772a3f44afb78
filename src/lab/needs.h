/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a lab's file names and the machine must have: engines, traces and patterns of losses,
 * images, sources of binds, programs of light nodes
 *
 * Looked at before anything is built; what is missing is refused with file and line, a program with
 * the nearest one that there is.  What a light node makes for itself later, below /run and the like
 * or by a bind, cannot be known.
 */

#include "base/home.h"
#include "topology/topology.h"

int lab_check_needs(const Home *home, const Topology *t, Err *err);
