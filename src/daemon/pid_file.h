// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <string>

namespace ballast::daemon {

/// The file with the id of the process that serves, for service managers that need one
/// (`ballast run --pid-file`). Control thread.
class PidFile {
public:
    /// With an empty path there is no file, and all calls succeed.
    explicit PidFile(std::string path);
    /// Removes the file if it still names this process. After an upgrade it names another one.
    ~PidFile();
    PidFile(const PidFile&) = delete;
    PidFile& operator=(const PidFile&) = delete;

    /// Writes a second file beside it, PATH.PID, so that a start with a wrong path fails before
    /// anything is served.
    [[nodiscard]] base::Result<> prepare();
    /// Replaces the file in one step. Nobody reads half a number.
    [[nodiscard]] base::Result<> publish();

private:
    const std::string path_;
    const std::string prepared_;
};

}  // namespace ballast::daemon
