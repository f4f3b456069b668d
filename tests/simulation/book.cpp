// SPDX-License-Identifier: Apache-2.0
#include "simulation/book.h"

#include <fmt/format.h>

namespace ballast::simulation {

std::string content_of(std::string_view label, std::size_t bytes) {
    std::string content;
    while (content.size() < bytes) content += fmt::format("{}:{}|", label, content.size());
    content.resize(bytes);
    return content;
}

}  // namespace ballast::simulation
