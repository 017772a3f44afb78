/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/lab_output.h"

int lab_print(Str *text, Err *err) {
        autofree char *document = str_take(text), *safe = NULL;

        if (!document)
                return fail(err, ENOMEM, "cannot write the lab");
        safe = isatty(STDOUT_FILENO) ? str_printable_lines(document) : NULL;
        (void) fputs(safe ? safe : document, stdout);
        return 0;
}

void lab_print_notes(char *const *notes) {
        strv_foreach(note, notes) {
                autofree char *safe = str_printable(*note);

                fprintf(stderr, "note: %s\n", safe ? safe : *note);
        }
}
