// SPDX-License-Identifier: Apache-2.0
#include "net/secret.h"

#include "base/file.h"

#include <algorithm>
#include <cassert>
#include <climits>
#include <fmt/format.h>
#include <new>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <optional>
#include <span>

namespace ballast::net {

namespace {

constexpr std::size_t secret_bytes_min = 32;
constexpr std::size_t file_bytes_max = 64UL << 10;

// Sealed: the format, the secret's id, the salt, the nonce, the encrypted bytes, the tag. The salt
// makes a key of its own for each sealed value. One key with random nonces of 96 bits would be good
// for 2^32 of them only (NIST SP 800-38D 8.3), which is a year of a busy cluster.
constexpr char format = 1;
constexpr std::size_t id_bytes = 4;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t head_bytes = 1 + id_bytes + salt_bytes + nonce_bytes;

using Digest = std::array<unsigned char, 32>;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

int size_of(std::string_view text) {
    assert(text.size() <= INT_MAX);
    return static_cast<int>(text.size());
}

/// These calls fail only if memory runs out.
void demand(bool is_done) {
    if (!is_done) throw std::bad_alloc();
}

/// RFC 2104.
Digest hmac(std::span<const unsigned char> key, std::string_view text) {
    Digest digest{};
    unsigned size = 0;
    demand(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
                digest.data(), &size) != nullptr &&
           size == digest.size());
    return digest;
}

/// RFC 5869 with SHA-256.
void derive(std::string_view secret, std::string_view salt, std::string_view purpose,
            std::span<unsigned char> key) {
    EVP_KDF* const hkdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
    demand(hkdf != nullptr);
    EVP_KDF_CTX* const context = EVP_KDF_CTX_new(hkdf);
    EVP_KDF_free(hkdf);
    demand(context != nullptr);
    const auto octets = [](const char* name, std::string_view value) {
        // OSSL_PARAM also serves for results, so it has no const.
        return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(value.data()),
                                                 value.size());
    };
    std::string hash = "SHA256";
    const std::array<OSSL_PARAM, 5> parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash.data(), 0),
        octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_SALT, salt),
        octets(OSSL_KDF_PARAM_INFO, purpose), OSSL_PARAM_construct_end()};
    const int done = EVP_KDF_derive(context, key.data(), key.size(), parameters.data());
    EVP_KDF_CTX_free(context);
    demand(done == 1);
}

/// Without the white space of lines. Empty if it is not base64.
std::optional<base::WipedString> decode(std::string_view text) {
    base::WipedString packed;
    for (const char c : text)
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t')
            packed.append_wiped(std::string_view(&c, 1));
    if (packed.empty() || packed.size() % 4 != 0) return std::nullopt;
    base::WipedString bytes(std::string(packed.size() / 4 * 3, '\0'));
    if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), bytes_of(packed),
                        size_of(packed)) < 0)
        return std::nullopt;
    // EVP_DecodeBlock counts what '=' stands for as bytes.
    bytes.resize(bytes.size() - (packed.ends_with("==") ? 2 : packed.ends_with('=') ? 1 : 0));
    return bytes;
}

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

/// AES-256-GCM with a key for this head alone, after `place` was authenticated.
Cipher cipher_for(std::span<const unsigned char> key, std::string_view head, std::string_view place,
                  bool encrypts) {
    Cipher cipher(EVP_CIPHER_CTX_new());
    demand(cipher != nullptr);
    auto own_key = hmac(key, head.substr(1 + id_bytes, salt_bytes));
    const auto nonce = head.substr(1 + id_bytes + salt_bytes, nonce_bytes);
    const int begun = EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, own_key.data(),
                                        bytes_of(nonce), encrypts ? 1 : 0);
    OPENSSL_cleanse(own_key.data(), own_key.size());
    int size = 0;
    demand(begun == 1 &&
           EVP_CipherUpdate(cipher.get(), nullptr, &size, bytes_of(place), size_of(place)) == 1);
    return cipher;
}

}  // namespace

base::Result<std::shared_ptr<const Secret>> Secret::load(const std::string& file,
                                                         std::string_view cluster) {
    const auto text = base::read_file(file, file_bytes_max);
    if (!text) return std::unexpected(text.error());
    return parse(*text, cluster, file);
}

base::Result<std::shared_ptr<const Secret>> Secret::parse(std::string_view text,
                                                          std::string_view cluster,
                                                          const std::string& file) {
    const auto wrong = [&](std::string_view what) {
        return std::unexpected(
            base::Error{base::Fault::internal, {}, fmt::format("{} {}", file, what)});
    };
    const auto bytes = decode(text);
    if (!bytes) return wrong("is not base64");
    if (bytes->size() < secret_bytes_min)
        return wrong(fmt::format("holds {} bytes, and a secret has at least {}", bytes->size(),
                                 secret_bytes_min));
    std::shared_ptr<Secret> secret(new Secret);
    derive(*bytes, cluster, "ballast sealing", secret->sealing_);
    derive(*bytes, cluster, "ballast hashing", secret->hashing_);
    derive(*bytes, cluster, "ballast id", secret->id_);
    return secret;
}

Secret::~Secret() {
    OPENSSL_cleanse(sealing_.data(), sealing_.size());
    OPENSSL_cleanse(hashing_.data(), hashing_.size());
}

std::string Secret::seal(std::string_view clear, std::string_view place) const {
    std::string sealed(head_bytes + clear.size() + tag_bytes, '\0');
    auto* const into = reinterpret_cast<unsigned char*>(sealed.data());
    sealed.front() = format;
    std::ranges::copy(id_, into + 1);
    // Without random numbers TLS cannot work either.
    if (RAND_bytes(into + 1 + id_bytes, salt_bytes + nonce_bytes) != 1) std::terminate();

    const auto cipher = cipher_for(sealing_, sealed, place, true);
    int size = 0;
    demand(EVP_EncryptUpdate(cipher.get(), into + head_bytes, &size, bytes_of(clear),
                             size_of(clear)) == 1);
    auto* const tag = into + head_bytes + clear.size();
    demand(EVP_EncryptFinal_ex(cipher.get(), tag, &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, tag) == 1);
    return sealed;
}

std::expected<std::string, Secret::Refusal> Secret::open(std::string_view sealed,
                                                         std::string_view place) const {
    if (sealed.empty()) return std::unexpected(Refusal::forged);
    if (sealed.front() != format) return std::unexpected(Refusal::unknown_format);
    if (sealed.size() < head_bytes + tag_bytes || sealed.size() > INT_MAX)
        return std::unexpected(Refusal::forged);
    if (!std::equal(id_.begin(), id_.end(), bytes_of(sealed) + 1))
        return std::unexpected(Refusal::another_secret);

    const auto cipher = cipher_for(sealing_, sealed, place, false);
    const auto hidden = sealed.substr(head_bytes, sealed.size() - head_bytes - tag_bytes);
    std::string tag(sealed.substr(sealed.size() - tag_bytes));
    std::string clear(hidden.size(), '\0');
    auto* const into = reinterpret_cast<unsigned char*>(clear.data());
    int size = 0;
    const bool is_genuine =
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
        EVP_DecryptUpdate(cipher.get(), into, &size, bytes_of(hidden), size_of(hidden)) == 1 &&
        EVP_DecryptFinal_ex(cipher.get(), into + size, &size) == 1;
    if (!is_genuine) return std::unexpected(Refusal::forged);
    return clear;
}

std::string Secret::digest(std::string_view text) const {
    const auto whole = hmac(hashing_, text);
    std::string hex;
    for (std::size_t i = 0; i < whole.size() / 2; ++i) hex += fmt::format("{:02x}", whole.at(i));
    return hex;
}

std::uint64_t Secret::short_digest(std::string_view text) const {
    const auto whole = hmac(hashing_, text);
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8U | whole.at(i);
    return number;
}

}  // namespace ballast::net
