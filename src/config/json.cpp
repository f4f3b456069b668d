// SPDX-License-Identifier: Apache-2.0
#include "config/json.h"

#include "base/json.h"

#include <utility>

namespace ballast::config {

Json Json::string(std::string_view text) { return literal(base::json_string(text)); }

Json Json::literal(std::string_view text) {
    Json json(' ');
    json.text_ = text;
    return json;
}

Json& Json::add(std::string_view key, Json value) {
    keys_.emplace_back(key);
    values_.push_back(std::move(value));
    return *this;
}

Json& Json::add(Json value) {
    values_.push_back(std::move(value));
    return *this;
}

std::string Json::to_string() const {
    std::string out;
    write(out, 0);
    return out + '\n';
}

void Json::write(std::string& out, std::size_t level) const {
    if (kind_ == ' ') {
        out += text_;
        return;
    }
    const bool is_object = kind_ == '{';
    out += kind_;
    for (std::size_t i = 0; i < values_.size(); ++i) {
        if (i > 0) out += ',';
        out += '\n' + std::string(2 * (level + 1), ' ');
        if (is_object) out += string(keys_[i]).text_ + ": ";
        values_[i].write(out, level + 1);
    }
    if (!values_.empty()) out += '\n' + std::string(2 * level, ' ');
    out += is_object ? '}' : ']';
}

}  // namespace ballast::config
