/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/idplan.h"

#define IDS        4294967295LL /* 32 bits, of which the last means none */
#define RANGES_MAX 340          /* user_namespaces(7) */

void idplan_clear(IdPlan *plan) {
        free(plan->ranges);
        *plan = (IdPlan){};
}

int idplan_add(IdPlan *plan, int64_t inside, int64_t outside, int64_t count) {
        IdRange *more;

        if (count <= 0)
                return 0;
        more = realloc(plan->ranges, (plan->n + 1) * sizeof *more);
        if (!more)
                return -ENOMEM;
        plan->ranges = more;
        plan->ranges[plan->n++] = (IdRange){ inside, outside, count };
        return 0;
}

/* What of @range is left when @count numbers from offset @first on are taken out of it. */
static int add_rest(IdPlan *plan, const IdRange *range, int64_t first, int64_t count) {
        int64_t from = first < 0 ? 0 : first > range->count ? range->count : first;
        int64_t end = first + count, r;

        end = end < 0 ? 0 : end > range->count ? range->count : end;
        if (end <= from)
                return idplan_add(plan, range->inside, range->outside, range->count);
        r = idplan_add(plan, range->inside, range->outside, from);
        return r < 0 ? (int) r
                     : idplan_add(plan, range->inside + end, range->outside + end,
                                  range->count - end);
}

int idplan_put(IdPlan *plan, const IdRange *range) {
        autoidplan inside = {}, both = {};
        int r = 0;

        for (size_t i = 0; i < plan->n && r >= 0; i++)
                r = add_rest(&inside, &plan->ranges[i], range->inside - plan->ranges[i].inside,
                             range->count);
        for (size_t i = 0; i < inside.n && r >= 0; i++)
                r = add_rest(&both, &inside.ranges[i], range->outside - inside.ranges[i].outside,
                             range->count);
        if (r >= 0)
                r = idplan_add(&both, range->inside, range->outside, range->count);
        if (r < 0)
                return r;
        idplan_clear(plan);
        *plan = both;
        both = (IdPlan){};
        return 0;
}

/* From @at on, the first number that is in no range, and how many more are free behind it. */
static int64_t find_free(const IdPlan *plan, bool outside, int64_t at, int64_t end,
                         int64_t *ret_count) {
        for (bool moved = true; moved;) {
                moved = false;
                for (size_t i = 0; i < plan->n; i++) {
                        const IdRange *range = &plan->ranges[i];
                        int64_t first = outside ? range->outside : range->inside;

                        if (at >= first && at < first + range->count) {
                                at = first + range->count;
                                moved = true;
                        }
                }
        }
        *ret_count = end - at;
        for (size_t i = 0; i < plan->n; i++) {
                int64_t first = outside ? plan->ranges[i].outside : plan->ranges[i].inside;

                if (first > at && first - at < *ret_count)
                        *ret_count = first - at;
        }
        return at;
}

int idplan_fill(IdPlan *plan, int64_t total) {
        int64_t inside = 0, outside = 0;

        for (;;) {
                int64_t wanted, there;
                int r;

                inside = find_free(plan, false, inside, total, &wanted);
                outside = find_free(plan, true, outside, total, &there);
                if (wanted <= 0 || there <= 0)
                        return 0;
                r = idplan_add(plan, inside, outside, wanted < there ? wanted : there);
                if (r < 0)
                        return r;
        }
}

int64_t idplan_outside(const IdPlan *plan, int64_t inside) {
        return idmap_outside(plan->ranges, plan->n, inside);
}

int64_t idplan_inside(const IdPlan *plan, int64_t outside) {
        for (size_t i = 0; i < plan->n; i++) {
                const IdRange *range = &plan->ranges[i];

                if (outside >= range->outside && outside - range->outside < range->count)
                        return range->inside + (outside - range->outside);
        }
        return -1;
}

int64_t idplan_run(const IdPlan *plan, int64_t outside) {
        for (size_t i = 0; i < plan->n; i++) {
                const IdRange *range = &plan->ranges[i];

                if (outside >= range->outside && outside - range->outside < range->count)
                        return range->outside + range->count - outside;
        }
        return 0;
}

static bool overlap(int64_t a, int64_t n_a, int64_t b, int64_t n_b) {
        return a < b + n_b && b < a + n_a;
}

/* Whether all of a range's numbers outside are there. */
static bool is_within(const IdRange *range, const IdPlan *own) {
        for (int64_t done = 0; done < range->count;) {
                int64_t next = done;

                for (size_t i = 0; i < own->n; i++) {
                        const IdRange *o = &own->ranges[i];
                        int64_t at = range->outside + done;

                        if (at >= o->inside && at < o->inside + o->count)
                                next = o->inside + o->count - range->outside;
                }
                if (next == done)
                        return false;
                done = next;
        }
        return true;
}

int idplan_check(const IdPlan *plan, const IdPlan *own, const char *what, Err *err) {
        for (size_t i = 0; i < plan->n; i++) {
                const IdRange *a = &plan->ranges[i];

                if (!is_within(a, own))
                        return err_hint(err,
                                        refuse(err, EINVAL,
                                               "%s ids %" PRId64 "-%" PRId64
                                               " cannot be given to a container: you have not got "
                                               "all of them",
                                               what, a->outside, a->outside + a->count - 1),
                                        "an ordinary user has himself as 0, and from 1 on the ids "
                                        "of /etc/subuid and /etc/subgid");
                for (size_t j = 0; j < i; j++) {
                        const IdRange *b = &plan->ranges[j];

                        if (overlap(a->inside, a->count, b->inside, b->count) ||
                            overlap(a->outside, a->count, b->outside, b->count))
                                return refuse(err, EINVAL,
                                              "a %s id is mapped twice: %" PRId64 ":%" PRId64
                                              ":%" PRId64 " and %" PRId64 ":%" PRId64 ":%" PRId64,
                                              what, b->inside, b->outside, b->count, a->inside,
                                              a->outside, a->count);
                }
        }
        if (idplan_outside(plan, 0) < 0)
                return refuse(err, EINVAL,
                              "%s id 0 is not mapped: a container is set up by its root", what);
        return 0;
}

int idplan_split(const IdPlan *plan, const IdPlan *own, IdPlan *ret) {
        autoidplan pieces = {};

        for (size_t i = 0; i < plan->n; i++) {
                const IdRange *range = &plan->ranges[i];

                for (size_t j = 0; j < own->n; j++) {
                        const IdRange *o = &own->ranges[j];
                        int64_t first = range->outside > o->inside ? range->outside : o->inside;
                        int64_t end = range->outside + range->count;
                        int r;

                        end = end < o->inside + o->count ? end : o->inside + o->count;
                        r = idplan_add(&pieces, range->inside + (first - range->outside), first,
                                       end - first);
                        if (r < 0)
                                return r;
                }
        }
        if (pieces.n > RANGES_MAX)
                return -E2BIG;
        *ret = pieces;
        pieces = (IdPlan){};
        return 0;
}

int idplan_write(const IdPlan *plan, char ***ret) {
        autostrv texts = NULL;

        for (size_t i = 0; i < plan->n; i++)
                if (strv_addf(&texts, "%" PRId64 ":%" PRId64 ":%" PRId64, plan->ranges[i].inside,
                              plan->ranges[i].outside, plan->ranges[i].count) < 0)
                        return -ENOMEM;
        *ret = take_ptr(texts);
        return 0;
}

/* A number up to the next colon, or to the end; *text is moved behind that. */
static int read_number(const char **text, int64_t *ret) {
        size_t n = strcspn(*text, ":");
        autofree char *digits = strndup(*text, n);
        uint64_t value;
        int r;

        if (!digits)
                return -ENOMEM;
        r = parse_u64(digits, &value);
        if (r < 0 || value > (uint64_t) IDS)
                return -EINVAL;
        *ret = (int64_t) value;
        *text += n;
        if (**text)
                (*text)++;
        return 0;
}

int idplan_word(const char *text, const char *option, IdWord *ret, Err *err) {
        const char *rest = text;
        IdWord word = {};
        int r;

        for (; *rest && strchr("+ug", *rest); rest++) {
                word.amends |= *rest == '+';
                word.user_only |= *rest == 'u';
                word.group_only |= *rest == 'g';
        }
        r = read_number(&rest, &word.range.inside);
        if (r >= 0 && *rest == '@') {
                word.machine = true;
                rest++;
        }
        if (r >= 0)
                r = *rest ? read_number(&rest, &word.range.outside) : -EINVAL;
        word.range.count = 1;
        if (r >= 0 && *rest)
                r = read_number(&rest, &word.range.count);
        if (r < 0 || *rest || (rest > text && rest[-1] == ':') || word.range.count == 0 ||
            word.range.inside + word.range.count > IDS ||
            word.range.outside + word.range.count > IDS)
                return err_hint(err,
                                refuse(err, EINVAL,
                                       "option '--%s': '%s' is not INSIDE:OUTSIDE[:COUNT]", option,
                                       text),
                                "OUTSIDE is one of your ids, with @ before it one of the "
                                "machine's: 0:1:1000, 1000:@1000");
        if (word.user_only && word.group_only)
                word.user_only = word.group_only = false;
        *ret = word;
        return 0;
}

int idplan_read(char *const *texts, IdPlan *ret) {
        autoidplan plan = {};

        strv_foreach(text, texts) {
                IdWord word;
                int r = idplan_word(*text, "", &word, NULL);

                if (r >= 0)
                        r = idplan_add(&plan, word.range.inside, word.range.outside,
                                       word.range.count);
                if (r < 0)
                        return r;
        }
        *ret = plan;
        plan = (IdPlan){};
        return 0;
}
