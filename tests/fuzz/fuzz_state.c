/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Records of containers on disk, which a crash or a hand may have spoilt. */

#include "engine/container.h"
#include "fuzz.h"
#include "oci/state.h"
#include "runtime/oci_container.h"

static void document(const JsonType *type, const uint8_t *data, size_t size) {
        void *value = calloc(1, type->size);

        must(value);
        if (fuzz_document(type, data, size, value) >= 0)
                json_clear(type, value);
        free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        document(&oci_state_type, data, size);
        document(&oci_record_type, data, size);
        document(&container_type, data, size);
        document(&container_state_type, data, size);
        return 0;
}
