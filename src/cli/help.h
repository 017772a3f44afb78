/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What --help and --introspect-cli print; both come from the commands' stanzas alone. */

#include "cli/command.h"

#define HELP_WIDTH 80

/* All commands by group.  @global: the options that stand before the command. */
void help_program(const Option *global);
/* The commands of a family such as "network"; false if there is no such family. */
bool help_family(const char *family);
/* The OCI runtime's commands and the options that stand before them. */
void help_oci(void);
void help_command(const Command *command);
/* One JSON document that describes every command; see tools/gen_man.py. */
void help_introspect(const Option *global);
