/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fds.h"
#include "base/file.h"
#include "base/str.h"
#include "kernel/seccomp_cache.h"
#include "kernel/seccomp_rules.h"
#include "test.h"

static void use(const SeccompFilter *f) {
        expect(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        expect_ok(seccomp_apply(f));
}

/* Returns the errno of a call made with six numbers. */
static int says(long nr, long a, long b, long c) {
        return syscall(nr, a, b, c, 0, 0, 0) < 0 ? errno : 0;
}

/* --- profiles --- */

static int compile(const char *json, uint64_t caps, int cache, SeccompFilter **ret, Err *err) {
        autoptr(SeccompRules) rules = NULL;
        int r;

        r = seccomp_rules_parse(json, strlen(json), "p.json", &rules, err);
        return r < 0 ? r : seccomp_rules_compile(rules, caps, cache, ret, err);
}

static SeccompFilter *compiled(const char *json, uint64_t caps) {
        SeccompFilter *f = NULL;
        autoerr err = {};

        if (compile(json, caps, -EBADF, &f, &err) < 0) {
                printf("# %s\n", err.message);
                fflush(stdout);
                _exit(1);
        }
        return f;
}

static void expect_refused(const char *json, const char *sentence) {
        SeccompFilter *f = NULL;
        autoerr err = {};

        expect(compile(json, 0, -EBADF, &f, &err) < 0);
        expect_str(err.message, sentence);
}

TEST(profile_names_calls_and_errnos) {
        autoptr(SeccompFilter) f =
                compiled("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
                         "{\"names\":[\"getppid\",\"no_such_call\"],\"action\":\"SCMP_ACT_ERRNO\","
                         "\"errnoRet\":71},"
                         "{\"names\":[\"getpgid\"],\"action\":\"SCMP_ACT_ERRNO\"},"
                         "{\"names\":[\"getsid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":0}]}",
                         0);

        use(f);
        expect(says(SYS_getppid, 0, 0, 0) == 71);
        expect(says(SYS_getpgid, 0, 0, 0) == EPERM);
        expect(syscall(SYS_getsid, 0) == 0);
        expect(getpid() > 0);
        _exit(0); /* a leak checker would ask getppid() and wait for ever */
}

TEST(profile_looks_at_arguments) {
        autoptr(SeccompFilter) f =
                compiled("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
                         "{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":["
                         "{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"},"
                         "{\"index\":0,\"value\":16,\"op\":\"SCMP_CMP_EQ\"}]},"
                         "{\"names\":[\"getpriority\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":["
                         "{\"index\":0,\"value\":255,\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"},"
                         "{\"index\":1,\"value\":0,\"op\":\"SCMP_CMP_GT\"}]}]}",
                         0);

        use(f);
        expect(says(SYS_personality, 8, 0, 0) == EPERM);
        expect(says(SYS_personality, 16, 0, 0) == EPERM);
        expect(says(SYS_personality, 0xffffffff, 0, 0) == 0);
        expect(says(SYS_getpriority, 0, getpid(), 0) == EPERM);
        expect(says(SYS_getpriority, 0, 0, 0) == 0);
}

TEST(profile_depends_on_capabilities_and_machine) {
        static const char json[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
                                   "{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_ERRNO\","
                                   "\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
                                   "{\"names\":[\"getpgid\"],\"action\":\"SCMP_ACT_ERRNO\","
                                   "\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
                                   "{\"names\":[\"getsid\"],\"action\":\"SCMP_ACT_ERRNO\","
                                   "\"includes\":{\"arches\":[\"vax\"]}},"
                                   "{\"names\":[\"getgid\"],\"action\":\"SCMP_ACT_ERRNO\","
                                   "\"includes\":{\"minKernel\":\"99.1\"}},"
                                   "{\"names\":[\"getegid\"],\"action\":\"SCMP_ACT_ERRNO\","
                                   "\"includes\":{\"minKernel\":\"4.8\"}}]}";
        autoptr(SeccompFilter) f = compiled(json, UINT64_C(1) << CAP_SYS_ADMIN);

        use(f);
        expect(says(SYS_getppid, 0, 0, 0) == 0);
        expect(says(SYS_getpgid, 0, 0, 0) == EPERM);
        expect(says(SYS_getsid, 0, 0, 0) == 0);
        expect(says(SYS_getgid, 0, 0, 0) == 0);
        expect(says(SYS_getegid, 0, 0, 0) == EPERM);
}

TEST(bad_profile_is_refused_in_words) {
        expect_refused("{\"defaultAction\":\"SCMP_ACT_MAYBE\"}",
                       "'SCMP_ACT_MAYBE' is not an action");
        expect_refused("{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
                       "'SCMP_ACT_NOTIFY' cannot be the default action");
        expect_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_VAX\"]"
                       "}",
                       "'SCMP_ARCH_VAX' is not an "
                       "architecture");
        expect_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
                       "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":7,\"value\":1,"
                       "\"op\":\"SCMP_CMP_EQ\"}]}]}",
                       "argument 7 is beyond the last");
}

TEST(podmans_own_profile_compiles_and_runs) {
        autofree char *text = NULL;
        autoptr(SeccompFilter) f = NULL;
        autoerr err = {};
        int status;
        pid_t pid;

        if (file_read(AT_FDCWD, "/usr/share/containers/seccomp.json", 1 << 20, &text, NULL) < 0)
                skip("Podman's profile is not installed");
        if (compile(text, 0, -EBADF, &f, &err) < 0)
                printf("# %s\n", err.message);
        expect(f && f->n > 100);
        use(f);
        expect(says(SYS_acct, 0, 0, 0) == EPERM);
        pid = fork();
        if (pid == 0) {
                execl("/bin/true", "true", NULL);
                _exit(9);
        }
        expect(waitpid(pid, &status, 0) == pid && status == 0);
}

/* --- each action, by making the call --- */

#define ALLOW_BUT(rule) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" rule "]}"
#define GETPPID(action) "{\"names\":[\"getppid\"],\"action\":\"" action "\"}"

/* A _exit() would not do: before it, AddressSanitizer makes calls which these filters forbid. */
static void leave(int code) {
        syscall(SYS_exit_group, code);
}

static int status_with(const char *json, void (*body)(void)) {
        autoptr(SeccompFilter) f = compiled(json, 0);
        int status = -1;
        pid_t pid = fork();

        if (pid == 0) {
                use(f);
                body();
                _exit(7);
        }
        expect(pid > 0 && waitpid(pid, &status, 0) == pid);
        return status;
}

static void call_getppid(void) {
        (void) syscall(SYS_getppid);
}

static int in_thread(void *data) {
        call_getppid();
        *(volatile int *) data = 1;
        return 0;
}

static void call_getppid_in_a_thread(void) {
        static char stack[65536] __attribute__((__aligned__(16)));
        static volatile int came_back;
        static volatile pid_t there = 1;

        if (clone(in_thread, stack + sizeof stack,
                  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                          CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                  (void *) &came_back, &there, NULL, &there) < 0)
                _exit(8);
        for (int i = 0; there && i < 1000; i++)
                usleep(10000);
        _exit(there ? 9 : came_back ? 10 : 11);
}

TEST(kill_process_kills_it_with_all_its_threads) {
        int status = status_with(ALLOW_BUT(GETPPID("SCMP_ACT_KILL_PROCESS")), call_getppid);

        expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
        status = status_with(ALLOW_BUT(GETPPID("SCMP_ACT_KILL_PROCESS")), call_getppid_in_a_thread);
        expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

TEST(kill_thread_kills_that_alone) {
        static const char *const names[] = { "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD" };

        for (size_t i = 0; i < 2; i++) {
                autofree char *json = str_format(
                        ALLOW_BUT("{\"names\":[\"getppid\"],\"action\":\"%s\"}"), names[i]);
                int status = status_with(json, call_getppid_in_a_thread);

                expect(WIFEXITED(status) && WEXITSTATUS(status) == 11);
        }
}

static void trapped(int signal, siginfo_t *info, void *context) {
        _exit(info->si_syscall == SYS_getppid ? 12 : 13);
}

static void call_with_a_handler(void) {
        struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };

        (void) sigaction(SIGSYS, &action, NULL);
        call_getppid();
}

TEST(trap_sends_a_signal_that_says_which_call) {
        int status = status_with(ALLOW_BUT(GETPPID("SCMP_ACT_TRAP")), call_with_a_handler);

        expect(WIFEXITED(status) && WEXITSTATUS(status) == 12);
}

static void call_without_a_tracer(void) {
        _exit(says(SYS_getppid, 0, 0, 0) == ENOSYS ? 14 : 15);
}

TEST(trace_without_a_tracer_says_that_there_is_no_such_call) {
        int status = status_with(ALLOW_BUT(GETPPID("SCMP_ACT_TRACE")), call_without_a_tracer);

        expect(WIFEXITED(status) && WEXITSTATUS(status) == 14);
}

TEST(trace_stops_for_the_tracer_and_hands_it_the_number) {
        autoptr(SeccompFilter) f =
                compiled(ALLOW_BUT("{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_TRACE\","
                                   "\"errnoRet\":321}"),
                         0);
        unsigned long message = 0;
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                (void) ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                (void) raise(SIGSTOP);
                use(f);
                call_getppid();
                _exit(7);
        }
        expect(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
        expect(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL) ==
               0);
        expect(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
        expect(waitpid(pid, &status, 0) == pid);
        expect(status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8));
        expect(ptrace(PTRACE_GETEVENTMSG, pid, NULL, &message) == 0 && message == 321);
        expect(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
        expect(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
}

static void call_expecting_success(void) {
        _exit(syscall(SYS_getppid) > 0 ? 16 : 17);
}

TEST(log_lets_the_call_through) {
        int status = status_with(ALLOW_BUT(GETPPID("SCMP_ACT_LOG")), call_expecting_success);

        expect(WIFEXITED(status) && WEXITSTATUS(status) == 16);
}

/* What a sanitizer does behind a program's back, and the end. */
#define SELF "\"mmap\",\"munmap\",\"madvise\",\"sigaltstack\",\"exit_group\""

TEST(default_action_is_for_all_that_no_rule_names) {
        static const char json[] =
                "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":99,\"syscalls\":["
                "{\"names\":[" SELF ",\"mseal\"],\"action\":\"SCMP_ACT_ALLOW\"}]}";
        autoptr(SeccompFilter) f = compiled(json, 0);

        use(f);
        _exit(says(SYS_getppid, 0, 0, 0) == 99 && says(SYS_brk, 0, 0, 0) == 99 ? 0 : 1);
}

/* --- comparisons --- */

static int compares(const char *op, uint64_t value, uint64_t two, uint64_t argument) {
        autofree char *json = str_format(
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"personality\"],"
                "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":99,\"args\":[{\"index\":1,"
                "\"value\":%llu,\"valueTwo\":%llu,\"op\":\"%s\"}]}]}",
                (unsigned long long) value, (unsigned long long) two, op);
        autoptr(SeccompFilter) f = compiled(json, 0);
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                use(f);
                _exit(says(SYS_personality, 0xffffffff, (long) argument, 0) == 99);
        }
        expect(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        return WEXITSTATUS(status);
}

TEST(comparisons_are_of_all_64_bits) {
        const uint64_t high = UINT64_C(1) << 32;

        expect(compares("SCMP_CMP_EQ", 5, 0, 5) && !compares("SCMP_CMP_EQ", 5, 0, 6));
        expect(!compares("SCMP_CMP_EQ", 5, 0, high | 5) && compares("SCMP_CMP_EQ", high, 0, high));
        expect(compares("SCMP_CMP_NE", 5, 0, high | 5) && !compares("SCMP_CMP_NE", 5, 0, 5));
        expect(compares("SCMP_CMP_LT", 5, 0, 4) && !compares("SCMP_CMP_LT", 5, 0, 5));
        expect(!compares("SCMP_CMP_LT", 5, 0, high) && compares("SCMP_CMP_LE", 5, 0, 5));
        expect(!compares("SCMP_CMP_LE", 5, 0, 6) && compares("SCMP_CMP_GE", 5, 0, 5));
        expect(!compares("SCMP_CMP_GE", 5, 0, 4) && compares("SCMP_CMP_GT", 5, 0, high));
        expect(!compares("SCMP_CMP_GT", 5, 0, 5));
        expect(compares("SCMP_CMP_MASKED_EQ", 0xf0, 0x30, 0x3f));
        expect(!compares("SCMP_CMP_MASKED_EQ", 0xf0, 0x30, 0x4f));
        expect(compares("SCMP_CMP_MASKED_EQ", high, high, high | 7));
}

/* --- calls that are newer than the profile --- */

TEST(calls_beyond_the_profile_do_not_exist) {
        static const char json[] = "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
                                   "{\"names\":[" SELF ",\"openat2\"],"
                                   "\"action\":\"SCMP_ACT_ALLOW\"}]}";
        autoptr(SeccompFilter) f = compiled(json, 0);

        use(f);
        if (says(SYS_openat2 + 1, 0, 0, 0) != ENOSYS || says(100000, 0, 0, 0) != ENOSYS)
                _exit(2);
        if (says(SYS_getppid, 0, 0, 0) != EPERM || says(SYS_openat2 - 1, 0, 0, 0) != EPERM)
                _exit(3);
        _exit(0);
}

TEST(calls_beyond_the_profile_do_not_exist_even_where_it_kills) {
        static const char json[] = "{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":["
                                   "{\"names\":[" SELF ",\"getppid\"],"
                                   "\"action\":\"SCMP_ACT_ALLOW\"}]}";
        autoptr(SeccompFilter) f = compiled(json, 0);

        use(f);
        _exit(says(450, 0, 0, 0) == ENOSYS ? 0 : 1);
}

TEST(a_profile_that_lets_all_through_does_so_beyond_its_names) {
        autoptr(SeccompFilter) f = compiled(ALLOW_BUT(GETPPID("SCMP_ACT_ERRNO")), 0);

        use(f);
        expect(says(SYS_close_range, 1000, 999, 0) == EINVAL);
        end_unchecked();
}

#ifdef __x86_64__
static void call_of_32_bits(void) {
        long r;

        __asm__ volatile("int $0x80" : "=a"(r) : "a"(64L) : "memory"); /* getppid */
        leave(r > 0 ? 21 : r == -EPERM ? 22 : r == -ENOSYS ? 23 : 24);
}

static void newer_call_of_32_bits(void) {
        long r;

        __asm__ volatile("int $0x80" : "=a"(r) : "a"(460L) : "memory");
        leave(r == -ENOSYS ? 23 : 24);
}

TEST(architectures_are_let_in_one_by_one) {
        static const char alone[] = "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
                                    "{\"names\":[\"exit_group\",\"getppid\"],"
                                    "\"action\":\"SCMP_ACT_ALLOW\"}]}";
        static const char both[] =
                "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\","
                "\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],\"syscalls\":["
                "{\"names\":[\"exit_group\",\"getppid\"],\"action\":\"SCMP_ACT_ALLOW\"}]}";
        int status = status_with(alone, call_of_32_bits);

        expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
        status = status_with(both, call_of_32_bits);
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 21);
        status = status_with(both, newer_call_of_32_bits);
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 23);
}
#endif

/* --- flags --- */

static void expect_flags(const char *flags, const char *action, uint32_t wanted) {
        autofree char *json = str_format(
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"%s%s,\"syscalls\":"
                "[{\"names\":[\"getppid\"],\"action\":\"%s\"}]}",
                flags ? ",\"flags\":" : "", flags ? flags : "", action);
        autoptr(SeccompFilter) f = compiled(json, 0);

        expect(f->flags == wanted);
        expect(f->notifies == str_equal(action, "SCMP_ACT_NOTIFY"));
}

TEST(flags_are_read) {
        expect_flags(NULL, "SCMP_ACT_ERRNO", SECCOMP_FILTER_FLAG_SPEC_ALLOW);
        expect_flags("[]", "SCMP_ACT_ERRNO", 0);
        expect_flags("[\"SECCOMP_FILTER_FLAG_TSYNC\"]", "SCMP_ACT_ERRNO", 0);
        expect_flags("[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]",
                     "SCMP_ACT_ERRNO", SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

TEST(killable_wait_is_for_a_listener) {
        /* Since 5.19; an unknown flag is EINVAL before the filter is looked at. */
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 3 | 1 << 5, NULL) < 0 &&
            errno == EINVAL)
                skip("this kernel has no SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
        expect_flags("[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]", "SCMP_ACT_ERRNO", 0);
        expect_flags("[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]", "SCMP_ACT_NOTIFY", 1 << 5);
}

TEST(flags_are_given_to_the_kernel) {
        autoptr(SeccompFilter) f =
                compiled("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":["
                         "\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"],"
                         "\"syscalls\":[" GETPPID("SCMP_ACT_ERRNO") "]}",
                         0);
        SeccompFilter wrong = *f;

        wrong.flags = 1U << 30;
        expect(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        expect(seccomp_apply(&wrong) == -EINVAL);
        use(f);
        expect(says(SYS_getppid, 0, 0, 0) == EPERM);
        _exit(0);
}

TEST(bad_rules_are_refused_in_words) {
        expect_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_MAYBE\"]}",
                       "'SECCOMP_MAYBE' is not a flag");
        expect_refused("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1}",
                       "action 'SCMP_ACT_ALLOW' takes no errnoRet");
        expect_refused("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5000}",
                       "errnoRet 5000 is not an errno");
        expect_refused(ALLOW_BUT(GETPPID("SCMP_ACT_NOTIFY")),
                       "action 'SCMP_ACT_NOTIFY' needs a 'listenerPath' to ask at");
        expect_refused(ALLOW_BUT("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":["
                                 "{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_LIKE\"}]}"),
                       "'SCMP_CMP_LIKE' is not a comparison");
}

/* --- a listener --- */

#define NOTIFY                                                                                 \
        "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"listenerPath\":\"/x\",\"syscalls\":["         \
        "{\"names\":[\"getppid\"],\"action\":\"SCMP_ACT_NOTIFY\"},{\"names\":[\"exit_group\"]" \
        ",\"action\":\"SCMP_ACT_ALLOW\"}]}"

/* Answers one call with a number. */
static void answer(int listener, long value) {
        struct seccomp_notif_sizes sizes;
        struct seccomp_notif *request;
        struct seccomp_notif_resp *response;

        expect(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0);
        request = calloc(1, sizes.seccomp_notif);
        response = calloc(1, sizes.seccomp_notif_resp);
        expect(request && response);
        expect(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) == 0);
        expect(request->data.nr == SYS_getppid);
        response->id = request->id;
        response->val = value;
        expect(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) == 0);
        free(request);
        free(response);
}

TEST(listener_is_handed_over_though_the_filter_forbids_to_send) {
        autoptr(SeccompFilter) f = compiled(NOTIFY, 0);
        int pair[2], listener = -1, status;
        char word = 0;
        size_t n = 0;
        pid_t pid;

        expect(f->notifies);
        expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        pid = fork();
        if (pid == 0) {
                close(pair[0]);
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
                    seccomp_apply_listened(f, pair[1], 'L') < 0)
                        _exit(1);
                leave(syscall(SYS_getppid) == 4711 ? 0 : 2);
        }
        close(pair[1]);
        expect(fds_recv(pair[0], &word, 1, &listener, 1, &n) == 1 && word == 'L' && n == 1);
        answer(listener, 4711);
        expect(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(a_filter_that_notifies_is_not_applied_without_a_listener) {
        autoptr(SeccompFilter) f = compiled(NOTIFY, 0);

        expect(seccomp_apply(f) == -EINVAL);
}

TEST(why_a_listener_could_not_be_made_is_told) {
        autoptr(SeccompFilter) f = compiled(NOTIFY, 0);
        int pair[2];

        f->flags = 1U << 30;
        expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
        expect(seccomp_apply_listened(f, pair[1], 'L') == -EINVAL);
        _exit(0); /* the second thread's stack is never freed */
}

/* --- the cache --- */

static int make_cache(void) {
        char path[] = "/tmp/isola-test-seccomp-XXXXXX";
        int dir;

        expect(mkdtemp(path));
        dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        expect(dir >= 0);
        return dir;
}

static void remove_cache(int dir) {
        char link[64], path[256] = "";

        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        expect(readlink(link, path, sizeof path - 1) > 0);
        expect_ok(tree_remove(AT_FDCWD, path));
}

static char *only_file(int dir) {
        autostrv names = NULL;

        expect_ok(dir_list(dir, ".", &names));
        expect(strv_length(names) == 1);
        return strdup(names[0]);
}

static const char cached[] = NOTIFY;

TEST(cached_filter_is_the_compiled_one) {
        autoptr(SeccompFilter) first = NULL;
        autoptr(SeccompFilter) second = NULL;
        autoptr(SeccompFilter) other = NULL;
        autofree char *name = NULL;
        int dir = make_cache();
        struct stat st;

        expect_ok(compile(cached, 0, dir, &first, NULL));
        name = only_file(dir);
        expect(strlen(name) == 64 && fstatat(dir, name, &st, 0) == 0);
        expect((st.st_mode & 07777) == 0600);
        expect_ok(compile(cached, 0, dir, &second, NULL));
        expect(first->n == second->n && first->notifies == second->notifies &&
               first->flags == second->flags &&
               memcmp(first->code, second->code, first->n * sizeof *first->code) == 0);
        expect_ok(compile(cached, 1, dir, &other, NULL)); /* another key, another file */
        expect(faccessat(dir, name, F_OK, 0) == 0);
        remove_cache(dir);
}

/* A good filter under a wrong name shows whether the file was used. */
static int uses_planted(int dir) {
        autoptr(SeccompFilter) f = NULL;

        expect_ok(compile(cached, 0, dir, &f, NULL));
        return !f->notifies;
}

/* Puts what lets all calls through where the filter is looked for. */
static char *plant(int dir) {
        autoptr(SeccompFilter) f = NULL;
        autoptr(SeccompFilter) other = compiled(ALLOW_BUT(""), 0);
        autofree char *name = NULL;

        expect_ok(compile(cached, 0, dir, &f, NULL));
        name = only_file(dir);
        seccomp_cache_store(dir, name, other);
        return take_ptr(name);
}

TEST(cached_file_is_used_if_it_is_whole) {
        int dir = make_cache(), file;
        autofree char *name = plant(dir), *bytes = NULL;
        size_t size;

        expect(uses_planted(dir)); /* or what follows would prove nothing */
        expect_ok(file_read(dir, name, 1 << 20, &bytes, &size));
        bytes[20] ^= 1;
        file = openat(dir, name, O_WRONLY | O_CLOEXEC);
        expect(write(file, bytes, size) == (ssize_t) size && close(file) == 0);
        expect(!uses_planted(dir));
        remove_cache(dir);
}

TEST(cached_file_is_not_used_if_others_may_write_it) {
        int dir = make_cache();
        autofree char *name = plant(dir);

        expect(fchmodat(dir, name, 0666, 0) == 0 && !uses_planted(dir));
        remove_cache(dir);
}

TEST(cached_file_that_is_short_or_a_link_is_not_used) {
        int dir = make_cache();
        autofree char *name = plant(dir);

        expect(renameat(dir, name, dir, "elsewhere") == 0 &&
               symlinkat("elsewhere", dir, name) == 0);
        expect(!uses_planted(dir));
        expect(unlinkat(dir, name, 0) == 0);
        expect_ok(file_create(dir, name, "isolabpf", 8, 0600));
        expect(!uses_planted(dir));
        remove_cache(dir);
}

TEST(cache_does_not_grow_without_end) {
        int dir = make_cache();
        autostrv names = NULL;

        for (uint64_t caps = 0; caps < 200; caps++) {
                autoptr(SeccompFilter) f = NULL;

                expect_ok(compile(cached, caps, dir, &f, NULL));
        }
        expect_ok(dir_list(dir, ".", &names));
        expect(strv_length(names) > 0 && strv_length(names) <= 128);
        remove_cache(dir);
}
