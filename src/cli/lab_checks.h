/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a lab does for the tests of its file (measure/check.h). */

#include "lab/lab.h"
#include "measure/check.h"

/* @lab stays the caller's and must outlive the result. */
CheckLab lab_checks(Lab *lab, int stop);
