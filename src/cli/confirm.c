/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdio.h>

#include "cli/confirm.h"

bool confirm(const char *warning) {
        int answer, rest;

        fprintf(stderr, "WARNING! %s\nAre you sure you want to continue? [y/N] ", warning);
        answer = rest = getchar();
        while (rest != '\n' && rest != EOF)
                rest = getchar();
        return answer == 'y' || answer == 'Y';
}
