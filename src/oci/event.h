/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What `events` prints, one object a line
 *
 * {"type": "stats", "id": "c1", "data": {"cpu": …, "memory": …}} or
 * {"type": "oom", "id": "c1"}, with the member names of runc, which Docker's and
 * containerd's clients decode; no specification has them.
 */

#include "base/json.h"
#include "kernel/cgroup_usage.h"

typedef struct OciEvent {
        char *type; /* "stats" or "oom" */
        char *id;
        CgroupUsage *usage; /* of "stats" */
} OciEvent;

/* For json_text(); what is pointed to stays the caller's. */
extern const JsonType oci_event_type;
