/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "transfer/credential_helper.h"

#define ANSWER_MAX (64u << 10)
#define NOT_FOUND  "credentials not found"

/* The helpers' protocol. */
typedef struct HelperAnswer {
        char *server, *user, *secret;
} HelperAnswer;

static const JsonField answer_fields[] = {
        JSON_STRING(HelperAnswer, server, "ServerURL"),
        JSON_STRING(HelperAnswer, user, "Username"),
        JSON_STRING(HelperAnswer, secret, "Secret"),
        {},
};
static const JsonType answer_type = { sizeof(HelperAnswer), answer_fields };

static int spawn(const char *program, const char *verb, int input, int output, pid_t *ret) {
        char *const arguments[] = { (char *) program, (char *) verb, NULL };
        posix_spawn_file_actions_t actions;
        int r;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        r = posix_spawnp(ret, program, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Runs it with @input; what it wrote, new.  1 if it succeeded, 0 if it did not. */
static int run(const char *helper, const char *verb, const char *input, char **ret, Err *err) {
        autofree char *program = str_format("docker-credential-%s", helper);
        autofree char *answer = calloc(1, ANSWER_MAX + 1);
        autoclose int in = memfd_create("isola-credential", MFD_CLOEXEC);
        autoclose int out = memfd_create("isola-credential", MFD_CLOEXEC);
        int r, status = 0;
        pid_t pid;
        ssize_t n;

        if (strchr(helper, '/'))
                return refuse(err, EINVAL, "'%s' is no credential helper's name", helper);
        if (!program || !answer || in < 0 || out < 0)
                return fail(err, ENOMEM, "cannot ask the credential helper '%s'", helper);
        r = fd_write_all(in, input, strlen(input));
        if (r >= 0 && lseek(in, 0, SEEK_SET) < 0)
                r = -errno;
        if (r >= 0)
                r = spawn(program, verb, in, out, &pid);
        if (r < 0)
                return err_hint(err, fail(err, r, "cannot run the credential helper '%s'", program),
                                "install it, or take its name out of the authentication file");
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return fail(err, errno, "cannot wait for '%s'", program);
        n = pread(out, answer, ANSWER_MAX, 0);
        if (n < 0)
                return fail(err, errno, "cannot read what '%s' said", program);
        answer[n] = 0;
        *ret = take_ptr(answer);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int refused(const char *helper, char *answer, Err *err) {
        autofree char *words = str_printable(answer);

        if (words && strchr(words, '\n'))
                *strchr(words, '\n') = 0;
        return refuse(err, EIO, "the credential helper '%s' failed: %s", helper,
                      str_empty(words) ? "it gave no reason" : words);
}

int credential_get(const char *helper, const char *server, Credentials *ret, Err *err) {
        autofree char *answer = NULL;
        HelperAnswer a = {};
        int r = run(helper, "get", server, &answer, err);

        if (r < 0)
                return r;
        if (r == 0)
                return strstr(answer, NOT_FOUND) ? 0 : refused(helper, answer, err);
        r = json_parse(&answer_type, answer, strlen(answer), "the credential helper's answer", &a,
                       err);
        if (r < 0)
                return r;
        if (str_equal(a.user, "<token>")) {
                ret->identity_token = take_ptr(a.secret);
        } else {
                ret->user = take_ptr(a.user);
                ret->secret = take_ptr(a.secret);
        }
        json_clear(&answer_type, &a);
        return ret->identity_token || (ret->user && ret->secret);
}

int credential_store(const char *helper, const char *server, const char *user, const char *secret,
                     Err *err) {
        const HelperAnswer a = { (char *) server, (char *) user, (char *) secret };
        autofree char *text = json_text(&answer_type, &a), *answer = NULL;
        int r;

        if (!text)
                return fail(err, ENOMEM, "cannot keep credentials");
        r = run(helper, "store", text, &answer, err);
        return r == 0 ? refused(helper, answer, err) : r < 0 ? r : 0;
}

int credential_erase(const char *helper, const char *server, Err *err) {
        autofree char *answer = NULL;
        int r = run(helper, "erase", server, &answer, err);

        if (r == 0 && !strstr(answer, NOT_FOUND))
                return refused(helper, answer, err);
        return r < 0 ? r : 0;
}
