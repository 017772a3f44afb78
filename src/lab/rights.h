/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What an ordinary user's labs cannot have
 *
 * "The host" is, for his labs, the network namespace that his containers' networks are in
 * (engine/uplink.h): there he has all rights, and pasta(1) leads out of it. The machine's own
 * network is not his: what takes a piece of that is refused.
 */

#include "topology/topology.h"

/* Does nothing for root.  Else a tunnel of the kernel's becomes one of the keeper's, which looks
 * the same to the other machine, and a note says so; -EPERM naming file, line and what cannot be.
 */
int lab_fit_rights(Topology *t, Err *err);
