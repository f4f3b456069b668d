// SPDX-License-Identifier: Apache-2.0
#include "cli/import.h"

#include "base/ascii.h"
#include "base/file.h"
#include "cli/printable.h"
#include "config/spelling.h"
#include "migrate/importer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cli {

namespace {

using std::string_view;

constexpr string_view standard_input = "-";
constexpr std::size_t input_bytes_max = 4UL << 20;

const migrate::Importer* importer_of(string_view language) {
    const auto all = migrate::all_importers();
    const auto found = std::ranges::find(all, language, &migrate::Importer::name);
    return found == all.end() ? nullptr : &*found;
}

const migrate::ReportForm& form_of(string_view name) {
    const auto all = migrate::report_forms();
    const auto found = std::ranges::find(all, name, &migrate::ReportForm::name);
    return found == all.end() ? all.front() : *found;
}

/// The names of a table, for messages.
template <typename Row>
std::vector<string_view> names_of(std::span<const Row> table) {
    std::vector<string_view> names;
    for (const auto& row : table) names.push_back(row.name);
    return names;
}

void say(string_view what) { fmt::print(stderr, "ballast import: {}\n", printable(what)); }

/// Reports contain pieces of the file, which a terminal must not obey.
void print_report(const std::string& text, string_view form) {
    if (form == "json") {
        fmt::print(stderr, "{}\n", printable_json(base::trimmed_behind(text, "\n")));
        return;
    }
    for (string_view rest = text; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        fmt::print(stderr, "{}\n", printable(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

base::Result<std::string> read_standard_input() {
    std::string text;
    std::array<char, 65536> part{};
    while (const auto count = std::fread(part.data(), 1, part.size(), stdin)) {
        text.append(part.data(), count);
        if (text.size() > input_bytes_max)
            return std::unexpected(
                base::Error{base::Fault::internal,
                            {},
                            fmt::format("standard input has more than {} bytes", input_bytes_max)});
    }
    if (std::ferror(stdin) != 0)
        return std::unexpected(
            base::last_error(base::Fault::internal, "cannot read standard input"));
    return text;
}

bool is_same_file(const std::string& one, const std::string& other) {
    std::error_code error;
    return std::filesystem::equivalent(one, other, error) && !error;
}

/// Replaces the file of `--vrrp-out`, but none of those that were imported.
Outcome<void> write_remainder(const std::string& path, const std::string& text,
                              const std::vector<std::string>& imported) {
    if (std::ranges::any_of(imported, [&](const auto& each) { return is_same_file(each, path); }))
        return std::unexpected(
            Failure{fmt::format("{} is one of the imported files, and is not replaced (name "
                                "another file after --vrrp-out)",
                                path)});
    std::error_code error;
    const auto kind = std::filesystem::status(path, error).type();
    if (kind != std::filesystem::file_type::not_found &&
        kind != std::filesystem::file_type::regular)
        return std::unexpected(Failure{
            fmt::format("{} is not a regular file (name another one after --vrrp-out)", path)});
    const auto done = base::replace_file(path, text);
    if (!done) return std::unexpected(Failure{base::to_string(done.error())});
    return {};
}

/// The machine, and a list of the files that were read on it.
migrate::Machine recorded(std::vector<std::string>& files) {
    auto machine = migrate::this_machine();
    machine.read_file = [&files, read = std::move(machine.read_file)](const std::string& path) {
        files.push_back(path);
        return read(path);
    };
    return machine;
}

}  // namespace

Status import_file(const CommandLine& wanted) {
    const auto& importer = *importer_of(wanted.language);
    const auto& form = form_of(wanted.report);
    const bool is_piped = wanted.subject == standard_input;
    std::vector<std::string> files;
    migrate::Source source{.file = is_piped ? "standard input" : wanted.subject,
                           .text = {},
                           .machine = recorded(files),
                           .id = wanted.id,
                           .certificate = wanted.certificate};
    auto text = is_piped ? read_standard_input() : source.machine.read_file(wanted.subject);
    if (!text) {
        const migrate::SyntaxError error{
            {source.file, 0}, base::to_string(text.error()), "name a file that can be read"};
        print_report(form.print_errors({error}), form.name);
        return Status::failed;
    }
    source.text = std::move(*text);

    const auto result = migrate::run(importer, source);
    if (!result) {
        print_report(form.print_errors(result.error()), form.name);
        return Status::failed;
    }
    if (!wanted.remainder_out.empty() && result->remainder.empty())
        say(fmt::format("nothing is left for keepalived, so {} was not written",
                        wanted.remainder_out));
    else if (!wanted.remainder_out.empty())
        if (const auto done = write_remainder(wanted.remainder_out, result->remainder, files);
            !done) {
            say(done.error().what);
            return Status::failed;
        }
    print_report(form.print(result->report), form.name);
    (void)std::fputs(result->configuration.c_str(), stdout);  // checked at the end of the program
    return result->report.count(migrate::Outcome::unsupported) == 0 ? Status::good
                                                                    : Status::incomplete;
}

std::string wrong_import(const CommandLine& given) {
    const auto languages = names_of(migrate::all_importers());
    const auto* const importer = importer_of(given.language);
    if (given.language.empty())
        return fmt::format("the language is missing (use {})", config::listed(languages));
    if (importer == nullptr)
        return fmt::format("{} cannot be imported (use {})", config::in_quotes(given.language),
                           config::listed(languages));
    if (given.subject.empty()) return "the file is missing (`-` is standard input)";
    const auto forms = names_of(migrate::report_forms());
    if (!given.report.empty() && std::ranges::find(forms, given.report) == forms.end())
        return fmt::format("{} is not a form of the report (use {})",
                           config::in_quotes(given.report), config::listed(forms));
    if (!given.remainder_out.empty() && !importer->has_remainder)
        return "--vrrp-out is for keepalived only (remove it)";
    if (!given.id.empty() && !importer->has_remainder)
        return "--id is for keepalived only (remove it)";
    if (!given.certificate.empty() && !importer->takes_certificate)
        return fmt::format("--certificate is not for {} (remove it)", importer->name);
    return {};
}

std::string importable() {
    std::string text;
    for (const auto& each : migrate::all_importers())
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", each.name, each.summary);
    return text;
}

std::string listed_languages() {
    std::string text;
    for (const auto& each : migrate::all_importers())
        text += (text.empty() ? "" : " ") + std::string(each.name);
    return text;
}

}  // namespace ballast::cli
