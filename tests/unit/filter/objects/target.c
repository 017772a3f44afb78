/* SPDX-License-Identifier: GPL-2.0-or-later */

/* An action that needs a target, which only who attaches it knows. */

#define ISOLA_ACTION ISOLA_REDIRECT
#include "isola_filter.h"

ISOLA_FILTER(target) {
        return p->family ? ISOLA_MATCH : ISOLA_PASS;
}
