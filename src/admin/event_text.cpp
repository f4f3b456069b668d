// SPDX-License-Identifier: Apache-2.0
#include "admin/event_text.h"

#include "admin/shape.h"
#include "base/number.h"

#include <chrono>
#include <fmt/format.h>
#include <variant>

namespace ballast::admin {

namespace {

/// Tells the events of this process from those of others.
const std::string& process_mark() {
    static const std::string mark =
        fmt::format("{:x}", std::chrono::duration_cast<std::chrono::microseconds>(
                                std::chrono::system_clock::now().time_since_epoch())
                                .count());
    return mark;
}

}  // namespace

std::string to_json(const events::Event& event) {
    std::string text = R"({"id":)";
    append_json(text, id_of(event));
    text += R"(,"at":)";
    append_json(text, event.at);
    text += R"(,"kind":)";
    append_json(text, events::row_of(event.kind).name);
    for (const auto& [name, value] : event.fields) {
        text += ',';
        append_json(text, name);
        text += ':';
        std::visit([&](const auto& each) { append_json(text, each); }, value);
    }
    return text += '}';
}

std::string id_of(const events::Event& event) {
    return fmt::format("{}-{}", process_mark(), event.number);
}

std::uint64_t number_from(std::string_view id) {
    const auto& mark = process_mark();
    if (!id.starts_with(mark) || id.size() <= mark.size() + 1 || id[mark.size()] != '-') return 0;
    return base::parse_number<std::uint64_t>(id.substr(mark.size() + 1)).value_or(0);
}

}  // namespace ballast::admin
