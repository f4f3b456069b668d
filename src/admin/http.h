// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/feed.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::admin {

constexpr std::size_t header_bytes_max = 8UL * 1024;
constexpr std::size_t body_bytes_max = 64UL * 1024;

/// What whoever sends a request may do.
struct Rights {
    bool may_look = false;
    bool may_change = false;
    bool may_sign_in = false;  ///< a token would give what is missing
};

struct Request {
    std::string method;
    std::string target;  ///< as it was sent, percent-encoded
    std::string body = {};
    bool keep_alive = false;
    bool takes_chunks = false;  ///< HTTP/1.1
    // Empty: the header has no such field.
    std::string host = {};
    std::string origin = {};
    std::string fetch_site = {};  ///< Sec-Fetch-Site; only browsers send it
    std::string authorization = {};
    std::string last_event_id = {};
    std::string by = {};  ///< who asks, for the log of another node
    std::string if_none_match = {};
    Rights rights = {};  ///< as the gate has found
};

inline constexpr std::string_view json_type = "application/json";
inline constexpr std::string_view problem_type = "application/problem+json";  ///< RFC 9457
inline constexpr std::string_view stream_type = "text/event-stream";          ///< of a feed

struct Answer {
    unsigned status = 200;
    std::string body = {};
    std::string_view type = json_type;  ///< of the body
    std::string allow = {};             ///< the methods of this route, for 405
    std::string challenge = {};         ///< WWW-Authenticate, for 401
    /// Further fields of the header. They live as long as the program.
    std::vector<std::pair<std::string_view, std::string_view>> fields = {};
    /// What follows behind the body until either side ends; null: nothing.
    std::shared_ptr<Feed> feed = nullptr;
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

/// How a client knows where the body ends.
enum class BodyEnd : std::uint8_t {
    by_length,
    by_chunks,  ///< each part is a `chunk`, and `last_chunk` ends them (RFC 9112 7.1)
    by_close,
};
/// The header of the answer as HTTP/1.1, with the empty line. The body comes behind it.
[[nodiscard]] std::string header_of(const Answer& answer, BodyEnd end, bool keep_alive);
/// `part` must not be empty.
[[nodiscard]] std::string chunk(std::string_view part);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace ballast::admin
