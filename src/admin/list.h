// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/http.h"
#include "admin/route.h"
#include "admin/shape.h"
#include "base/number.h"
#include "base/pattern.h"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// Lists in answers: which entries, which of their members, and page by page.
namespace ballast::admin {

/// A longer one would keep the control thread for too long.
constexpr std::size_t page_max = 1'000;

/// What a request wants of a list.
struct Wish {
    struct Filter {
        std::string field;
        std::string pattern;  ///< as in base/pattern.h
    };
    std::vector<Filter> filters;
    Choice fields;
    std::size_t limit = page_max;
    std::string after;  ///< where the page begins; empty: at the front

    template <Shaped S>
    [[nodiscard]] bool matches(const S& entry) const {
        bool all = true;
        for_each_field<S>([&](const auto& field) {
            for (const auto& filter : filters)
                if (filter.field == field.name)
                    all = all && base::matches(filter.pattern,
                                               search_text(entry.*field.member).value_or(""));
        });
        return all;
    }
};
/// `names` are those of all fields.
[[nodiscard]] std::expected<Wish, Answer> wish_of(const Call& call,
                                                  const std::vector<std::string>& names);

template <Shaped S>
[[nodiscard]] std::vector<std::string> field_names() {
    std::vector<std::string> names;
    for_each_field<S>([&](const auto& field) { names.emplace_back(field.name); });
    return names;
}

[[nodiscard]] std::vector<Parameter> with_page_parameters(std::vector<Parameter> parameters);
template <Shaped S>
[[nodiscard]] std::vector<Parameter> list_parameters() {
    std::vector<Parameter> all;
    for_each_field<S>([&](const auto& field) {
        if (search_text(S{}.*field.member))
            all.push_back({std::string(field.name), std::string(field.help)});
    });
    return with_page_parameters(std::move(all));
}

/// The schema of an object to which a node that has answered adds its name.
[[nodiscard]] std::string schema_with_node(std::string_view object_schema);
/// The schema of {"NAME": [...], "next": ...}, if that is the schema of an entry at one node.
/// `members` are the schemas of further ones, each with a comma behind it.
[[nodiscard]] std::string schema_of_list(std::string_view name, std::string_view entry,
                                         std::string_view members = {});
template <Shaped S>
[[nodiscard]] std::string list_schema(std::string_view name) {
    return schema_of_list(name, schema_of<S>());
}

/// The entries, already chosen, as an answer.
template <Shaped S>
[[nodiscard]] Answer page_answer(std::string_view name, const std::vector<S>& page,
                                 const Choice& fields, std::string_view next) {
    std::string body = fmt::format(R"({{"{}":[)", name);
    const char* separator = "";
    for (const auto& each : page) {
        body += std::exchange(separator, ",");
        append_json(body, each, fields);
    }
    body += ']';
    if (!next.empty()) body += R"(,"next":)" + base::json_string(next);
    body += '}';
    return {.body = std::move(body)};
}

/// `all` entries in a settled order; pages begin at an entry's number.
template <Shaped S>
[[nodiscard]] Answer list_answer(std::string_view name, const std::vector<S>& all,
                                 const Call& call) {
    const auto wish = wish_of(call, field_names<S>());
    if (!wish) return wish.error();
    std::size_t begin = 0;
    if (!wish->after.empty()) {
        const auto number = base::parse_number<std::size_t>(wish->after);
        if (!number) return refusal(400, "\"after\" is not the \"next\" of an answer");
        begin = *number;
    }
    std::vector<S> page;
    for (std::size_t i = begin; i < all.size(); ++i) {
        if (!wish->matches(all[i])) continue;
        if (page.size() == wish->limit)
            return page_answer(name, page, wish->fields, std::to_string(i));
        page.push_back(all[i]);
    }
    return page_answer(name, page, wish->fields, {});
}

}  // namespace ballast::admin
