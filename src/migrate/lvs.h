// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "migrate/place.h"
#include "migrate/report.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Virtual servers as keepalived.conf and ipvsadm describe them, in keepalived's words.
namespace ballast::migrate {

constexpr std::size_t services_max = 2'000;
constexpr std::size_t addresses_max = 10'000;  ///< of all services together

/// Something that a file says.
struct Said {
    Place place;
    std::string text;   ///< "weight 3"
    std::string value;  ///< "3"
};

/// For a comment.
[[nodiscard]] inline std::string origin(const Said& said) { return origin(said.place, said.text); }

/// The directives of a block by their words.
class Options {
public:
    void add(std::string_view word, Said said) { all_.emplace_back(word, std::move(said)); }
    /// The last one of this word, which counts; null if there is none.
    [[nodiscard]] const Said* find(std::string_view word) const;
    [[nodiscard]] const std::vector<std::pair<std::string, Said>>& all() const { return all_; }

private:
    std::vector<std::pair<std::string, Said>> all_;
};

struct LvsCheck {
    std::string kind;  ///< "TCP_CHECK"
    Said said;
    Options options = {};
};

struct LvsServer {
    Said said;
    base::Ip ip;
    std::uint16_t port = 0;  ///< 0: that of the virtual server
    Options options = {};
    std::vector<LvsCheck> checks = {};
};

struct LvsService {
    Said said;
    std::vector<base::Address> addresses = {};  ///< port 0: every port
    std::vector<std::uint32_t> marks = {};      ///< of packets, instead of addresses
    Options options = {};
    std::vector<LvsServer> servers = {};
    std::string wrong = {};  ///< why it has no address; empty: it has one
    bool has_checks = true;  ///< whether the file could say how servers are checked

    [[nodiscard]] bool is_v4() const;
};

/// Reports directives, and remembers which ones are still to be reported.
class Teller {
public:
    explicit Teller(Report& report) : report_(report) {}

    void tell(const Said& said, Outcome outcome, std::string_view text);
    /// Something that no directive says.
    void add(const Place& place, std::string_view what, Outcome outcome, std::string_view text) {
        report_.add(place, what, outcome, text);
    }
    /// Those of `options` that nobody has told yet, as the vocabulary of `context` has it.
    void tell_rest(const Options& options, std::string_view context);

private:
    Report& report_;
    std::set<const Said*> told_;
};

/// "A.B.C.D" or an IPv6 address, with the port behind it; empty if it is not that.
[[nodiscard]] std::optional<base::Address> address_of(std::string_view ip, std::string_view port);

}  // namespace ballast::migrate
