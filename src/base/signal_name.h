/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reads a signal as people name it: "SIGTERM", "term", "15", "RTMIN+3", "SIGRTMAX-1"; -EINVAL. */
int signal_parse(const char *text);
