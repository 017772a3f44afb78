/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How the verbs of labs take the lab that they are about. */

#include "cli/command.h"
#include "lab/lab.h"

#define OPT_LAB(T, m)                                                                             \
        OPT_STRING('l', "lab", T, m, "LAB", "The lab, by its name or its file (the only one up)", \
                   "lab")

/* The name of a lab, the caller's, from its name or its file; NULL: of the only one that is up. */
int lab_operand_name(const Home *home, const char *text, char **ret, Err *err);
/* Opens the lab of lab_operand_name(). */
int lab_operand_open(const Home *home, const char *text, Lab **ret, Err *err);
