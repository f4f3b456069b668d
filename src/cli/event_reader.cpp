// SPDX-License-Identifier: Apache-2.0
#include "cli/event_reader.h"

#include <utility>

namespace ballast::cli {

std::optional<std::string> EventReader::next() {
    constexpr std::string_view data_field = "data:";
    std::size_t begin = 0;
    std::optional<std::string> found;
    while (!found) {
        const auto end = received_.find('\n', begin);
        if (end == std::string::npos) break;
        auto line = std::string_view(received_).substr(begin, end - begin);
        begin = end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() && !data_.empty()) {
            found = std::exchange(data_, {});
        } else if (line.starts_with(data_field)) {
            line.remove_prefix(data_field.size());
            if (line.starts_with(' ')) line.remove_prefix(1);
            if (!data_.empty()) data_ += '\n';
            data_ += line;
        }
    }
    received_.erase(0, begin);
    return found;
}

}  // namespace ballast::cli
