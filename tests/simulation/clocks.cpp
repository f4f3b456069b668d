// SPDX-License-Identifier: Apache-2.0
#include "simulation/clocks.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <utility>

namespace ballast::simulation {

class Clocks::Clock final : public loop::Loop {
public:
    Clock(const Clocks& all, loop::Time::duration ahead) : all_(all), ahead_(ahead) {}

    [[nodiscard]] loop::Time now() const override { return all_.now_ + ahead_; }
    void post(std::move_only_function<void()> work) override { posted_.push_back(std::move(work)); }

    /// False: there was nothing to do.
    bool turn() {
        expire(now());
        if (!has_raised() && posted_.empty()) return false;
        for (auto& work : std::exchange(posted_, {})) work();
        resume_raised();
        return true;
    }
    /// In true time.
    [[nodiscard]] loop::Time next() const {
        return next_deadline() == loop::never ? loop::never : next_deadline() - ahead_;
    }

private:
    const Clocks& all_;
    const loop::Time::duration ahead_;
    std::vector<std::move_only_function<void()>> posted_;
};

Clocks::Clocks() = default;
Clocks::~Clocks() = default;

loop::Loop& Clocks::add(loop::Time::duration ahead) {
    return *all_.emplace_back(std::make_unique<Clock>(*this, ahead));
}

void Clocks::settle() {
    constexpr int turns_max = 1'000'000;
    for (int turns = 0; turns < turns_max; ++turns) {
        bool is_busy = false;
        for (const auto& each : all_) is_busy |= each->turn();
        if (!is_busy) return;
    }
    throw std::runtime_error("a loop spins");
}

void Clocks::run_for(loop::Time::duration duration) {
    const auto until = now_ + duration;
    for (;;) {
        settle();
        auto next = loop::never;
        for (const auto& each : all_) next = std::min(next, each->next());
        if (next > until) break;
        now_ = std::max(now_, next);
    }
    now_ = until;
}

}  // namespace ballast::simulation
