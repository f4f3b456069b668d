// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived_remainder.h"

#include "base/ascii.h"
#include "migrate/keepalived_vocabulary.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <set>
#include <string_view>

namespace ballast::migrate {

namespace {

constexpr std::size_t indent = 4;

/// What keepalived no longer does. Mails are for VRRP too, and tracked files may be its own.
bool remains(const Directive& directive, std::string_view context) {
    const auto& name = directive.name();
    if (name == "smtp_alert_checker" || name == "checker_log_all_failures") return false;
    const bool is_of_lvs = name.starts_with("lvs_") || name.starts_with("checker_") ||
                           name.starts_with("nftables_ipvs") || name == "enable_snmp_checker" ||
                           name == "rs_init_notifies" || name == "net_namespace_ipvs" ||
                           name == "no_checker_emails" || name == "include_check";
    if (context == "global_defs" || context == "vrrp_instance") return !is_of_lvs;
    if (!context.empty()) return true;
    // keepalived skips words that it does not know.
    return find_vocable("", name) != nullptr && name != "virtual_server" &&
           name != "virtual_server_group" && name != "SSL" && name != "include_check" && !is_of_lvs;
}

/// The word so that keepalived reads it in the same way again.
std::string written(const Word& word) {
    const bool has_mark = word.raw.find_first_of("#!") != std::string::npos;
    const bool is_brace = word.raw == "{" || word.raw == "}";
    return (has_mark || is_brace) && !word.is_quoted() ? quoted_word(word.text) : word.raw;
}

/// A comment. At the end of a line keepalived 2.2.7 reads a backslash even in a comment.
std::string kept(std::string_view comment) {
    const auto text = shown(comment);
    return std::string(base::trimmed_behind(text, "\\ "));
}

class Writer {
public:
    [[nodiscard]] std::string take() { return std::move(text_); }

    void line(std::size_t depth, std::string_view text) {
        fmt::format_to(std::back_inserter(text_), "{:{}}{}\n", "", depth * indent, text);
    }

    void all(const std::vector<Directive>& directives, std::string_view context,
             std::size_t depth) {
        for (const auto& directive : directives) {
            if (!remains(directive, context)) continue;
            if (depth == 0) text_ += '\n';
            one(directive, depth);
        }
    }

    /// The health of Ballast, as a script for all instances.
    void health(std::string_view script) {
        text_ += '\n';
        line(0, fmt::format("vrrp_script {} {{", script));
        line(1, "# Fails if Ballast does not answer, is drained, or has no pool that can serve.");
        line(1, "script \"/usr/bin/ballast health\"");
        line(1, "# This user must be allowed to use Ballast's socket, see [admin] group.");
        line(1, "user ballast");
        line(1, "interval 2");
        line(1, "timeout 5");
        line(1, "fall 2");
        line(1, "rise 2");
        line(0, "}");
    }

private:
    void one(const Directive& directive, std::size_t depth) {
        for (const auto& comment : directive.comments)
            line(depth, fmt::format("#{}", kept(comment)));
        std::string said;
        for (const auto& word : directive.words) said += (said.empty() ? "" : " ") + written(word);
        if (directive.has_block) said += " {";
        if (!directive.comment.empty()) said += fmt::format("  #{}", kept(directive.comment));
        line(depth, said);
        if (!directive.has_block) return;
        all(directive.block, directive.name(), depth + 1);
        line(depth, "}");
    }

    std::string text_;
};

/// The instance with the script among those that it tracks.
Directive tracking(Directive instance, const std::string& script) {
    const auto found = std::ranges::find(instance.block, "track_script", &Directive::name);
    const Directive entry{.place = instance.place, .words = {{script, script}}};
    if (found != instance.block.end()) {
        found->block.push_back(entry);
        return instance;
    }
    const std::string word = "track_script";
    instance.block.push_back(
        {.place = instance.place, .words = {{word, word}}, .has_block = true, .block = {entry}});
    return instance;
}

/// Whether keepalived runs scripts of the file.
bool has_scripts(const std::vector<Directive>& directives) {
    return std::ranges::any_of(directives, [](const Directive& each) {
        const auto& name = each.name();
        return name == "vrrp_script" || name.starts_with("notify_") || name == "notify" ||
               name.ends_with("_script") || has_scripts(each.block);
    });
}

/// The first script of a file makes keepalived ask for this.
void demand_security(std::vector<Directive>& globals) {
    const std::string word = "enable_script_security";
    if (globals.empty())
        globals.push_back(
            {.place = {}, .words = {{"global_defs", "global_defs"}}, .has_block = true});
    auto& block = globals.front().block;
    if (std::ranges::find(block, word, &Directive::name) == block.end())
        block.push_back({.place = {}, .words = {{word, word}}});
}

/// A name for the script that no other script has.
std::string free_name(const std::vector<Directive>& top) {
    std::set<std::string_view> taken;
    for (const auto& directive : top)
        if (directive.name() == "vrrp_script") taken.insert(directive.word(1));
    std::string name = "ballast";
    while (taken.contains(name)) name += "_";
    return name;
}

}  // namespace

bool has_instance(const std::vector<Directive>& top) {
    return std::ranges::any_of(
        top, [](const Directive& each) { return each.name() == "vrrp_instance"; });
}

std::string remainder_of(const std::vector<Directive>& top, const std::string& file) {
    if (!has_instance(top)) return {};
    const auto script = free_name(top);
    // Scripts come behind global_defs, which say how they run.
    std::vector<Directive> globals;
    std::vector<Directive> others;
    for (const auto& directive : top) {
        if (directive.name() == "global_defs")
            globals.push_back(directive);
        else
            others.push_back(directive.name() == "vrrp_instance" ? tracking(directive, script)
                                                                 : directive);
    }
    if (!has_scripts(top)) demand_security(globals);
    Writer writer;
    writer.line(0, fmt::format("# What remains of {} for keepalived: VRRP. Ballast balances.",
                               shown(file)));
    writer.all(globals, "", 0);
    writer.health(script);
    writer.all(others, "", 0);
    return writer.take();
}

}  // namespace ballast::migrate
