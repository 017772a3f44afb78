/* SPDX-License-Identifier: GPL-2.0-or-later */

/* lab.yml and Containerlab's files, and Containerlab's written. */

#include "fuzz_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        fuzz_lab(data, size, topology_read_lab, topology_write_clab, topology_read_lab);
        return 0;
}
