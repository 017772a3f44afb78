/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tests whose store asks isola-image: where that is, beside this program's directory. */

#include "base/auto.h"
#include "base/str.h"
#include "test.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif

static inline void use_helper(void) {
        char self[4096];
        autofree char *directory = NULL;
        ssize_t n;

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
        skip("the helper cannot run with the sanitizers' libraries");
#endif
        n = readlink("/proc/self/exe", self, sizeof self - 1);
        expect(n > 0);
        self[n] = 0;
        *strrchr(self, '/') = 0;
        directory = str_format("%s/../src", self);
        setenv("ISOLA_LIBEXEC", directory, 1);
}
