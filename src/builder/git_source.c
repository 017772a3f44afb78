/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fault.h"
#include "base/str.h"
#include "builder/agent_relay.h"
#include "builder/git_source.h"
#include "kernel/process.h"
#include "transfer/git_sandbox.h"

#define AGENT_NAME "agent"
#define AGENT_SEEN GIT_WORK "/" AGENT_NAME

GitSource *git_source_free(GitSource *source) {
        if (!source)
                return NULL;
        if (source->relay >= 0)
                process_kill_and_reap(source->relay);
        close_fd(source->relay);
        git_url_free(source->url);
        git_commit_clear(&source->commit);
        layer_draft_free(source->draft);
        free(source->directory);
        free(source->header);
        free(source);
        return NULL;
}

/* ------------------------------------------------------------------ who may read it */

/* @ret: NULL if there is no such secret. */
static int read_secret(const GitSource *s, const BuildSecrets *secrets, const char *id,
                       const char *host, char **ret, Err *err) {
        autofree char *name = str_format("%s%s%s", id, host ? "." : "", host ? host : "");
        size_t size;
        int r;

        *ret = NULL;
        if (!name)
                return fail(err, ENOMEM, "cannot read a secret");
        r = build_secret_read(secrets, name, ret, &size, err);
        if (r == -ENOENT && !err->message)
                return 0;
        if (r < 0)
                return r;
        /* Files end with an end of line, headers do not. */
        while (size > 0 && isspace((unsigned char) (*ret)[size - 1]))
                (*ret)[--size] = 0;
        for (size_t i = 0; i < size; i++)
                if ((unsigned char) (*ret)[i] < ' ')
                        return refuse(err, EINVAL, "the secret '%s' for '%s' is more than a line",
                                      name, s->url->remote);
        return 0;
}

static int token_header(const char *token, char **ret) {
        autofree char *credentials = str_format("x-access-token:%s", token);

        *ret = credentials ? git_basic_header(credentials) : NULL;
        return *ret ? 0 : -ENOMEM;
}

static int find_header(GitSource *s, const BuildSecrets *secrets, Err *err) {
        const char *const hosts[] = { s->url->host, NULL };

        if (!s->url->http)
                return 0;
        for (size_t i = 0; i < 2 && !s->header; i++) {
                autofree char *header = NULL, *token = NULL;
                int r = read_secret(s, secrets, "GIT_AUTH_HEADER", hosts[i], &header, err);

                if (r >= 0 && !header)
                        r = read_secret(s, secrets, "GIT_AUTH_TOKEN", hosts[i], &token, err);
                if (r < 0)
                        return r;
                if (header)
                        s->header = str_format("Authorization: %s", header);
                if ((header && !s->header) || (token && token_header(token, &s->header) < 0))
                        return fail(err, ENOMEM, "cannot read a secret");
        }
        if (!s->header && s->url->credentials) {
                s->header = git_basic_header(s->url->credentials);
                return s->header ? 0 : fail(err, ENOMEM, "cannot read a URL");
        }
        return 0;
}

/* In the draft, whose root is git's root, too. */
static int begin_agent(GitSource *s, const char *agent, Err *err) {
        autoclose int dir = open(s->draft->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autoclose int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (dir < 0 || listener < 0)
                return fail(err, errno, "cannot pass the SSH agent on");
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" AGENT_NAME, dir);
        if (bind(listener, (const struct sockaddr *) &address, sizeof address) < 0 ||
            fchmodat(dir, AGENT_NAME, 0600, 0) < 0 || listen(listener, 8) < 0)
                return fail(err, errno, "cannot pass the SSH agent on");
        return agent_relay_start(listener, agent, &s->relay, err);
}

static int find_agent(GitSource *s, const BuildSecrets *secrets, bool own, Err *err) {
        const char *agent = build_agent_socket(secrets, "default");

        if (!agent && own)
                agent = getenv("SSH_AUTH_SOCK");
        return s->url->ssh && !str_empty(agent) ? begin_agent(s, agent, err) : 0;
}

static GitAccess access_of(const GitSource *s) {
        return (GitAccess){ .header = s->header, .agent = s->relay >= 0 ? AGENT_SEEN : NULL };
}

/* ------------------------------------------------------------------------- the files */

int git_source_open(const Home *home, const BuildSecrets *secrets, GitUrl *url, bool own_agent,
                    GitSource **ret, Err *err) {
        autoptr(GitSource) s = calloc(1, sizeof *s);
        GitAccess access;
        int r;

        if (!s) {
                git_url_free(url);
                return fail(err, ENOMEM, "cannot fetch");
        }
        s->relay = -EBADF;
        s->url = url;
        r = layer_draft(home, &s->draft, err);
        if (r >= 0)
                r = find_header(s, secrets, err);
        if (r >= 0)
                r = find_agent(s, secrets, own_agent, err);
        if (r < 0)
                return r;
        access = access_of(s);
        r = git_resolve(s->url, &access, s->draft->path, &s->commit, err);
        fault_point("build.git");
        if (r < 0)
                return r;
        *ret = take_ptr(s);
        return 0;
}

/* Not where it is from: the commit says what it holds. */
void git_source_add_key(const GitSource *s, CacheKey *key) {
        cache_key_add(key, "git");
        cache_key_add(key, s->url->keep_git_dir ? s->commit.id : s->commit.peeled);
        cache_key_add(key, s->url->keep_git_dir ? s->commit.ref : NULL);
        cache_key_add(key, s->url->subdir);
        cache_key_add(key, s->url->skip_submodules ? "without submodules" : NULL);
        cache_key_add(key, s->url->times_of_checkout ? "as old as the checkout" : NULL);
}

int git_source_fetch(GitSource *s, Err *err) {
        const GitAccess access = access_of(s);
        int r;

        if (s->directory)
                return 0;
        /* A part of a repository is none. */
        r = git_checkout(s->url, &access, &s->commit, s->url->keep_git_dir && !s->url->subdir,
                         s->draft->path, &s->directory, err);
        fault_point("build.checkout");
        return r;
}
