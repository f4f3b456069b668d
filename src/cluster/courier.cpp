// SPDX-License-Identifier: Apache-2.0
#include "cluster/courier.h"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

namespace ballast::cluster {

namespace {

using std::chrono::milliseconds;

/// At once, of all nodes.
constexpr std::size_t answering_max = 64;
/// Of messages that wait for the store.
constexpr std::size_t due_bytes_max = 16UL << 20;
/// The store takes at most some MiB at once.
constexpr std::size_t taken_bytes_max = 512UL << 10;
constexpr auto patience_max = std::chrono::minutes(2);

bool is_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

base::Error no_answer(const std::string& node, std::string_view problem, std::errc code) {
    return {.fault = base::Fault::backend,
            .code = std::make_error_code(code),
            .doing = fmt::format("asking node {}{}{}", node, problem.empty() ? "" : ": ", problem)};
}

/// On a list while it lives.
template <typename Value>
class Listed {
public:
    Listed(std::list<Value*>& all, Value& value)
        : all_(all), place_(all.insert(all.end(), &value)) {}
    ~Listed() { all_.erase(place_); }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;

private:
    std::list<Value*>& all_;
    typename std::list<Value*>::iterator place_;
};

}  // namespace

loop::Task<base::Result<std::string>> Courier::ask(std::string node, std::string question,
                                                   loop::Time::duration patience) {
    if (!exchange_.state().is_reachable)
        co_return std::unexpected(no_answer(node, "the store is away", std::errc::not_connected));
    if (question.size() > question_bytes_max)
        co_return std::unexpected(no_answer(node, "", std::errc::message_size));
    if (!is_name(node))
        co_return std::unexpected(
            no_answer(node, "no node has such a name", std::errc::invalid_argument));
    const auto deadline = exchange_.loop().after(patience);
    Asked asked(exchange_.loop());
    asked.node = node;
    asked.number = ++numbers_;
    const Listed listed(asked_, asked);

    Fields fields;
    fields.add("number", asked.number);
    fields.add("until", exchange_.clock().at(deadline).count());
    fields.add("question", question);
    send(node, fields, true);
    while (!asked.is_whole && asked.problem.empty())
        if (!co_await asked.signal.wait(deadline))
            co_return std::unexpected(no_answer(node, "", std::errc::timed_out));
    if (!asked.problem.empty())
        co_return std::unexpected(no_answer(node, asked.problem, std::errc::not_connected));
    co_return std::move(asked.answer);
}

void Courier::send(std::string to, const Fields& fields, bool is_question) {
    due_.push_back({.to = std::move(to), .body = fields.bytes(), .is_question = is_question});
    due_bytes_ += due_.back().body.size();
    exchange_.hurry();
}

void Courier::hear(const Message& message) {
    const auto fields = Fields::parse(message.body);
    if (!fields) return;
    if (!fields->all("question").empty())
        hear_question(message.node, *fields);
    else
        hear_answer(message.node, *fields);
}

void Courier::hear_question(const std::string& from, const Fields& fields) {
    const auto number = fields.number<std::uint64_t>("number");
    const auto until = fields.number<milliseconds::rep>("until");
    const auto now = exchange_.clock().now();
    if (!number || !until || milliseconds(*until) <= now ||
        milliseconds(*until) > now + patience_max)
        return;
    tidy();
    if (answering_.size() >= answering_max) return;
    // The asker draws its numbers anew when it starts: the same number with another `until` is
    // another question.
    if (!heard_.emplace(fmt::format("{}\n{}\n{}", from, *number, *until), exchange_.loop().now())
             .second)
        return;
    answering_.push_back(
        {.until = milliseconds(*until),
         .job = loop::Job::start(answer(from, *number, std::string(fields.text("question"))))});
}

loop::Task<> Courier::answer(std::string to, std::uint64_t number, std::string question) {
    auto text = co_await answer_(std::move(question));
    // One byte too many tells the asker that it is too long.
    if (text.size() > answer_bytes_max) text.resize(answer_bytes_max + 1);
    if (due_bytes_ + text.size() > due_bytes_max) co_return;
    std::uint64_t part = 0;
    std::string_view rest = text;
    do {
        const auto bytes = rest.substr(0, part_bytes_max);
        rest.remove_prefix(bytes.size());
        Fields fields;
        fields.add("number", number);
        fields.add("part", part++);
        fields.add("answer", bytes);
        if (rest.empty()) fields.add("last", 1);
        send(to, fields, false);
    } while (!rest.empty());
}

void Courier::hear_answer(const std::string& from, const Fields& fields) {
    const auto number = fields.number<std::uint64_t>("number");
    const auto part = fields.number<std::uint64_t>("part");
    const auto found = std::ranges::find_if(
        asked_, [&](const Asked* each) { return each->node == from && each->number == number; });
    // A part may come twice.
    if (found == asked_.end() || part != (*found)->parts) return;
    auto& asked = **found;
    ++asked.parts;
    asked.answer.append(fields.text("answer"));
    asked.is_whole = !fields.text("last").empty();
    if (asked.answer.size() > answer_bytes_max) asked.problem = "its answer is longer than 8 MiB";
    if (asked.is_whole || !asked.problem.empty()) asked.signal.raise();
}

/// Answers may have been lost with the store's news.
void Courier::opened() {
    std::erase_if(due_, [&](const auto& each) {
        if (each.is_question) due_bytes_ -= each.body.size();
        return each.is_question;
    });
    for (auto* const each : asked_) {
        each->problem = "the store was away meanwhile: it may have been done";
        each->signal.raise();
    }
}

void Courier::beat() {
    const auto now = exchange_.loop().now();
    std::erase_if(heard_, [&](const auto& each) { return now - each.second > 2 * patience_max; });
    tidy();
}

void Courier::tidy() {
    const auto now = exchange_.clock().now();
    std::erase_if(answering_,
                  [&](const auto& each) { return each.job.is_done() || each.until <= now; });
}

std::vector<News> Courier::take(std::size_t max) {
    std::vector<News> taken;
    for (std::size_t bytes = 0; !due_.empty() && taken.size() < max && bytes < taken_bytes_max;) {
        auto& due = due_.front();
        bytes += due.body.size();
        due_bytes_ -= due.body.size();
        taken.emplace_back(Message{.node = exchange_.node(),
                                   .kind = fmt::format("{}/{}", name(), due.to),
                                   .body = std::move(due.body)});
        due_.pop_front();
    }
    return taken;
}

}  // namespace ballast::cluster
