/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Stateless firewall: the first of 64 rules that fits a packet decides.
 *
 *         map set rules key=0 value.protocol=6 value.first_port=80 value.last_port=80
 * value.verdict=accept map set rules key=1 value.source=10.0.0.0/8 value.verdict=accept map set
 * rules key=63 value.verdict=drop
 *
 * What a rule does not say fits every packet; a rule without a verdict is none.  What is not IP
 * passes.  Later fragments have no ports: only rules without ports fit them.
 */

#include "isola_filter.h"

#define RULES 64

struct rule {
        isola_prefix source, destination;
        u16 first_port, last_port; /* of the destination */
        u8 protocol;
        enum isola_verdict verdict;
};

ISOLA_ARRAY(rules, struct rule, RULES);
/* How often each rule decided. */
ISOLA_CPU_ARRAY(hits, struct isola_counter, RULES);

/*
 * What rules look at.  It lies in a map, where the kernel's verifier takes it as any bytes: so it
 * goes through the rules once, not once for each way in which a packet may be made up.
 */
struct subject {
        isola_ip saddr, daddr;
        u16 dport;
        u8 protocol;
        bool has_ports;
};
ISOLA_CPU_ARRAY(subjects, struct subject, 1);

ISOLA_INLINE bool fits(const struct subject *subject, const struct rule *rule) {
        if (rule->protocol && rule->protocol != subject->protocol)
                return false;
        if (rule->last_port && (!subject->has_ports || subject->dport < rule->first_port ||
                                subject->dport > rule->last_port))
                return false;
        return isola_within(&subject->saddr, &rule->source) &&
               isola_within(&subject->daddr, &rule->destination);
}

ISOLA_FILTER(firewall) {
        u32 first = 0, length = p->length, segments = p->segments;
        struct subject *subject = isola_get(&subjects, &first);

        if (p->malformed)
                return ISOLA_DROP;
        if (!p->family || !subject)
                return ISOLA_PASS;
        *subject = (struct subject){ p->saddr, p->daddr, p->dport, p->protocol, p->fragment != 2 };

        isola_loop(i, RULES) {
                u32 key = i;
                struct rule *rule = isola_get(&rules, &key);
                struct isola_counter *hit;

                if (!rule || rule->verdict == ISOLA_PASS || !fits(subject, rule))
                        continue;
                hit = isola_get(&hits, &key);
                if (hit) {
                        hit->packets += segments;
                        hit->bytes += length;
                }
                return rule->verdict;
        }
        return ISOLA_PASS;
}
