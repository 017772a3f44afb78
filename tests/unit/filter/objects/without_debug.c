/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "isola_filter.h"

ISOLA_FILTER(without_debug) {
        return p->family ? ISOLA_MATCH : ISOLA_PASS;
}
