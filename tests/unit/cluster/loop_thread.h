// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "loop/task.h"
#include "loop/worker_loop.h"
#include "net/passive_ports.h"
#include "net/socket_network.h"

#include <future>
#include <list>
#include <memory>
#include <thread>
#include <utility>

namespace ballast::cluster {

/// A loop with real sockets on a thread of its own, as the daemon's control thread is one. A test
/// runs tasks there and waits for their results.
class LoopThread {
public:
    LoopThread() : thread_([this] { loop_.run(); }) {}
    ~LoopThread() {
        std::promise<void> ended;
        loop_.post([&] {
            jobs_.clear();
            ended.set_value();
        });
        ended.get_future().wait();
        loop_.stop();
    }
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;

    [[nodiscard]] net::SocketNetwork& network() { return network_; }

    /// Begins the task; its result comes later.
    template <typename T>
    [[nodiscard]] std::future<T> begin(loop::Task<T> task) {
        auto promise = std::make_shared<std::promise<T>>();
        auto future = promise->get_future();
        loop_.post([this, task = std::move(task), promise]() mutable {
            jobs_.push_back(loop::Job::start(fulfil(std::move(task), promise)));
        });
        return future;
    }
    template <typename T>
    T run(loop::Task<T> task) {
        return begin(std::move(task)).get();
    }
    /// Destroys an object there, which no task uses any more.
    template <typename T>
    void destroy(std::unique_ptr<T> object) {
        std::promise<void> done;
        loop_.post([&] {
            object.reset();
            done.set_value();
        });
        done.get_future().wait();
    }

private:
    template <typename T>
    static loop::Task<> fulfil(loop::Task<T> task, std::shared_ptr<std::promise<T>> promise) {
        promise->set_value(co_await std::move(task));
    }

    loop::WorkerLoop loop_;
    net::PassivePorts ports_{1};
    net::SocketNetwork network_{loop_, ports_, 0};
    std::list<loop::Job> jobs_;
    std::jthread thread_;
};

}  // namespace ballast::cluster
