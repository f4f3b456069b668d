// SPDX-License-Identifier: Apache-2.0
#include "metrics/backend_figures.h"

#include <exception>

namespace ballast::metrics {

std::string_view to_string(BackendError error) {
    switch (error) {
        case BackendError::connect: return "connect";
        case BackendError::tls: return "tls";
        case BackendError::greeting: return "greeting";
        case BackendError::full: return "full";
        case BackendError::login: return "login";
        case BackendError::lost: return "lost";
        case BackendError::data: return "data";
    }
    std::terminate();
}

std::string_view to_string(ProbeResult result) {
    switch (result) {
        case ProbeResult::passed: return "passed";
        case ProbeResult::failed: return "failed";
        case ProbeResult::not_made: return "not_made";
    }
    std::terminate();
}

std::uint64_t BackendFigures::bytes_in_all() const {
    std::uint64_t sum = 0;
    for (const auto direction : all_directions) sum += bytes_of(direction);
    return sum;
}

}  // namespace ballast::metrics
