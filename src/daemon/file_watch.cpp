// SPDX-License-Identifier: Apache-2.0
#include "daemon/file_watch.h"

#include "base/file.h"
#include "base/log.h"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <string_view>
#include <utility>

namespace ballast::daemon {

namespace {

constexpr auto interval = std::chrono::seconds(1);

void look(std::string_view message, auto& files) {
    try {
        files.look();
    } catch (const std::exception& problem) {
        log::caught(message, problem);
    }
}

}  // namespace

FileWatch::~FileWatch() {
    if (!thread_.joinable()) return;
    base::stop_waiting_for_files();
    thread_.request_stop();
}

void FileWatch::watch(std::shared_ptr<Tls> tls, std::shared_ptr<BackendFiles> backends) {
    {
        const std::lock_guard lock(mutex_);
        watched_ = {std::move(tls), std::move(backends)};
    }
    if (!thread_.joinable())
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void FileWatch::run(const std::stop_token& stop) {
    std::mutex idle_mutex;
    std::condition_variable_any idle;
    while (!stop.stop_requested()) {
        const auto watched = [this] {
            const std::lock_guard lock(mutex_);
            return watched_;
        }();
        look("TLS files will be checked later", *watched.tls);
        look("backends files will be checked later", *watched.backends);
        std::unique_lock lock(idle_mutex);
        idle.wait_for(lock, stop, interval, [] { return false; });
    }
}

}  // namespace ballast::daemon
