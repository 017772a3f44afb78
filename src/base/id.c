/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/id.h"
#include "base/str.h"

static const char *const qualities[] = {
        "amber",   "bold",  "brave", "bright", "calm",   "clear", "coral",  "crisp",
        "distant", "eager", "early", "fair",   "free",   "fresh", "gentle", "golden",
        "green",   "happy", "keen",  "kind",   "light",  "lone",  "lucid",  "misty",
        "mild",    "noble", "quick", "quiet",  "rapid",  "rocky", "sandy",  "sharp",
        "silent",  "small", "snowy", "solar",  "stormy", "sunny", "swift",  "tidal",
        "tiny",    "vivid", "warm",  "windy",  "wild",   "wise",  "young",  "zesty",
};
static const char *const things[] = {
        "atoll", "bay",    "beach", "cape",   "cay",   "cliff", "cove",   "crag",   "dune",
        "fjord", "grove",  "gulf",  "harbor", "haven", "inlet", "island", "isle",   "lagoon",
        "ledge", "marina", "mesa",  "moor",   "oasis", "palm",  "pier",   "point",  "port",
        "quay",  "reef",   "ridge", "rock",   "sand",  "shoal", "shore",  "skerry", "sound",
        "spit",  "strait", "surf",  "tide",   "vale",  "wave",
};

static void random_bytes(void *buffer, size_t size) {
        /* Up to 256 bytes are never cut short nor interrupted: getrandom(2). */
        while (getrandom(buffer, size, 0) != (ssize_t) size)
                continue;
}

void id_new(char id[ID_LENGTH + 1]) {
        uint8_t bytes[ID_LENGTH / 2];

        do {
                random_bytes(bytes, sizeof bytes);
                for (size_t i = 0; i < sizeof bytes; i++)
                        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
        } while (strspn(id, "0123456789") >= ID_SHORT_LENGTH);
}

char *name_random(void) {
        uint32_t pick[2];

        random_bytes(pick, sizeof pick);
        return str_format("%s_%s", qualities[pick[0] % (sizeof qualities / sizeof *qualities)],
                          things[pick[1] % (sizeof things / sizeof *things)]);
}

bool name_is_valid(const char *name) {
        size_t n = strlen(name);

        if (n == 0 || n > 128 || !isalnum((unsigned char) *name))
                return false;
        for (; *name; name++)
                if (!isalnum((unsigned char) *name) && !strchr("_.-", *name))
                        return false;
        return true;
}

bool id_is_prefix(const char *text) {
        size_t n = strlen(text);

        return n > 0 && n <= ID_LENGTH && strspn(text, "0123456789abcdef") == n;
}

const char *boot_id(void) {
        static char id[64];

        if (!*id && file_read_some(AT_FDCWD, "/proc/sys/kernel/random/boot_id", id, sizeof id) >= 0)
                id[strcspn(id, "\n")] = 0;
        return id;
}
