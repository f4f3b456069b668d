// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_amount.h"

#include "base/ascii.h"
#include "base/number.h"

#include <limits>

namespace ballast::migrate::haproxy {

namespace {

using std::string_view;
using std::chrono::microseconds;
using namespace std::chrono_literals;

struct Unit {
    string_view name;
    microseconds length;
};
constexpr Unit units[] = {{"us", 1us}, {"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}, {"d", 24h}};
constexpr microseconds time_max = 24h * 36500;

std::size_t digits_of(string_view text) {
    return std::min(text.find_first_not_of("0123456789"), text.size());
}

}  // namespace

std::optional<microseconds> parse_time(string_view text, microseconds bare_unit) {
    const auto digits = digits_of(text);
    const auto number = base::parse_number<std::uint64_t>(text.substr(0, digits));
    const auto name = text.substr(digits);
    microseconds unit = name.empty() ? bare_unit : microseconds(0);
    for (const auto& known : units)
        if (known.name == name) unit = known.length;
    if (!number || unit.count() == 0) return std::nullopt;
    if (*number > static_cast<std::uint64_t>(time_max / unit)) return std::nullopt;
    return unit * static_cast<microseconds::rep>(*number);
}

std::optional<std::uint64_t> parse_size(string_view text) {
    const auto digits = digits_of(text);
    const auto number = base::parse_number<std::uint64_t>(text.substr(0, digits));
    const auto name = base::lower(text.substr(digits));
    const auto place = name.empty() ? 0 : string_view("kmg").find(name) + 1;
    if (!number || name.size() > 1 || (!name.empty() && place == 0)) return std::nullopt;
    const auto factor = std::uint64_t{1} << (10U * place);
    if (*number > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
    return *number * factor;
}

}  // namespace ballast::migrate::haproxy
