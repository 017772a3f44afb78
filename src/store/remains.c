/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "store/remains.h"

static int found(const Home *home, const char *path, bool remove, const char *kind,
                 const char *called, const char *fault, char ***ret) {
        if (remove)
                (void) unlinkat(home->data_fd, path, 0);
        return ret ? strv_addf(ret, "%s '%s', which %s", kind, called, fault) : 0;
}

static int find_half_written(const Home *home, bool remove, char ***ret) {
        static const char *const directories[] = { "image-store", "image-store/blobs/sha256",
                                                   "images" };

        for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
                autostrv files = NULL;

                (void) dir_list(home->data_fd, directories[i], &files);
                strv_foreach(file, files) {
                        autofree char *path = str_format("%s/%s", directories[i], *file);
                        int r = path ? 0 : -ENOMEM;

                        if (r >= 0 && str_ends_with(*file, "~"))
                                r = found(home, path, remove, "file", path, "is half written", ret);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static bool is_named(const OciIndex *index, const char *name) {
        for (size_t i = 0; i < index->n_manifests; i++)
                if (str_equal(descriptor_name(&index->manifests[i]), name))
                        return true;
        return false;
}

static int find_names(const Home *home, const OciIndex *index, bool remove, char ***ret) {
        autostrv names = NULL;

        (void) dir_list(home->data_fd, "images/names", &names);
        strv_foreach(name, names) {
                autofree char *path = str_format("images/names/%s", *name);
                int r;

                if (!path)
                        return -ENOMEM;
                if (file_access(home->data_fd, path, F_OK) == 0)
                        continue;
                for (char *p = *name; *p; p++)
                        if (*p == '%')
                                *p = '/';
                if (is_named(index, *name))
                        continue;
                r = found(home, path, remove, "name", *name, "leads nowhere", ret);
                if (r < 0)
                        return r;
        }
        return 0;
}

int remains_find(const Home *home, const OciIndex *index, bool remove, char ***ret) {
        int r = find_half_written(home, remove, ret);

        return r < 0 ? r : find_names(home, index, remove, ret);
}
