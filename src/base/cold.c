/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cold.h"

/* The linker's; absent from programs without such data. */
extern const char __start_isola_command_data[] __attribute__((__weak__));
extern const char __stop_isola_command_data[] __attribute__((__weak__));

void cold_drop(void) {
        uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
        uintptr_t from = ((uintptr_t) __start_isola_command_data + page - 1) & ~(page - 1);
        uintptr_t to = (uintptr_t) __stop_isola_command_data & ~(page - 1);

        /* The pages are the program file's again (madvise(2)); that it may fail does no harm. */
        if (from && from < to)
                (void) madvise((void *) from, to - from, MADV_DONTNEED);
}
