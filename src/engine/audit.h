/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a running container really has
 *
 * The larger part is found by trying, from inside (runtime/audit.h).  What cannot
 * be seen from there is looked at from outside: whose namespaces it is in, which
 * of the machine's directories it was given, what its first process has open.
 */

#include "engine/container.h"
#include "runtime/audit.h"

typedef struct AuditFinding {
        char *check; /* "io_uring" */
        AuditVerdict verdict;
        char *found; /* a few words, printable */
} AuditFinding;

typedef struct AuditReport {
        AuditFinding *findings;
        size_t n_findings;
} AuditReport;

/* @ret: zeroed; to be cleared in any case.  -ESRCH if the container does not run. */
int container_audit(Container *c, AuditReport *ret, Err *err);
void audit_report_clear(AuditReport *report);
