/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <ctype.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "transfer/git.h"
#include "transfer/git_sandbox.h"

#define FILES      GIT_WORK "/files"
#define REPOSITORY GIT_WORK "/repository"
#define DEPTH_MAX  1000 /* directories in each other */

/* One source on its way. */
typedef struct Git {
        const GitUrl *url;
        const GitAccess *access;
        const char *work;
        char **config;
        const char *dir;  /* of the repository, as git sees it */
        const char *tree; /* of the files; or NULL */
        Err *err;
} Git;

void git_commit_clear(GitCommit *commit) {
        free(commit->id);
        free(commit->peeled);
        free(commit->ref);
        *commit = (GitCommit){};
}

char *git_basic_header(const char *credentials) {
        size_t n = strlen(credentials);
        autofree char *text = malloc(n / 3 * 4 + 5);

        if (!text)
                return NULL;
        EVP_EncodeBlock((unsigned char *) text, (const unsigned char *) credentials, (int) n);
        return str_format("Authorization: basic %s", text);
}

/* ------------------------------------------------------------------------ one command */

/* The token is for this repository, at GitHub for what else is there: submodules often are. */
static int set_access(Git *git) {
        static const char *const shared[] = { "https://github.com/", "https://www.github.com/" };
        const char *scope = git->url->remote;

        if (!git->access->header || !git->url->http)
                return 0;
        for (size_t i = 0; i < 2; i++)
                if (str_after(scope, shared[i]))
                        scope = shared[i];
        return strv_addf(&git->config, "http.%s.extraheader=%s", scope, git->access->header);
}

static int run(const Git *git, const char *const *args, GitOutput *ret) {
        autofree char *dir = git->dir ? str_format("--git-dir=%s", git->dir) : NULL;
        autofree char *tree = git->tree ? str_format("--work-tree=%s", git->tree) : NULL;
        const char *all[32];
        const GitCommand command = {
                .args = all, .config = git->config, .work = git->work, .agent = git->access->agent
        };
        size_t n = 0;

        if ((git->dir && !dir) || (git->tree && !tree))
                return fail(git->err, ENOMEM, "cannot start git");
        if (git->tree) {
                all[n++] = "-C";
                all[n++] = git->tree;
                all[n++] = tree;
        }
        if (git->dir)
                all[n++] = dir;
        for (; *args; args++)
                all[n++] = *args;
        all[n] = NULL;
        return git_run(&command, ret, git->err);
}

/* What git calls fatal, or else its last line. */
static char *reason_of(const GitOutput *output) {
        autostrv lines = NULL;
        const char *found = "it gave no reason";

        if (strv_split(output->errors, "\r\n", true, &lines) < 0) /* ssh ends lines with both */
                return NULL;
        strv_foreach(line, lines) {
                const char *words = str_after(*line, "fatal: ");

                /* Why is what ssh said right before it. */
                if (words && str_after(words, "Could not read from remote repository") &&
                    line != lines)
                        break;
                if (!words && (words = str_after(*line, "error: ")) == NULL)
                        words = *line;
                found = words;
                if (str_after(*line, "fatal: "))
                        break;
        }
        return str_printable(found);
}

static int hint_of(const Git *git, const GitOutput *output, int code) {
        if (strstr(output->errors, "could not read Username") ||
            strstr(output->errors, "Authentication failed") ||
            strstr(output->errors, "returned error: 403"))
                return err_hint(git->err, code,
                                "if it is not for everybody, give a token: --secret "
                                "id=GIT_AUTH_TOKEN,env=VARIABLE");
        if (strstr(output->errors, "Permission denied (") ||
            strstr(output->errors, "Host key verification failed"))
                return err_hint(git->err, code,
                                "let isola use your SSH agent: --ssh default; a host's key is "
                                "looked for in ~/.ssh/known_hosts");
        return code;
}

static int refuse_output(const Git *git, const GitOutput *output, const char *what) {
        autofree char *reason = reason_of(output);

        refuse(git->err, EREMOTEIO, "cannot %s '%s': git says: %s", what, git->url->remote,
               reason ? reason : "");
        return hint_of(git, output, -EREMOTEIO);
}

/* A command that must succeed; @ret: what it said without the end of line, or NULL. */
static int run_well(const Git *git, const char *what, const char *const *args, char **ret) {
        autogitoutput output = {};
        int r = run(git, args, &output);

        if (r < 0)
                return r;
        if (output.status != 0)
                return refuse_output(git, &output, what);
        if (ret) {
                output.out[strcspn(output.out, "\n")] = 0;
                *ret = take_ptr(output.out);
        }
        return 0;
}

/* -------------------------------------------------------------------- ref to commit */

static bool begins_with(const char *id, const char *checksum) {
        return strncasecmp(id, checksum, strlen(checksum)) == 0;
}

static int check_sum(const Git *git, const GitCommit *commit) {
        const char *checksum = git->url->checksum;

        if (!checksum || begins_with(commit->id, checksum) || begins_with(commit->peeled, checksum))
                return 0;
        return refuse(git->err, EBADMSG, "'%s' of '%s' is the commit %s, not %s",
                      git->url->ref ? git->url->ref : "the default branch", git->url->remote,
                      commit->peeled, checksum);
}

static int set_commit(const Git *git, GitCommit *commit, const char *id, const char *peeled,
                      const char *ref) {
        if (!git_is_commit(id) || (peeled && !git_is_commit(peeled)))
                return refuse(git->err, EBADMSG, "'%s' is no commit", id);
        if (str_set(&commit->id, id) < 0 || str_set(&commit->peeled, peeled ? peeled : id) < 0 ||
            str_set(&commit->ref, ref) < 0)
                return fail(git->err, ENOMEM, "cannot fetch");
        return check_sum(git, commit);
}

/* The id that one of a list's "ID<tab>REF" lines has; inside the list. */
static const char *id_of(char *const *lines, const char *ref) {
        strv_foreach(line, lines) {
                const char *tab = strchr(*line, '\t');

                if (tab && str_equal(tab + 1, ref) && !str_after(*line, "ref: "))
                        return *line;
        }
        return NULL;
}

static char *id_copy(const char *line) {
        return line ? strndup(line, strcspn(line, "\t")) : NULL;
}

static const char *without(const char *text, const char *prefix) {
        const char *rest = str_after(text, prefix);

        return rest ? rest : text;
}

/* A whole name first, then a branch, then a tag, and what an annotated tag names. */
static int choose(const Git *git, const char *ref, char *const *lines, GitCommit *ret) {
        const char *const prefixes[] = { "refs/", "refs/heads/", "refs/tags/" };

        for (size_t i = 0; i < 3; i++) {
                autofree char *name = str_format("%s%s", prefixes[i], without(ref, prefixes[i]));
                autofree char *inner = name ? str_format("%s^{}", name) : NULL;
                autofree char *id = NULL, *peeled = NULL;

                if (!inner)
                        return fail(git->err, ENOMEM, "cannot fetch");
                id = id_copy(id_of(lines, name));
                peeled = id_copy(id_of(lines, inner));
                if (id)
                        return set_commit(git, ret, id, peeled, name);
        }
        refuse(git->err, ENOENT, "'%s' has no branch or tag '%s'", git->url->remote, ref);
        return err_hint(git->err, -ENOENT, "of a commit all of its id must be said");
}

/* "ref: refs/heads/main<tab>HEAD", and the commit in the line behind it. */
/* What ls-remote prints, line by line. */
static int list_remote(const Git *git, const char *const *args, char ***ret_lines) {
        autogitoutput output = {};
        int r = run(git, args, &output);

        if (r < 0)
                return r;
        if (output.status != 0)
                return refuse_output(git, &output, "ask");
        return strv_split(output.out, "\n", true, ret_lines) < 0
                       ? fail(git->err, ENOMEM, "cannot fetch")
                       : 0;
}

static int find_default(const Git *git, GitCommit *ret) {
        const char *const args[] = {
                "ls-remote", "--symref", "--", git->url->remote, "HEAD", NULL
        };
        autofree char *name = NULL, *id = NULL;
        const char *words;
        autostrv lines = NULL;
        int r = list_remote(git, args, &lines);

        if (r < 0)
                return r;
        strv_foreach(line, lines)
                if (!name && (words = str_after(*line, "ref: ")) &&
                    !(name = strndup(words, strcspn(words, "\t"))))
                        return fail(git->err, ENOMEM, "cannot fetch");
        id = id_copy(id_of(lines, "HEAD"));
        if (!name || !id)
                return refuse(git->err, ENOENT, "'%s' has no default branch", git->url->remote);
        return set_commit(git, ret, id, NULL, name);
}

static int find_ref(const Git *git, GitCommit *ret) {
        const char *ref = git->url->ref;
        autofree char *inner = str_format("%s^{}", ref);
        const char *const args[] = { "ls-remote", "--", git->url->remote, ref, inner, NULL };
        autostrv lines = NULL;
        int r;

        if (!inner)
                return fail(git->err, ENOMEM, "cannot fetch");
        r = list_remote(git, args, &lines);
        return r < 0 ? r : choose(git, ref, lines, ret);
}

/* fetch-by-commit: nobody is asked where the branch is by now. */
static int take_checksum(const Git *git, GitCommit *ret) {
        const char *ref = git->url->ref, *checksum = git->url->checksum;
        autofree char *name = NULL;

        if (!checksum || !git_is_commit(checksum))
                return refuse(git->err, EINVAL,
                              "fetch-by-commit of '%s' needs the whole id of a commit: checksum=…",
                              git->url->remote);
        name = !ref ? strdup(checksum)
                    : str_format("%s%s", str_after(ref, "refs/") ? "" : "refs/heads/", ref);
        if (!name)
                return fail(git->err, ENOMEM, "cannot fetch");
        return set_commit(git, ret, checksum, NULL, name);
}

int git_resolve(const GitUrl *url, const GitAccess *access, const char *work, GitCommit *ret,
                Err *err) {
        Git git = { .url = url, .access = access, .work = work, .err = err };
        int r;

        if (url->ref && git_is_commit(url->ref))
                return set_commit(&git, ret, url->ref, NULL, url->ref);
        if (url->fetch_by_commit)
                return take_checksum(&git, ret);
        r = set_access(&git) < 0 ? fail(err, ENOMEM, "cannot fetch")
            : url->ref           ? find_ref(&git, ret)
                                 : find_default(&git, ret);
        strv_free(git.config);
        return r;
}

/* ----------------------------------------------------------------------- the files */

static int prepare(const Git *git, const GitCommit *commit) {
        const char *const begin[] = { "init", "--quiet", "--template=",
                                      strlen(commit->id) == 64 ? "--object-format=sha256"
                                                               : "--object-format=sha1",
                                      NULL };
        /* Submodules may be named relative to it. */
        const char *const origin[] = { "remote", "add", "origin", git->url->remote, NULL };
        int r = run_well(git, "prepare for", begin, NULL);

        return r < 0 ? r : run_well(git, "prepare for", origin, NULL);
}

static bool says(const GitOutput *output, const char *a, const char *b) {
        return strstr(output->errors, a) || strstr(output->errors, b);
}

/*
 * The commit alone.  A server that cannot cut history gives all of it; one that gives only what has
 * a name is asked for everything that has.
 */
static int fetch(const Git *git, const GitCommit *commit) {
        autofree char *one = str_format("+%s:refs/isola/wanted", commit->id);
        const char *const ways[][8] = {
                { "fetch", "--quiet", "--no-tags", "--update-head-ok", "--depth=1",
                  git->url->remote, one, NULL },
                { "fetch", "--quiet", "--no-tags", "--update-head-ok", git->url->remote, one,
                  NULL },
                { "fetch", "--quiet", "--no-tags", "--update-head-ok", git->url->remote,
                  "+refs/heads/*:refs/isola/heads/*", "+refs/tags/*:refs/isola/tags/*", NULL },
        };
        autofree char *object = str_format("%s^{commit}", commit->id);
        const char *const present[] = { "cat-file", "-e", object, NULL };
        size_t way = 0;
        int r;

        if (!one || !object)
                return fail(git->err, ENOMEM, "cannot fetch");
        for (;;) {
                autogitoutput output = {};

                r = run(git, ways[way], &output);
                if (r < 0)
                        return r;
                if (output.status == 0)
                        break;
                if (way == 0 && says(&output, "--depth", "shallow"))
                        way = 1;
                else if (way < 2 && says(&output, "not our ref", "unadvertised object"))
                        way = 2;
                else
                        return refuse_output(git, &output, "fetch");
        }
        {
                autogitoutput output = {};

                r = run(git, present, &output);
                if (r >= 0 && output.status != 0)
                        r = refuse(git->err, ENOENT, "'%s' has no commit %s", git->url->remote,
                                   commit->id);
        }
        return r;
}

static int check_out(const Git *git, const GitCommit *commit) {
        const char *const args[] = { "checkout", "--quiet",      "--force",
                                     "--detach", commit->peeled, NULL };
        const char *const submodules[] = { "submodule",   "--quiet",   "update", "--init",
                                           "--recursive", "--depth=1", NULL };
        autofree char *path = str_format("%s/files/.gitmodules", git->work);
        struct stat st;
        int r = run_well(git, "check out", args, NULL);

        if (r < 0 || !path)
                return r < 0 ? r : fail(git->err, ENOMEM, "cannot fetch");
        if (git->url->skip_submodules || lstat(path, &st) < 0)
                return 0;
        return run_well(git, "fetch the submodules of", submodules, NULL);
}

/* With --keep-git-dir: the ref by its name, and nothing that says when or how it came. */
static int tidy_git_dir(const Git *git, const GitCommit *commit) {
        const char *const name[] = { "update-ref", commit->ref, commit->id, NULL };
        const char *const forget[] = { "update-ref", "-d", "refs/isola/wanted", NULL };
        autofree char *fetched = str_format("%s/files/.git/FETCH_HEAD", git->work);
        int r = str_after(commit->ref, "refs/") ? run_well(git, "name what is of", name, NULL) : 0;

        /* What no ref names any more stays, as HEAD names it. */
        if (r >= 0)
                r = run_well(git, "name what is of", forget, NULL);
        if (r >= 0 && (!fetched || (unlink(fetched) < 0 && errno != ENOENT)))
                r = fail(git->err, fetched ? errno : ENOMEM, "cannot fetch");
        return r;
}

static int commit_time(const Git *git, const GitCommit *commit, struct timespec *ret) {
        const char *const args[] = { "log",          "-1",           "--no-show-signature",
                                     "--format=%ct", commit->peeled, NULL };
        autofree char *text = NULL;
        int64_t seconds;
        int r = run_well(git, "read the commit of", args, &text);

        if (r < 0)
                return r;
        if (parse_i64(text, &seconds) < 0)
                return refuse(git->err, EBADMSG, "'%s' is no time of a commit", text);
        *ret = (struct timespec){ .tv_sec = seconds };
        return 0;
}

typedef struct Settling {
        const struct timespec *times; /* or NULL to leave them */
        bool keep_git_dir;
        int depth;
} Settling;

/* Whatever is called .git in a checkout is a submodule's and leads to where it was fetched. */
static int settle(const Settling *s, int dir, const char *name) {
        struct stat st;
        int r = 0;

        if (s->depth > DEPTH_MAX)
                return -ELOOP;
        if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode)) {
                autoclose int below =
                        openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                const Settling inner = { s->times, s->keep_git_dir, s->depth + 1 };
                autostrv names = NULL;

                r = below < 0 ? -errno : dir_list(below, ".", &names);
                strv_foreach(entry, names) {
                        bool git = str_equal(*entry, ".git") && !s->keep_git_dir;

                        if (r >= 0)
                                r = git ? tree_remove(below, *entry)
                                        : settle(&inner, below, *entry);
                }
        }
        if (r >= 0 && s->times && utimensat(dir, name, s->times, AT_SYMLINK_NOFOLLOW) < 0)
                r = -errno;
        return r;
}

static int settle_files(const Git *git, const GitCommit *commit, bool keep_git_dir) {
        struct timespec times[2];
        Settling settling = { .keep_git_dir = keep_git_dir };
        autoclose int work = -EBADF;
        int r;

        if (!git->url->times_of_checkout) {
                r = commit_time(git, commit, &times[0]);
                if (r < 0)
                        return r;
                times[1] = times[0];
                settling.times = times;
        }
        work = open(git->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = work < 0 ? -errno : settle(&settling, work, "files");
        return r < 0 ? fail(git->err, r, "cannot keep the files of '%s'", git->url->remote) : 0;
}

/* A link on the way is no directory of the repository's (CVE-2026-33748). */
static int find_subdir(const Git *git, char **ret) {
        const char *subdir = git->url->subdir;
        autofree char *path =
                str_format("%s/files%s%s", git->work, subdir ? "/" : "", subdir ? subdir : "");
        autoclose int at = open(git->work, O_PATH | O_DIRECTORY | O_CLOEXEC);
        autofree char *whole = str_format("files/%s", subdir ? subdir : "");
        autostrv parts = NULL;

        if (!path || !whole || strv_split(whole, "/", true, &parts) < 0)
                return fail(git->err, ENOMEM, "cannot fetch");
        strv_foreach(part, parts) {
                int next = openat(at, *part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (next < 0)
                        return refuse(git->err, errno == ENOENT ? ENOENT : ENOTDIR,
                                      errno == ENOENT ? "'%s' has no directory '%s'"
                                                      : "of '%s', '%s' is no directory",
                                      git->url->remote, subdir ? subdir : "");
                close_fd(at);
                at = next;
        }
        *ret = take_ptr(path);
        return 0;
}

static int make_directories(const Git *git) {
        autofree char *files = str_format("%s/files", git->work);
        autofree char *repository = str_format("%s/repository", git->work);

        if (!files || !repository)
                return fail(git->err, ENOMEM, "cannot fetch");
        if (mkdir(files, 0755) < 0 || chmod(files, 0755) < 0 || mkdir(repository, 0755) < 0)
                return fail(git->err, errno, "cannot make a directory for '%s'", git->url->remote);
        return 0;
}

static int fetch_files(const Git *git, const GitCommit *commit, bool keep_git_dir) {
        int r = make_directories(git);

        if (r >= 0)
                r = prepare(git, commit);
        if (r >= 0)
                r = fetch(git, commit);
        if (r >= 0)
                r = check_out(git, commit);
        if (r >= 0 && keep_git_dir)
                r = tidy_git_dir(git, commit);
        return r < 0 ? r : settle_files(git, commit, keep_git_dir);
}

int git_checkout(const GitUrl *url, const GitAccess *access, const GitCommit *commit,
                 bool keep_git_dir, const char *work, char **ret, Err *err) {
        Git git = { .url = url,
                    .access = access,
                    .work = work,
                    .dir = keep_git_dir ? FILES "/.git" : REPOSITORY,
                    .tree = FILES,
                    .err = err };
        int r;

        r = set_access(&git) < 0 ? fail(err, ENOMEM, "cannot fetch")
                                 : fetch_files(&git, commit, keep_git_dir);
        strv_free(git.config);
        return r < 0 ? r : find_subdir(&git, ret);
}
