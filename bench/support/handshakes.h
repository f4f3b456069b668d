// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/results.h"
#include "support/target.h"
#include "support/tls.h"

#include <string_view>

namespace ballast::bench {

/// Four clients that take tiny files, each in one session and each file under a handshake of its
/// own. With `resumes`, all of these resume the session of their control connection, as most
/// servers demand; without it none does. A target without TLS is passed over.
void measure_handshakes(TlsVersion version, bool resumes, std::string_view baseline,
                        const Target& target, Results& results);

}  // namespace ballast::bench
