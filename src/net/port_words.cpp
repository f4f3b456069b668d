// SPDX-License-Identifier: Apache-2.0
#include "net/port_words.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace ballast::net {

namespace {

constexpr std::string_view none = "-";
constexpr std::string_view never_word = "never";

}  // namespace

std::string_view Words::next() {
    const auto end = rest_.find(' ');
    const auto word = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return word;
}

std::optional<DataPeers> Words::peers() {
    const auto own = ip();
    const auto network = next();
    const auto anyone = number<std::uint8_t>();
    const auto exclusive = number<std::uint8_t>();
    if (!own || !anyone || !exclusive) return std::nullopt;
    DataPeers peers{
        .address = *own, .network = {}, .anyone = *anyone != 0, .exclusive = *exclusive != 0};
    if (network == none) return peers;
    peers.network = base::Subnet::parse(network);
    if (!peers.network) return std::nullopt;
    return peers;
}

std::optional<loop::Time> Words::time(loop::Time now) {
    const auto word = next();
    if (word == never_word) return loop::never;
    const auto milliseconds = base::parse_number<std::uint32_t>(word);
    if (!milliseconds) return std::nullopt;
    return now + std::chrono::milliseconds(*milliseconds);
}

std::string words_of(const DataPeers& peers) {
    return fmt::format("{} {} {:d} {:d}", base::to_string(peers.address),
                       peers.network ? base::to_string(*peers.network) : std::string(none),
                       peers.anyone, peers.exclusive);
}

std::string words_of(loop::Time time, loop::Time now) {
    if (time == loop::never) return std::string(never_word);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - now).count();
    return fmt::format("{}", std::max<std::int64_t>(0, left));
}

}  // namespace ballast::net
