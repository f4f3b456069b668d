// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "session/context.h"

namespace ballast::session {

/// How the backend of this assignment is reached for this client, with the PROXY header that its
/// pool wants.
[[nodiscard]] backend::Contact contact_of(const Context& context, const Assignment& assignment);

}  // namespace ballast::session
