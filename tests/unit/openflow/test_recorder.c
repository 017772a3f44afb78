/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <arpa/inet.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/str.h"
#include "openflow/recorder.h"
#include "test.h"

typedef struct Block {
        uint32_t type;
        const uint8_t *body;
        size_t size;
} Block;

static uint32_t u32(const uint8_t *at) {
        uint32_t value;

        memcpy(&value, at, sizeof value);
        return value;
}

/* The next block of the file, whose two lengths must agree. */
static bool next(const uint8_t **at, const uint8_t *end, Block *ret) {
        uint32_t length;

        if (*at == end)
                return false;
        expect(end - *at >= 12);
        length = u32(*at + 4);
        expect(length % 4 == 0 && length >= 12 && length <= (size_t) (end - *at));
        expect(u32(*at + length - 4) == length);
        *ret = (Block){ u32(*at), *at + 8, length - 12 };
        *at += length;
        return true;
}

static uint16_t sum(const uint8_t *bytes, size_t size, uint32_t start) {
        uint32_t n = start;

        for (size_t i = 0; i < size; i++)
                n += i % 2 ? bytes[i] : (uint32_t) bytes[i] << 8;
        while (n >> 16)
                n = (n & 0xffff) + (n >> 16);
        return (uint16_t) n;
}

/* Sums that come out as ones: nothing was damaged (RFC 1071). */
static void expect_sound(const uint8_t *ip, size_t size) {
        expect(ip[0] == 0x45 && (size_t) (ip[2] << 8 | ip[3]) == size && ip[9] == 6);
        expect(sum(ip, 20, 0) == 0xffff);
        expect(sum(ip + 12, size - 12, 6 + (uint32_t) size - 20) == 0xffff);
}

static char *record(void (*talk)(Recorder *recorder), size_t limit, size_t *ret_size) {
        char directory[64];
        autofree char *path = NULL;
        Recorder *recorder;
        char *text;
        int fd;

        snprintf(directory, sizeof directory, TEST_DIRECTORY, getpid());
        expect(mkdir(directory, 0700) == 0);
        path = str_format("%s/file", directory);
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        expect_ok(recorder_open(fd, limit, &recorder, NULL));
        talk(recorder);
        recorder_free(recorder);
        expect_ok(file_read(AT_FDCWD, path, 1 << 20, &text, ret_size));
        return text;
}

static void talk_twice(Recorder *recorder) {
        Recorded *first = recorder_connect(recorder, "s1"),
                 *second = recorder_connect(recorder, "s2");

        recorder_add(first, true, "\4\0\0\10\0\0\0\1", 8);
        recorder_add(second, false, "\4\5\0\10\0\0\0\2odd", 11);
        recorder_disconnect(first);
        recorder_disconnect(second);
}

TEST(file_is_pcapng_with_a_connection_for_each_switch) {
        size_t size, interfaces = 0, packets = 0, data = 0;
        autofree char *text = record(talk_twice, 0, &size);
        const uint8_t *at = (const uint8_t *) text, *end = at + size;
        Block b;

        expect(next(&at, end, &b) && b.type == 0x0a0d0d0a && u32(b.body) == 0x1a2b3c4d);
        while (next(&at, end, &b)) {
                if (b.type == 1) {
                        expect(b.body[0] == 101 && memcmp(b.body + 12, "s", 1) == 0);
                        expect(b.body[13] == '1' + interfaces);
                        interfaces++;
                        continue;
                }
                expect(b.type == 6 && u32(b.body) < interfaces && b.size >= 20 + u32(b.body + 12));
                expect_sound(b.body + 20, u32(b.body + 12));
                data += u32(b.body + 12) - 40;
                packets++;
        }
        expect(interfaces == 2 && packets == 2 * 3 + 2 + 2 * 3 && data == 8 + 11);
}

static void talk_much(Recorder *recorder) {
        Recorded *c = recorder_connect(recorder, "s1");
        static char much[65535];

        for (size_t i = 0; i < sizeof much; i++)
                much[i] = (char) (i * 7);
        recorder_add(c, true, "before", 6);
        recorder_add(c, true, much, sizeof much);
        recorder_disconnect(c);
}

/* As a reader of the stream puts it together by sequence numbers. */
TEST(long_messages_are_segments_one_after_the_other) {
        size_t size;
        autofree char *text = record(talk_much, 0, &size);
        const uint8_t *at = (const uint8_t *) text, *end = at + size;
        static uint8_t stream[80000];
        size_t length = 0;
        Block b;

        while (next(&at, end, &b)) {
                const uint8_t *ip = b.body + 20;
                size_t n;
                uint32_t sequence;

                if (b.type != 6 || ntohl(u32(ip + 16)) != 0xc0000201)
                        continue;
                expect_sound(ip, u32(b.body + 12));
                n = u32(b.body + 12) - 40;
                sequence = ntohl(u32(ip + 24));
                if (n == 0)
                        continue;
                expect(sequence == 1 + length && length + n <= sizeof stream);
                memcpy(stream + length, ip + 40, n);
                length += n;
        }
        expect(length == 6 + 65535 && memcmp(stream, "before", 6) == 0);
        for (size_t i = 0; i < 65535; i++)
                expect(stream[6 + i] == (uint8_t) (i * 7));
}

static void talk_until_full(Recorder *recorder) {
        const struct rlimit limit = { 4096, 4096 };
        Recorded *c = recorder_connect(recorder, "s1");
        static char much[8192];

        expect(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        expect(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        for (int i = 0; i < 10; i++)
                recorder_add(c, true, much, sizeof much);
        recorder_disconnect(c);
}

TEST(file_that_cannot_grow_ends_the_recording_alone) {
        size_t size;
        autofree char *text = record(talk_until_full, 0, &size);

        expect(size <= 4096);
        recorder_add(NULL, true, "x", 1);
        expect(recorder_disconnect(NULL) == NULL);
}

static void talk_on(Recorder *recorder) {
        Recorded *c = recorder_connect(recorder, "s1");

        for (int i = 0; i < 1000; i++)
                recorder_add(c, true, "\4\2\0\10\0\0\0\1", 8);
        recorder_disconnect(c);
}

TEST(file_grows_up_to_its_limit) {
        size_t size;
        autofree char *text = record(talk_on, 20000, &size);
        const uint8_t *at = (const uint8_t *) text, *end = at + size;
        Block b;

        expect(size > 15000 && size <= 21000);
        while (next(&at, end, &b)) /* and ends with a whole block */
                ;
}
