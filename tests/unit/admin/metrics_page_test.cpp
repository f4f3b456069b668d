// SPDX-License-Identifier: Apache-2.0
#include "admin/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ballast::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

MetricsSnapshot::Backend backend(std::string name, std::string address) {
    MetricsSnapshot::Backend made;
    made.name = std::move(name);
    made.address = std::move(address);
    return made;
}

TEST(MetricsPage, shows_the_process) {
    MetricsSnapshot all;
    all.process = {.started_at = 1.7e9, .memory_bytes = 12345678901, .descriptors = 17};
    all.replaced = {{41, 5, 2}, {42, 1, 0}};
    all.reload.was_applied = false;
    all.state = pool::AdminState::draining;
    const auto page = metrics_page(all);
    EXPECT_THAT(page, HasSubstr("\nprocess_start_time_seconds 1700000000\n"));
    EXPECT_THAT(page, HasSubstr("\nprocess_resident_memory_bytes 12345678901\n"));
    EXPECT_THAT(page, HasSubstr("\nprocess_open_fds 17\n"));
    EXPECT_THAT(page, HasSubstr("\nballast_replaced_processes 2\n"));
    EXPECT_THAT(page, HasSubstr("\nballast_replaced_process_sessions 6\n"));
    EXPECT_THAT(page, HasSubstr("\nballast_config_last_reload_successful 0\n"));
    EXPECT_THAT(page, HasSubstr("ballast_state{state=\"drain\"} 1\n"));
    EXPECT_THAT(page, HasSubstr("ballast_state{state=\"ready\"} 0\n"));
}

TEST(MetricsPage, shows_a_limit_only_where_there_is_one) {
    MetricsSnapshot all;
    EXPECT_THAT(metrics_page(all), Not(HasSubstr("\nballast_transfers_max ")));
    all.transfers_max = 3;
    EXPECT_THAT(metrics_page(all), HasSubstr("\nballast_transfers_max 3\n"));
}

TEST(MetricsPage, shows_the_cluster_only_if_there_is_one) {
    MetricsSnapshot all;
    EXPECT_THAT(metrics_page(all), Not(HasSubstr("\nballast_store_reachable ")));
    all.cluster = {.nodes = 3, .is_store_reachable = true};
    EXPECT_THAT(metrics_page(all), HasSubstr("\nballast_nodes 3\n"));
    EXPECT_THAT(metrics_page(all), HasSubstr("\nballast_store_reachable 1\n"));
    all.cluster->is_store_reachable = false;
    EXPECT_THAT(metrics_page(all), HasSubstr("\nballast_store_reachable 0\n"));
}

TEST(MetricsPage, shows_each_address_of_a_backend) {
    MetricsSnapshot all;
    auto& pool = all.pools.emplace_back();
    pool.name = "files";
    pool.queued = 4;
    const auto figures = std::make_shared<metrics::BackendFigures>();
    figures->add(metrics::BackendError::greeting);
    figures->bytes_of(metrics::Direction::upload) = 1000;
    figures->transfers.add(metrics::Direction::upload, metrics::Result::whole);
    figures->connect.observe(std::chrono::milliseconds(3));
    pool.backends = {backend("f1", "192.0.2.1:21"), backend("f1", "[2001:db8::1]:21")};
    pool.backends[0].health = pool::Health::up;
    pool.backends[0].is_serving = true;
    pool.backends[0].figures = figures;
    pool.backends[0].certificate_expires_at = 1'900'000'000;
    pool.backends[1].health = pool::Health::down;
    pool.backends[1].admin = pool::AdminState::disabled;
    const auto page = metrics_page(all);
    const std::string first = R"({pool="files",backend="f1",address="192.0.2.1:21")";
    const std::string second = R"({pool="files",backend="f1",address="[2001:db8::1]:21")";
    EXPECT_THAT(page, HasSubstr("ballast_pool_serving_backends{pool=\"files\"} 1\n"));
    EXPECT_THAT(page, HasSubstr("ballast_pool_backends{pool=\"files\"} 2\n"));
    EXPECT_THAT(page, HasSubstr("ballast_pool_queued_sessions{pool=\"files\"} 4\n"));
    EXPECT_THAT(page, HasSubstr("ballast_backend_health" + first + ",health=\"up\"} 1\n"));
    EXPECT_THAT(page, HasSubstr("ballast_backend_health" + second + ",health=\"down\"} 1\n"));
    EXPECT_THAT(page, HasSubstr("ballast_backend_health" + second + ",health=\"up\"} 0\n"));
    EXPECT_THAT(page, HasSubstr("ballast_backend_state" + second + ",state=\"disabled\"} 1\n"));
    EXPECT_THAT(page,
                HasSubstr("ballast_backend_errors_total" + first + ",cause=\"greeting\"} 1\n"));
    EXPECT_THAT(page, HasSubstr("ballast_backend_transferred_bytes_total" + first +
                                ",direction=\"upload\"} 1000\n"));
    EXPECT_THAT(page, HasSubstr("ballast_backend_transfers_total" + first +
                                ",direction=\"upload\",result=\"whole\"} 1\n"));
    EXPECT_THAT(page, HasSubstr("ballast_backend_connect_seconds_sum" + first + "} 0.003\n"));
    EXPECT_THAT(page, Not(HasSubstr("ballast_backend_errors_total" + second)));
    const std::string expiry = "ballast_backend_certificate_expiry_timestamp_seconds";
    EXPECT_THAT(page, HasSubstr(expiry + first + "} 1900000000\n"));
    EXPECT_THAT(page, Not(HasSubstr(expiry + second)));
}

TEST(MetricsPage, shows_listeners_workers_and_certificates) {
    MetricsSnapshot all;
    auto& listener = all.listeners.emplace_back();
    listener.name = "new\nline";
    listener.ports = {1, 2, 97};
    all.listeners.emplace_back().name = "sealed";
    all.workers.resize(2);
    metrics::Histogram lag(metrics::latency_scale);
    for (auto& worker : all.workers) worker.lag = lag.read();
    all.workers[1].turn_seconds = 1.5;
    all.certificates = {{"ftps", "/etc/a.pem", 1'900'000'000}};
    const auto page = metrics_page(all);
    EXPECT_THAT(page, HasSubstr(R"(ballast_passive_ports{listener="new\nline",state="free"} 97)"));
    EXPECT_THAT(page, Not(HasSubstr(R"(ballast_passive_ports{listener="sealed")")));
    EXPECT_THAT(page, HasSubstr(R"(ballast_worker_turn_seconds{worker="1"} 1.5)"));
    EXPECT_THAT(page, HasSubstr(R"(ballast_worker_lag_seconds_bucket{worker="0",le="+Inf"} 0)"));
    EXPECT_THAT(page, HasSubstr(R"(ballast_certificate_expiry_timestamp_seconds{listener="ftps",)"
                                R"(file="/etc/a.pem"} 1900000000)"));
}

}  // namespace
}  // namespace ballast::admin
