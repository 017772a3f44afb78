/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <signal.h>

#include "base/pcapng.h"
#include "test.h"

/* Reads a file by the format's description and prints what is in it. */
static const char reader[] =
        "import struct, sys\n"
        "d = sys.stdin.buffer.read(); at = 0; kinds = []\n"
        "def options(b):\n"
        "    o = {}\n"
        "    while b:\n"
        "        code, n = struct.unpack('<HH', b[:4])\n"
        "        if code == 0: break\n"
        "        o[code] = b[4:4 + n]; b = b[4 + (n + 3) // 4 * 4:]\n"
        "    return o\n"
        "while at < len(d):\n"
        "    kind, n = struct.unpack('<II', d[at:at + 8]); b = d[at + 8:at + n - 4]\n"
        "    assert n % 4 == 0 and struct.unpack('<I', d[at + n - 4:at + n])[0] == n\n"
        "    if kind == 0x0a0d0d0a:\n"
        "        assert struct.unpack('<IHHq', b[:16]) == (0x1a2b3c4d, 1, 0, -1)\n"
        "        print('section', options(b[16:])[4].decode().split()[0])\n"
        "    elif kind == 1:\n"
        "        link, _, snap = struct.unpack('<HHI', b[:8]); o = options(b[8:])\n"
        "        print('interface', link, snap, o[2].decode(), o[9][0])\n"
        "    elif kind == 6:\n"
        "        i, high, low, kept, length = struct.unpack('<IIIII', b[:20])\n"
        "        o = options(b[20 + (kept + 3) // 4 * 4:])\n"
        "        print('packet', i, high << 32 | low, length, b[20:20 + kept].hex(), o[2].hex())\n"
        "    elif kind == 5:\n"
        "        i, high, low = struct.unpack('<III', b[:12]); o = options(b[12:])\n"
        "        print('statistics', i, high << 32 | low, *(struct.unpack('<Q', o[c])[0] for c in (4, 5)))\n"
        "    at += n\n";

static void expect_file(const char *path, const char *wanted) {
        char command[sizeof reader + 200], text[2000];
        size_t n;
        FILE *f;

        if (system("python3 -c ''") != 0)
                skip("there is no python3");
        snprintf(command, sizeof command, "python3 -c \"%s\" <%s", reader, path);
        f = popen(command, "r");
        expect(f);
        n = fread(text, 1, sizeof text - 1, f);
        text[n] = '\0';
        expect(pclose(f) == 0);
        expect_str(text, wanted);
}

static int temporary(char path[]) {
        strcpy(path, "/tmp/isola-pcapng-XXXXXX");
        return mkostemp(path, O_CLOEXEC);
}

TEST(a_reader_of_the_format_finds_all_that_was_written) {
        const struct iovec one = { (void *) "abcdef", 6 },
                           two[2] = { { (void *) "ab", 2 }, { (void *) "cdefghi", 7 } };
        char path[64];
        int fd = temporary(path);
        Pcapng *p = NULL;

        expect(fd >= 0 && pcapng_new(fd, &p, NULL) == 0);
        expect(pcapng_add_interface(p, "h1:a", PCAPNG_ETHERNET, 0) == 0 &&
               pcapng_add_interface(p, "h1:bb", PCAPNG_RAW_IP, 5) == 1);
        expect(pcapng_packet(p, 0, 1764000000123456789, PCAPNG_OUTBOUND, &one, 1) == 0);
        expect(pcapng_packet(p, 0, 1764000000123456790, PCAPNG_UNKNOWN, two, 2) == 0);
        expect(pcapng_packet(p, 1, 1764000000999999999, PCAPNG_INBOUND, two, 2) == 0);
        expect(pcapng_lost(p) == 0 && pcapng_waiting(p) > 0);
        expect(pcapng_finish(p, 1764000001000000000) == 0);
        expect_file(path, "section isola\n"
                          "interface 1 0 h1:a 9\n"
                          "interface 101 5 h1:bb 9\n"
                          "packet 0 1764000000123456789 6 616263646566 02000000\n"
                          "packet 0 1764000000123456790 9 616263646566676869 00000000\n"
                          "packet 1 1764000000999999999 9 6162636465 01000000\n"
                          "statistics 0 1764000001000000000 2 0\n"
                          "statistics 1 1764000001000000000 1 0\n");
        unlink(path);
}

TEST(a_slow_reader_loses_packets_which_are_counted_and_no_block_is_cut) {
        static char bytes[60000];
        const struct iovec part = { bytes, sizeof bytes };
        int ends[2], n = 0, lost = 0;
        ssize_t got, total = 0;
        Pcapng *p = NULL;

        expect(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0 && pcapng_new(ends[1], &p, NULL) == 0);
        expect(pcapng_add_interface(p, "x", PCAPNG_ETHERNET, 0) == 0);
        for (; n < 100; n++)
                lost += pcapng_packet(p, 0, n, PCAPNG_INBOUND, &part, 1) == -EAGAIN;
        expect(lost > 50 && lost < 100 && pcapng_lost(p) == (uint64_t) lost);
        while (pcapng_waiting(p) > 0) {
                expect(pcapng_flush(p) == 0);
                while ((got = read(ends[0], bytes, sizeof bytes)) > 0)
                        total += got;
        }
        /* Section 28 + option 24 + end 4, interface, and whole packets. */
        expect(total > (100 - lost) * 60000 && total < (100 - lost) * 60100 + 200);
        expect(pcapng_packet(p, 0, n, PCAPNG_INBOUND, &part, 1) == 0);
        pcapng_free(p);
}

TEST(a_reader_that_has_gone_is_said_and_ends_it) {
        const struct iovec part = { (void *) "x", 1 };
        int ends[2];
        Pcapng *p = NULL;

        signal(SIGPIPE, SIG_IGN);
        expect(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0 && pcapng_new(ends[1], &p, NULL) == 0);
        expect(pcapng_add_interface(p, "x", PCAPNG_ETHERNET, 0) == 0);
        close(ends[0]);
        expect(pcapng_flush(p) == -EPIPE &&
               pcapng_packet(p, 0, 1, PCAPNG_INBOUND, &part, 1) == -EPIPE);
        expect(pcapng_finish(p, 2) == -EPIPE);
}

TEST(there_is_room_for_any_number_of_interfaces) {
        const int n = 50000; /* their statistics are more than the buffer holds */
        char path[64];
        Pcapng *p = NULL;
        int fd = temporary(path);

        expect(fd >= 0 && pcapng_new(fd, &p, NULL) == 0);
        for (int i = 0; i < n; i++)
                expect(pcapng_add_interface(p, "x", PCAPNG_ETHERNET, 0) == i);
        expect(pcapng_finish(p, 1) == 0);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        expect(lseek(fd, 0, SEEK_END) > 2 * n * 40);
        close(fd);
        unlink(path);
}
