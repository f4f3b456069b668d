// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "cluster/exchange.h"
#include "cluster/fields.h"
#include "cluster/topic.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "loop/task.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cluster {

/// Takes questions of operators from one node to another, and the answers back. A question is
/// answered once, and not at all when it is older than its patience: a store that repeats or delays
/// messages does not kill a session twice.
class Courier final : public Topic {
public:
    /// What this node answers to a question of another one.
    using Answer = std::function<loop::Task<std::string>(std::string question)>;
    /// `first_number` is drawn at random: what is left of a former process answers nothing.
    Courier(Exchange& exchange, Answer answer, std::uint64_t first_number)
        : exchange_(exchange), answer_(std::move(answer)), numbers_(first_number) {}

    /// An error if no answer came in time, or the store is away.
    [[nodiscard]] loop::Task<base::Result<std::string>> ask(std::string node, std::string question,
                                                            loop::Time::duration patience);

    /// Before what answers ends.
    void stop_answering() { answering_.clear(); }

    [[nodiscard]] std::string_view name() const override { return "courier"; }
    [[nodiscard]] bool has_table() const override { return false; }
    void hear(const Message& message) override;
    void opened() override;
    void beat() override;
    [[nodiscard]] std::vector<News> take(std::size_t max) override;

    static constexpr std::size_t question_bytes_max = 256UL << 10;
    static constexpr std::size_t answer_bytes_max = 8UL << 20;
    /// An answer is cut into parts. The store keeps the latest some thousand messages, whatever
    /// their size: so a part is small.
    static constexpr std::size_t part_bytes_max = 32UL << 10;

private:
    struct Asked {
        explicit Asked(loop::Loop& loop) : signal(loop) {}
        std::string node;
        std::uint64_t number = 0;
        std::string answer;
        std::uint64_t parts = 0;  // that have come
        bool is_whole = false;
        std::string problem;
        loop::Signal signal;
    };
    void hear_question(const std::string& from, const Fields& fields);
    void hear_answer(const std::string& from, const Fields& fields);
    [[nodiscard]] loop::Task<> answer(std::string to, std::uint64_t number, std::string question);
    struct Due {
        std::string to;
        std::string body;
        bool is_question = false;
    };
    void send(std::string to, const Fields& fields, bool is_question);
    void tidy();

    Exchange& exchange_;
    const Answer answer_;
    std::uint64_t numbers_;
    std::list<Asked*> asked_;
    std::map<std::string, loop::Time> heard_;  // questions, and when
    struct Answering {
        std::chrono::milliseconds until{};  ///< by the store's clock; then nobody waits for it
        loop::Job job;
    };
    std::list<Answering> answering_;
    std::deque<Due> due_;
    std::size_t due_bytes_ = 0;
};

}  // namespace ballast::cluster
