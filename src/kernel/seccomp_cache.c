/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/seccomp_cache.h"

#define FILES_MAX 128 /* of some 10 kB; when there are more, all go */

typedef struct Head {
        char magic[8];
        uint32_t flags, notifies;
} Head;

static const char magic[8] = "isolabpf";

#define FILE_MAX (sizeof(Head) + BPF_MAXINSNS * sizeof(struct sock_filter) + DIGEST_LENGTH)

/* --- key: each word with its length, each list with its number --- */

static void add_number(Digest *d, uint64_t n) {
        digest_add(d, &n, sizeof n);
}

static void add_word(Digest *d, const char *word) {
        add_number(d, word ? strlen(word) : UINT64_MAX);
        if (word)
                digest_add(d, word, strlen(word));
}

static void add_words(Digest *d, char *const *words) {
        add_number(d, words ? strv_length(words) : UINT64_MAX);
        strv_foreach(word, words)
                add_word(d, *word);
}

static void add_condition(Digest *d, const SeccompCondition *c) {
        add_number(d, c != NULL);
        if (!c)
                return;
        add_words(d, c->caps);
        add_words(d, c->arches);
        add_word(d, c->min_kernel);
}

static void add_rule(Digest *d, const SeccompRule *rule) {
        add_words(d, rule->names);
        add_word(d, rule->name);
        add_word(d, rule->action);
        add_number(d, rule->has_errno_ret ? rule->errno_ret : UINT64_MAX);
        add_number(d, rule->n_args);
        for (size_t i = 0; i < rule->n_args; i++) {
                add_number(d, rule->args[i].index);
                add_number(d, rule->args[i].value);
                add_number(d, rule->args[i].value_two);
                add_word(d, rule->args[i].op);
        }
        add_condition(d, rule->includes);
        add_condition(d, rule->excludes);
}

static void add_versions(Digest *d) {
        const struct scmp_version *v = seccomp_version();
        struct utsname name = {};

        (void) uname(&name);
        add_word(d, ISOLA_VERSION);
        add_number(d, (uint64_t) v->major << 32 | v->minor << 16 | v->micro);
        add_word(d, name.release);
        add_word(d, name.machine);
}

void seccomp_cache_key(const SeccompRules *rules, uint64_t caps, SeccompKey key) {
        char text[DIGEST_LENGTH + 1];
        Digest d;

        digest_begin(&d);
        add_versions(&d);
        add_number(&d, caps);
        add_word(&d, rules->default_action);
        add_number(&d, rules->has_default_errno_ret ? rules->default_errno_ret : UINT64_MAX);
        add_words(&d, rules->architectures);
        add_number(&d, rules->n_arch_map);
        for (size_t i = 0; i < rules->n_arch_map; i++) {
                add_word(&d, rules->arch_map[i].architecture);
                add_words(&d, rules->arch_map[i].sub);
        }
        add_words(&d, rules->flags);
        add_number(&d, str_empty(rules->listener_path)); /* what is compiled must have one */
        add_number(&d, rules->n_rules);
        for (size_t i = 0; i < rules->n_rules; i++)
                add_rule(&d, &rules->rules[i]);
        digest_end(&d, text);
        memcpy(key, digest_hex(text), DIGEST_HEX_LENGTH + 1);
}

/* --- files --- */

static int read_file(int dir, const char *name, char **ret, size_t *ret_size) {
        autoclose int file = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        autofree char *bytes = NULL;
        struct stat st;
        ssize_t n;

        if (file < 0 || fstat(file, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022 ||
            st.st_size < (off_t) (sizeof(Head) + DIGEST_LENGTH) || st.st_size > (off_t) FILE_MAX)
                return -EINVAL;
        bytes = malloc((size_t) st.st_size);
        if (!bytes)
                return -ENOMEM;
        n = fd_read_all(file, bytes, (size_t) st.st_size);
        if (n != st.st_size)
                return n < 0 ? (int) n : -EINVAL;
        *ret = take_ptr(bytes);
        *ret_size = (size_t) n;
        return 0;
}

int seccomp_cache_load(int dir, const SeccompKey key, SeccompFilter **ret) {
        autoptr(SeccompFilter) f = calloc(1, sizeof *f);
        char digest[DIGEST_LENGTH + 1];
        autofree char *bytes = NULL;
        size_t size, code;
        Head head;

        if (!f || read_file(dir, key, &bytes, &size) < 0)
                return -ENOENT;
        size -= DIGEST_LENGTH;
        code = size - sizeof head;
        digest_of(bytes, size, digest);
        memcpy(&head, bytes, sizeof head);
        if (memcmp(digest, bytes + size, DIGEST_LENGTH) != 0 ||
            memcmp(head.magic, magic, sizeof magic) != 0 || code == 0 || code % sizeof *f->owned)
                return -ENOENT;

        f->owned = malloc(code);
        if (!f->owned)
                return -ENOENT;
        memcpy(f->owned, bytes + sizeof head, code);
        f->code = f->owned;
        f->n = code / sizeof *f->owned;
        f->flags = head.flags;
        f->notifies = head.notifies;
        *ret = take_ptr(f);
        return 0;
}

static void make_room(int dir) {
        autostrv names = NULL;

        if (dir_list(dir, ".", &names) < 0 || strv_length(names) < FILES_MAX)
                return;
        strv_foreach(name, names)
                (void) unlinkat(dir, *name, 0);
}

void seccomp_cache_store(int dir, const SeccompKey key, const SeccompFilter *f) {
        Head head = { .flags = f->flags, .notifies = f->notifies };
        char digest[DIGEST_LENGTH + 1];
        autostr text = {};
        int r;

        memcpy(head.magic, magic, sizeof magic);
        str_put_bytes(&text, &head, sizeof head);
        str_put_bytes(&text, f->code, f->n * sizeof *f->code);
        if (text.failed)
                return;
        digest_of(text.text, text.length, digest);
        str_put_bytes(&text, digest, DIGEST_LENGTH);
        if (text.failed)
                return;
        make_room(dir);
        r = file_replace(dir, key, text.text, text.length, 0600, false);
        if (r < 0)
                log_debug("cannot keep a system call filter: %s", strerror(-r));
}
