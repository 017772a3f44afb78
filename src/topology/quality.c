/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/size.h"
#include "base/str.h"
#include "topology/quality.h"

#define NS_PER_MS 1000000LL

static const char *const distributions[] = { "uniform", "normal", "pareto", "paretonormal", NULL };
static const char *const orders[] = { "keep", "free", NULL };
static const char *const disciplines[] = { "droptail", "codel", NULL };

void quality_clear(Quality *q) {
        for (size_t i = 0; i < q->n_schedule; i++)
                strv_free(q->schedule[i].settings);
        free(q->schedule);
        free(q->loss_pattern);
        free(q->trace);
        *q = (Quality){};
}

/* ---- values in words ---- */

static int bad(Err *err, const char *key, const char *value, const char *form) {
        return err_hint(err, refuse(err, EINVAL, "'%s' is no %s", value, key), "%s", form);
}

static int set_span(int64_t *ret, const char *key, const char *value, Err *err) {
        int64_t ns;

        if (span_parse(value, NS_PER_MS, &ns) < 0 || ns < 0 || ns > 3600 * 1000 * NS_PER_MS)
                return bad(err, key, value, "a span of at most an hour, as '10ms' or '250us'");
        *ret = ns;
        return 0;
}

static int set_word(const char *const *words, int *ret, const char *key, const char *value,
                    Err *err) {
        autofree char *all = NULL;

        for (int i = 0; words[i]; i++)
                if (str_equal(words[i], value)) {
                        *ret = i;
                        return 0;
                }
        all = strv_join((char *const *) words, ", ");
        return bad(err, key, value, all ? all : "");
}

/* A percentage, or a bare number from 0 to 1 if there is no sign. */
static int parse_share(const char *text, double *ret) {
        char *end;
        double value = strtod(text, &end);

        if (end == text || isnan(value))
                return -EINVAL;
        if (str_equal(end, "%"))
                value /= 100;
        else if (*end)
                return -EINVAL;
        if (value < 0 || value > 1)
                return -EINVAL;
        *ret = value;
        return 0;
}

static int set_share(double *ret, const char *key, const char *value, Err *err) {
        if (parse_share(value, ret) < 0)
                return bad(err, key, value, "a percentage, as '0.1%'");
        return 0;
}

static int set_rate(uint64_t *ret, const char *value, Err *err) {
        static const struct {
                const char *unit;
                double bits;
        } units[] = { { "", 1 },         { "bit", 1 },         { "bps", 1 },
                      { "k", 1e3 },      { "kbit", 1e3 },      { "kbps", 1e3 },
                      { "m", 1e6 },      { "mbit", 1e6 },      { "mbps", 1e6 },
                      { "g", 1e9 },      { "gbit", 1e9 },      { "gbps", 1e9 },
                      { "kibit", 1024 }, { "mibit", 1048576 }, { "gibit", 1073741824 } };
        char *end;
        double number = strtod(value, &end);

        while (*end == ' ')
                end++;
        for (size_t i = 0; end != value && number >= 0 && i < sizeof units / sizeof *units; i++)
                if (strcasecmp(end, units[i].unit) == 0 && number * units[i].bits < 1e15) {
                        *ret = (uint64_t) (number * units[i].bits + 0.5);
                        return 0;
                }
        return bad(err, "rate", value, "bits per second, as '10mbit' or '1.5gbit'");
}

static int set_queue(Quality *q, const char *value, Err *err) {
        static const char form[] = "packets ('100p'), bytes ('64kb') or time at the rate ('20ms')";
        autofree char *number = strdup(value);
        size_t length = strlen(value);
        uint64_t n;
        int64_t ns;

        if (!number)
                return fail(err, ENOMEM, "cannot set a queue");
        if (length > 0 && number[length - 1] == 'p') {
                number[length - 1] = '\0';
                if (parse_u64(number, &n) < 0 || n == 0 || n > 10000000)
                        return bad(err, "queue", value, form);
                q->queue_unit = QUEUE_PACKETS;
                q->queue = n;
        } else if (length > 0 && number[length - 1] == 's' &&
                   span_parse(value, NS_PER_MS, &ns) >= 0 && ns > 0) {
                q->queue_unit = QUEUE_TIME;
                q->queue = (uint64_t) ns;
        } else if (strpbrk(value, "bB") && size_parse(value, &n) >= 0 && n > 0) {
                q->queue_unit = QUEUE_BYTES;
                q->queue = n;
        } else
                return bad(err, "queue", value, form);
        return 0;
}

static int set_gilbert_elliott(Quality *q, const char *value, char *const *words, Err *err) {
        double share[4] = { 0, 0, 1, 0 };
        size_t n = strv_length(words);

        if (n < 3 || n > 5)
                return bad(err, "loss", value, "gemodel P R [BAD [GOOD]], percentages");
        for (size_t i = 1; i < n; i++)
                if (parse_share(words[i], &share[i - 1]) < 0)
                        return bad(err, "loss", value, "gemodel P R [BAD [GOOD]], percentages");
        q->loss = LOSS_GILBERT_ELLIOTT;
        q->loss_p = share[0];
        q->loss_r = share[1];
        q->loss_bad = share[2];
        q->loss_good = share[3];
        return 0;
}

static int set_loss(Quality *q, const char *value, Err *err) {
        const char *file = str_after(value, "pattern ");
        autostrv words = NULL;
        double share;

        if (strv_split(value, " ", true, &words) < 0)
                return fail(err, ENOMEM, "cannot set a loss");
        q->loss_pattern = (free(q->loss_pattern), NULL);
        if (file) {
                q->loss = LOSS_PATTERN;
                q->loss_pattern = strdup(file);
                return q->loss_pattern ? 0 : fail(err, ENOMEM, "cannot set a loss");
        }
        if (words && str_equal(words[0], "gemodel"))
                return set_gilbert_elliott(q, value, words, err);
        if (parse_share(value, &share) < 0)
                return bad(err, "loss", value,
                           "'1%', 'gemodel P R [BAD [GOOD]]' or 'pattern FILE'");
        q->loss = share > 0 ? LOSS_INDEPENDENT : LOSS_NONE;
        q->loss_p = share;
        return 0;
}

/* ---- schedules ---- */

static void steps_clear(Quality *q) {
        for (size_t i = 0; i < q->n_schedule; i++)
                strv_free(q->schedule[i].settings);
        free(q->schedule);
        q->schedule = NULL;
        q->n_schedule = 0;
}

/* "loss=gemodel", "1%", "10%": words without '=' go on with the value before. */
static int join_settings(char *const *words, char ***ret) {
        for (; *words; words++) {
                size_t n = strv_length(*ret);

                if (strchr(*words, '=') || n == 0) {
                        if (strv_add(ret, *words) < 0)
                                return -ENOMEM;
                } else {
                        char *joined = str_format("%s %s", (*ret)[n - 1], *words);

                        if (!joined)
                                return -ENOMEM;
                        free((*ret)[n - 1]);
                        (*ret)[n - 1] = joined;
                }
        }
        return 0;
}

static int check_settings(char *const *settings, const char *value, Err *err) {
        autoquality trial = {};

        if (!settings)
                return bad(err, "schedule", value, "AT KEY=VALUE...; AT ...");
        strv_foreach(setting, settings) {
                const char *equals = strchr(*setting, '=');
                autofree char *key =
                        equals ? strndup(*setting, (size_t) (equals - *setting)) : NULL;
                int r;

                if (!key)
                        return bad(err, "schedule", value, "AT KEY=VALUE...; AT ...");
                if (str_equal(key, "schedule") || str_equal(key, "seed") || str_equal(key, "trace"))
                        return refuse(err, EINVAL, "'%s' cannot be set by a schedule", key);
                r = quality_set(&trial, key, equals + 1, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int add_step(Quality *q, const char *text, const char *value, Err *err) {
        autostrv words = NULL;
        QualityStep *step;
        int64_t at;
        int r;

        if (strv_split(text, " ", true, &words) < 0)
                return fail(err, ENOMEM, "cannot set a schedule");
        if (!words)
                return 0;
        if (span_parse(words[0], 1000 * NS_PER_MS, &at) < 0 || at < 0 ||
            (q->n_schedule > 0 && at < q->schedule[q->n_schedule - 1].at_ns))
                return bad(err, "schedule", value, "AT KEY=VALUE...; AT ..., times in order");
        step = json_grow(&q->schedule, &q->n_schedule, sizeof *step);
        if (!step)
                return fail(err, ENOMEM, "cannot set a schedule");
        step->at_ns = at;
        r = join_settings(words + 1, &step->settings);
        return r < 0 ? fail(err, r, "cannot set a schedule")
                     : check_settings(step->settings, value, err);
}

static int set_schedule(Quality *q, const char *value, Err *err) {
        autostrv steps = NULL;
        int r = 0;

        steps_clear(q);
        if (strv_split(value, ";", true, &steps) < 0)
                return fail(err, ENOMEM, "cannot set a schedule");
        strv_foreach(step, steps)
                if (r >= 0)
                        r = add_step(q, *step, value, err);
        return r;
}

/* ---- the properties ---- */

enum {
        DELAY,
        JITTER,
        DISTRIBUTION,
        ORDER,
        RATE,
        QUEUE,
        DISCIPLINE,
        LOSS,
        CORRUPT,
        DUPLICATE,
        REORDER,
        TRACE,
        SEED,
        SCHEDULE
};
const char *const quality_keys[] = { [DELAY] = "delay",
                                     [JITTER] = "jitter",
                                     [DISTRIBUTION] = "distribution",
                                     [ORDER] = "order",
                                     [RATE] = "rate",
                                     [QUEUE] = "queue",
                                     [DISCIPLINE] = "discipline",
                                     [LOSS] = "loss",
                                     [CORRUPT] = "corrupt",
                                     [DUPLICATE] = "duplicate",
                                     [REORDER] = "reorder",
                                     [TRACE] = "trace",
                                     [SEED] = "seed",
                                     [SCHEDULE] = "schedule",
                                     NULL };

static void reset(Quality *q, int key) {
        switch (key) {
        case DELAY:
                q->delay_ns = 0;
                break;
        case JITTER:
                q->jitter_ns = 0;
                break;
        case DISTRIBUTION:
                q->distribution = DELAY_UNIFORM;
                break;
        case ORDER:
                q->may_reorder = false;
                break;
        case RATE:
                q->rate_bps = 0;
                break;
        case QUEUE:
                q->queue_unit = QUEUE_DEFAULT;
                q->queue = 0;
                break;
        case DISCIPLINE:
                q->discipline = QUEUE_DROPTAIL;
                break;
        case LOSS:
                q->loss = LOSS_NONE;
                q->loss_p = q->loss_r = q->loss_bad = q->loss_good = 0;
                q->loss_pattern = (free(q->loss_pattern), NULL);
                break;
        case CORRUPT:
                q->corrupt = 0;
                break;
        case DUPLICATE:
                q->duplicate = 0;
                break;
        case REORDER:
                q->reorder = 0;
                break;
        case TRACE:
                q->trace = (free(q->trace), NULL);
                break;
        case SEED:
                q->has_seed = false;
                q->seed = 0;
                break;
        case SCHEDULE:
                steps_clear(q);
                break;
        default:
                break;
        }
}

static int set_property(Quality *q, int key, const char *value, Err *err) {
        const char *name = quality_keys[key];
        int r, word = 0;

        switch (key) {
        case DELAY:
                return set_span(&q->delay_ns, name, value, err);
        case JITTER:
                return set_span(&q->jitter_ns, name, value, err);
        case DISTRIBUTION:
                r = set_word(distributions, &word, name, value, err);
                q->distribution = (DelayDistribution) word;
                return r;
        case ORDER:
                r = set_word(orders, &word, name, value, err);
                q->may_reorder = word == 1;
                return r;
        case RATE:
                return set_rate(&q->rate_bps, value, err);
        case QUEUE:
                return set_queue(q, value, err);
        case DISCIPLINE:
                r = set_word(disciplines, &word, name, value, err);
                q->discipline = (QueueDiscipline) word;
                return r;
        case LOSS:
                return set_loss(q, value, err);
        case CORRUPT:
                return set_share(&q->corrupt, name, value, err);
        case DUPLICATE:
                return set_share(&q->duplicate, name, value, err);
        case REORDER:
                return set_share(&q->reorder, name, value, err);
        case TRACE:
                return str_set(&q->trace, value) < 0 ? fail(err, ENOMEM, "cannot set it") : 0;
        case SEED:
                if (parse_u64(value, &q->seed) < 0)
                        return bad(err, name, value, "a whole number");
                q->has_seed = true;
                return 0;
        default:
                return set_schedule(q, value, err);
        }
}

int quality_set(Quality *q, const char *key, const char *value, Err *err) {
        const char *near;

        for (int i = 0; quality_keys[i]; i++) {
                if (!str_equal(quality_keys[i], key))
                        continue;
                reset(q, i);
                if (str_empty(value) || str_equal(value, "none"))
                        return 0;
                return set_property(q, i, value, err);
        }
        near = nearest_name(key, quality_keys);
        return near ? refuse(err, ENOENT, "a link has no property '%s'; did you mean '%s'?", key,
                             near)
                    : refuse(err, ENOENT, "a link has no property '%s'", key);
}

int quality_assign(Quality *q, const char *assignment, Err *err) {
        const char *equals = strchr(assignment, '=');
        autofree char *key = equals ? strndup(assignment, (size_t) (equals - assignment)) : NULL;

        if (!equals)
                return refuse(err, EINVAL, "'%s' is not KEY=VALUE", assignment);
        return key ? quality_set(q, key, equals + 1, err)
                   : fail(err, ENOMEM, "cannot set '%s'", assignment);
}

char *quality_rooted(const char *key, const char *value, const char *directory) {
        const char *file = str_equal(key, "trace")  ? value
                           : str_equal(key, "loss") ? str_after(value, "pattern ")
                                                    : NULL;

        if (str_empty(file) || *file == '/' || str_equal(file, "none"))
                return strdup(value);
        return str_format("%.*s%s/%s", (int) (file - value), value, directory, file);
}

/* ---- and back ---- */

/* The shortest text that is read back as the same number. */
static char *number_text(double value, const char *unit) {
        char text[40];

        for (int digits = 3; digits <= 17; digits++) {
                (void) snprintf(text, sizeof text, "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        return str_format("%s%s", text, unit);
}

/* Percent, unless that is not exact. */
static char *share_text(double share) {
        char *text = number_text(share * 100, "%");
        double back;

        if (text && (parse_share(text, &back) < 0 || back != share)) {
                free(text);
                text = number_text(share, "");
        }
        return text;
}

static char *rate_text(uint64_t bps) {
        static const struct {
                uint64_t bits;
                const char *unit;
        } units[] = { { 1000000000, "gbit" }, { 1000000, "mbit" }, { 1000, "kbit" }, { 1, "bit" } };

        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (bps % units[i].bits == 0)
                        return str_format("%ju%s", (uintmax_t) (bps / units[i].bits),
                                          units[i].unit);
        return NULL;
}

static char *queue_text(const Quality *q) {
        if (q->queue_unit == QUEUE_PACKETS)
                return str_format("%jup", (uintmax_t) q->queue);
        if (q->queue_unit == QUEUE_BYTES)
                return str_format("%jub", (uintmax_t) q->queue);
        return span_exact((int64_t) q->queue);
}

static char *loss_text(const Quality *q) {
        autofree char *p = share_text(q->loss_p), *r = share_text(q->loss_r),
                      *b = share_text(q->loss_bad), *g = share_text(q->loss_good);

        if (q->loss == LOSS_PATTERN)
                return str_format("pattern %s", q->loss_pattern);
        if (!p || !r || !b || !g)
                return NULL;
        if (q->loss == LOSS_GILBERT_ELLIOTT)
                return str_format("gemodel %s %s %s %s", p, r, b, g);
        return take_ptr(p);
}

static char *schedule_text(const Quality *q) {
        autostr s = {};

        for (size_t i = 0; i < q->n_schedule; i++) {
                autofree char *at = span_exact(q->schedule[i].at_ns),
                              *words = strv_join(q->schedule[i].settings, " ");

                if (!at || !words)
                        return NULL;
                str_printf(&s, "%s%s %s", i ? "; " : "", at, words);
        }
        return str_take(&s);
}

/* 1: it is set, and *ret its text. */
static int property_text(const Quality *q, int key, char **ret) {
        bool is_set = true;

        switch (key) {
        case DELAY:
                is_set = q->delay_ns;
                *ret = is_set ? span_exact(q->delay_ns) : NULL;
                break;
        case JITTER:
                is_set = q->jitter_ns;
                *ret = is_set ? span_exact(q->jitter_ns) : NULL;
                break;
        case DISTRIBUTION:
                is_set = q->distribution;
                *ret = is_set ? strdup(distributions[q->distribution]) : NULL;
                break;
        case ORDER:
                is_set = q->may_reorder;
                *ret = is_set ? strdup("free") : NULL;
                break;
        case RATE:
                is_set = q->rate_bps;
                *ret = is_set ? rate_text(q->rate_bps) : NULL;
                break;
        case QUEUE:
                is_set = q->queue_unit;
                *ret = is_set ? queue_text(q) : NULL;
                break;
        case DISCIPLINE:
                is_set = q->discipline;
                *ret = is_set ? strdup("codel") : NULL;
                break;
        case LOSS:
                is_set = q->loss;
                *ret = is_set ? loss_text(q) : NULL;
                break;
        case CORRUPT:
                is_set = q->corrupt > 0;
                *ret = is_set ? share_text(q->corrupt) : NULL;
                break;
        case DUPLICATE:
                is_set = q->duplicate > 0;
                *ret = is_set ? share_text(q->duplicate) : NULL;
                break;
        case REORDER:
                is_set = q->reorder > 0;
                *ret = is_set ? share_text(q->reorder) : NULL;
                break;
        case TRACE:
                is_set = q->trace;
                *ret = is_set ? strdup(q->trace) : NULL;
                break;
        case SEED:
                is_set = q->has_seed;
                *ret = is_set ? str_format("%ju", (uintmax_t) q->seed) : NULL;
                break;
        default:
                is_set = q->n_schedule;
                *ret = is_set ? schedule_text(q) : NULL;
                break;
        }
        return !is_set ? 0 : *ret ? 1 : -ENOMEM;
}

int quality_settings(const Quality *q, char ***ret) {
        autostrv settings = NULL;

        for (int i = 0; quality_keys[i]; i++) {
                autofree char *text = NULL;
                int r = property_text(q, i, &text);

                if (r > 0)
                        r = strv_addf(&settings, "%s=%s", quality_keys[i], text);
                if (r < 0)
                        return r;
        }
        *ret = take_ptr(settings);
        return 0;
}

char *quality_words(const Quality *q) {
        autostrv settings = NULL;

        return quality_settings(q, &settings) < 0 ? NULL : strv_join(settings, " ");
}

/* Whether "key=" of a property begins here; blanks are in values, too. */
static bool begins_property(const char *text) {
        for (int i = 0; quality_keys[i]; i++) {
                const char *after = str_after(text, quality_keys[i]);

                if (after && *after == '=')
                        return true;
        }
        return false;
}

int quality_read_words(Quality *q, const char *words, Err *err) {
        while (*words) {
                const char *end = words + strlen(words);
                autofree char *setting = NULL;
                int r;

                /* A schedule is the last one and has properties in it. */
                for (const char *p = strchr(words, ' '); p && !str_after(words, "schedule=");
                     p = strchr(p + 1, ' '))
                        if (begins_property(p + 1)) {
                                end = p;
                                break;
                        }
                setting = strndup(words, (size_t) (end - words));
                r = setting ? quality_assign(q, setting, err)
                            : fail(err, ENOMEM, "cannot read '%s'", words);
                if (r < 0)
                        return r;
                words = *end ? end + 1 : end;
        }
        return 0;
}

int quality_copy(const Quality *q, Quality *ret) {
        autostrv settings = NULL;
        Quality copy = {};
        int r = quality_settings(q, &settings);

        strv_foreach(setting, settings) {
                char *equals = strchr(*setting, '=');

                *equals = '\0';
                if (r >= 0)
                        r = quality_set(&copy, *setting, equals + 1, NULL);
        }
        if (r < 0) {
                quality_clear(&copy);
                return r;
        }
        *ret = copy;
        return 0;
}

bool quality_equal(const Quality *a, const Quality *b) {
        autofree char *x = quality_words(a), *y = quality_words(b);

        return x && y && str_equal(x, y);
}

bool quality_is_plain(const Quality *q) {
        autofree char *words = NULL;
        Quality bare = *q;

        bare.has_seed = false;
        words = quality_words(&bare);
        return words && !*words;
}

int quality_check(const Quality *q, Err *err) {
        if (q->queue_unit == QUEUE_TIME && q->rate_bps == 0 && !q->trace)
                return refuse(err, EINVAL, "a queue in time needs a rate");
        if (q->discipline == QUEUE_CODEL && q->rate_bps == 0 && !q->trace)
                return refuse(err, EINVAL, "CoDel needs a rate: without one there is no queue");
        if (q->distribution == DELAY_UNIFORM && q->jitter_ns > q->delay_ns)
                return refuse(err, EINVAL, "the jitter is larger than the delay");
        if (q->distribution != DELAY_UNIFORM && q->jitter_ns == 0)
                return refuse(err, EINVAL, "a distribution of the delay needs a jitter");
        if (q->reorder > 0 && q->delay_ns == 0)
                return err_hint(err, refuse(err, EINVAL, "reordering needs a delay"),
                                "packets that are reordered are those that are not delayed");
        if (q->trace && q->rate_bps > 0)
                return refuse(err, EINVAL, "a trace says the rate: give one of the two");
        return 0;
}
