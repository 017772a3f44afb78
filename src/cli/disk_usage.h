/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What each image, container, volume and cache takes: `system df --verbose`. */

#include "base/home.h"

/* Prints the four tables. */
int disk_usage_print(const Home *home, Err *err);
