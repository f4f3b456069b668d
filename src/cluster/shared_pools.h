// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/pool.h"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace ballast::cluster {

/// The pools that this node serves, by name.
using SharedPools = std::map<std::string, std::shared_ptr<pool::Pool>, std::less<>>;

}  // namespace ballast::cluster
