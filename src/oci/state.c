/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "oci/state.h"

static const JsonField state_fields[] = {
        JSON_STRING(OciState, oci_version, "ociVersion", JSON_ALWAYS),
        JSON_STRING(OciState, id, "id", JSON_ALWAYS),
        JSON_INT(OciState, pid, "pid", JSON_ALWAYS),
        JSON_STRING(OciState, status, "status", JSON_ALWAYS),
        JSON_STRING(OciState, bundle, "bundle", JSON_ALWAYS),
        JSON_STRING(OciState, rootfs, "rootfs", JSON_ALWAYS),
        JSON_STRING(OciState, created, "created", JSON_ALWAYS),
        JSON_PAIRS(OciState, annotations, "annotations"),
        JSON_STRING(OciState, owner, "owner", JSON_ALWAYS),
        {},
};
const JsonType oci_state_type = { sizeof(OciState), state_fields };
