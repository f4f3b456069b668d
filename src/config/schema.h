// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ballast::config {

/// The form of a configuration as a JSON Schema (draft 2020-12), for editors and for programs that
/// write one; from the table that `load` reads by. What a schema cannot say, `load` does: every
/// configuration that loads fits the schema, but not the other way round.
[[nodiscard]] std::string schema();

}  // namespace ballast::config
