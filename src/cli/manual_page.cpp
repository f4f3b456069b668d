// SPDX-License-Identifier: Apache-2.0
#include "cli/manual_page.h"

#include "cli/command_words.h"
#include "config/settings.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <vector>

/// Pages in the language of man(7).
namespace ballast::cli {

namespace {

using std::string_view;

/// Text as it is, whatever it contains. "-" is a minus sign, so that options can be copied.
std::string plain(string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '\\')
            result += "\\e";
        else if (c == '-')
            result += "\\-";
        else
            result += c;
    }
    return result;
}

std::string bold(string_view text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(string_view text) { return "\\fI" + plain(text) + "\\fR"; }

/// The Markdown of help texts: `code` is bold, [text](link) is its text.
std::string prose(string_view markdown) {
    std::string result;
    while (!markdown.empty()) {
        const auto special = std::min(markdown.find_first_of("`["), markdown.size());
        result += plain(markdown.substr(0, special));
        markdown.remove_prefix(special);
        if (markdown.empty()) break;
        const bool is_code = markdown.front() == '`';
        const auto end = markdown.find(is_code ? "`" : "](", 1);
        const auto link_end = is_code ? end : markdown.find(')', std::min(end, markdown.size()));
        if (link_end == string_view::npos || end == string_view::npos) {
            result += plain(markdown.substr(0, 1));
            markdown.remove_prefix(1);
        } else {
            const auto inner = markdown.substr(1, end - 1);
            result += is_code ? bold(inner) : plain(inner);
            markdown.remove_prefix(link_end + 1);
        }
    }
    return result;
}

class Page {
public:
    Page(string_view title, int section) {
        line(fmt::format(R"(.TH {} {} "" "Ballast {}" "Ballast")", plain(title), section,
                         BALLAST_VERSION));
    }
    void section(string_view title) { line(fmt::format(".SH {}", title)); }
    void subsection(const std::string& title) { line(fmt::format(".SS {}", title)); }
    void paragraph(const std::string& text) {
        line(".PP");
        line(text);
    }
    void item(const std::string& term, const std::string& text) {
        line(".TP");
        line(term);
        line(text);
    }
    /// A line of text that begins with "." or "'" would be a request.
    void line(const std::string& text) { text_ += text + '\n'; }
    void text(const std::string& text) {
        line((text.starts_with('.') || text.starts_with('\'') ? "\\&" : "") + text);
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    std::string text_;
};

std::string option_term(const CommandWords::Option& option) {
    std::string term;
    for (const auto& name : option.names) term += (term.empty() ? "" : ", ") + bold(name);
    if (option.value.empty()) return term;
    return term + (option.is_value_optional ? fmt::format(" [{}]", italic(option.value))
                                            : " " + italic(option.value));
}

std::string ended(std::string sentence) {
    if (!sentence.empty()) sentence.front() = static_cast<char>(std::toupper(sentence.front()));
    if (!sentence.ends_with('.')) sentence += '.';
    return sentence;
}

void add_command(Page& page, const CommandWords& command) {
    std::string synopsis = bold("ballast " + command.name);
    if (!command.options.empty()) synopsis += " [" + italic("options") + "]";
    for (const auto& argument : command.arguments) synopsis += " [" + italic(argument.value) + "]";
    page.subsection(synopsis);
    page.text(prose(ended(command.summary)));
    if (!command.details.empty()) page.paragraph(prose(command.details));
    for (const auto& argument : command.arguments)
        page.item(italic(argument.value), prose(ended(argument.help)));
    for (const auto& option : command.options)
        if (option.names.back() != "--help")
            page.item(option_term(option), prose(ended(option.help)));
}

std::string program_page() {
    Page page("BALLAST", 8);
    page.section("NAME");
    page.line("ballast \\- FTP and FTPS load balancer");
    page.section("SYNOPSIS");
    page.line(bold("ballast") + " " + italic("command") + " [" + italic("options") + "]");
    page.section("DESCRIPTION");
    page.text(prose(
        "Ballast stands in front of several FTP servers and makes them look like one. It speaks "
        "the protocol that it balances, with and without TLS. `ballast run` is the daemon; the "
        "other "
        "commands check its configuration, show what it does, and change it while it runs."));
    page.paragraph(prose(
        "Commands for the running daemon find it by its Unix socket: `--socket`, or else "
        "`admin.socket` in the file of `-c`, or else `/run/ballast/admin.sock`. Names that clients "
        "have sent are printed with their control characters written out."));
    const auto commands = command_words();
    std::string group;
    for (const auto& command : commands) {
        if (command.group != group) {
            group = command.group;
            std::string title = group;
            std::ranges::transform(title, title.begin(), [](char c) {
                return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            });
            page.section(title);
        }
        add_command(page, command);
    }
    page.section("EXIT STATUS");
    page.item("0", "Success.");
    page.item("1", "Failure, or the daemon has refused.");
    page.item("2",
              "The command line is wrong, no running Ballast can be reached, or an import left "
              "something to decide.");
    page.item("3", "Sessions were cut when the daemon ended.");
    page.section("ENVIRONMENT");
    page.item(bold("NO_COLOR"), "If it is set and not empty, tables have no colours.");
    page.section("FILES");
    page.item(italic("/etc/ballast/ballast.toml"),
              "The configuration, see " + bold("ballast.toml") + "(5).");
    page.item(italic("/run/ballast/admin.sock"), "The socket for operators.");
    page.section("SEE ALSO");
    page.line(bold("ballast.toml") + "(5)");
    return page.take();
}

std::string settings_page() {
    Page page("BALLAST.TOML", 5);
    page.section("NAME");
    page.line("ballast.toml \\- configuration of the FTP load balancer Ballast");
    page.section("DESCRIPTION");
    page.text(prose(
        "A TOML file. `ballast check` reports everything that is wrong with it, and `ballast "
        "reload` "
        "lets the running daemon read it again. Unless an entry says otherwise, a change takes "
        "effect "
        "at a reload, for sessions from then on. Durations are written as `\"500ms\"`, `\"5s\"`, "
        "`\"2m\"` or `\"1h\"`, sizes as `\"8KiB\"` or `\"1MB\"`, rates as `\"10/s\"` or "
        "`\"30/min\"`, addresses as `\"192.0.2.1:21\"` "
        "or "
        "`\"[2001:db8::1]:21\"`."));
    for (const auto& section : config::all_sections()) {
        page.section(plain(section.header));
        page.text(prose(section.meaning));
        for (const auto& setting : section.settings) {
            const auto initial =
                setting.required
                    ? std::string("required")
                    : "default " + plain(config::shown(setting.kind, section.defaults()));
            auto text =
                fmt::format("({}; {}; {}) {}", plain(config::type_of(setting.kind)), initial,
                            plain(config::range_of(setting.kind)), prose(setting.meaning));
            if (!setting.restart_reason.empty())
                text +=
                    fmt::format(" A change needs a restart: {}.", plain(setting.restart_reason));
            page.item(bold(setting.key), text);
        }
    }
    page.section("SEE ALSO");
    page.line(bold("ballast") + "(8)");
    return page.take();
}

struct Known {
    string_view name;
    std::string (*page)();
};
constexpr auto pages =
    std::to_array<Known>({{"ballast.8", program_page}, {"ballast.toml.5", settings_page}});

}  // namespace

Status print_manual_page(const CommandLine& wanted) {
    const auto* const known = std::ranges::find(pages, wanted.subject, &Known::name);
    (void)std::fputs(known->page().c_str(), stdout);
    return Status::good;
}

std::string wrong_manual_page(const CommandLine& given) {
    if (std::ranges::find(pages, given.subject, &Known::name) != pages.end()) return {};
    return "name a page: ballast.8 or ballast.toml.5";
}

}  // namespace ballast::cli
