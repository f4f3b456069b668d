// SPDX-License-Identifier: Apache-2.0
#include "admin/forward.h"

#include "admin/list.h"
#include "admin/target.h"
#include "config/spelling.h"
#include "loop/job.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <memory>
#include <utility>
#include <vector>

namespace ballast::admin {

namespace {

namespace json = boost::json;
using std::string_view;

std::vector<std::string> node_names(const Desk& desk) {
    std::vector<std::string> names;
    for (auto& each : desk.actions.nodes()) names.push_back(std::move(each.name));
    return names;
}

std::string listed(const std::vector<std::string>& names) {
    return config::listed(std::vector<string_view>(names.begin(), names.end()));
}

Answer no_such_node(string_view node, const std::vector<std::string>& names) {
    if (names.size() < 2)
        return refusal(404, fmt::format("there is no node {}: this Ballast knows no other (see "
                                        "cluster.store)",
                                        config::in_quotes(node)));
    return refusal(
        404, fmt::format("there is no node {} (use {})", config::in_quotes(node), listed(names)));
}

/// A node and what it answers.
struct Reply {
    std::string node;
    std::optional<Answer> answer = {};
};

loop::Task<> ask_into(Desk& desk, const Route& route, Asked asked, Reply& into) {
    into.answer = co_await ask_node(desk, into.node, route, std::move(asked));
}

/// An object with a member in front.
std::string with_node(string_view object, string_view node) {
    constexpr string_view empty = "{}";
    return fmt::format(R"({{"node":{}{}{})", json_of(node), object == empty ? "" : ",",
                       object.substr(1));
}

/// Why a node has not answered, as it says itself.
std::string detail_of(const Answer& answer) {
    boost::system::error_code error;
    const auto value = json::parse(answer.body, error);
    const auto* const object = value.if_object();
    const auto* const detail = object != nullptr ? object->if_contains("detail") : nullptr;
    const auto* const text = detail != nullptr ? detail->if_string() : nullptr;
    return text != nullptr ? std::string(text->data(), text->size()) : std::string("no reason");
}

/// Lists of several nodes as one.
class MergedList {
public:
    explicit MergedList(string_view name) : body_(fmt::format(R"({{"{}":[)", name)), name_(name) {}

    /// Takes a node's page. Its "next", which is empty on the last one.
    std::string add(string_view node, const Answer& answer) {
        boost::system::error_code error;
        const auto value = json::parse(answer.body, error);
        const auto* const object = value.if_object();
        const auto* const member = object != nullptr ? object->if_contains(name_) : nullptr;
        const auto* const entries = member != nullptr ? member->if_array() : nullptr;
        if (entries == nullptr) {
            miss(node, refusal(502,
                               "its answer is not understood (do all nodes run the same "
                               "version?)"));
            return {};
        }
        for (const auto& each : *entries) {
            if (!each.is_object()) continue;
            if (count_++ > 0) body_ += ',';
            body_ += with_node(json::serialize(each), node);
        }
        is_answered_ = true;
        const auto* const next = object->if_contains("next");
        const auto* const text = next != nullptr ? next->if_string() : nullptr;
        return text != nullptr ? std::string(text->data(), text->size()) : std::string();
    }
    /// This node has no page.
    void miss(string_view node, Answer why) {
        missing_ += fmt::format(R"({}{{"node":{},"reason":{}}})", missing_.empty() ? "" : ",",
                                json_of(node), json_of(detail_of(why)));
        last_refusal_ = std::move(why);
    }
    [[nodiscard]] std::size_t count() const { return count_; }
    /// If nobody has a list, the answer is a refusal.
    [[nodiscard]] Answer answer(string_view next) && {
        if (!is_answered_ && !last_refusal_.body.empty()) return std::move(last_refusal_);
        body_ += ']';
        if (!missing_.empty()) body_ += fmt::format(R"(,"unanswered":[{}])", missing_);
        if (!next.empty()) body_ += R"(,"next":)" + json_of(next);
        body_ += '}';
        return {.body = std::move(body_)};
    }

private:
    std::string body_;
    const string_view name_;
    std::size_t count_ = 0;
    bool is_answered_ = false;
    std::string missing_;
    Answer last_refusal_;
};

}  // namespace

bool has_other_nodes(const Desk& desk) { return desk.actions.nodes().size() > 1; }

std::string own_node(const Desk& desk) {
    for (auto& each : desk.actions.nodes())
        if (each.is_self) return std::move(each.name);
    return {};
}

loop::Task<Answer> answer_here(Desk& desk, const Route& route, Call call) {
    if (const auto* const handler = std::get_if<Route::AtOnce>(&route.handler))
        co_return (*handler)(desk, call);
    co_return co_await std::get<Route::InTime>(route.handler)(desk, std::move(call));
}

loop::Task<Answer> ask_node(Desk& desk, std::string node, const Route& route, Asked asked) {
    if (route.type == stream_type)
        co_return refusal(400, fmt::format("{} of another node cannot be followed from here "
                                           "(connect to that node)",
                                           route.path));
    const auto names = node_names(desk);
    if (std::ranges::find(names, node) == names.end()) co_return no_such_node(node, names);
    const auto text = co_await desk.actions.ask_node(node, to_text(asked), route.patience);
    if (!text)
        co_return refusal(504, fmt::format("node {} does not answer: {} (see `ballast nodes`)",
                                           config::in_quotes(node), base::to_string(text.error())));
    auto answer = answer_from(*text, route.type);
    if (answer) co_return std::move(*answer);
    co_return refusal(502, fmt::format("the answer of node {} is not understood (do both run the "
                                       "same version?)",
                                       config::in_quotes(node)));
}

loop::Task<Answer> ask_all_nodes(Desk& desk, const Route& route, Call call, Asked asked) {
    if (route.list.empty())
        co_return refusal(400, "only lists can be had from all nodes at once (name one node)");
    auto names = node_names(desk);
    std::ranges::sort(names);
    // A page ends at a node, and perhaps within it: NODE/NEXT, where NEXT is that node's.
    auto after = std::exchange(call.query["after"], {});
    const auto slash = std::min(after.find('/'), after.size());
    std::erase_if(names, [&](const auto& name) { return name < after.substr(0, slash); });
    after = after.substr(std::min(slash + 1, after.size()));
    const auto limit = call.query.contains("limit")
                           ? base::parse_number<std::size_t>(call.query["limit"])
                           : std::nullopt;
    const auto self = own_node(desk);
    MergedList merged(route.list);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (limit && merged.count() >= *limit && merged.count() > 0)
            co_return std::move(merged).answer(names[i] + '/');
        if (merged.count() >= page_max) co_return std::move(merged).answer(names[i] + '/');
        auto part = call;
        part.query["after"] = std::exchange(after, {});
        if (part.query["after"].empty()) part.query.erase("after");
        if (limit && *limit > 0) part.query["limit"] = fmt::to_string(*limit - merged.count());
        asked.target = target_with(asked.target, part.query);
        auto answer = names[i] == self ? co_await answer_here(desk, route, std::move(part))
                                       : co_await ask_node(desk, names[i], route, asked);
        if (answer.status == 400) co_return answer;  // all would say the same
        if (answer.status != 200) {
            merged.miss(names[i], std::move(answer));
            continue;
        }
        if (const auto next = merged.add(names[i], answer); !next.empty())
            co_return std::move(merged).answer(fmt::format("{}/{}", names[i], next));
    }
    co_return std::move(merged).answer({});
}

loop::Task<Answer> ask_where_it_is(Desk& desk, const Route& route, Asked asked, Answer own) {
    loop::Signal ended(desk.loop);
    std::vector<std::unique_ptr<Reply>> replies;
    for (const auto& each : desk.actions.nodes())
        if (!each.is_self) replies.push_back(std::make_unique<Reply>(Reply{each.name}));
    std::vector<loop::Job> jobs;
    jobs.reserve(replies.size());
    for (const auto& reply : replies)
        jobs.push_back(loop::Job::start(ask_into(desk, route, asked, *reply), &ended));
    for (;;) {
        std::size_t open = 0;
        std::vector<std::string> silent;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (!jobs[i].is_done()) {
                ++open;
                continue;
            }
            auto& answer = *replies[i]->answer;
            if (answer.status == 200) answer.body = with_node(answer.body, replies[i]->node);
            constexpr unsigned gateway_errors = 502;  // and those above: it has not answered
            if (answer.status == 404) continue;
            if (answer.status < gateway_errors) co_return std::move(answer);
            silent.push_back(replies[i]->node);
        }
        if (open == 0 && silent.empty()) co_return own;
        if (open == 0)
            co_return refusal(404, fmt::format("{}. It may be at {}, where nobody answers",
                                               detail_of(own), fmt::join(silent, ", ")));
        (void)co_await ended.wait(loop::never);
    }
}

}  // namespace ballast::admin
