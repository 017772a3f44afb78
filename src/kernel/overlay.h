/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Overlay file systems
 *
 * Layers are given as descriptors, so that each can be an idmapped clone that
 * no path leads to.  The overlay must then be mounted inside the user
 * namespace that the layers are mapped to: mounted outside, an overlay with an
 * idmapped upper layer silently becomes read-only.
 *
 * Always with `userxattr`: what an upper directory holds (opaque directories)
 * is then the same whether a container had a user namespace or not, and layers
 * made by one are right for the other.
 *
 * The layers must be attached somewhere in the caller's mount namespace if that
 * belongs to a user namespace (clone_private_mount(), fs/namespace.c).  Layers by
 * descriptor need Linux 6.13; before that the same is said with their paths
 * below /proc/self/fd.  Before 6.7 these are one list, of which fsconfig(2) takes
 * 255 bytes, about 60 layers, and mount(2) a page; but mount(2) needs a place.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* A regular file with these has its contents, as its size says, at that path of a data layer. */
#define OVERLAY_METACOPY "user.overlay.metacopy"
#define OVERLAY_REDIRECT "user.overlay.redirect"

typedef struct OverlayLayers {
        const int *lowers; /* directories or detached mounts, topmost first */
        size_t n;
        /* Where the contents of files are that a lower layer has by name only
         * (user.overlay.redirect): directories in which nothing else is looked for, topmost first.
         * In a user namespace they need Linux 6.16. */
        const int *data;
        size_t n_data;
        int upper, work; /* directories on one mount, or -EBADF both for a read-only view */
        /* What is written will be thrown away: nothing is synced, neither when asked from inside
         * nor when it is unmounted, which would otherwise write out the whole file system that
         * upper is on and wait for the disk.  Such an upper directory cannot be mounted a second
         * time. */
        bool scratch;
        /* A directory that the overlay may cover for a moment, if nobody else is in this mount
         * namespace; else NULL. */
        const char *aside;
} OverlayLayers;

/**
 * overlay_new() - make a detached overlay mount
 *
 * Return: descriptor of the detached mount, owned by the caller; -E2BIG if there are more layers
 * than the kernel takes; negative errno.
 */
int overlay_new(const OverlayLayers *layers, Err *err);

/* Whether this kernel's overlay finds contents in layers of contents alone, tried in @dir, an empty
 * directory of the caller's mount namespace in which two others are left. */
bool overlay_finds_contents(int dir);
