// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "support/certificates.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ballast::support {

/// Captures the log while it lives.
class LogLines {
public:
    explicit LogLines(log::Level level) : level_(level) { start(); }
    ~LogLines() { log::stop(); }
    LogLines(const LogLines&) = delete;
    LogLines& operator=(const LogLines&) = delete;

    /// How many lines so far contain this text.
    [[nodiscard]] std::size_t count(std::string_view part) {
        const auto all = text();
        start();
        std::size_t lines = 0;
        for (std::size_t at = all.find(part); at != std::string::npos; ++lines)
            at = all.find(part, std::min(all.find('\n', at), all.size()));
        return lines;
    }
    /// The whole log; nothing is logged afterwards.
    [[nodiscard]] std::string text() {
        log::stop();
        return directory_.read("log");
    }

private:
    void start() {
        if (!log::start({.level = level_, .file = directory_.file("log")}))
            throw std::runtime_error("cannot log");
    }

    log::Level level_;
    TemporaryDirectory directory_;
};

}  // namespace ballast::support
