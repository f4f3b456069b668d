// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/api.h"
#include "admin/http.h"
#include "base/owned_fd.h"
#include "loop/job.h"
#include "loop/worker_loop.h"

#include <chrono>
#include <string>
#include <sys/types.h>

namespace ballast::admin {

/// How long operators may keep Ballast waiting.
struct Patience {
    /// For a whole request to arrive, and for its answer to be taken.
    loop::Time::duration request = std::chrono::seconds(10);
    /// The same, if other connections wait for a place.
    loop::Time::duration crowded = std::chrono::milliseconds(100);
};

/// One operator's connection, until either side ends it. Belongs to the control thread.
class Connection {
public:
    /// Answers at once what has arrived already. `ended` is raised at the end; `api` must live
    /// longer.
    Connection(loop::WorkerLoop& loop, loop::Descriptor descriptor, Api& api,
               loop::Time::duration patience, loop::Signal& ended);

    /// Logs an exception that ended it.
    [[nodiscard]] bool has_ended() const;
    /// Since when it has been the client's turn; `never` while a request is worked on.
    [[nodiscard]] loop::Time waits_since() const { return waits_since_; }

private:
    [[nodiscard]] loop::Task<> run(Api& api);
    [[nodiscard]] loop::Task<bool> receive(loop::Deadline deadline);
    [[nodiscard]] loop::Task<bool> send(std::string text);
    void note(const Request& request, unsigned status) const;

    const loop::Time::duration patience_;
    loop::Signal signal_;
    loop::Descriptor descriptor_;
    RequestReader reader_;
    std::string received_;
    uid_t user_;
    loop::Time waits_since_;
    loop::Job job_;
};

}  // namespace ballast::admin
