// SPDX-License-Identifier: Apache-2.0
#include "admin/http.h"
#include "demand.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace ballast::admin;

namespace {

/// What a connection's bytes mean: its requests, and the status of the refusal that ends them.
struct Meaning {
    std::vector<Request> requests;
    unsigned refused = 0;  ///< 0: none yet
};

/// The reader gets `piece` bytes at a time, as from a socket.
Meaning read(std::string_view input, std::size_t piece) {
    Meaning meaning;
    RequestReader reader;
    std::string received;
    while (meaning.refused == 0) {
        auto request = reader.next(received);
        if (!request) {
            demand(request.error().status >= 400 && !request.error().body.empty());
            meaning.refused = request.error().status;
        } else if (*request) {
            demand(!reader.has_begun());
            demand((*request)->body.size() <= body_bytes_max);
            meaning.requests.push_back(std::move(**request));
        } else if (input.empty()) {
            break;
        } else {
            received += input.substr(0, piece);
            input.remove_prefix(std::min(piece, input.size()));
        }
        // What is kept until a request is whole is bounded.
        demand(received.size() <= header_bytes_max + piece);
    }
    return meaning;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    // A limit may show a little earlier or later, by how the bytes come.
    constexpr std::size_t short_of_limits = 4096;
    const auto whole = read(input, size + 1);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
        const auto pieces = read(input, piece);
        if (size > short_of_limits) continue;
        // Beast may wait for the whole header before it refuses one that comes in pieces.
        demand(pieces.refused == whole.refused || pieces.refused == 0);
        demand(pieces.requests.size() == whole.requests.size());
        for (std::size_t i = 0; i < whole.requests.size(); ++i) {
            const auto& one = whole.requests[i];
            const auto& other = pieces.requests[i];
            demand(one.method == other.method && one.target == other.target);
            demand(one.body == other.body && one.keep_alive == other.keep_alive);
            demand(one.host == other.host && one.origin == other.origin);
            demand(one.authorization == other.authorization);
        }
    }
    // No answer to it can be taken for another one.
    for (const auto& request : whole.requests) {
        const auto answer = refusal(400, request.target);
        const auto header = header_of(answer, BodyEnd::by_length, request.keep_alive);
        demand(header.find("\r\n\r\n") == header.size() - 4);
    }
    return 0;
}
