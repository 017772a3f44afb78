/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a process in a container can really do, found by trying
 *
 * audit_inside() runs in a process that runtime_exec() put into the container, with
 * its user, capabilities and filter, in place of a program (RuntimeExec.inside).  It
 * makes the calls an attacker would make, with arguments that do no harm where they
 * are let through: a wrong descriptor, a null pointer, an unknown command.  What
 * could have an effect happens in a child that ends at once.
 *
 * Each finding is a line on its standard output, "CHECK\tVERDICT\tFOUND":
 *
 *   ok     a wall stands there
 *   weak   more than a container has by default, within namespaces of its own
 *   open   it reaches the machine or other containers, or a part of the kernel that
 *          most ways out of containers led through
 */

#include <stdbool.h>
#include <stdint.h>

typedef enum AuditVerdict { AUDIT_OK, AUDIT_WEAK, AUDIT_OPEN } AuditVerdict;

const char *audit_verdict_name(AuditVerdict verdict); /* "ok" */
/* -EINVAL if it is none. */
int audit_verdict_read(const char *name, AuditVerdict *ret);

/* What the process cannot see from inside. */
typedef struct AuditView {
        bool own_user, own_net;    /* namespaces that are not the host's */
        bool of_user;              /* an ordinary user's, whose own id 0 stands for */
        uint64_t usual_caps;       /* what containers have by default */
        const char *const *masked; /* paths that are to show nothing, NULL-terminated */
        bool pids_limited;         /* by its cgroup */
} AuditView;

/* @view: an AuditView; of type void for RuntimeExec.inside. */
void audit_inside(const void *view);

/* Parts of it (audit_calls.c, audit_paths.c), and how they tell what they found. */
void audit_calls(const AuditView *view);
void audit_paths(const AuditView *view);
void audit_say(const char *check, AuditVerdict verdict, const char *format, ...)
        __attribute__((__format__(__printf__, 3, 4)));

/* Makes the trial in a child: 0 or the errno that it returned; -1 if it was killed. */
int audit_try(int (*trial)(const void *), const void *data);
/* Whether that answer means that a wall stood in the way. */
bool audit_refused(int answer);
