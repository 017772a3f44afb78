/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Dockerfiles: every instruction has its line and its words. */

#include "builder/containerfile.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        autoptr(Containerfile) file = NULL;
        autoerr err = {};
        int r, line = 0;

        r = containerfile_parse((const char *) data, size, "Dockerfile", &file, &err);
        must_agree(r, &err);
        for (size_t i = 0; r >= 0 && i < file->n; i++) {
                must(file->instructions[i].line > line && file->instructions[i].text);
                line = file->instructions[i].line;
        }
        return 0;
}
