/* SPDX-License-Identifier: GPL-2.0-or-later */

/* config.json: what is read can be written, checked, and its mounts understood. */

#include "base/log.h"
#include "fuzz.h"
#include "oci/spec_check.h"
#include "runtime/mount_option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autoptr(OciSpec) spec = calloc(1, sizeof *spec);
        autoerr err = {};

        must(spec);
        log_setup(LOG_LEVEL_NONE, false, "fuzz");
        if (fuzz_document(&oci_spec_type, data, size, spec) < 0)
                return 0;
        must_agree(oci_spec_check(spec, &err), &err);
        for (size_t i = 0; i < spec->n_mounts; i++) {
                MountOptions options = {};
                autoerr why = {};
                int r = mount_options_parse(&spec->mounts[i], &options, &why);

                must_agree(r, &why);
                mount_options_clear(&options);
        }
        return 0;
}
