/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Graphviz' language, read and written. */

#include "fuzz_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        fuzz_lab(data, size, topology_read_dot, topology_write_dot, topology_read_dot);
        return 0;
}
