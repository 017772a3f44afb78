/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "isola_filter.h"

ISOLA_ARRAY(name_of_sixteen_, u64, 4);

ISOLA_FILTER(longname) {
        u32 key = 0;

        return isola_get(&name_of_sixteen_, &key) ? ISOLA_MATCH : ISOLA_PASS;
}
