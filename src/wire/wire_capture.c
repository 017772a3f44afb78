/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>

#include "base/clock.h"
#include "base/str.h"
#include "wire/wire_internal.h"

/* Without the virtio_net_hdr. */
void capture_frame(Wire *wire, int end, int64_t at, PcapngDirection direction, Frame *f) {
        struct iovec parts[FRAME_PARTS];
        int n = frame_parts(f, parts);

        parts[0].iov_base = (uint8_t *) parts[0].iov_base + FRAME_HEADER;
        parts[0].iov_len -= FRAME_HEADER;
        (void) pcapng_packet(wire->capture->file, end, at + wire->capture->epoch_ns, direction,
                             parts, n);
}

static Capture *capture_free(Capture *c) {
        if (c)
                pcapng_free(c->file);
        free(c);
        return NULL;
}
DEFINE_AUTOPTR(Capture, capture_free)

/* Takes a wire's capture away from it. */
static Capture *detach(Wire *wire) {
        for (Wire **p = &wire->set->captured; *p; p = &(*p)->next_captured)
                if (*p == wire) {
                        *p = wire->next_captured;
                        break;
                }
        return take_ptr(wire->capture);
}

bool captures_flush(WireSet *set) {
        bool is_left = false;

        for (Wire *wire = set->captured, *next; wire; wire = next) {
                next = wire->next_captured;
                if (pcapng_flush(wire->capture->file) < 0)
                        capture_free(detach(wire));
                else
                        is_left |= pcapng_waiting(wire->capture->file) > 0;
        }
        return is_left;
}

static int make_capture(const Wire *wire, int fd, uint32_t snaplen, Capture **ret, Err *err) {
        autoptr(Capture) c = calloc(1, sizeof *c);
        int r;

        if (!c) {
                (void) close_fd(fd);
                return fail(err, ENOMEM, "cannot capture '%s'", wire->name);
        }
        r = pcapng_new(fd, &c->file, err);
        for (int i = 0; r >= 0 && i < 2; i++) {
                autofree char *name = str_format("%s:%c", wire->name, "ab"[i]);

                r = name ? pcapng_add_interface(c->file, name, PCAPNG_ETHERNET, snaplen) : -ENOMEM;
                if (r < 0)
                        return fail(err, r, "cannot capture '%s'", wire->name);
        }
        if (r >= 0)
                *ret = take_ptr(c);
        return r;
}

typedef struct CaptureCall {
        Wire *wire;
        Capture *capture; /* to be begun, and taken over; or that has been ended */
} CaptureCall;

static int begin(void *context) {
        CaptureCall *call = context;
        Wire *wire = call->wire;

        if (wire->capture)
                return -EBUSY;
        call->capture->epoch_ns = clock_now_ns() - wire_now(wire->set);
        wire->capture = take_ptr(call->capture);
        wire->next_captured = wire->set->captured;
        wire->set->captured = wire;
        /* The reader is to see at once that it has begun. */
        (void) captures_flush(wire->set);
        return 0;
}

int wire_capture(Wire *wire, int fd, uint32_t snaplen, Err *err) {
        CaptureCall call = { .wire = wire };
        int r = make_capture(wire, fd, snaplen, &call.capture, err);

        if (r < 0)
                return r;
        r = wire_call(wire->set, begin, &call);
        capture_free(call.capture);
        return r < 0 ? refuse(err, r, "'%s' is being captured already", wire->name) : 0;
}

static int end(void *context) {
        CaptureCall *call = context;

        call->capture = detach(call->wire);
        return 0;
}

int wire_capture_end(Wire *wire) {
        CaptureCall call = { .wire = wire };
        autoptr(Capture) c = NULL;

        (void) wire_call(wire->set, end, &call);
        c = call.capture;
        return c ? pcapng_finish(take_ptr(c->file), clock_now_ns()) : 0;
}

static int captures(void *context) {
        return ((Wire *) context)->capture ? 1 : 0;
}

bool wire_captures(Wire *wire) {
        return wire_call(wire->set, captures, wire);
}
