// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::admin {

constexpr std::size_t header_bytes_max = 8UL * 1024;
constexpr std::size_t body_bytes_max = 64UL * 1024;

struct Request {
    std::string method;
    std::string target;  ///< as it was sent, percent-encoded
    std::string body;
    bool keep_alive = false;
};

inline constexpr std::string_view json_type = "application/json";

struct Answer {
    unsigned status = 200;
    std::string body;
    std::string_view type = json_type;  ///< of the body
    std::string allow = {};             ///< the methods of this route, for 405
};

/// A problem document (RFC 9457). `what` says what is wrong and what would be right. `members` are
/// further ones, as JSON: `"applied":false`.
[[nodiscard]] Answer refusal(unsigned status, std::string_view what, std::string_view members = {});

/// Finds the requests of a connection in its bytes. No I/O and no clock.
class RequestReader {
public:
    RequestReader();
    ~RequestReader();
    RequestReader(const RequestReader&) = delete;
    RequestReader& operator=(const RequestReader&) = delete;

    /// Takes bytes from the front of `received`. Empty: more are needed, to be appended. An answer:
    /// this is no request; send the answer and close.
    [[nodiscard]] std::expected<std::optional<Request>, Answer> next(std::string& received);
    /// Whether bytes of an incomplete request were taken.
    [[nodiscard]] bool has_begun() const;

private:
    struct Parser;  // hides the HTTP library
    std::unique_ptr<Parser> parser_;
};

/// The answer as HTTP/1.1.
[[nodiscard]] std::string to_text(Answer answer, bool keep_alive);

}  // namespace ballast::admin
