// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived.h"

#include "migrate/keepalived_blocks.h"
#include "migrate/keepalived_lines.h"
#include "migrate/keepalived_remainder.h"
#include "migrate/keepalived_services.h"
#include "migrate/keepalived_vocabulary.h"
#include "migrate/lvs_draft.h"

#include <fmt/format.h>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace ballast::migrate {

namespace {

/// The directives that are not virtual servers.
class Surroundings {
public:
    Surroundings(const std::vector<Directive>& top, Report& report)
        : report_(report), has_vrrp_(has_instance(top)) {}

    LvsSurroundings run(const std::vector<Directive>& top) {
        for (const auto& directive : top) {
            const auto& name = directive.name();
            if (name == "virtual_server" || name == "virtual_server_group") continue;
            one(directive, "");
            if (name == "vrrp_instance") addresses(directive);
        }
        LvsSurroundings result{.moving = std::move(moving_), .timeouts = timeouts_};
        return result;
    }

private:
    void one(const Directive& directive, std::string_view context) {
        const auto* const vocable = find_vocable(context, directive.name());
        if (vocable == nullptr) return tell_unknown(directive, context, report_);
        if (directive.name() == "lvs_timeouts") {
            kept_.push_back(std::make_unique<Said>(said_of(directive)));
            timeouts_ = kept_.back().get();
            return;
        }
        tell(directive, *vocable);
        if (vocable->inside.empty()) return;
        for (const auto& each : directive.block) one(each, vocable->inside);
    }

    void tell(const Directive& directive, const Vocable& vocable) {
        const bool is_left = vocable.outcome == Outcome::left_to_keepalived;
        const auto said = directive.said();
        if (is_left && !has_vrrp_)
            report_.add(directive.place, said, Outcome::not_needed,
                        "without virtual servers and VRRP there is no need for keepalived");
        else
            report_.add(directive.place, said, vocable.outcome, vocable.text);
    }

    void addresses(const Directive& instance) {
        for (const auto& list : instance.block) {
            if (!list.name().starts_with("virtual_ipaddress")) continue;
            for (const auto& each : list.block) {
                const auto& text = each.name();
                if (const auto ip = base::Ip::parse(text.substr(0, text.find('/'))))
                    moving_.insert(*ip);
            }
        }
    }

    Report& report_;
    const bool has_vrrp_;
    std::set<base::Ip> moving_;
    std::vector<std::unique_ptr<Said>> kept_;
    const Said* timeouts_ = nullptr;
};

}  // namespace

Imported import_keepalived(const Source& source) {
    const auto lines = read_lines(source);
    if (!lines) return std::unexpected(lines.error());
    const auto top = read_blocks(lines->all);
    if (!top) return std::unexpected(top.error());
    Import result;
    for (const auto& [place, text, outcome, why] : lines->entries)
        result.report.add(place, text, outcome, why);
    Surroundings reader(*top, result.report);
    auto surroundings = reader.run(*top);
    surroundings.certificate = source.certificate;
    const auto services = read_services(*top, result.report);
    result.draft.preface = {
        fmt::format("Imported from {}. The report says what became of each directive.",
                    shown(source.file)),
        "`ballast check` says what this machine lacks."};
    draft_services(services, surroundings, result.draft, result.report);
    result.remainder = remainder_of(*top, source.file);
    return result;
}

}  // namespace ballast::migrate
