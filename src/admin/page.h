// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/http.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

/// The page that browsers show: a few files in the program, the same for everybody. What operators
/// see in it comes from the API.
namespace ballast::admin {

/// Everything that the page consists of. Whoever may connect may have it: it tells nothing.
inline constexpr std::array<std::string_view, 4> page_paths = {"/", "/page.js", "/page.css",
                                                               "/icon.svg"};

struct PageFile {
    std::string_view path;  ///< one of `page_paths`
    std::string_view type;
    std::string_view etag;   ///< with its quotes
    std::string_view bytes;  ///< compressed with gzip, as they are sent
};
/// Those that web/CMakeLists.txt has made. Only programs that link ballast_page have them.
[[nodiscard]] std::span<const PageFile> page_files();

/// A target's path, without its query.
[[nodiscard]] constexpr std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}
[[nodiscard]] constexpr bool is_of_page(std::string_view target) {
    return std::ranges::find(page_paths, path_of(target)) != page_paths.end();
}

/// The answer with this file; empty: none has the request's path.
[[nodiscard]] std::optional<Answer> file_answer(std::span<const PageFile> files,
                                                const Request& request);

}  // namespace ballast::admin
