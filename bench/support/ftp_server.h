// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"

namespace ballast::bench {

/// How the server sends: from a file by sendfile, as vsftpd does, or from its memory by send, as a
/// server in Java does.
enum class Origin : bool { file, memory };

/// As little FTP server as a benchmark needs, so that it is never what is measured: everybody may
/// log in, and the name of a file is its size (`/4K`, `/512M`). On `source` there are the same
/// bytes without FTP: a connection sends the name of the file in a line, and gets it. Never
/// returns.
[[noreturn]] void serve_ftp(const Socket& control, const Socket& source, Origin origin);

}  // namespace ballast::bench
