// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_command.h"

#include <fmt/format.h>

namespace ballast::cluster {

namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t length_bytes_max = 24;  // a letter, a number, a line's end

}  // namespace

base::WipedString encode(const RedisCommand& command) {
    std::size_t bytes = length_bytes_max;
    for (const auto& word : command) bytes += length_bytes_max + word.size() + line_end.size();
    base::WipedString encoded;
    encoded.reserve(bytes);  // so that it does not move, and leaves no copy of a password
    encoded += fmt::format("*{}\r\n", command.size());
    for (const auto& word : command) {
        encoded += fmt::format("${}\r\n", word.size());
        encoded += word;
        encoded += line_end;
    }
    return encoded;
}

std::string begins_with(std::string_view prefix) {
    std::string pattern;
    for (const char c : prefix) {
        if (std::string_view("*?[]\\^").find(c) != std::string_view::npos) pattern += '\\';
        pattern += c;
    }
    return pattern + '*';
}

}  // namespace ballast::cluster
