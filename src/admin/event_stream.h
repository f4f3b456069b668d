// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/feed.h"
#include "events/bus.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace ballast::admin {

/// Server-sent events (HTML, 9.2): what happens from now on, and before it what is kept since the
/// last event that the client has seen. Belongs to the control thread.
class EventStream final : public Feed {
public:
    static constexpr auto heartbeat = std::chrono::seconds(15);

    /// `last_id` is the client's Last-Event-ID; empty: nothing that is kept is sent. The loop
    /// outlives the stream.
    EventStream(loop::Loop& loop, events::Filter filter, const std::optional<std::string>& last_id);

    void attach(loop::Signal* signal) override { waiting_->signal = signal; }
    [[nodiscard]] bool take(std::string& into) override;
    [[nodiscard]] loop::Deadline due() const override { return due_; }

private:
    /// Outlives the stream in work that is posted to the loop.
    struct Waiting {
        loop::Signal* signal = nullptr;
    };

    loop::Loop& loop_;
    std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
    events::Subscriber subscriber_;
    loop::Deadline due_;
    bool has_begun_ = false;
};

}  // namespace ballast::admin
