// SPDX-License-Identifier: Apache-2.0
#include "cluster/fields.h"

#include <algorithm>
#include <charconv>

namespace ballast::cluster {

namespace {

/// What is in front of the mark, which is taken away with it.
std::optional<std::string_view> take_until(char mark, std::string_view& from) {
    const auto end = from.find(mark);
    if (end == std::string_view::npos) return std::nullopt;
    const auto taken = from.substr(0, end);
    from.remove_prefix(end + 1);
    return taken;
}

template <std::integral Number>
std::optional<Number> number_from(std::string_view text) {
    Number number = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end || text.empty()) return std::nullopt;
    return number;
}

}  // namespace

/// "name=length:value" again and again.
std::optional<Fields> Fields::parse(std::string_view bytes) {
    Fields fields;
    while (!bytes.empty()) {
        const auto name = take_until('=', bytes);
        const auto length_text = name ? take_until(':', bytes) : std::nullopt;
        const auto length = length_text ? number_from<std::size_t>(*length_text) : std::nullopt;
        if (!length || *length > bytes.size()) return std::nullopt;
        fields.add(*name, bytes.substr(0, *length));
        bytes.remove_prefix(*length);
    }
    return fields;
}

std::string Fields::bytes() const {
    std::string all;
    for (const auto& [name, value] : fields_)
        all.append(name).append("=").append(std::to_string(value.size())).append(":").append(value);
    return all;
}

void Fields::add(std::string_view name, std::string_view value) {
    fields_.emplace_back(name, value);
}

std::string_view Fields::text(std::string_view name) const {
    const auto found = std::ranges::find(fields_, name, &decltype(fields_)::value_type::first);
    return found == fields_.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::int64_t> Fields::whole_number(std::string_view name) const {
    return number_from<std::int64_t>(text(name));
}

std::vector<std::string_view> Fields::all(std::string_view name) const {
    std::vector<std::string_view> found;
    for (const auto& [each, value] : fields_)
        if (each == name) found.emplace_back(value);
    return found;
}

}  // namespace ballast::cluster
