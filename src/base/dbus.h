/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A D-Bus connection
 *
 * Just enough to call methods and hear signals, over one Unix socket: the
 * library that everybody else uses would bring a dozen shared libraries along,
 * and has no static archive.  Descriptors are not passed, nothing is served.
 * All calls wait, for a time that the caller gives.
 */

#include "base/dbus_message.h"
#include "base/err.h"

typedef struct Dbus Dbus;

/* True in a user namespace, where "root" is somebody else outside. */
bool dbus_user_is_mapped(void);

/**
 * dbus_open() - connect and authenticate
 * @address:	as in DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/run/dbus/system_bus_socket", also
 *		"unix:abstract=…" and lists with ';'
 * @bus:	a bus is at the other end, which must be greeted; else the service itself
 *
 * Who we are is what the kernel tells the other side (EXTERNAL); in a user namespace our own idea
 * of our user id is not sent, since it means nothing outside.
 *
 * Return: 0; -ECONNREFUSED or another errno of connect(2) if nobody is there (never -ENOENT);
 * -EACCES if we are turned away; -ETIMEDOUT.
 */
int dbus_open(const char *address, bool bus, int timeout_ms, Dbus **ret, Err *err);
Dbus *dbus_free(Dbus *bus);
DEFINE_AUTOPTR(Dbus, dbus_free)

/**
 * dbus_call() - call a method and wait for what it returns
 * @ret:	NULL, or the reply, whose body is to be read with dbus_get_…()
 *
 * Signals that come meanwhile are kept for dbus_next_signal().
 *
 * Return: 0; an error of the other side with its own sentence: -EEXIST, -ESRCH (no such unit, no
 * such name), -EACCES, -EINVAL, -EOPNOTSUPP (no such method or property), else -EREMOTEIO;
 * -ETIMEDOUT; -EBADMSG; -ECONNRESET.
 */
int dbus_call(Dbus *bus, const DbusMessage *call, int timeout_ms, DbusReceived *ret, Err *err);

/* Waits for the next signal; -ETIMEDOUT; errors as above. */
int dbus_next_signal(Dbus *bus, int timeout_ms, DbusReceived *ret, Err *err);
