/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The command's side of a connection to a running program
 *
 * `run`, `start -a`, `attach` and `exec` do the same thing while the program
 * runs: pass typed or piped input on, watch for the detach keys, pass signals
 * and the window's size on, write what comes out, and learn the exit code.
 * They differ in where the news comes from: a monitor's socket, or a pidfd and
 * pipes of the command's own (exec).
 *
 * Signals are taken by signalfd, so they arrive between two copies and never
 * within one; relay_signals() must have blocked them before anything is started
 * whose early end must not be missed.
 */

#include <signal.h>
#include <stdbool.h>

#include "engine/term.h"

#define RELAY_CHUNK 16384
/* The exit code where nobody can say it. */
#define RELAY_EXIT_UNKNOWN 255

/* What is printed of the program while it runs: from a pipe or terminal to a descriptor. */
typedef struct RelayOutput {
        int from; /* owned by the caller; relay_run() closes it at its end, -EBADF from then on */
        int to;
} RelayOutput;

typedef struct Relay {
        int socket; /* to the monitor, or -EBADF */
        int pidfd;  /* of a child of this process, or -EBADF */
        int signals;
        int source; /* where input comes from: 0, or -EBADF for no input */
        int input;  /* where it goes; owned, closed at the end of input */
        bool tty;   /* input is a terminal's master side */
        bool proxy; /* pass signals on */
        DetachKeys keys;
        TermMode mode;
        sigset_t saved_mask;
        bool masked;
        RelayOutput output[2];
        size_t held, held_from; /* input the program has not taken yet, in */
        char *buffer;           /* RELAY_CHUNK + DETACH_KEYS_MAX bytes, made for the first input */
} Relay;

typedef enum RelayEnd {
        RELAY_EXITED,
        RELAY_DETACHED,
        RELAY_BROKEN, /* nobody reads our standard output */
} RelayEnd;

/* A relay that is connected to nothing. */
void relay_init(Relay *r);
/* Restores the terminal and the signal mask, closes what it owns. */
void relay_clear(Relay *r);
#define autorelay __attribute__((__cleanup__(relay_clear))) Relay

/* Blocks the signals that will be passed on, or that would leave the terminal raw.  Quiet. */
int relay_signals(Relay *r);

/*
 * Raw mode, if there is a terminal on both sides.  Before anything is printed: what is typed in
 * answer to a prompt must find it so.
 */
int relay_raw(Relay *r, Err *err);

/*
 * Relays until the program ends or the user detaches.
 *
 * Return: 0 and how it ended; with RELAY_EXITED its exit code.  Negative errno with a
 * sentence, also for one the monitor sent because the container could not be started.
 */
int relay_run(Relay *r, RelayEnd *ret, int *ret_code, Err *err);

/* The command's exit code: the program's, 141 if nobody reads our output, -1 if detached. */
int relay_result(RelayEnd how, int code);

/* The exit code by which shells report a finished child: its own, or 128 and the signal. */
int exit_code_of(const siginfo_t *info);
