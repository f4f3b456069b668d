// SPDX-License-Identifier: Apache-2.0
#include "backend/knowledge.h"

namespace ballast::backend {

std::shared_ptr<const Survey> Known::survey() const {
    const std::lock_guard lock(mutex_);
    return survey_;
}

void Known::set_survey(Survey survey) {
    // A server with FEAT that does not list EPSV may still take it, but PASV works better with
    // those seen so far (JFileServer). A new survey also forgets an old refusal, because the server
    // may have been replaced.
    prefers_pasv_ = survey.answers_feat && !survey.features.has("EPSV");
    accepts_rest_ = false;
    refuses_rest_ = false;
    takes_several_ = false;
    passive_reached_ = 0;
    announces_size_ = false;
    noop_code_ = 0;
    takes_user_again_ = true;
    avoids_tls_1_3_until_ = 0;
    const std::lock_guard lock(mutex_);
    survey_ = std::make_shared<const Survey>(std::move(survey));
}

bool Known::accepts_rest() const {
    if (accepts_rest_) return true;
    const auto known = survey();
    return known && known->features.has_rest_stream();
}

std::optional<std::uint16_t> Known::noop_code() const {
    if (const auto learnt = noop_code_.load(); learnt != 0) return learnt;
    constexpr std::uint16_t usual = 200;
    const auto known = survey();
    return known ? known->noop_code : usual;
}

bool Known::knows_noop() const {
    if (noop_code_ != 0) return true;
    const auto known = survey();
    return known && known->noop_code;
}

std::shared_ptr<Known> Knowledge::of(std::uint64_t backend_id) {
    const std::lock_guard lock(mutex_);
    auto& known = known_[backend_id];
    if (!known) known = std::make_shared<Known>();
    return known;
}

}  // namespace ballast::backend
