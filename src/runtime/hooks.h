/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Hooks (runtime-spec "config.md", POSIX-platform Hooks)
 *
 * Programs that a bundle's maker wants to be run at points of a container's life:
 *
 *   prestart, createRuntime   by the maker, outside; namespaces and mounts are there,
 *                             the host's root is still the first process's root
 *   createContainer           by the first process, inside, but by a path of the host's;
 *                             right after them
 *   startContainer            by the first process, inside, as the container's user,
 *                             when it is started and before its program
 *   poststart                 by whoever starts it, outside, when the program runs
 *   poststop                  by whoever deletes it, outside
 *
 * The hooks of one kind run one after the other, each with the container's state
 * on its standard input.  The first one that fails ends the matter, except for
 * poststop, where it is a warning and the next one is run.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "oci/spec.h"
#include "oci/state.h"
#include "runtime/annotation.h"

typedef enum HookKind {
        HOOK_PRESTART,
        HOOK_CREATE_RUNTIME,
        HOOK_CREATE_CONTAINER,
        HOOK_START_CONTAINER,
        HOOK_POSTSTART,
        HOOK_POSTSTOP,
} HookKind;

typedef struct HookWorld {
        const char *state;        /* JSON */
        char *const *env;         /* of hooks that say none */
        int directory;            /* they begin in it; negative: in the caller's */
        const HookOutput *output; /* or NULL: what they say is kept for an error */
} HookWorld;

/* The state as JSON, with what changes put in; owned by the caller, NULL without memory. */
char *hooks_state(const OciState *state, const char *status, pid_t pid);

/* Whether there are hooks of that kind; @hooks may be NULL. */
bool hooks_any(const OciHooks *hooks, HookKind kind);

/**
 * hooks_run() - run the hooks of one kind
 * @hooks:	may be NULL
 *
 * A hook that does not end in its time is killed with all processes of its group.
 *
 * Return: 0; -ECANCELED or -ETIMEDOUT with a sentence that names the hook, how it ended and the
 * last line that it wrote; another negative errno if it could not be run.
 */
int hooks_run(const OciHooks *hooks, HookKind kind, const HookWorld *world, Err *err);
