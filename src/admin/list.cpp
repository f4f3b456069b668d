// SPDX-License-Identifier: Apache-2.0
#include "admin/list.h"

#include "config/spelling.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ballast::admin {

namespace {

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (true) {
        const auto comma = text.find(',');
        parts.emplace_back(text.substr(0, comma));
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

std::string listed(const std::vector<std::string>& names) {
    return config::listed(std::vector<std::string_view>(names.begin(), names.end()));
}

}  // namespace

std::string schema_with_node(std::string_view object_schema) {
    constexpr std::string_view front = R"({"type":"object","properties":{)";
    assert(object_schema.starts_with(front));
    return fmt::format(
        R"({}"node":{{"type":"string","description":"The node that has it, if several were asked."}},{})",
        front, object_schema.substr(front.size()));
}

std::string schema_of_list(std::string_view name, std::string_view entry,
                           std::string_view members) {
    return fmt::format(
        R"({{"type":"object","properties":{{"{}":{{"type":"array","items":{}}},{})"
        R"("unanswered":{{"type":"array","description":"The nodes that were asked and have not answered.",)"
        R"("items":{{"type":"object","properties":{{"node":{{"type":"string"}},"reason":{{"type":"string"}}}},)"
        R"("additionalProperties":false}}}},"next":{{"type":"string","description":)"
        R"("Ask with this as `after` for the next page. Missing: this is the last page."}}}},)"
        R"("required":["{}"],"additionalProperties":false}})",
        name, schema_with_node(entry), members, name);
}

std::vector<Parameter> with_page_parameters(std::vector<Parameter> parameters) {
    for (auto& each : parameters)
        each.help = "Only entries with this value; \"*\" and \"?\" are wildcards. " + each.help;
    parameters.push_back({"fields", "Only these members, separated by commas."});
    parameters.push_back(
        {"limit", fmt::format("At most so many entries. The most is {}.", page_max)});
    parameters.push_back({"after", "The \"next\" of the page before."});
    return parameters;
}

std::expected<Wish, Answer> wish_of(const Call& call, const std::vector<std::string>& names) {
    Wish wish;
    for (const auto& [key, value] : call.query) {
        if (key == "after") {
            wish.after = value;
        } else if (key == "limit") {
            const auto limit = base::parse_number<std::size_t>(value);
            if (!limit || *limit == 0 || *limit > page_max)
                return std::unexpected(
                    refusal(400, fmt::format("{} is not a limit (use 1 to {})",
                                             config::in_quotes(value), page_max)));
            wish.limit = *limit;
        } else if (key == "fields") {
            wish.fields = split(value);
            for (const auto& each : wish.fields)
                if (std::ranges::find(names, each) == names.end())
                    return std::unexpected(
                        refusal(400, fmt::format("there is no field {} (use {})",
                                                 config::in_quotes(each), listed(names))));
        } else if (std::ranges::find(names, key) != names.end()) {
            wish.filters.push_back({key, value});
        }
    }
    return wish;
}

}  // namespace ballast::admin
