// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "support/certificates.h"

#include <stdexcept>
#include <string>

namespace ballast::support {

/// What is logged while it lives.
class LogLines {
public:
    explicit LogLines(log::Level level) {
        if (!log::start({.level = level, .file = directory_.file("log")}))
            throw std::runtime_error("cannot log");
    }
    ~LogLines() { log::stop(); }
    LogLines(const LogLines&) = delete;
    LogLines& operator=(const LogLines&) = delete;

    /// All of it; nothing is logged after that.
    [[nodiscard]] std::string text() {
        log::stop();
        return directory_.read("log");
    }

private:
    TemporaryDirectory directory_;
};

}  // namespace ballast::support
