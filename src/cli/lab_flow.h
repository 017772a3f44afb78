/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `lab flow …` have in common: asking a switch of a lab. */

#include "cli/lab_operand.h"
#include "openflow/client.h"

/* Connects to the switch that a node of the lab is. */
int lab_flow_open(const Home *home, const char *lab, const char *node, OfClient **ret, Err *err);
/* Reads flows from operands; the list is the caller's. */
int lab_flow_read(char *const *texts, OfFlowUse use, OfFlows *ret, Err *err);
