/* SPDX-License-Identifier: GPL-2.0-or-later */

/* GraphML, read and written. */

#include "fuzz_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        fuzz_lab(data, size, topology_read_graphml, topology_write_graphml, topology_read_graphml);
        return 0;
}
