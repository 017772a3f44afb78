/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "cli/transfer_options.h"
#include "base/str.h"

int transfer_place(const TransferOptions *options, PlaceOptions *ret, Err *err) {
        bool verify = true;

        if (options->tls_verify && parse_bool(options->tls_verify, &verify) < 0)
                return refuse(err, EINVAL, "--tls-verify is true or false, not '%s'",
                              options->tls_verify);
        *ret = (PlaceOptions){ .authfile = options->authfile,
                               .credentials = options->credentials,
                               .cacert = options->cacert,
                               .cert_dir = options->cert_dir,
                               .insecure = !verify };
        return 0;
}
