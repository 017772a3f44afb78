/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fds.h"
#include "kernel/seccomp.h"

#define STACK_SIZE (64u << 10)
#define UNSET      (-1000000) /* neither a descriptor nor an errno */

/* What the two threads tell each other; no call is needed for that. */
typedef struct Handover {
        _Atomic int listener; /* descriptor, or negative errno of seccomp() */
        _Atomic int sent;     /* result of the sending */
        int socket;
        char word;
} Handover;

/* The second thread.  It shares everything with the first but the filter. */
static int send_listener(void *data) {
        Handover *h = data;
        int listener;

        while ((listener = atomic_load(&h->listener)) == UNSET)
                (void) sched_yield();
        atomic_store(&h->sent, listener < 0 ? 0 : fds_send(h->socket, &h->word, 1, &listener, 1));
        return 0;
}

static void wait_a_moment(void) {
#ifdef __x86_64__
        __builtin_ia32_pause();
#endif
}

int seccomp_apply_listened(const SeccompFilter *f, int socket, char word) {
        struct sock_fprog program = {
                .len = (unsigned short) f->n,
                .filter = (struct sock_filter *) f->code,
        };
        Handover h = { UNSET, UNSET, socket, word };
        char *stack = malloc(STACK_SIZE);
        long listener;
        int r;

        if (!stack)
                return -ENOMEM;
        if (f->n > BPF_MAXINSNS ||
            clone(send_listener, stack + STACK_SIZE,
                  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
                  &h) < 0) {
                r = f->n > BPF_MAXINSNS ? -E2BIG : -errno;
                free(stack);
                return r;
        }
        listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                           f->flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
        atomic_store(&h.listener, listener < 0 ? -errno : (int) listener);

        /* Nothing may be called any more; the stack stays, for the thread still stands on it. */
        while ((r = atomic_load(&h.sent)) == UNSET)
                wait_a_moment();
        return listener < 0 ? atomic_load(&h.listener) : r;
}
