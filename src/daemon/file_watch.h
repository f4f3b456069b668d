// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/backend_files.h"
#include "daemon/tls.h"

#include <memory>
#include <mutex>
#include <thread>

namespace ballast::daemon {

/// Looks once a second whether certificates, keys and files of backends have changed. On its own
/// thread, because a file may take seconds to answer or hang for ever.
class FileWatch {
public:
    FileWatch() = default;
    /// Interrupts a wait for a file, see base/file.h.
    ~FileWatch();
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;

    /// Looks at these instead of those before. Begins with the first call.
    void watch(std::shared_ptr<Tls> tls, std::shared_ptr<BackendFiles> backends);

private:
    struct Watched {
        std::shared_ptr<Tls> tls;
        std::shared_ptr<BackendFiles> backends;
    };
    void run(const std::stop_token& stop);

    std::mutex mutex_;
    Watched watched_;
    std::jthread thread_;
};

}  // namespace ballast::daemon
