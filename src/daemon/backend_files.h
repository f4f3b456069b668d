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
    /// The present backends of this pool's file, if it has one. Adds what is wrong with it to
    /// `problems`.
    static std::vector<config::Backend> check(const config::Config& config,
                                              const config::Pool& pool,
                                              std::vector<config::Problem>& problems);

    explicit BackendFiles(const session::Pools& pools);
    /// Call once a second. The first look loads all files; later ones load files that changed and
    /// were then stable for one look. A bad file changes nothing and is logged.
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
