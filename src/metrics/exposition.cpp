// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.h"

#include "metrics/commands.h"
#include "metrics/transfers.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <span>
#include <utility>
#include <vector>

namespace ballast::metrics {

namespace {

using C = Counter;
using F = Family;

/// Which sample a counter adds to. Several may add to one, and one to several.
struct Part {
    Counter counter;
    Family family;
    std::array<std::string_view, 2> values = {};  ///< of the family's labels
};
constexpr auto parts = std::to_array<Part>({
    {C::sessions_accepted, F::sessions_begun},
    {C::sessions_not_admitted, F::sessions_refused, {"not_admitted"}},
    {C::sessions_from_ourselves, F::sessions_refused, {"own_connection"}},
    {C::refused_by_ban, F::sessions_refused, {"ban"}},
    {C::sessions_broken, F::sessions_refused, {"no_memory"}},
    {C::sessions_without_backend, F::sessions_refused, {"no_backend"}},
    {C::sessions_without_route, F::sessions_refused, {"no_route"}},
    {C::sessions_rejected, F::sessions_refused, {"rejected"}},
    {C::accepts_refused, F::sessions_refused, {"no_descriptor"}},
    {C::proxy_headers_refused, F::sessions_refused, {"proxy_header"}},
    {C::limit_sessions, F::limits_reached, {"sessions"}},
    {C::limit_session_rate, F::limits_reached, {"session_rate"}},
    {C::limit_sessions_per_address, F::limits_reached, {"sessions_per_address"}},
    {C::limit_session_rate_per_address, F::limits_reached, {"session_rate_per_address"}},
    {C::limit_sessions_per_user, F::limits_reached, {"sessions_per_user"}},
    {C::limit_memory, F::limits_reached, {"memory"}},
    {C::limit_login_rate, F::limits_reached, {"login_rate"}},
    {C::limit_login_rate_per_address, F::limits_reached, {"login_rate_per_address"}},
    {C::limit_transfers, F::limits_reached, {"transfers"}},
    {C::limit_command_bytes, F::limits_reached, {"command_bytes"}},
    {C::limit_pipelined_bytes, F::limits_reached, {"pipelined_bytes"}},
    {C::limit_reply_bytes, F::limits_reached, {"reply_bytes"}},
    {C::limit_replies_unasked, F::limits_reached, {"replies_unasked"}},
    {C::limit_bandwidth, F::limits_reached, {"bandwidth"}},
    {C::bans_begun, F::bans_begun},
    {C::sessions_queued, F::sessions_queued},
    {C::seats_recalled, F::seats_recalled},
    {C::sessions_fallen_back, F::sessions_fallen_back},
    {C::sessions_passed_through, F::sessions_passed_through},
    {C::sessions_moved_lost, F::sessions_moved, {"lost"}},
    {C::sessions_moved_down, F::sessions_moved, {"down"}},
    {C::sessions_moved_drained, F::sessions_moved, {"drained"}},
    {C::sessions_moved_disabled, F::sessions_moved, {"disabled"}},
    {C::sessions_moved_rebalanced, F::sessions_moved, {"rebalanced"}},
    {C::sessions_not_moved, F::sessions_not_moved},
    {C::commands_delayed, F::commands_delayed},
    {C::commands_refused, F::commands_refused},
    {C::logins, F::logins, {"accepted"}},
    {C::logins_refused, F::logins, {"refused"}},
    {C::backend_attempts_failed, F::backend_attempts_failed},
    {C::backend_connections_warm, F::backend_connections_warm},
    {C::backend_replies_unasked, F::backend_replies_unasked},
    {C::backend_connections_lost, F::backend_connections_lost},
    {C::transfers_lent, F::transfers_lent},
    {C::transfers_resumed, F::transfers_resumed},
    {C::transfers_without_other_backend, F::transfers_not_resumed, {"no_backend"}},
    {C::transfers_that_differ, F::transfers_not_resumed, {"differs"}},
    {C::transfers_not_resumable, F::transfers_not_resumed, {"unsupported"}},
    {C::bytes_resumed, F::resumed_bytes},
    {C::bytes_downloaded, F::transferred_bytes, {"client"}},
    {C::bytes_uploaded, F::transferred_bytes, {"backend"}},
    {C::bytes_spliced, F::relayed_bytes, {"splice"}},
    {C::bytes_spliced_into_tls, F::relayed_bytes, {"kernel_tls"}},
    {C::bytes_copied, F::relayed_bytes, {"copy"}},
    {C::bytes_copied_by_tls, F::relayed_bytes, {"tls"}},
    {C::bytes_forwarded, F::relayed_bytes, {"forward"}},
    {C::forwardings_refused, F::forwardings_refused},
    {C::passive_ports_lent, F::passive_ports_lent},
    {C::passive_ports_exhausted, F::passive_ports_exhausted},
    {C::data_connections_stray, F::data_connections_stray},
    {C::passive_accepts_delayed, F::passive_accepts_delayed},
    {C::passive_ports_spared, F::passive_ports_spared},
    {C::data_connections_missing, F::data_connections_missing},
    {C::data_connections_passed_through, F::data_connections_passed_through},
    {C::private_addresses_announced, F::private_addresses_announced},
    {C::active_source_port_busy, F::active_source_port_busy},
    {C::log_lines_lost, F::log_lines_lost},
    {C::worker_turns_long, F::worker_turns_long},
    {C::worker_turns_stuck, F::worker_stuck},
    {C::accepts_paused, F::accepts_paused},
    {C::probes_passed, F::probes, {"passed"}},
    {C::probes_failed, F::probes, {"failed"}},
    {C::probes_not_made, F::probes, {"not_made"}},
    {C::surveys_failed, F::surveys_failed},
    {C::tls_control_handshakes, F::tls_handshakes, {"client", "control"}},
    {C::tls_control_handshakes_resumed, F::tls_resumptions, {"client", "control"}},
    {C::tls_1_3, F::tls_versions, {"client", "1.3"}},
    {C::tls_1_2, F::tls_versions, {"client", "1.2"}},
    {C::tls_older, F::tls_versions, {"client", "older"}},
    {C::tls_data_handshakes_resumed, F::tls_handshakes, {"client", "data"}},
    {C::tls_data_handshakes_full, F::tls_handshakes, {"client", "data"}},
    {C::tls_data_handshakes_resumed, F::tls_resumptions, {"client", "data"}},
    {C::tls_handshakes_failed, F::tls_handshakes_failed, {"client"}},
    {C::tls_tickets_of_others, F::tls_tickets_of_others},
    {C::tls_backend_control_handshakes, F::tls_handshakes, {"backend", "control"}},
    {C::tls_backend_1_3, F::tls_versions, {"backend", "1.3"}},
    {C::tls_backend_1_2, F::tls_versions, {"backend", "1.2"}},
    {C::tls_backend_older, F::tls_versions, {"backend", "older"}},
    {C::tls_backend_data_handshakes_resumed, F::tls_handshakes, {"backend", "data"}},
    {C::tls_backend_data_handshakes_full, F::tls_handshakes, {"backend", "data"}},
    {C::tls_backend_data_handshakes_resumed, F::tls_resumptions, {"backend", "data"}},
    {C::tls_backend_handshakes_failed, F::tls_handshakes_failed, {"backend"}},
    {C::tls_data_connections_in_kernel, F::tls_kernel_connections},
    {C::bytes_encrypted, F::openssl_bytes, {"encrypt"}},
    {C::bytes_decrypted, F::openssl_bytes, {"decrypt"}},
    {C::data_ends_without_close_notify, F::data_ends_without_close_notify},
    {C::reloads, F::reloads, {"applied"}},
    {C::reloads_refused, F::reloads, {"refused"}},
    {C::upgrades_failed, F::upgrades_failed},
    {C::store_failures, F::store_failures},
    {C::store_entries_unreadable, F::store_entries_unreadable},
});

/// `Transfers` has these by direction.
constexpr auto counted_elsewhere = std::to_array(
    {C::transfers_whole, C::transfers_failed, C::transfers_aborted, C::transfers_refused});

prometheus::MetricType type_of(Type type) {
    switch (type) {
        case Type::counter: return prometheus::MetricType::Counter;
        case Type::gauge: return prometheus::MetricType::Gauge;
        case Type::histogram: return prometheus::MetricType::Histogram;
    }
    std::terminate();
}

}  // namespace

struct Exposition::Families {
    std::vector<prometheus::MetricFamily> all{all_families().size()};

    prometheus::ClientMetric& add(Family family, std::span<const std::string_view> values) {
        const auto& row = row_of(family);
        auto& sample = all[static_cast<std::size_t>(family)].metric.emplace_back();
        for (std::size_t i = 0; i < row.labels.size(); ++i) {
            assert(row.labels[i].empty() == (i >= values.size()));
            if (row.labels[i].empty()) break;
            sample.label.push_back({std::string(row.labels[i]), std::string(values[i])});
        }
        return sample;
    }
};

Exposition::Exposition() : families_(std::make_unique<Families>()) {
    for (const auto& row : all_families()) {
        auto& family = families_->all[static_cast<std::size_t>(row.family)];
        family.name = row.name;
        family.help = row.help;
        family.type = type_of(row.type);
    }
}

Exposition::~Exposition() = default;

void Exposition::add(Family family, LabelValues values, double number) {
    auto& sample = families_->add(family, values);
    assert(row_of(family).type != Type::histogram);
    if (row_of(family).type == Type::counter)
        sample.counter.value = number;
    else
        sample.gauge.value = number;
}

void Exposition::add(Family family, LabelValues values, const Histogram::Reading& reading) {
    assert(row_of(family).type == Type::histogram);
    auto& histogram = families_->add(family, values).histogram;
    for (std::size_t i = 0; i < reading.counts.size(); ++i) {
        histogram.sample_count += reading.counts[i];
        const auto bound =
            i < reading.bounds.size() ? reading.bounds[i] : std::numeric_limits<double>::infinity();
        histogram.bucket.push_back({histogram.sample_count, bound});
    }
    histogram.sample_sum = reading.sum;
}

void Exposition::add_counts() {
    const auto counts = totals();
    std::map<std::pair<Family, std::array<std::string_view, 2>>, std::uint64_t> sums;
    for (const auto& part : parts)
        sums[{part.family, part.values}] += counts[static_cast<std::size_t>(part.counter)];
    for (const auto& [place, sum] : sums) {
        const auto& [family, values] = place;
        const auto used = std::ranges::find(values, std::string_view()) - values.begin();
        families_->add(family, std::span(values).first(static_cast<std::size_t>(used)))
            .counter.value = static_cast<double>(sum);
    }
    for (const auto& each : command_counts())
        add(F::commands, {each.verb, each.reply_class}, static_cast<double>(each.count));
    const auto& moved = transfers();
    add(F::resumption_pause, {}, moved.pauses().read());
    for (const auto direction : all_directions) {
        const auto name = to_string(direction);
        for (const auto result : all_results)
            add(F::transfers, {name, to_string(result)},
                static_cast<double>(moved.counts().of(direction, result)));
        add(F::transfer_size, {name}, moved.sizes(direction).read());
        add(F::transfer_duration, {name}, moved.times(direction).read());
        add(F::transfer_rate, {name}, moved.rates(direction).read());
    }
}

std::string Exposition::text() const {
    auto filled = families_->all;
    std::erase_if(filled, [](const auto& family) { return family.metric.empty(); });
    return prometheus::TextSerializer().prometheus::Serializer::Serialize(filled);
}

bool is_exposed(Counter counter) {
    const auto is_same = [&](const Part& part) { return part.counter == counter; };
    return std::ranges::find(counted_elsewhere, counter) != counted_elsewhere.end() ||
           std::ranges::any_of(parts, is_same);
}

}  // namespace ballast::metrics
