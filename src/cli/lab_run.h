/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "lab/lab.h"

/* What `lab exec` and `lab sh` have in common: runs a program in a node and waits for it.  Return:
 * its exit code, or Docker's for why it could not be started, which then is told. */
int lab_run(const Lab *lab, const char *node, const LabExec *exec, Err *err);
