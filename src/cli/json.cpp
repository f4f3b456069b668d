// SPDX-License-Identifier: Apache-2.0
#include "cli/json.h"

#include <boost/json/value.hpp>

namespace ballast::cli {

std::string text_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    const auto* const text = value != nullptr ? value->if_string() : nullptr;
    return text != nullptr ? std::string(text->data(), text->size()) : std::string();
}

std::optional<double> amount_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
}

std::uint64_t number_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    if (value == nullptr) return 0;
    if (value->is_uint64()) return value->get_uint64();
    if (value->is_int64() && value->get_int64() > 0)
        return static_cast<std::uint64_t>(value->get_int64());
    return 0;
}

bool flag_at(const json::object& object, std::string_view key) {
    const auto* const value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
}

const json::array& list_at(const json::object& object, std::string_view key) {
    static const json::array none;
    const auto* const value = object.if_contains(key);
    const auto* const list = value != nullptr ? value->if_array() : nullptr;
    return list != nullptr ? *list : none;
}

const json::object& as_object(const json::value& value) {
    static const json::object none;
    const auto* const object = value.if_object();
    return object != nullptr ? *object : none;
}

const json::object& object_at(const json::object& object, std::string_view key) {
    static const json::object none;
    const auto* const value = object.if_contains(key);
    return value != nullptr ? as_object(*value) : none;
}

}  // namespace ballast::cli
