/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * isola-image: what reads bytes from outside
 *
 * Started by sandbox_run() with the tree to fill as its root directory and the
 * descriptors of helper.h.  It keeps the capabilities that making files takes,
 * allows itself the system calls that reading, decompressing and making files
 * take, and only then looks at its request.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "base/auto.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/caps.h"
#include "store/copy.h"
#include "store/decompress.h"
#include "store/describe.h"
#include "store/helper.h"
#include "store/inroot.h"
#include "store/tar_read.h"
#include "store/unpack.h"

#define CAP_BIT(c)  (1ull << (c))
#define STREAM_SIZE (256u << 10)

/* What tar, its decompressors and libc's memory and streams ask for. */
static const int allowed[] = {
        SCMP_SYS(brk),
        SCMP_SYS(clock_gettime),
        SCMP_SYS(close),
        SCMP_SYS(copy_file_range),
        SCMP_SYS(exit),
        SCMP_SYS(exit_group),
        SCMP_SYS(fallocate),
        SCMP_SYS(fchmod),
        SCMP_SYS(fchmodat),
        SCMP_SYS(fchown),
        SCMP_SYS(fchownat),
        SCMP_SYS(fcntl),
        SCMP_SYS(fgetxattr),
        SCMP_SYS(flistxattr),
        SCMP_SYS(fsetxattr),
        SCMP_SYS(fstat),
        SCMP_SYS(fstatfs),
        SCMP_SYS(futex),
        SCMP_SYS(getdents64),
        SCMP_SYS(getpid),
        SCMP_SYS(getrandom),
        SCMP_SYS(gettid),
        SCMP_SYS(gettimeofday), /* like time: a call where the clock cannot be read without
                                   (vdso(7)) */
        SCMP_SYS(linkat),
        SCMP_SYS(lseek),
        SCMP_SYS(madvise),
        SCMP_SYS(mkdirat),
        SCMP_SYS(mknodat),
        SCMP_SYS(mremap),
        SCMP_SYS(munmap),
        SCMP_SYS(newfstatat),
        SCMP_SYS(openat),
        SCMP_SYS(openat2),
        SCMP_SYS(read),
        SCMP_SYS(readlinkat),
        SCMP_SYS(rt_sigprocmask),
        SCMP_SYS(rt_sigreturn),
        SCMP_SYS(statx),
        SCMP_SYS(symlinkat),
        SCMP_SYS(sysinfo), /* qsort() of more than 1 KiB asks how much memory there is */
        SCMP_SYS(tgkill),
        SCMP_SYS(time),
        SCMP_SYS(unlinkat),
        SCMP_SYS(utimensat),
        SCMP_SYS(write),
        SCMP_SYS(writev),
};

static int lock_in(Err *err) {
        const CapSets sets = { .effective = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) |
                                            CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) |
                                            CAP_BIT(CAP_SETFCAP) | CAP_BIT(CAP_MKNOD),
                               .permitted = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) |
                                            CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) |
                                            CAP_BIT(CAP_SETFCAP) | CAP_BIT(CAP_MKNOD) };
        scmp_filter_ctx filter;
        int r;

        r = caps_bound(0);
        if (r >= 0)
                r = caps_set(&sets);
        if (r < 0)
                return fail(err, r, "cannot give up capabilities");

        filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        if (!filter)
                return fail(err, ENOMEM, "cannot make the list of system calls");
        for (size_t i = 0; r >= 0 && i < sizeof allowed / sizeof *allowed; i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        /* Memory may be had, but none that is code. */
        if (r >= 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        if (r >= 0)
                r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        if (r >= 0)
                r = seccomp_load(filter);
        seccomp_release(filter);
        return r < 0 ? fail(err, r, "cannot install the list of system calls") : 0;
}

static int read_request(HelperRequest *ret, Err *err) {
        autofree char *text = NULL;
        struct stat st;
        ssize_t n;

        if (fstat(HELPER_REQUEST, &st) < 0 || st.st_size > HELPER_REQUEST_MAX)
                return refuse(err, EFBIG, "the request is too long");
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return fail(err, ENOMEM, "cannot read the request");
        n = fd_read_all(HELPER_REQUEST, text, (size_t) st.st_size);
        if (n < 0)
                return fail(err, (int) n, "cannot read the request");
        return helper_request_parse(text, (size_t) n, ret, err);
}

/* What may be written without taking the disk's last bytes from everybody else. */
static int64_t room_on(int dir) {
        struct statvfs fs;
        int64_t room;

        if (fstatvfs(dir, &fs) < 0 || fs.f_blocks == 0)
                return 0;
        room = (int64_t) fs.f_bavail * (int64_t) fs.f_frsize;
        return room > 20 ? room - room / 20 : 1;
}

/*
 * What the decompressor gives, in large pieces and hashed on its way: the reader of the tar asks
 * for its headers one by one.
 */
typedef struct Stream {
        Decompress *from;
        bool hash;
        Digest digest;
        int64_t size;
        char *buffer;
        size_t at, filled;
} Stream;

static ssize_t stream_fill(Stream *s, Err *err) {
        ssize_t n = decompress_read(s->from, s->buffer, STREAM_SIZE, err);

        if (n <= 0)
                return n;
        if (s->hash)
                digest_add(&s->digest, s->buffer, (size_t) n);
        s->size += n;
        s->at = 0;
        s->filled = (size_t) n;
        return n;
}

static ssize_t stream_read(void *context, void *buffer, size_t n, Err *err) {
        Stream *s = context;
        size_t done = 0;

        while (done < n) {
                size_t piece = s->filled - s->at < n - done ? s->filled - s->at : n - done;
                ssize_t more;

                if (piece == 0) {
                        more = stream_fill(s, err);
                        if (more < 0)
                                return more;
                        if (more == 0)
                                break;
                        continue;
                }
                memcpy((char *) buffer + done, s->buffer + s->at, piece);
                s->at += piece;
                done += piece;
        }
        return (ssize_t) done;
}

/* All that is left belongs to the digest, too. */
static int stream_finish(Stream *s, TreeReport *ret, Err *err) {
        ssize_t n;

        do {
                n = stream_fill(s, err);
        } while (n > 0);
        if (n < 0)
                return (int) n;
        digest_end(&s->digest, ret->digest);
        ret->size = s->size;
        return 0;
}

static int unpack_stream(int target, const HelperRequest *request, int64_t most, TreeReport *ret,
                         Err *err) {
        __attribute__((__cleanup__(TarReader_auto))) TarReader *reader = NULL;
        autofree char *buffer = malloc(STREAM_SIZE);
        Stream stream = { .buffer = buffer, .hash = request->digest };
        int r;

        if (!buffer)
                return fail(err, ENOMEM, "cannot unpack");
        digest_begin(&stream.digest);
        r = decompress_open(HELPER_ARCHIVE, &stream.from, err);
        if (r < 0)
                return r;
        if (request->digest && decompress_leave_checksum(stream.from) < 0)
                r = fail(err, ENOMEM, "cannot unpack");
        if (r >= 0)
                r = tar_reader_new(stream_read, &stream, &reader, err);
        if (r >= 0)
                r = unpack_tar(target, reader, (UnpackMode) request->unpack_mode, most, ret, err);
        if (r >= 0 && request->digest)
                r = stream_finish(&stream, ret, err);
        decompress_free(stream.from);
        return r;
}

static int unpack(int root, const HelperRequest *request, TreeReport *ret, Err *err) {
        InRoot tree = { .root = root, .parent = -EBADF };
        InRootOwner owner = {};
        autofree char *dest = strdup(request->dest);
        autoclose int target = -EBADF;
        int64_t most = room_on(root);

        if (request->max_bytes && (most == 0 || request->max_bytes < most))
                most = request->max_bytes;
        if (!dest || inroot_clean(dest) < 0)
                return refuse(err, EINVAL, "the destination '%s' leads out of the tree",
                              request->dest);
        (void) clock_gettime(CLOCK_REALTIME, &owner.mtime);
        target = inroot_make_dir(&tree, dest, &owner, 0755, err);
        if (target < 0)
                return target;
        inroot_clear(&tree);
        return unpack_stream(target, request, most, ret, err);
}

/* An archive of images, which is read piece by piece afterwards, into a file. */
static int inflate_archive(int root, const HelperRequest *request, Err *err) {
        autoclose int file =
                openat(root, request->dest, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        autofree char *buffer = malloc(STREAM_SIZE);
        int64_t left = room_on(root);
        Decompress *from = NULL;
        ssize_t n = 0;
        int r;

        if (file < 0 || !buffer)
                return fail(err, file < 0 ? errno : ENOMEM, "cannot inflate the archive");
        r = decompress_open(HELPER_ARCHIVE, &from, err);
        while (r >= 0 && (n = decompress_read(from, buffer, STREAM_SIZE, err)) > 0) {
                left -= n;
                if (left < 0)
                        r = refuse(err, EFBIG, "the archive is larger than there is room for");
                else
                        r = fd_write_all(file, buffer, (size_t) n);
                if (r < 0 && left >= 0)
                        r = fail(err, r, "cannot inflate the archive");
        }
        decompress_free(from);
        return r < 0 ? r : n < 0 ? (int) n : 0;
}

/*
 * For the test that proves the sandbox: does what a parser that was taken over would try, and
 * says what worked.  A call that the list forbids ends the process instead.
 */
static int try(const HelperRequest *request, Err *err) {
        if (str_equal(request->dest, "socket"))
                (void) syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
        else if (str_equal(request->dest, "exec"))
                (void) syscall(SYS_execve, "/bin/sh", NULL, NULL);
        else if (str_equal(request->dest, "mount"))
                (void) syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
        else if (str_equal(request->dest, "kill"))
                (void) syscall(SYS_kill, -1, SIGTERM);
        else if (str_equal(request->dest, "clock"))
                (void) syscall(SYS_gettimeofday, &(struct timeval){ 0 }, NULL);
        else if (open(request->dest, O_RDONLY) < 0)
                return fail(err, errno, "cannot open '%s'", request->dest);
        return refuse(err, EPERM, "'%s' worked", request->dest);
}

static int carry_out(TreeReport *ret, Description *ret_description, Err *err) {
        autoclose int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        HelperRequest request = {};
        int r;

        if (root < 0)
                return fail(err, errno, "cannot open the tree");
        r = lock_in(err);
        if (r >= 0)
                r = read_request(&request, err);
        if (r < 0)
                return r;
        if (str_equal(request.verb, "unpack"))
                r = unpack(root, &request, ret, err);
        else if (str_equal(request.verb, "copy"))
                r = copy_files(root, HELPER_SOURCE, &request, ret, err);
        else if (str_equal(request.verb, "inflate"))
                r = inflate_archive(root, &request, err);
        else if (str_equal(request.verb, "describe"))
                r = describe_read(request.dest, HELPER_ARCHIVE, request.owner,
                                  (size_t) request.max_bytes, ret_description, err);
        else if (str_equal(request.verb, "try"))
                r = try(&request, err);
        else
                r = refuse(err, EINVAL, "the image helper knows no '%s'", request.verb);
        json_clear(&helper_request_type, &request);
        return r;
}

int main(void) {
        autoerr err = {};
        Description description = {};
        TreeReport report = {};
        int r = carry_out(&report, &description, &err);
        autofree char *message = err.message ? str_printable(err.message) : NULL;
        autofree char *hint = err.hint ? str_printable(err.hint) : NULL;
        HelperReply reply = { .code = r < 0 ? r : 0,
                              .message = message,
                              .hint = hint,
                              .entries = report.entries,
                              .bytes = report.bytes,
                              .devices = report.devices,
                              .strangers = report.strangers,
                              .attributes = report.attributes,
                              .digest = *report.digest ? report.digest : NULL,
                              .size = report.size,
                              .description = r < 0 ? NULL : &description };
        autofree char *text = json_text(&helper_reply_type, &reply);

        if (!text || fd_write_all(HELPER_REPLY, text, strlen(text)) < 0)
                return 1;
        return r < 0;
}
