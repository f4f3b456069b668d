// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include "base/owned_fd.h"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

namespace ballast::base {

namespace {

constexpr auto file_timeout = std::chrono::seconds(3);

struct Reads {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> late;  ///< paths that missed the timeout and still do not answer
    bool is_over = false;
};

Reads& reads() {
    // Never destroyed: a hung thread may return after static destruction has begun.
    static auto* const instance = new Reads;
    return *instance;
}

Error file_error(int code, std::string doing) {
    return {Fault::internal, std::error_code(code, std::system_category()), std::move(doing)};
}

std::string_view kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a folder";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

struct Content {
    WipedString bytes;
    std::string refused;  ///< why it was refused, instead of an errno
};

/// 0 or an errno.
int read_all(Content& content, int descriptor, const std::string& path, std::size_t bytes_max) {
    WipedString part;
    part.resize(65536);
    for (;;) {
        const auto count = ::read(descriptor, part.data(), part.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        if (count == 0) return 0;
        content.bytes.append_wiped(
            std::string_view(part).substr(0, static_cast<std::size_t>(count)));
        if (content.bytes.size() <= bytes_max) continue;
        content.refused = fmt::format("{} is larger than {} bytes", path, bytes_max);
        return 0;
    }
}

/// 0 or an errno.
int read_regular(Content& content, const std::string& path, std::size_t bytes_max) {
    const auto is_refused = [&](const struct stat& status) {
        if (S_ISREG(status.st_mode)) return false;
        content.refused =
            fmt::format("{} is {}, and must be a regular file", path, kind_of(status.st_mode));
        return true;
    };
    // Check before opening, because opening a device may have side effects. Check again afterwards,
    // because the file may have been replaced.
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return errno;
    if (is_refused(status)) return 0;
    const OwnedFd opened(
        ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));  // NOLINT
    if (!opened || ::fstat(opened.get(), &status) != 0) return errno;
    if (is_refused(status)) return 0;
    return read_all(content, opened.get(), path, bytes_max);
}

/// 0 or an errno.
int write_all(int descriptor, std::string_view content) {
    while (!content.empty()) {
        const auto count = ::write(descriptor, content.data(), content.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        content.remove_prefix(static_cast<std::size_t>(count));
    }
    return ::fsync(descriptor) == 0 ? 0 : errno;
}

/// 0 or an errno.
int replace(const std::string& path, const std::string& content) {
    const auto new_path = path + ".new";
    ::unlink(new_path.c_str());  // left behind by a crash
    {
        const OwnedFd opened(::open(new_path.c_str(),  // NOLINT
                                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
        if (!opened) return errno;
        if (const int code = write_all(opened.get(), content); code != 0) return code;
    }
    if (::rename(new_path.c_str(), path.c_str()) != 0) return errno;
    // The folder's new entry must be on the disk too.
    const auto folder = std::filesystem::absolute(path).parent_path();
    const OwnedFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));  // NOLINT
    if (!opened || ::fsync(opened.get()) != 0) return errno;
    return 0;
}

/// 0 or an errno.
int run(const std::function<int()>& work) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return ENOMEM;
    }
}

}  // namespace

Result<> in_time(const std::string& path, const std::string& doing, std::function<int()> work) {
    auto& all = reads();
    const auto failure = [&](int code) {
        return std::unexpected(
            file_error(code, code == ETIMEDOUT ? doing + " (it does not answer)" : doing));
    };
    const auto answer = std::make_shared<std::optional<int>>();
    {
        const std::lock_guard lock(all.mutex);
        if (all.is_over || all.late.contains(path)) return failure(ETIMEDOUT);
    }
    try {
        std::thread([&all, answer, path, work = std::move(work)] {
            const int code = run(work);
            const std::lock_guard lock(all.mutex);
            *answer = code;
            all.late.erase(path);
            all.changed.notify_all();
        }).detach();
    } catch (const std::system_error& no_thread) {
        return failure(no_thread.code().value());
    } catch (const std::bad_alloc&) {
        return failure(ENOMEM);
    }
    std::unique_lock lock(all.mutex);
    all.changed.wait_for(lock, file_timeout, [&] { return all.is_over || answer->has_value(); });
    if (!answer->has_value()) {
        all.late.insert(path);
        return failure(ETIMEDOUT);
    }
    if (**answer != 0) return failure(**answer);
    return {};
}

Result<WipedString> read_file(const std::string& path, std::size_t bytes_max) {
    const auto content = std::make_shared<Content>();
    const auto done = in_time(path, "cannot read " + path, [content, path, bytes_max] {
        return read_regular(*content, path, bytes_max);
    });
    if (!done) return std::unexpected(done.error());
    if (!content->refused.empty())
        return std::unexpected(Error{Fault::internal, {}, content->refused});
    return std::move(content->bytes);
}

Result<> replace_file(const std::string& path, const std::string& content) {
    return in_time(path, "cannot write " + path,
                   [path, content] { return replace(path, content); });
}

std::string_view cure_of_unreadable(const Error& error) {
    if (!error.code) return "name a regular file";
    if (error.code == std::errc::no_such_file_or_directory ||
        error.code == std::errc::not_a_directory)
        return "correct the name, or put the file there";
    if (error.code == std::errc::permission_denied)
        return "let this user read the file and enter its folders";
    return "check the file system";
}

Result<struct stat> file_status(const std::string& path) {
    const auto status = std::make_shared<struct stat>();
    const auto done = in_time(path, "looking at " + path, [status, path] {
        return ::stat(path.c_str(), status.get()) == 0 ? 0 : errno;
    });
    if (!done) return std::unexpected(done.error());
    return *status;
}

void stop_waiting_for_files() {
    auto& all = reads();
    const std::lock_guard lock(all.mutex);
    all.is_over = true;
    all.changed.notify_all();
}

}  // namespace ballast::base
