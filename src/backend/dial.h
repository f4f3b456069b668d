// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "net/network.h"

#include <memory>

namespace ballast::backend {

/// Like `Network::dial`, but ends at once if the administrator disables the backend: with the fault
/// `backend_refused`, which says nothing about its health. Waits on the given signal, which others
/// may raise too, and which is raised when the backend's state changes. `contact` must outlive the
/// task.
[[nodiscard]] loop::Task<base::Result<std::unique_ptr<net::Stream>>> dial(net::Network& network,
                                                                          const Contact& contact,
                                                                          net::Dial request,
                                                                          loop::Deadline deadline,
                                                                          loop::Signal& signal);

}  // namespace ballast::backend
