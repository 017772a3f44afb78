/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a container has changed in its file system, told from its upper directory. */

#include "engine/container.h"

typedef enum ChangeKind {
        CHANGE_MODIFIED, /* Docker's numbers */
        CHANGE_ADDED,
        CHANGE_DELETED,
} ChangeKind;

typedef struct Change {
        ChangeKind kind;
        char *path; /* absolute, inside */
} Change;

typedef struct Changes {
        Change *list; /* by path */
        size_t n_list;
} Changes;

/* What the runtime itself made to mount on is no change. */
int container_changes(Container *c, Changes *ret, Err *err);
void changes_clear(Changes *changes);

/* The container's whole file system, to be read: a detached mount.  Return: descriptor. */
int container_open_tree(Container *c, Err *err);
