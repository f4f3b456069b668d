// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ballast::config {

/// A JSON Schema (draft 2020-12) of the configuration, for editors and for programs that write
/// configurations. It comes from the same table as `load`. `load` checks more than a schema can
/// express: every configuration that loads fits the schema, but not the other way round.
[[nodiscard]] std::string schema();

}  // namespace ballast::config
