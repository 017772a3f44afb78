/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "lab/uplink_record.h"

#define PREFIX "uplink-"

static const JsonField record_fields[] = {
        JSON_INT(UplinkRecord, version, "version", JSON_REQUIRED),
        JSON_STRING(UplinkRecord, kind, "kind", JSON_REQUIRED),
        JSON_STRING(UplinkRecord, node, "node", JSON_REQUIRED),
        JSON_STRING(UplinkRecord, uplink, "uplink", JSON_REQUIRED),
        JSON_STRING(UplinkRecord, guest, "guest"),
        JSON_STRING(UplinkRecord, interface, "interface", JSON_REQUIRED),
        JSON_STRING(UplinkRecord, device, "device"),
        JSON_INT(UplinkRecord, index, "index"),
        JSON_INT(UplinkRecord, inside, "inside"),
        JSON_STRING(UplinkRecord, hardware, "hardware"),
        JSON_U32(UplinkRecord, mtu, "mtu"),
        JSON_BOOL(UplinkRecord, up, "up"),
        JSON_STRING(UplinkRecord, messages, "messages"),
        {},
};
static const JsonType record_type = { sizeof(UplinkRecord), record_fields };

void uplink_record_clear(UplinkRecord *r) {
        json_clear(&record_type, r);
}

char *uplink_record_name(const char *node, const char *uplink) {
        return str_format(PREFIX "%s:%s.json", node, uplink);
}

static char *to_digits(const void *bytes, size_t n) {
        autostr s = {};

        for (size_t i = 0; i < n; i++)
                str_printf(&s, "%02x", ((const uint8_t *) bytes)[i]);
        return str_take(&s);
}

static int from_digits(const char *digits, Str *ret) {
        size_t n = digits ? strlen(digits) : 0;

        for (size_t i = 0; i + 1 < n; i += 2) {
                unsigned byte;

                if (sscanf(digits + i, "%2x", &byte) != 1)
                        return -EINVAL;
                str_put_char(ret, (char) byte);
        }
        return ret->failed ? -ENOMEM : n % 2 ? -EINVAL : 0;
}

static int describe(const LinkKept *kept, UplinkRecord *r) {
        r->index = kept->index;
        r->mtu = kept->mtu;
        r->up = kept->up;
        r->hardware = to_digits(kept->address, sizeof kept->address);
        r->messages = to_digits(kept->messages.text, kept->messages.length);
        return str_set(&r->device, kept->name) < 0 || !r->hardware || !r->messages ? -ENOMEM : 0;
}

int uplink_record_save(const Lab *lab, const UplinkRecord *record, const LinkKept *kept, Err *err) {
        autofree char *name = uplink_record_name(record->node, record->uplink);
        UplinkRecord r = *record;
        int code = name ? 0 : -ENOMEM;

        r.version = 1;
        r.device = r.hardware = r.messages = NULL;
        if (code >= 0 && kept)
                code = describe(kept, &r);
        code = code < 0 ? fail(err, code, "cannot write down an uplink")
                        : json_save(&record_type, lab->dir, name, &r, false, err);
        free(r.device);
        free(r.hardware);
        free(r.messages);
        return code;
}

int uplink_record_load(const Lab *lab, const char *name, UplinkRecord *ret, Err *err) {
        return json_load(&record_type, lab->dir, name, ret, err);
}

int uplink_record_kept(const UplinkRecord *r, LinkKept *ret, Err *err) {
        autostr hardware = {};
        int code = from_digits(r->hardware, &hardware);

        if (code >= 0)
                code = from_digits(r->messages, &ret->messages);
        if (code < 0 || hardware.length != sizeof ret->address)
                return refuse(err, code < 0 ? code : EUCLEAN,
                              "the record of the interface '%s' is damaged", r->device);
        memcpy(ret->address, hardware.text, sizeof ret->address);
        (void) snprintf(ret->name, sizeof ret->name, "%s", r->device);
        ret->index = r->index;
        ret->mtu = r->mtu;
        ret->up = r->up;
        return 0;
}

int uplink_record_list(const Lab *lab, char ***ret, Err *err) {
        autostrv all = NULL;
        int r = dir_list(lab->dir, ".", &all);

        if (r < 0)
                return fail(err, r, "cannot list the uplinks of lab '%s'", lab->name);
        strv_foreach(name, all)
                if (str_after(*name, PREFIX) && str_ends_with(*name, ".json") &&
                    strv_add(ret, *name) < 0)
                        return fail(err, ENOMEM, "cannot list the uplinks");
        return 0;
}
