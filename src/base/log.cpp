// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <mutex>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

namespace ballast::log {

namespace {

constexpr std::size_t queued_lines_max = 8192;

/// A file that lines are appended to whole, and that can be opened anew while it is written.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    explicit FileSink(std::string path) : path_(std::move(path)) {}
    ~FileSink() override { close_file(); }
    FileSink(const FileSink&) = delete;
    FileSink& operator=(const FileSink&) = delete;

    bool open() {
        const std::lock_guard lock(mutex_);
        if (path_.empty()) return true;
        const int opened =
            ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);  // NOLINT
        if (opened < 0) return false;
        close_file();
        descriptor_ = opened;
        return true;
    }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        line_.assign(message.payload.data(), message.payload.size());
        line_ += '\n';
        std::string_view rest = line_;
        while (!rest.empty()) {
            const auto written = ::write(descriptor_, rest.data(), rest.size());
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) return;  // a full disk or a closed pipe must not end the daemon
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    void flush_() override {}
    void close_file() {
        if (descriptor_ != STDERR_FILENO) ::close(descriptor_);
    }

    std::string path_;
    std::string line_;
    int descriptor_ = STDERR_FILENO;
};

struct Output {
    std::shared_ptr<FileSink> sink;
    std::shared_ptr<spdlog::async_logger> logger;
};

struct State {
    Options options;
    std::shared_ptr<spdlog::details::thread_pool> writer;
    Output main;
    std::map<std::string, Output, std::less<>> files;
};

std::unique_ptr<State> state;               // set before threads start, cleared after they ended
std::atomic<Level> level_now{Level::info};  // read on hot paths

std::shared_ptr<spdlog::async_logger> logger_on(const std::shared_ptr<FileSink>& sink) {
    auto logger = std::make_shared<spdlog::async_logger>(
        "", sink, state->writer, spdlog::async_overflow_policy::overrun_oldest);
    logger->set_level(spdlog::level::trace);
    return logger;
}

std::string_view name_of(Level level) {
    switch (level) {
        case Level::error: return "error";
        case Level::warning: return "warning";
        case Level::info: return "info";
        case Level::debug: return "debug";
    }
    return "?";
}

std::string time_now() {
    const auto now = std::chrono::system_clock::now();
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() %
        1'000'000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, micros);
}

/// Length of the valid UTF-8 sequence at the front, 0 if there is none.
std::size_t utf8_length(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned char first = at(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xc0) != 0x80) return 0;
    // Overlong forms, surrogates and what lies above U+10FFFF.
    if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f)) return 0;
    if ((first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f)) return 0;
    return length;
}

void append_json(std::string& out, const Field& field) {
    out += json_string(field.name);
    out += ':';
    std::visit(
        [&](const auto& value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>)
                out += json_string(value);
            else
                fmt::format_to(std::back_inserter(out), "{}", value);
        },
        field.value);
}

void append_text(std::string& out, const Field& field) {
    fmt::format_to(std::back_inserter(out), " {}=", field.name);
    std::visit(
        [&](const auto& value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
                const bool plain =
                    !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos;
                const auto quoted = json_string(value);
                out += plain && quoted.size() == value.size() + 2 ? std::string(value) : quoted;
            } else {
                fmt::format_to(std::back_inserter(out), "{}", value);
            }
        },
        field.value);
}

}  // namespace

bool start(const Options& options) {
    state = std::make_unique<State>();
    state->options = options;
    state->writer = std::make_shared<spdlog::details::thread_pool>(queued_lines_max, 1);
    state->main.sink = std::make_shared<FileSink>(options.file);
    if (!state->main.sink->open()) {
        state.reset();
        return false;
    }
    state->main.logger = logger_on(state->main.sink);
    level_now = options.level;
    return true;
}

void stop() {
    if (!state) return;
    if (const auto lost = state->writer->overrun_counter(); lost > 0)
        warning("log lines were lost, the disk is too slow", {{"lines", std::uint64_t{lost}}});
    state->writer.reset();  // joins it after it has emptied its queue, before its files close
    state.reset();
}

bool enabled(Level level) { return state && level <= level_now.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, std::span<const Field> fields) {
    if (!enabled(level)) return;
    std::string line;
    if (state->options.json) {
        line = "{\"time\":" + json_string(time_now());
        line += ",\"level\":" + json_string(name_of(level));
        line += ",\"message\":" + json_string(message);
        for (const auto& field : fields) append_json(line += ',', field);
        line += '}';
    } else {
        line = fmt::format("{} {:7} {}", time_now(), name_of(level), message);
        for (const auto& field : fields) append_text(line, field);
    }
    state->main.logger->log(spdlog::level::info, spdlog::string_view_t(line));
}

bool open_file(std::string_view name, const std::string& path) {
    auto sink = std::make_shared<FileSink>(path);
    if (!sink->open()) return false;
    state->files[std::string(name)] = {sink, logger_on(sink)};
    return true;
}

bool has_file(std::string_view name) { return state && state->files.contains(name); }

void write_line(std::string_view name, std::string_view line) {
    if (!state) return;
    const auto found = state->files.find(name);
    if (found == state->files.end()) return;
    found->second.logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void reopen() {
    if (!state) return;
    if (!state->main.sink->open()) error("the log file cannot be opened anew, the old one stays");
    for (const auto& [name, output] : state->files)
        if (!output.sink->open())
            error("a log file cannot be opened anew, the old one stays",
                  {{"log", std::string_view(name)}});
}

std::string json_string(std::string_view bytes) {
    std::string out = "\"";
    while (!bytes.empty()) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        const auto length = utf8_length(bytes);
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += bytes.front();
        } else if (length == 0 || byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else {
            out += bytes.substr(0, length);
        }
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out += '"';
}

std::string json_object(std::initializer_list<Field> fields) {
    std::string out = "{";
    for (const auto& field : fields) {
        if (out.size() > 1) out += ',';
        append_json(out, field);
    }
    return out += '}';
}

}  // namespace ballast::log
