/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "runtime/program_arch.h"

static const struct {
        unsigned machine, class, data;
        const char *architecture;
} names[] = {
        { EM_X86_64, ELFCLASS64, ELFDATA2LSB, "amd64" },
        { EM_386, ELFCLASS32, ELFDATA2LSB, "386" },
        { EM_AARCH64, ELFCLASS64, ELFDATA2LSB, "arm64" },
        { EM_ARM, ELFCLASS32, ELFDATA2LSB, "arm" },
        { EM_PPC64, ELFCLASS64, ELFDATA2LSB, "ppc64le" },
        { EM_PPC64, ELFCLASS64, ELFDATA2MSB, "ppc64" },
        { EM_S390, ELFCLASS64, ELFDATA2MSB, "s390x" },
        { EM_RISCV, ELFCLASS64, ELFDATA2LSB, "riscv64" },
        { EM_LOONGARCH, ELFCLASS64, ELFDATA2LSB, "loong64" },
        { EM_MIPS, ELFCLASS64, ELFDATA2LSB, "mips64le" },
        { EM_MIPS, ELFCLASS64, ELFDATA2MSB, "mips64" },
        { EM_MIPS, ELFCLASS32, ELFDATA2LSB, "mipsle" },
        { EM_MIPS, ELFCLASS32, ELFDATA2MSB, "mips" },
};

const char *program_architecture(const char *path) {
        autoclose int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        unsigned char head[offsetof(Elf64_Ehdr, e_version)];
        const size_t at = offsetof(Elf64_Ehdr, e_machine);
        unsigned machine;

        /* Both classes begin alike (elf(5)). */
        if (file < 0 || read(file, head, sizeof head) != (ssize_t) sizeof head ||
            memcmp(head, ELFMAG, SELFMAG) != 0)
                return NULL;
        machine = head[EI_DATA] == ELFDATA2MSB ? head[at] << 8 | head[at + 1]
                                               : head[at + 1] << 8 | head[at];
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (names[i].machine == machine && names[i].class == head[EI_CLASS] &&
                    names[i].data == head[EI_DATA])
                        return names[i].architecture;
        return NULL;
}
