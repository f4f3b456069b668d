// SPDX-License-Identifier: Apache-2.0
#include "base/ascii.h"
#include "migrate/contains.h"
#include "migrate/proftpd_translation.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <vector>

namespace ballast::migrate::proftpd {

namespace {

using base::is_same_but_for_case;
using std::string;
using std::string_view;
using enum Outcome;

/// Groups of commands that have no single counterpart.
constexpr auto groups = std::to_array<string_view>({"ALL", "READ", "DIRS", "LOGIN", "WRITE"});

class Limits {
public:
    Limits(Translation& it, const Server& server, DraftListener& listener)
        : it_(it), server_(server), listener_(listener) {}

    void run() {
        for (const auto* const block : server_.all("Limit")) {
            const bool is_login =
                block->words.size() == 1 && is_same_but_for_case(block->word(0), "LOGIN");
            if (is_login)
                login(*block);
            else
                commands(*block);
        }
        if (!denied_commands_.empty())
            listener_.settings.set("deny_commands", Value::texts(denied_commands_));
    }

private:
    struct Rules {
        std::vector<string> allowed;
        std::vector<string> denied;
        bool allows_all = false;
        bool denies_all = false;  ///< once they are settled: all that are not allowed
        bool is_deny_first = false;
        bool is_understood = true;

        [[nodiscard]] bool is_for_nobody() const { return denies_all && allowed.empty(); }
        [[nodiscard]] bool is_for_everybody() const { return !denies_all && denied.empty(); }
    };

    Rules rules_of(const Directive& block) {
        Rules rules;
        for (const auto& line : block.inside) {
            if (line.is("Order"))
                order(line, rules);
            else if (line.is("AllowAll"))
                rules.allows_all = true;
            else if (line.is("DenyAll"))
                rules.denies_all = true;
            else if (line.is("Allow") || line.is("Deny"))
                addresses(line, line.is("Allow") ? rules.allowed : rules.denied, rules);
            else if (line.is("AllowClass") || line.is("DenyClass"))
                classes(line, line.is("AllowClass") ? rules.allowed : rules.denied, rules);
            else
                rules.is_understood = false;
        }
        settle(rules);
        return rules;
    }

    static void order(const Directive& line, Rules& rules) {
        string order;
        for (const auto& word : line.words) order += base::lower(word);
        rules.is_deny_first = order == "deny,allow";
        rules.is_understood = rules.is_understood && (rules.is_deny_first || order == "allow,deny");
    }

    /// Leaves out what `Order` leaves without effect. The list that comes first decides. Clients in
    /// no list are let in by allow,deny, and refused by deny,allow.
    static void settle(Rules& rules) {
        if (rules.is_deny_first) {
            if (rules.denies_all || rules.allows_all) rules.allowed.clear();
            rules.denies_all = rules.denies_all || !rules.allows_all;
        } else {
            rules.denies_all = rules.denies_all && !rules.allows_all;
            if (rules.denies_all || rules.allows_all) rules.denied.clear();
        }
    }

    void addresses(const Directive& line, std::vector<string>& into, Rules& rules) {
        for (const auto& word : line.words) {
            const auto each = base::trimmed(word, ",");
            if (is_same_but_for_case(each, "from") || each.empty()) continue;
            if (is_same_but_for_case(each, "all")) {
                (&into == &rules.denied ? rules.denies_all : rules.allows_all) = true;
                continue;
            }
            add(network_of(each), into, rules);
        }
    }

    void classes(const Directive& line, std::vector<string>& into, Rules& rules) {
        for (const auto& word : line.words) {
            const auto found = it_.servers.classes.find(word);
            rules.is_understood =
                rules.is_understood && found != it_.servers.classes.end() && found->second.is_list;
            if (!rules.is_understood) return;
            for (const auto& network : found->second.networks) add(network, into, rules);
        }
    }

    static void add(const std::optional<base::Subnet>& network, std::vector<string>& into,
                    Rules& rules) {
        if (network && into.size() < networks_max)
            into.push_back(base::to_string(*network));
        else
            rules.is_understood = false;
    }

    void login(const Directive& block) {
        const auto rules = rules_of(block);
        if (!rules.is_understood)
            return it_.tell(block, unsupported,
                            "allow_from and deny_from are lists of networks; routes with `reject` "
                            "refuse users");
        if (rules.is_for_everybody()) return it_.tell(block, not_needed, "everybody may log in");
        if (rules.is_for_nobody()) {
            deny({"0.0.0.0/0", "::/0"}, block);
            return it_.tell(block, mapped, "deny_from: nobody may log in");
        }
        if (rules.denies_all && listener_.settings.find("allow_from") != nullptr)
            return it_.tell(block, unsupported,
                            "clients must be in the lists of several <Limit LOGIN>: write those "
                            "that are in all of them into allow_from");
        if (denied_.size() + rules.denied.size() > networks_max)
            return it_.tell(block, unsupported, "the networks are too many for deny_from");
        if (rules.denies_all)
            listener_.settings.set("allow_from", Value::texts(rules.allowed),
                                   Translation::origin(block));
        if (!rules.denied.empty()) deny(rules.denied, block);
        const bool is_stricter = !rules.denies_all && !rules.allowed.empty();
        it_.tell(block, is_stricter ? approximated : mapped,
                 is_stricter ? "deny_from, also for those that Allow lets in first"
                             : "allow_from and deny_from: others are answered with 421");
    }

    /// Each <Limit LOGIN> has to let a client in.
    void deny(const std::vector<string>& networks, const Directive& block) {
        for (const auto& network : networks)
            if (!contains(denied_, network)) denied_.push_back(network);
        listener_.settings.set("deny_from", Value::texts(denied_), Translation::origin(block));
    }

    void commands(const Directive& block) {
        const auto rules = rules_of(block);
        const bool is_for_all = rules.is_understood && rules.is_for_nobody();
        const bool is_write =
            block.words.size() == 1 && is_same_but_for_case(block.word(0), "WRITE");
        if (is_for_all && is_write)
            return it_.set(listener_.settings, "read_only", Value::flag(true), block, "read_only");
        const bool has_group = std::ranges::any_of(block.words, [](const string& word) {
            return std::ranges::find(groups, base::upper(word)) != groups.end();
        });
        if (rules.is_understood && rules.is_for_everybody())
            return it_.tell(block, not_needed, "commands that are not denied are allowed");
        if (!is_for_all || has_group)
            return it_.tell(block, unsupported,
                            "a listener denies commands to everybody: deny_commands and read_only");
        for (const auto& word : block.words) {
            // "SITE_CHMOD" is one of mod_site's commands; Ballast denies the whole of SITE.
            const auto command = base::upper(word).substr(0, word.find('_'));
            if (std::ranges::find(denied_commands_, command) == denied_commands_.end())
                denied_commands_.push_back(command);
        }
        const bool has_site =
            std::ranges::any_of(block.words, [](const string& word) { return word.contains('_'); });
        it_.tell(
            block, has_site ? approximated : mapped,
            has_site
                ? "deny_commands; deny_arguments can deny single ones, such as \"SITE CHMOD *\""
                : "deny_commands");
    }

    Translation& it_;
    const Server& server_;
    DraftListener& listener_;
    std::vector<string> denied_;  // networks
    std::vector<string> denied_commands_;
};

}  // namespace

void translate_limits(Translation& it, const Server& server, DraftListener& listener) {
    Limits(it, server, listener).run();
}

}  // namespace ballast::migrate::proftpd
