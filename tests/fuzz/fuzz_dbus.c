/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Messages of a bus, and values of units' properties as annotations give them. */

#include "base/dbus_message.h"
#include "fuzz.h"
#include "runtime/systemd_properties.h"

static void message(const uint8_t *data, size_t size) {
        autoreceived m = {};
        char *bytes = malloc(size + 1);

        must(bytes);
        memcpy(bytes, data, size);
        if (dbus_parse(bytes, size, &m) < 0)
                return;
        /* As the readers of a signal and of a property go on; neither may leave the message. */
        (void) dbus_get_u32(&m);
        must(strlen(dbus_get_string(&m)) < size);
        must(strlen(dbus_get_variant(&m)) < size);
        must(strlen(dbus_get_string(&m)) < size);
        must(!dbus_read_ok(&m) || m.at <= m.size);
}

static void property(const uint8_t *data, size_t size) {
        autofree char *text = malloc(size + 1);
        autodbus m = {};
        autoerr err = {};
        int r;

        must(text);
        memcpy(text, data, size);
        text[size] = 0;
        dbus_begin(&m, &(DbusCall){});
        r = systemd_put_annotation(&m, "TimeoutStopSec", text, &err);
        must(r == 0 ? m.body.length > 0 : err.message != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        message(data, size);
        property(data, size);
        return 0;
}
