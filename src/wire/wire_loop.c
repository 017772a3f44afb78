/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "wire/wire_internal.h"

#define NS_PER_SECOND 1000000000LL
#define EVENTS        64
#define SPIN_MAX_NS   100000   /* that is watched for at most, unless told */
#define LOOK_NS       1000     /* how often arrivals are looked for meanwhile */
#define CAPTURE_NS    10000000 /* after which a slow reader of a capture is looked at again */
#define POLL_MIN_NS   10000    /* after a frame the next one is looked for before sleeping, */
#define POLL_MAX_NS   30000    /* for so long */

/* ---- the heap of directions ---- */

static void place(WireSet *set, size_t i, Direction *d) {
        set->heap[i] = d;
        d->place = i;
}

void wire_heap_move(WireSet *set, Direction *d) {
        size_t i = d->place;

        while (i > 0 && d->next_ns < set->heap[(i - 1) / 2]->next_ns) {
                place(set, i, set->heap[(i - 1) / 2]);
                i = (i - 1) / 2;
        }
        for (;;) {
                size_t child = 2 * i + 1;

                if (child + 1 < set->n_heap &&
                    set->heap[child + 1]->next_ns < set->heap[child]->next_ns)
                        child++;
                if (child >= set->n_heap || set->heap[child]->next_ns >= d->next_ns)
                        break;
                place(set, i, set->heap[child]);
                i = child;
        }
        place(set, i, d);
}

int wire_heap_reserve(WireSet *set, size_t n) {
        if (set->n_heap + n > set->room_heap) {
                size_t room = 2 * set->room_heap + n;
                Direction **more = reallocarray(set->heap, room, sizeof(Direction *));

                if (!more)
                        return -ENOMEM;
                set->heap = more;
                set->room_heap = room;
        }
        return 0;
}

void wire_heap_add(WireSet *set, Direction *d) {
        d->next_ns = INT64_MAX;
        place(set, set->n_heap++, d);
}

void wire_heap_remove(WireSet *set, Direction *d) {
        Direction *last = set->heap[--set->n_heap];

        if (last == d)
                return;
        place(set, d->place, last);
        wire_heap_move(set, last);
}

/* ---- one round ---- */

static int run_due(WireSet *set) {
        int n = 0;

        while (set->n_heap > 0 && set->heap[0]->next_ns != INT64_MAX) {
                Direction *d = set->heap[0];
                int64_t now = wire_now(set);

                if (d->next_ns > now)
                        break;
                n += direction_run(d, now);
        }
        return n;
}

/* Reads from those that have something. */
static int receive_ready(WireSet *set, const struct epoll_event *events, int n) {
        int frames = 0;

        for (int i = 0; i < n; i++)
                if (events[i].data.ptr) {
                        frames += direction_receive(events[i].data.ptr);
                        /* Nobody else's time is to come while one is read from. */
                        frames += run_due(set);
                }
        return frames;
}

static int64_t next_due(const WireSet *set) {
        return set->n_heap > 0 ? set->heap[0]->next_ns : INT64_MAX;
}

int wire_set_turn(WireSet *set, int64_t *ret_next) {
        struct epoll_event events[EVENTS];
        int n, frames;

        if (set->runs)
                return -EBUSY;
        frames = run_due(set);
        n = epoll_wait(set->epoll, events, EVENTS, 0);
        if (n < 0)
                return -errno;
        frames += receive_ready(set, events, n);
        frames += run_due(set);
        if (ret_next)
                *ret_next = next_due(set);
        return frames;
}

/* ---- the thread ---- */

static void arm(WireSet *set, int64_t at) {
        struct itimerspec when = {};

        if (at == set->armed_ns)
                return;
        set->armed_ns = at;
        if (at != INT64_MAX) {
                if (at < 1)
                        at = 1; /* zero would turn it off */
                when.it_value = (struct timespec){ at / NS_PER_SECOND, at % NS_PER_SECOND };
        }
        (void) timerfd_settime(set->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Keeps a figure that most wake-ups are not later than: quick to rise, slow to fall. */
static void learn(WireSet *set, int64_t late) {
        histogram_add(&set->stats.wake, late);
        if (late > SPIN_MAX_NS)
                late = SPIN_MAX_NS;
        set->wake_ns += (late - set->wake_ns) / (late > set->wake_ns ? 4 : 32);
}

static int64_t spin_window(const WireSet *set) {
        if (set->options.spin_ns >= 0)
                return set->options.spin_ns;
        return set->options.priority > 0 ? set->wake_ns + 2000 : 0;
}

/* Watches the clock until @due, or until something arrives. */
static int spin_until(WireSet *set, int64_t due, struct epoll_event *events) {
        int64_t begin = wire_now(set), now = begin, look = begin;
        int n = 0;

        while (now < due && n == 0 && !atomic_load_explicit(&set->calls, memory_order_relaxed)) {
                if (now >= look) {
                        n = epoll_wait(set->epoll, events, EVENTS, 0);
                        look = now + LOOK_NS;
                }
                now = wire_now(set);
        }
        set->stats.spinning_ns += now - begin;
        return n;
}

/*
 * Waking somebody up costs the sender as much as sending: while frames come at short intervals the
 * next one is waited for awake.  The time for that grows while it would have been enough, and
 * shrinks while it is not.
 */
static void learn_interval(WireSet *set, int64_t waited) {
        if (waited > POLL_MAX_NS)
                set->poll_ns /= 2;
        else if (set->poll_ns < POLL_MAX_NS)
                set->poll_ns = set->poll_ns < POLL_MIN_NS ? POLL_MIN_NS : 2 * set->poll_ns;
        if (set->poll_ns < POLL_MIN_NS)
                set->poll_ns = 0;
}

/* Takes note of the timer and of calls; how many events are of wires. */
static int read_signals(WireSet *set, const struct epoll_event *events, int n, bool slept) {
        uint64_t count;
        int others = 0;

        for (int i = 0; i < n; i++) {
                if (events[i].data.ptr) {
                        others++;
                        continue;
                }
                (void) !read(set->kick, &count, sizeof count);
                if (read(set->timer, &count, sizeof count) > 0) {
                        if (slept)
                                learn(set, wire_now(set) - set->armed_ns);
                        set->armed_ns = INT64_MAX;
                }
        }
        return others;
}

/* Sleeps until something arrives, or until @at. */
static int sleep_until(WireSet *set, int64_t at, struct epoll_event *events) {
        if (set->captured && captures_flush(set) && at > wire_now(set) + CAPTURE_NS)
                at = wire_now(set) + CAPTURE_NS;
        arm(set, at);
        set->stats.wakeups++;
        return epoll_wait(set->epoll, events, EVENTS, -1);
}

/* Waits for something to arrive, until @due at most. */
static int wait_until(WireSet *set, int64_t due, struct epoll_event *events) {
        int64_t begin = wire_now(set), spin = spin_window(set);
        bool sleeps = false;
        int n = 0;

        if (due - begin <= spin)
                n = spin_until(set, due, events);
        else {
                if (set->poll_ns > 0)
                        n = spin_until(set, due - begin < set->poll_ns ? due : begin + set->poll_ns,
                                       events);
                sleeps = n == 0 && !atomic_load(&set->calls) && wire_now(set) < due;
                if (sleeps)
                        n = sleep_until(set, due == INT64_MAX ? due : due - spin, events);
        }
        if (read_signals(set, events, n, sleeps) > 0)
                learn_interval(set, wire_now(set) - begin);
        return n;
}

/* The second number of schedstat: nanoseconds for which it was ready but did not run. */
static int64_t waited(int schedstat) {
        char text[80];
        int64_t ran, ready;
        ssize_t n = schedstat >= 0 ? pread(schedstat, text, sizeof text - 1, 0) : 0;

        if (n <= 0)
                return 0;
        text[n] = '\0';
        return sscanf(text, "%" SCNd64 " %" SCNd64, &ran, &ready) == 2 ? ready : 0;
}

/* Whether others had its processor for a while since it last looked. */
static bool was_kept_waiting(WireSet *set) {
        int64_t now = wire_now(set), before = set->waited_ns;

        if (set->schedstat < 0 || now - set->looked_ns < WIRE_OVERRUN_NS)
                return false;
        set->looked_ns = now;
        set->waited_ns = waited(set->schedstat);
        return set->waited_ns - before > WIRE_OVERRUN_NS;
}

static void turn(WireSet *set) {
        struct epoll_event events[EVENTS];
        int64_t due = next_due(set);
        int n;

        set->stats.turns++;
        if (due <= wire_now(set)) {
                n = epoll_wait(set->epoll, events, EVENTS, 0);
                (void) read_signals(set, events, n, false);
        } else
                n = wait_until(set, due, events);
        set->was_kept = was_kept_waiting(set);
        (void) run_due(set);
        (void) receive_ready(set, events, n);
}

/* ---- calls ---- */

/* In the order in which they were made.  The caller's memory of it is gone once it knows. */
static void run_calls(WireSet *set) {
        Call *calls = atomic_exchange(&set->calls, NULL), *first = NULL;

        while (calls) {
                Call *next = calls->next;

                calls->next = first;
                first = calls;
                calls = next;
        }
        while (first) {
                Call *call = first;

                first = call->next;
                call->result = call->run(call->context);
                sem_post(&call->done);
        }
}

int wire_call(WireSet *set, int (*run)(void *context), void *context) {
        Call call = { .run = run, .context = context };
        uint64_t one = 1;

        if (!set->runs)
                return run(context);
        sem_init(&call.done, 0, 0);
        call.next = atomic_load(&set->calls);
        while (!atomic_compare_exchange_weak(&set->calls, &call.next, &call))
                ;
        (void) !write(set->kick, &one, sizeof one);
        while (sem_wait(&call.done) < 0 && errno == EINTR)
                ;
        sem_destroy(&call.done);
        return call.result;
}

static void *thread_main(void *context) {
        WireSet *set = context;

        set->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
        set->looked_ns = wire_now(set);
        set->waited_ns = waited(set->schedstat);
        while (!atomic_load(&set->stop)) {
                turn(set);
                if (atomic_load(&set->calls))
                        run_calls(set);
        }
        run_calls(set);
        set->schedstat = close_fd(set->schedstat);
        return NULL;
}

static int create_thread(WireSet *set, const pthread_attr_t *attributes) {
        sigset_t all, before;
        int r;

        /* Signals are for the process's other threads. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&set->thread, attributes, thread_main, set);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

int wire_set_start(WireSet *set, Err *err) {
        struct sched_param parameter = { .sched_priority = set->options.priority };
        pthread_attr_t attributes;
        cpu_set_t cpus;
        int r;

        if (set->runs)
                return 0;
        pthread_attr_init(&attributes);
        if (set->options.priority > 0) {
                pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
                pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
                pthread_attr_setschedparam(&attributes, &parameter);
        }
        if (set->options.cpu >= 0) {
                CPU_ZERO(&cpus);
                CPU_SET((size_t) set->options.cpu, &cpus);
                pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
        }
        atomic_store(&set->stop, false);
        r = create_thread(set, &attributes);
        pthread_attr_destroy(&attributes);
        if (r < 0) {
                r = fail(err, r, "cannot start the link emulator's thread");
                return set->options.priority > 0
                               ? err_hint(err, r,
                                          "real-time priority needs CAP_SYS_NICE and, with control "
                                          "groups of version 1, a share of cpu.rt_runtime_us")
                               : r;
        }
        set->runs = true;
        return 0;
}

void wire_set_stop(WireSet *set) {
        uint64_t one = 1;

        if (!set->runs)
                return;
        atomic_store(&set->stop, true);
        (void) !write(set->kick, &one, sizeof one);
        pthread_join(set->thread, NULL);
        set->runs = false;
        set->was_kept = false;
}

/* ---- figures ---- */

typedef struct StatsCall {
        WireSet *set;
        WireSetStats *ret;
} StatsCall;

static int get_stats(void *context) {
        StatsCall *call = context;

        *call->ret = call->set->stats;
        call->ret->memory = call->set->pool.bytes;
        call->ret->waited_ns = waited(call->set->schedstat);
        return 0;
}

void wire_set_stats(WireSet *set, WireSetStats *ret) {
        struct timespec used = {};
        clockid_t clock;

        (void) wire_call(set, get_stats, &(StatsCall){ set, ret });
        if (set->runs && pthread_getcpuclockid(set->thread, &clock) == 0)
                (void) clock_gettime(clock, &used);
        ret->processor_ns = used.tv_sec * NS_PER_SECOND + used.tv_nsec;
}
