// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/load.h"
#include "daemon/file_stamp.h"
#include "session/pools.h"

#include <vector>

namespace ballast::daemon {

/// The watched files of backends (`backends_file`). Belongs to the thread that watches files.
class BackendFiles {
public:
    /// The backends of this pool's file now, if it has one; what is wrong with it is added to
    /// `problems`.
    static std::vector<config::Backend> check(const config::Config& config,
                                              const config::Pool& pool,
                                              std::vector<config::Problem>& problems);

    explicit BackendFiles(const session::Pools& pools);
    /// To be called once a second. Loads the files that have changed and have been quiet since the
    /// last look, all at the first. One that is no good changes nothing and is logged.
    void look();

private:
    struct Watched {
        session::ServedPool pool;
        WatchedFile file;
        bool is_loaded = false;
    };
    std::vector<Watched> watched_;
};

}  // namespace ballast::daemon
