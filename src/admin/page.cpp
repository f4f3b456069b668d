// SPDX-License-Identifier: Apache-2.0
#include "admin/page.h"

#include "base/ascii.h"

#include <string>

namespace ballast::admin {

namespace {

/// Nothing from elsewhere, nothing inline, in nobody's frame, and no script can turn text into
/// markup: names that peers have chosen stay names.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

/// RFC 9110 13.1.2. Proxies that compress again have made a tag weak.
bool is_known(std::string_view if_none_match, std::string_view etag) {
    while (!if_none_match.empty()) {
        const auto comma = std::min(if_none_match.find(','), if_none_match.size());
        auto tag = base::trimmed(if_none_match.substr(0, comma));
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (tag == etag || tag == "*") return true;
        if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
    }
    return false;
}

}  // namespace

std::optional<Answer> file_answer(std::span<const PageFile> files, const Request& request) {
    const auto file = std::ranges::find(files, path_of(request.target), &PageFile::path);
    if (file == files.end()) return std::nullopt;
    if (request.method != "GET") {
        auto answer = refusal(405, "the page can only be looked at (use GET)");
        answer.allow = "GET";
        return answer;
    }
    Answer answer{.type = file->type};
    // A new program has a new page at once.
    answer.fields = {{"Cache-Control", "no-cache"},
                     {"ETag", file->etag},
                     {"Content-Security-Policy", policy},
                     {"Referrer-Policy", "no-referrer"},
                     {"Cross-Origin-Opener-Policy", "same-origin"}};
    if (is_known(request.if_none_match, file->etag)) {
        answer.status = 304;
        return answer;
    }
    // Every browser that can run the page takes it.
    answer.fields.emplace_back("Content-Encoding", "gzip");
    answer.body = file->bytes;
    return answer;
}

}  // namespace ballast::admin
