/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "store/layer.h"
#include "store/sandbox.h"
#include "transfer/spool.h"

#define PIECE_SIZE (256u << 10)

int spool_open(const Home *home, Err *err) {
        autoclose int dir = dir_open(home->data_fd, "ingest", 0700);
        int file;

        if (dir < 0)
                return fail(err, dir, "cannot open '%s/ingest'", home->data);
        file = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        return file < 0 ? fail(err, errno, "cannot make a file in '%s/ingest'", home->data) : file;
}

/* A pipe into a file. */
static int copy(const Home *home, int from, Err *err) {
        autoclose int to = spool_open(home, err);
        autofree char *buffer = malloc(PIECE_SIZE);
        ssize_t n;

        if (to < 0)
                return to;
        if (!buffer)
                return fail(err, ENOMEM, "cannot read the archive");
        while ((n = fd_read_all(from, buffer, PIECE_SIZE)) > 0) {
                int r = fd_write_all(to, buffer, (size_t) n);

                if (r < 0)
                        return fail(err, r, "cannot write to '%s/ingest'", home->data);
        }
        return n < 0 ? fail(err, (int) n, "cannot read the archive") : take_fd(to);
}

/* By the helper, into a directory that it is given. */
static int inflate(const Home *home, int archive, Err *err) {
        autoptr(LayerDraft) draft = NULL;
        HelperRequest request = { .verb = (char *) "inflate", .dest = (char *) "archive" };
        TreeView view = {};
        SandboxJob job = { .view = &view, .archive = archive, .request = &request };
        autofree char *path = NULL;
        int r, file;

        r = layer_draft(home, &draft, err);
        if (r < 0)
                return r;
        view = (TreeView){ .upper = draft->diff, .work = draft->work };
        r = sandbox_run(&job, NULL, err);
        path = str_format("%s/archive", draft->diff);
        if (r < 0 || !path)
                return r < 0 ? r : fail(err, ENOMEM, "cannot inflate the archive");
        file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        return file < 0 ? fail(err, errno, "cannot open the archive") : file;
}

static bool is_compressed(int file) {
        unsigned char magic[6] = {};

        return pread(file, magic, sizeof magic, 0) == sizeof magic &&
               ((magic[0] == 0x1f && magic[1] == 0x8b) ||
                memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0 ||
                memcmp(magic,
                       "\xfd"
                       "7zXZ",
                       5) == 0);
}

int spool_archive(const Home *home, int archive, Err *err) {
        autoclose int file = -EBADF;
        struct stat st;

        if (fstat(archive, &st) < 0)
                return fail(err, errno, "cannot read the archive");
        file = S_ISREG(st.st_mode) ? fcntl(archive, F_DUPFD_CLOEXEC, 3) : copy(home, archive, err);
        if (file < 0)
                return S_ISREG(st.st_mode) ? fail(err, errno, "cannot read the archive") : file;
        if (!is_compressed(file))
                return take_fd(file);
        if (lseek(file, 0, SEEK_SET) < 0)
                return fail(err, errno, "cannot read the archive");
        return inflate(home, file, err);
}
