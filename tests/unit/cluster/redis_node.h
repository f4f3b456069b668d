// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/redis_store.h"
#include "loop_thread.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ballast::cluster {

template <typename T>
std::string problem_of(const base::Result<T>& result) {
    return result ? "none" : base::to_string(result.error());
}

/// A node of a cluster with a real store.
class RedisNode {
public:
    RedisNode(LoopThread& thread, config::Cluster cluster) : thread_(thread) {
        auto made = RedisStore::create(thread.network(), cluster);
        EXPECT_TRUE(made) << problem_of(made);
        store_ = *std::move(made);
    }
    ~RedisNode() { thread_.destroy(std::move(store_)); }
    RedisNode(const RedisNode&) = delete;
    RedisNode& operator=(const RedisNode&) = delete;

    base::Result<Store::Opened> open() { return thread_.run(store_->open()); }
    base::Result<std::chrono::milliseconds> now() { return thread_.run(store_->now()); }
    base::Result<> write(std::vector<News> news) {
        return thread_.run(store_->write(std::move(news)));
    }
    base::Result<Store::Followed> follow(std::string after) {
        return thread_.run(store_->follow(std::move(after)));
    }
    base::Result<std::string> claim(std::string office, std::string node,
                                    std::chrono::milliseconds lifetime) {
        return thread_.run(store_->claim(std::move(office), std::move(node), lifetime));
    }
    base::Result<std::vector<Entry>> load_all(const std::string& table) {
        std::vector<Entry> entries;
        std::string from;
        do {
            auto slice = thread_.run(store_->load(table, from));
            if (!slice) return std::unexpected(slice.error());
            for (auto& each : slice->entries) entries.push_back(std::move(each));
            from = slice->next;
        } while (!from.empty());
        return entries;
    }
    [[nodiscard]] RedisStore& store() { return *store_; }

private:
    LoopThread& thread_;
    std::unique_ptr<RedisStore> store_;
};

inline config::Cluster cluster_at(std::vector<std::string> store) {
    config::Cluster cluster;
    cluster.store = std::move(store);
    cluster.timeout = std::chrono::seconds(5);
    return cluster;
}

}  // namespace ballast::cluster
