// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/explain.h"
#include "base/error.h"
#include "daemon/worker.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "session/stories.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ballast::daemon {

/// Finds the stories of sessions: the running ones at their workers, the ended ones where they are
/// kept. Long searches take turns with everything else on the thread. Belongs to the control
/// thread, and outlives its tasks.
class Explainer {
public:
    /// All of them outlive it.
    Explainer(loop::Loop& control, const std::vector<std::unique_ptr<Worker>>& workers,
              const session::Stories& stories)
        : control_(control), workers_(workers), stories_(stories) {}

    /// Empty: there is no story of this session. An error: a worker does not answer.
    [[nodiscard]] loop::Task<base::Result<std::optional<admin::SessionStory>>> story(
        std::string session);
    /// At most `max` stories, the running ones first. With `from`, the `next` of a former result,
    /// only ended ones.
    [[nodiscard]] loop::Task<base::Result<admin::FoundStories>> find(session::StoryQuery query,
                                                                     std::size_t max,
                                                                     std::uint64_t from);

private:
    [[nodiscard]] loop::Task<base::Result<std::vector<session::StorySummary>>> find_running(
        session::StoryQuery query);
    [[nodiscard]] std::optional<admin::SessionStory> ended(const std::string& session) const;

    loop::Loop& control_;
    const std::vector<std::unique_ptr<Worker>>& workers_;
    const session::Stories& stories_;
};

}  // namespace ballast::daemon
