/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a monitor and its clients say to each other
 *
 * A monitor listens on attach.sock (SOCK_SEQPACKET, mode 0600) in the run
 * directory of its container.  The command that starts a container is its first
 * client, over a socketpair.  A frame is one packet: a type, then its payload.
 *
 *   client   HELLO     a Hello: what it wants; the first frame on attach.sock
 *            SIGNAL    a signal number for the container's first process
 *            STOPPING  a user wants the container to end: no restart
 *            KEEP      it will be started again: no removal (--rm) at this end
 *            CHANGED   the record has another restart policy
 *   monitor  STARTED   the program runs.  With it comes one descriptor if the
 *                      client wants input or there is a terminal: the terminal's
 *                      master side, or the write end of the container's stdin.
 *                      The client writes its input, and the size of its window,
 *                      there itself.
 *            STDOUT    output, at most FRAME_MAX bytes
 *            STDERR
 *            BROKEN    nobody reads the first client's output any more (EPIPE)
 *            FAILED    the container could not be started; the next packet is an
 *                      error record for err_read()
 *            EXIT      the container has ended and everything of it is taken
 *                      back; an exit code.  The last frame.
 *
 * A client that does not read its frames as fast as they come is cut off: its
 * socket's send buffer is all the memory it gets.  The first client is another
 * matter: its standard output and error are the monitor's to write to, and the
 * container waits for them, as it would for a pipe of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

#define FRAME_MAX 8192

typedef enum FrameType {
        FRAME_HELLO = 'h',
        FRAME_SIGNAL = 's',
        FRAME_STOPPING = 'q',
        FRAME_KEEP = 'k',
        FRAME_CHANGED = 'c',
        FRAME_STARTED = 'S',
        FRAME_STDOUT = '1',
        FRAME_STDERR = '2',
        FRAME_BROKEN = 'b',
        FRAME_FAILED = 'F',
        FRAME_EXIT = 'E',
} FrameType;

typedef struct Hello {
        bool output; /* send STDOUT and STDERR from now on */
        bool input;  /* send the descriptor to write input to */
} Hello;

typedef struct Frame {
        FrameType type;
        size_t size;
        union {
                Hello hello;
                int32_t number; /* SIGNAL, EXIT */
                char bytes[FRAME_MAX];
        };
} Frame;

/* Sends a frame; @fd: a descriptor to go with it, or -EBADF.  @wait: or -EAGAIN when there is no
 * room. */
int frame_send(int socket, FrameType type, const void *payload, size_t size, int fd, bool wait);
int frame_send_number(int socket, FrameType type, int32_t number);

/**
 * frame_recv() - receive one frame
 * @ret_fd:	the descriptor that came with it, owned by the caller, or -EBADF; may be NULL
 *
 * Return: 1; 0 if the other side is gone; -EAGAIN (on a non-blocking socket); -EPROTO for a
 * frame that is none; negative errno.
 */
int frame_recv(int socket, Frame *frame, int *ret_fd);
