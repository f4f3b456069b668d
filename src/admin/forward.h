// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/asked.h"
#include "admin/route.h"
#include "loop/task.h"

#include <string>

/// Requests that other nodes answer.
namespace ballast::admin {

/// Whether a request without a node's name may have to be answered by another than this one.
[[nodiscard]] bool has_other_nodes(const Desk& desk);
/// The name of this one.
[[nodiscard]] std::string own_node(const Desk& desk);

/// What that node answers, which is another one than this.
[[nodiscard]] loop::Task<Answer> ask_node(Desk& desk, std::string node, const Route& route,
                                          Asked asked);
/// The lists of all nodes as one. Pages go on from node to node.
[[nodiscard]] loop::Task<Answer> ask_all_nodes(Desk& desk, const Route& route, Call call,
                                               Asked asked);
/// Asks the other nodes for what is not here, at once. `own` is this node's answer: it holds if no
/// other one has it.
[[nodiscard]] loop::Task<Answer> ask_where_it_is(Desk& desk, const Route& route, Asked asked,
                                                 Answer own);

/// What this node itself answers.
[[nodiscard]] loop::Task<Answer> answer_here(Desk& desk, const Route& route, Call call);

}  // namespace ballast::admin
