// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "session/context.h"

namespace ballast::session {

/// How to reach the assignment's backend for this client, with the PROXY header that its pool
/// requires.
[[nodiscard]] backend::Contact contact_of(const Context& context, const Assignment& assignment);

}  // namespace ballast::session
