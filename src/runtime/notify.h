/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A service manager that waits for the container (sd_notify(3))
 *
 * A container whose maker has NOTIFY_SOCKET, and which brings none of its own, gets
 * a socket at /run/notify/notify.sock, in a directory of its state directory.  Whoever
 * starts it with NOTIFY_SOCKET listens there until the container says READY=1, or has
 * ended, and passes that on with the pid outside.  Until then its STATUS and its wish
 * for more time are passed on as well; anything else is not the container's to say.
 */

#include "runtime/oci_container.h"

/* In the making: the directory, the mount and the variable, if they are wanted.  @spec: is added
 * to.
 */
int notify_prepare(const OciContainer *c, OciSpec *spec, Err *err);
/* Before the container starts: listens if its maker has prepared it and this process is to tell. */
int notify_listen(OciContainer *c, Err *err);
/* After it: waits as above; nothing where nobody listens. */
int notify_wait(OciContainer *c, Err *err);
/* The same in a process of its own, which ends with this one. */
int notify_wait_aside(OciContainer *c, Err *err);
