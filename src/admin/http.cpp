// SPDX-License-Identifier: Apache-2.0
#include "admin/http.h"

#include "base/json.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/ostream.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>
#include <sstream>
#include <utility>

namespace ballast::admin {

namespace http = boost::beast::http;

namespace {

constexpr unsigned http_1_1 = 11;

}  // namespace

struct RequestReader::Parser {
    Parser() {
        parser.header_limit(header_bytes_max);
        parser.body_limit(body_bytes_max);
        parser.eager(false);  // the header first, and then a look at it
    }
    http::request_parser<http::string_body> parser;
};

RequestReader::RequestReader() : parser_(std::make_unique<Parser>()) {}
RequestReader::~RequestReader() = default;

namespace {

Answer refused(const boost::beast::error_code& error) {
    if (error == http::error::header_limit)
        return refusal(431, fmt::format("the header is longer than {} bytes (make it shorter)",
                                        header_bytes_max));
    if (error == http::error::body_limit)
        return refusal(
            413, fmt::format("the body is longer than {} bytes (make it shorter)", body_bytes_max));
    return refusal(400, fmt::format("not an HTTP/1.1 request: {}", error.message()));
}

}  // namespace

Answer refusal(unsigned status, std::string_view what, std::string_view members) {
    const std::string_view title = http::obsolete_reason(http::int_to_status(status));
    return {.status = status,
            .body = fmt::format(
                R"({{"type":"about:blank","title":"{}","status":{},"detail":{}{}{}}})", title,
                status, base::json_string(what), members.empty() ? "" : ",", members),
            .type = problem_type};
}

std::expected<std::optional<Request>, Answer> RequestReader::next(std::string& received) {
    auto& parser = parser_->parser;
    while (!parser.is_done()) {
        if (received.empty()) return std::nullopt;
        boost::beast::error_code error;
        received.erase(0, parser.put(boost::asio::buffer(received), error));
        if (error == http::error::need_more) return std::nullopt;
        if (error) return std::unexpected(refused(error));
        // Beast 1.81 ends the process by an assertion if a last chunk comes byte by byte.
        if (parser.is_header_done() && parser.chunked())
            return std::unexpected(
                refusal(411, "a body in chunks is not taken (send it with Content-Length)"));
    }
    auto message = parser.release();
    parser_ = std::make_unique<Parser>();
    // RFC 9112 3.2
    if (message.count(http::field::host) > 1)
        return std::unexpected(refusal(400, "not an HTTP/1.1 request: Host comes more than once"));
    return Request{.method = std::string(message.method_string()),
                   .target = std::string(message.target()),
                   .body = std::move(message.body()),
                   .keep_alive = message.keep_alive() && message.version() >= http_1_1,
                   .takes_chunks = message.version() >= http_1_1,
                   .host = std::string(message[http::field::host]),
                   .origin = std::string(message[http::field::origin]),
                   .fetch_site = std::string(message["Sec-Fetch-Site"]),
                   .authorization = std::string(message[http::field::authorization]),
                   .last_event_id = std::string(message["Last-Event-ID"]),
                   .if_none_match = std::string(message[http::field::if_none_match])};
}

bool RequestReader::has_begun() const { return parser_->parser.got_some(); }

std::string header_of(const Answer& answer, BodyEnd end, bool keep_alive) {
    http::response_header<> header;
    header.version(http_1_1);
    header.result(answer.status);
    header.set(http::field::content_type, answer.type);
    header.set(http::field::cache_control, "no-store");
    // Answers contain names that peers have chosen.
    header.set("X-Content-Type-Options", "nosniff");
    if (!answer.allow.empty()) header.set(http::field::allow, answer.allow);
    if (!answer.challenge.empty()) header.set(http::field::www_authenticate, answer.challenge);
    for (const auto& [name, value] : answer.fields) header.set(name, value);
    if (!keep_alive) header.set(http::field::connection, "close");
    // RFC 9110 8.6: with 304 it would be the length of what is not sent.
    const bool has_length = end == BodyEnd::by_length && answer.status != 304;
    if (has_length) header.set(http::field::content_length, fmt::to_string(answer.body.size()));
    if (end == BodyEnd::by_chunks) header.set(http::field::transfer_encoding, "chunked");
    std::ostringstream text;
    text << header;
    return std::move(text).str();
}

std::string chunk(std::string_view part) {
    return fmt::format("{:x}\r\n{}\r\n", part.size(), part);
}

}  // namespace ballast::admin
