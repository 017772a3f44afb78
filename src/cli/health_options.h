/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* --health-… of run and create. */

#include "engine/container.h"

typedef struct HealthOptions {
        const char *command, *interval, *timeout, *retries, *start_period, *start_interval;
        bool off; /* --no-healthcheck */
} HealthOptions;

/* Sets config->healthcheck if the user says anything of it; what he leaves out stays 0. */
int health_options_read(const HealthOptions *o, ContainerConfig *config, Err *err);
