// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/results.h"
#include "support/target.h"
#include "support/tls.h"

#include <string_view>

namespace ballast::bench {

/// Four clients download tiny files, each client in one session, each file with its own handshake.
/// With `resumes`, all handshakes resume the session of their control connection, as most servers
/// require; without it none does. A target without TLS is skipped.
void measure_handshakes(TlsVersion version, bool resumes, std::string_view baseline,
                        const Target& target, Results& results);

}  // namespace ballast::bench
