/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "wire/plan.h"

Plan *plan_free(Plan *p) {
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n; i++) {
                quality_clear(&p->stages[i].quality);
                pattern_free(p->stages[i].pattern);
        }
        free(p->stages);
        trace_free(p->trace);
        quality_clear(&p->quality);
        free(p);
        return NULL;
}

static int apply(Quality *q, const QualityStep *step, Err *err) {
        strv_foreach(setting, step->settings) {
                const char *equals = strchr(*setting, '=');
                autofree char *key = strndup(*setting, equals ? (size_t) (equals - *setting) : 0);
                int r;

                if (!key)
                        return fail(err, ENOMEM, "cannot prepare a link's quality");
                r = quality_set(q, key, equals ? equals + 1 : "", err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Makes a stage of @q, with the changes of @step if there is one. */
static int add_stage(Plan *p, const Quality *q, const QualityStep *step, Err *err) {
        PlanStage *stage = &p->stages[p->n++];
        int r = quality_copy(q, &stage->quality);

        if (r < 0)
                return fail(err, r, "cannot prepare a link's quality");
        stage->at_ns = step ? step->at_ns : 0;
        r = quality_set(&stage->quality, "schedule", "", err);
        if (r >= 0 && step)
                r = apply(&stage->quality, step, err);
        if (r >= 0)
                r = quality_check(&stage->quality, err);
        if (r >= 0 && stage->quality.loss == LOSS_PATTERN)
                r = pattern_read(stage->quality.loss_pattern, &stage->pattern, err);
        if (r < 0)
                return r;
        stage->path = path_rules(&stage->quality, p->trace);
        if (p->trace && p->trace->has_delay)
                stage->path.least_delay_ns = 0;
        stage->plain = fate_is_plain(&(FateRules){ .quality = &stage->quality, .trace = p->trace });
        return 0;
}

int plan_new(const Quality *q, int64_t after_ns, Plan **ret, Err *err) {
        autoptr(Plan) p = calloc(1, sizeof *p);
        int r;

        if (!p || !(p->stages = calloc(q->n_schedule + 1, sizeof *p->stages)))
                return fail(err, ENOMEM, "cannot prepare a link's quality");
        r = quality_copy(q, &p->quality);
        if (r < 0)
                return fail(err, r, "cannot prepare a link's quality");
        if (q->trace)
                r = trace_read(q->trace, &p->trace, err);
        if (r >= 0)
                r = add_stage(p, q, NULL, err);
        for (size_t i = 0; r >= 0 && i < q->n_schedule; i++)
                if (q->schedule[i].at_ns > after_ns)
                        r = add_stage(p, &p->stages[p->n - 1].quality, &q->schedule[i], err);
        if (r >= 0)
                *ret = take_ptr(p);
        return r;
}

size_t plan_stage(const Plan *p, int64_t ns) {
        size_t i = 0;

        while (i + 1 < p->n && p->stages[i + 1].at_ns <= ns)
                i++;
        return i;
}

bool plan_same_schedule(const Quality *a, const Quality *b) {
        Quality x = { .schedule = a->schedule, .n_schedule = a->n_schedule };
        Quality y = { .schedule = b->schedule, .n_schedule = b->n_schedule };

        return quality_equal(&x, &y);
}

bool plan_same_trace(const Quality *a, const Quality *b) {
        return str_equal(a->trace, b->trace);
}

bool plan_same_loss(const Quality *a, const Quality *b) {
        return a->loss == b->loss && a->loss_p == b->loss_p && a->loss_r == b->loss_r &&
               a->loss_bad == b->loss_bad && a->loss_good == b->loss_good &&
               str_equal(a->loss_pattern, b->loss_pattern);
}
