// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "admin/history.h"
#include "admin/http.h"
#include "admin/states.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ballast::admin {

/// What handlers work with. Belongs to the control thread.
struct Desk {
    loop::Loop& loop;
    Actions actions;
    StateKeeper states;
    std::string socket = {};  ///< the Unix socket of this process; empty: it has none
    History history = {};
};

/// A request that fits its route.
struct Call {
    std::vector<std::string> names;                         ///< of the path, in its order
    std::map<std::string, std::string, std::less<>> query;  ///< only keys that the route has
    /// The body's only member; `monostate`: there is no body.
    std::variant<std::monostate, std::string, std::uint64_t, bool, std::nullptr_t> value;
    std::string last_event_id = {};  ///< of a stream that the client has had; empty: none
    Rights rights = {};
};

/// A key of the query.
struct Parameter {
    std::string name;
    std::string help;
};

/// A body is an object with one member.
struct Body {
    enum class Type : std::uint8_t { text, number, number_or_null, flag };
    std::string_view member;
    Type type;
    std::string_view help;
    std::string_view example;  ///< of a whole body
    bool is_optional = false;
    std::span<const std::string_view> values = {};  ///< of a text; empty: any
};

/// The parts of an API by HTTP that its description (OpenAPI) is made of, too.
struct Route {
    using AtOnce = Answer (*)(Desk&, const Call&);
    using InTime = loop::Task<Answer> (*)(Desk&, Call);

    std::string_view method;
    std::string_view path;     ///< "{...}" stands for any segment
    std::string_view summary;  ///< one sentence
    std::variant<AtOnce, InTime> handler;
    /// JSON Schema of the answer 200; null: not JSON, see `type`.
    std::string (*schema)() = nullptr;
    std::vector<Parameter> (*parameters)() = nullptr;  ///< null: none
    const Body* body = nullptr;                        ///< null: none
    std::string_view type = json_type;                 ///< of the answer
    std::string_view list = {};  ///< the member of the answer that is a list; empty: none
    /// What the path names is at one node alone. If it is not here, the others are asked.
    bool is_at_one_node = false;
    std::chrono::seconds patience = std::chrono::seconds(10);  ///< for another node's answer
};

}  // namespace ballast::admin
