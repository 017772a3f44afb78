/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A user's containers in his service manager's control groups
 *
 * Under systemd an ordinary user has no control group of his own to divide, but his manager
 * (user@UID.service) has one and makes delegated scopes of it for whoever asks.  Each container
 * that runs gets one, app.slice/isola-<id>.scope, which its monitor divides:
 *
 *   monitor      the monitor; as long as it lives, so does the scope
 *   container    the container, with its limits
 *
 * So they are no part of the session in which the command was called, and live on when that ends,
 * if the user lingers (loginctl(1), enable-linger) or has another one.
 *
 * When the manager ends, or is told to, it sends every process of a scope a signal, and SIGKILL
 * some time later.  The signal is SIGURG here, which programs ignore: the container is to end by
 * its own stop signal and in its own time, and for that there is the monitor (monitor_stop.c).
 *
 * systemd removes a scope that is empty; nothing is left of one whose processes were killed.
 */

#include "engine/container.h"

/* What a scope sends its processes when it is to end. */
#define USER_SCOPE_SIGNAL SIGURG

/**
 * user_scope_enter() - move this process, the container's monitor, into the container's scope
 *
 * Makes it, or, for a monitor that takes a container over, finds it.  Nothing is done where there
 * is no such manager, or a control group that is the user's to divide by hand, which is preferred.
 *
 * Return: 0; as systemd_start_scope().
 */
int user_scope_enter(const Container *c, Err *err);

/* Whether this process is in the container's scope, beside which the container's place is. */
bool user_scope_is_around(const Container *c);
