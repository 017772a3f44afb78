/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * isola as an OCI runtime: `isola-oci VERB`, and the same as `isola oci VERB`
 *
 * Its command line is runc's: options of its own stand before the verb.  Its
 * commands are those whose names begin with "oci".  An error is one line on
 * stderr and, where the caller gave --log, exactly one record there, because
 * callers read the last record or the file as a whole.
 */

#include "cli/command.h"
#include "runtime/oci_container.h"

typedef struct OciProgram {
        int root; /* open directory of all containers */
        OciManager manager;
        int log; /* -EBADF without --log */
        bool log_json;
} OciProgram;

/* @argv: the words behind the program's name; returns the exit code. */
int oci_main(char *const *argv, const char *run_root);

/* The options that stand before an OCI command. */
const Option *oci_globals(void);

/* Opens the container that the first operand names. */
int oci_operand(const CommandInput *in, OciContainer **ret, Err *err);
