// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/facts.h"
#include "base/json.h"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// How plain structs are shown as JSON. One table of its members gives a struct's JSON, its JSON
/// Schema, and what lists of it can be searched by.
namespace ballast::admin {

template <typename S, typename T>
struct Field {
    std::string_view name;
    T S::* member;
    std::string_view help;
    std::span<const std::string_view> values = {};  ///< all that are possible; empty: any
};

/// Specialised for each struct, with `static constexpr auto fields = std::tuple(Field{...}, ...)`.
template <typename S>
struct Shape;

template <typename S>
concept Shaped = requires { Shape<S>::fields; };
template <typename E>
concept Named = std::is_enum_v<E> && requires(E e) {
    { to_string(e) } -> std::convertible_to<std::string_view>;
};
/// An object whose members differ from case to case.
struct JsonObject {
    std::string text;  ///< as JSON
};

template <typename S, typename Visit>
void for_each_field(Visit visit) {
    std::apply([&](const auto&... field) { (visit(field), ...); }, Shape<S>::fields);
}

// JSON

/// RFC 3339, in UTC, with milliseconds.
[[nodiscard]] std::string to_text(Moment moment);

/// The names of the members to show; empty: all.
using Choice = std::vector<std::string>;
[[nodiscard]] bool is_chosen(const Choice& choice, std::string_view name);

void append_json(std::string& to, std::string_view text);
void append_json(std::string& to, bool value);
void append_json(std::string& to, double value);
void append_json(std::string& to, Moment moment);
inline void append_json(std::string& to, const JsonObject& object) { to += object.text; }
template <typename N>
    requires(std::integral<N> && !std::same_as<N, bool>)
void append_json(std::string& to, N number) {
    fmt::format_to(std::back_inserter(to), "{}", number);
}
template <Named E>
void append_json(std::string& to, E value) {
    append_json(to, std::string_view(to_string(value)));
}
template <typename T>
void append_json(std::string& to, const std::optional<T>& value);
template <typename T>
void append_json(std::string& to, const std::vector<T>& all);
template <Shaped S>
void append_json(std::string& to, const S& object, const Choice& choice = {}) {
    const char* separator = "{";
    for_each_field<S>([&](const auto& field) {
        if (!is_chosen(choice, field.name)) return;
        fmt::format_to(std::back_inserter(to), R"({}"{}":)", std::exchange(separator, ","),
                       field.name);
        append_json(to, object.*field.member);
    });
    to += *separator == '{' ? "{}" : "}";
}
template <typename T>
void append_json(std::string& to, const std::optional<T>& value) {
    if (value)
        append_json(to, *value);
    else
        to += "null";
}
template <typename T>
void append_json(std::string& to, const std::vector<T>& all) {
    const char* separator = "[";
    for (const auto& each : all) {
        to += std::exchange(separator, ",");
        append_json(to, each);
    }
    to += *separator == '[' ? "[]" : "]";
}
template <typename T>
[[nodiscard]] std::string json_of(const T& value) {
    std::string text;
    append_json(text, value);
    return text;
}

// JSON Schema

/// The schema of an object with these properties and no others: `"NAME":{SCHEMA},...`.
[[nodiscard]] std::string object_schema(std::string_view properties);

template <typename T>
[[nodiscard]] std::string schema_of();

namespace detail {

template <typename T>
struct OptionalOf : std::false_type {};
template <typename T>
struct OptionalOf<std::optional<T>> : std::true_type {
    using Type = T;
};
template <typename T>
struct ListOf : std::false_type {};
template <typename T>
struct ListOf<std::vector<T>> : std::true_type {
    using Type = T;
};

[[nodiscard]] std::string schema_of_field(std::string schema, std::string_view help,
                                          std::span<const std::string_view> values);

template <Shaped S>
std::string schema_of_object() {
    std::string properties;
    const char* separator = "";
    for_each_field<S>([&]<typename T>(const Field<S, T>& field) {
        fmt::format_to(std::back_inserter(properties), R"({}"{}":{})",
                       std::exchange(separator, ","), field.name,
                       schema_of_field(schema_of<T>(), field.help, field.values));
    });
    return object_schema(properties);
}

}  // namespace detail

template <typename T>
std::string schema_of() {
    if constexpr (Shaped<T>)
        return detail::schema_of_object<T>();
    else if constexpr (detail::OptionalOf<T>::value)
        return fmt::format(R"({{"anyOf":[{},{{"type":"null"}}]}})",
                           schema_of<typename detail::OptionalOf<T>::Type>());
    else if constexpr (detail::ListOf<T>::value)
        return fmt::format(R"({{"type":"array","items":{}}})",
                           schema_of<typename detail::ListOf<T>::Type>());
    else if constexpr (std::same_as<T, bool>)
        return R"({"type":"boolean"})";
    else if constexpr (std::integral<T>)
        return R"({"type":"integer"})";
    else if constexpr (std::floating_point<T>)
        return R"({"type":"number"})";
    else if constexpr (std::same_as<T, Moment>)
        return R"({"type":"string","format":"date-time"})";
    else if constexpr (std::same_as<T, JsonObject>)
        return R"({"type":"object"})";
    else
        return R"({"type":"string"})";
}

// Searching

/// What a filter compares with its pattern. Empty: not searchable.
[[nodiscard]] inline std::optional<std::string> search_text(const std::string& text) {
    return text;
}
[[nodiscard]] inline std::optional<std::string> search_text(bool value) {
    return value ? "true" : "false";
}
template <typename N>
    requires(std::integral<N> && !std::same_as<N, bool>)
[[nodiscard]] std::optional<std::string> search_text(N number) {
    return fmt::format("{}", number);
}
template <Named E>
[[nodiscard]] std::optional<std::string> search_text(E value) {
    return std::string(to_string(value));
}
template <typename T>
    requires(Shaped<T> || std::floating_point<T> || std::same_as<T, Moment> ||
             std::same_as<T, JsonObject> || detail::ListOf<T>::value)
[[nodiscard]] std::optional<std::string> search_text(const T&) {
    return std::nullopt;
}
template <typename T>
[[nodiscard]] std::optional<std::string> search_text(const std::optional<T>& value) {
    return value ? search_text(*value) : std::optional<std::string>("");
}

}  // namespace ballast::admin
