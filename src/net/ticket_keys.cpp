// SPDX-License-Identifier: Apache-2.0
#include "net/ticket_keys.h"

#include "base/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <ranges>
#include <span>
#include <string_view>
#include <utility>

namespace ballast::net {

namespace {

/// The current key, and older ones whose tickets may still be in use.
constexpr std::size_t keys_max = 2;
constexpr std::size_t file_keys_max = 64;
constexpr std::size_t key_bytes = TicketKey::bytes_count;
constexpr std::size_t base64_bytes = (key_bytes + 2) / 3 * 4;

std::optional<TicketKey> parse_key(std::string_view line) {
    if (line.size() != base64_bytes) return std::nullopt;
    std::array<unsigned char, base64_bytes> bytes{};
    const int size =
        EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(line.data()),
                        static_cast<int>(line.size()));
    // EVP_DecodeBlock counts what '=' stands for as bytes: 81 for 80 bytes and one '='.
    const bool is_whole =
        size == base64_bytes / 4 * 3 && line.ends_with('=') && !line.ends_with("==");
    std::optional<TicketKey> key;
    if (is_whole) key = TicketKey::of(std::span(bytes).first<key_bytes>());
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return key;
}

base::Result<std::vector<TicketKey>> read_keys(const std::string& file) {
    const auto wrong = [&](std::string what) {
        return std::unexpected(base::Error{base::Fault::internal, {}, std::move(what)});
    };
    const auto bytes = base::read_file(file);
    if (!bytes) return std::unexpected(bytes.error());
    std::vector<TicketKey> keys;
    int number = 0;
    for (const auto part : std::views::split(std::string_view(*bytes), '\n')) {
        const std::string_view line(part.begin(), part.end());
        ++number;
        if (line.empty()) continue;
        const auto key = parse_key(line);
        if (!key)
            return wrong(fmt::format("{}:{}: a ticket key is {} bytes in base64 on a line", file,
                                     number, key_bytes));
        keys.push_back(*key);
        if (keys.size() > file_keys_max)
            return wrong(fmt::format("{} holds more than {} keys", file, file_keys_max));
    }
    if (keys.empty()) return wrong(file + " holds no ticket key");
    return keys;
}

}  // namespace

TicketKey::~TicketKey() { OPENSSL_cleanse(this, sizeof *this); }

TicketKey TicketKey::random() {
    std::array<unsigned char, bytes_count> bytes{};
    // Without random numbers TLS cannot work either.
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) std::terminate();
    const auto key = of(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return key;
}

TicketKey TicketKey::of(std::span<const unsigned char, bytes_count> bytes) {
    TicketKey key;
    const auto* from = bytes.data();
    for (const auto part : {std::span<unsigned char>(key.name), std::span<unsigned char>(key.hmac),
                            std::span<unsigned char>(key.aes)}) {
        std::memcpy(part.data(), from, part.size());
        from += part.size();
    }
    return key;
}

std::array<unsigned char, TicketKey::bytes_count> TicketKey::bytes() const {
    std::array<unsigned char, bytes_count> all{};
    auto* to = std::ranges::copy(name, all.begin()).out;
    to = std::ranges::copy(hmac, to).out;
    std::ranges::copy(aes, to);
    return all;
}

TicketKeys::TicketKeys(std::chrono::steady_clock::duration lifetime) : lifetime_(lifetime) {}

TicketKeys::~TicketKeys() { forget_from(0); }

base::Result<std::shared_ptr<TicketKeys>> TicketKeys::load(const std::string& file) {
    std::shared_ptr<TicketKeys> loaded(new TicketKeys);
    if (auto done = loaded->reload(file); !done) return std::unexpected(done.error());
    return loaded;
}

base::Result<> TicketKeys::reload(const std::string& file) {
    auto keys = read_keys(file);
    if (!keys) return std::unexpected(keys.error());
    const std::lock_guard lock(mutex_);
    forget_from(0);
    keys_ = std::move(*keys);
    return {};
}

void TicketKeys::forget_from(std::size_t index) {
    if (index < keys_.size()) keys_.resize(index);
}

TicketKey TicketKeys::current(loop::Time now) {
    const std::lock_guard lock(mutex_);
    forget_former(now);
    const bool is_due = lifetime_ && (keys_.empty() || now - rotated_at_ >= *lifetime_);
    if (is_due) {
        // Keys that are two lifetimes old are of no use.
        if (!keys_.empty() && now - rotated_at_ >= 2 * *lifetime_) forget_from(0);
        keys_.insert(keys_.begin(), TicketKey::random());
        forget_from(keys_max);
        rotated_at_ = now;
    }
    return keys_.front();
}

std::optional<TicketKeys::Found> TicketKeys::find(const unsigned char* name) {
    const std::lock_guard lock(mutex_);
    const auto* const found = find_key(name);
    if (found == nullptr) return std::nullopt;
    return Found{*found, found != keys_.data()};
}

const TicketKey* TicketKeys::find_key(const unsigned char* name) const {
    for (const auto* const keys : {&keys_, &former_}) {
        const auto found = std::ranges::find_if(*keys, [&](const TicketKey& key) {
            return std::memcmp(key.name.data(), name, key.name.size()) == 0;
        });
        if (found != keys->end()) return &*found;
    }
    return nullptr;
}

void TicketKeys::use(std::vector<TicketKey> keys, loop::Time now) {
    const std::lock_guard lock(mutex_);
    if (!lifetime_ || keys.empty()) return;
    forget_former(now);
    const auto replaced = std::exchange(keys_, std::move(keys));
    for (const auto& key : replaced)
        if (find_key(key.name.data()) == nullptr) {
            former_.insert(former_.begin(), key);
            former_until_ = now + *lifetime_;
        }
    if (former_.size() > keys_max) former_.resize(keys_max);
    // The next is due in two lifetimes.
    rotated_at_ = now + *lifetime_;
}

void TicketKeys::forget_former(loop::Time now) {
    if (now >= former_until_) former_.clear();
}

}  // namespace ballast::net
