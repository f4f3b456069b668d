// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_notes.h"

namespace ballast::migrate::haproxy {

void Notes::add(std::uint32_t line, const std::string& directive, Outcome outcome,
                std::string_view text) {
    ledger_.add({file_, line}, directive, outcome, text);
}

void Notes::add(const Line& line, Outcome outcome, std::string_view text) {
    add(line.number, text_of(line), outcome, text);
}

void Notes::add(const Given& given, Outcome outcome, std::string_view text) {
    add(given.line, given.text(), outcome, text);
}

void Notes::add(const Given& given) {
    if (given.known == nullptr)
        add(given, Outcome::unsupported, "unknown parameter: HAProxy refuses it as well");
    else if (!given.known->text.empty())
        add(given, given.known->outcome, given.known->text);
}

std::string text_of(const Line& line) { return joined(line.words); }

}  // namespace ballast::migrate::haproxy
