/* SPDX-License-Identifier: GPL-2.0-or-later */

#include <math.h>

#include "measure/matrix.h"
#include "pair.h"

TEST_IN(all_pairs_answer, CLONE_NEWNET) {
        automatrix result = {};
        MatrixOptions o;
        Station stations[2];
        autoerr err = {};

        pair_make(AF_INET, &stations[0], &stations[1]);
        o = matrix_defaults(stations, 2);
        o.count = 7;
        o.window = 3;
        expect_well(matrix(&o, &result, &err), err);
        expect(result.pairs == 2 && result.reached == 2);
        expect(result.sent == 14 && result.received == 14);
        expect(result.cells[1].received == 7 && result.cells[1].min_ms > 0);
        expect(result.cells[1].mean_ms >= result.cells[1].min_ms);
        expect(result.cells[0].sent == 0 && isnan(result.cells[0].min_ms));
}

TEST_IN(who_is_cut_off_is_seen_in_row_and_column, CLONE_NEWNET) {
        automatrix result = {};
        MatrixOptions o;
        Station stations[3];
        autoerr err = {};

        pair_make(AF_INET6, &stations[0], &stations[1]);
        stations[2] = stations[1];
        stations[2].address.bytes[15] = 77;
        o = matrix_defaults(stations, 3);
        o.timeout_ns = 100 * NS_PER_MS;
        expect_well(matrix(&o, &result, &err), err);
        expect(result.cells[0 * 3 + 1].received == 1 && result.cells[1 * 3 + 0].received == 1);
        expect(result.cells[0 * 3 + 2].received == 0 && result.cells[1 * 3 + 2].received == 0);
        expect(result.pairs == 6);
}

TEST_IN(none_and_one_have_no_pairs, CLONE_NEWNET) {
        automatrix result = {};
        Station stations[2];
        MatrixOptions o;
        autoerr err = {};

        pair_make(AF_INET, &stations[0], &stations[1]);
        for (size_t n = 0; n < 2; n++) {
                o = matrix_defaults(stations, n);
                expect_well(matrix(&o, &result, &err), err);
                expect(result.pairs == 0 && result.sent == 0);
                matrix_clear(&result);
        }
}
