// SPDX-License-Identifier: Apache-2.0
#include "cluster/redis_reply.h"

#include <hiredis/read.h>
#include <new>

namespace ballast::cluster {

namespace {

using Kind = RedisReply::Kind;

/// Where this reply belongs: into its list, or on the heap if it is the outermost. Null makes the
/// reader give up: without memory, or with too many elements. hiredis is C, so nothing may throw
/// through it.
RedisReply* place_for(const redisReadTask* task) noexcept {
    auto& elements = *static_cast<std::size_t*>(task->privdata);
    if (++elements > RedisReplyReader::elements_max) return nullptr;
    if (task->parent == nullptr) return new (std::nothrow) RedisReply;
    auto& list = static_cast<RedisReply*>(task->parent->obj)->list;
    return &list.at(static_cast<std::size_t>(task->idx));
}

void* make_text(const redisReadTask* task, char* bytes, std::size_t size) noexcept {
    auto* const reply = place_for(task);
    if (reply == nullptr) return nullptr;
    reply->kind = task->type == REDIS_REPLY_ERROR ? Kind::error : Kind::text;
    try {
        reply->text.assign(bytes, size);
    } catch (const std::bad_alloc&) {
        if (task->parent == nullptr) delete reply;
        return nullptr;
    }
    return reply;
}

void* make_list(const redisReadTask* task, int size) noexcept {
    auto* const reply = place_for(task);
    if (reply == nullptr) return nullptr;
    reply->kind = Kind::list;
    const auto& elements = *static_cast<const std::size_t*>(task->privdata);
    const auto count = static_cast<std::size_t>(size);
    const bool fits = count <= RedisReplyReader::elements_max - elements;
    try {
        if (fits) reply->list.resize(count);
    } catch (const std::bad_alloc&) {
        reply->list.clear();
    }
    if (reply->list.size() == count) return reply;
    if (task->parent == nullptr) delete reply;
    return nullptr;
}

void* make_number(const redisReadTask* task, long long number) noexcept {
    auto* const reply = place_for(task);
    if (reply == nullptr) return nullptr;
    reply->kind = Kind::number;
    reply->number = number;
    return reply;
}

void* make_nothing(const redisReadTask* task) noexcept { return place_for(task); }

/// Called for the outermost reply alone: the others are in its lists.
void free_reply(void* reply) noexcept { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions functions{.createString = make_text,
                                    .createArray = make_list,
                                    .createInteger = make_number,
                                    .createNil = make_nothing,
                                    .freeObject = free_reply};

}  // namespace

void RedisReplyReader::Free::operator()(redisReader* reader) const noexcept {
    redisReaderFree(reader);
}

RedisReplyReader::RedisReplyReader()
    : reader_(redisReaderCreateWithFunctions(&functions)),
      elements_(std::make_unique<std::size_t>(0)) {
    if (!reader_) throw std::bad_alloc();
    reader_->privdata = elements_.get();
}

RedisReplyReader::Refusal RedisReplyReader::refuse(Refusal refusal) {
    refusal_ = refusal;
    return refusal;
}

void RedisReplyReader::feed(std::string_view bytes) {
    if (refusal_) return;
    bytes_ += bytes.size();
    if (bytes_ > bytes_max) {
        (void)refuse(Refusal::too_long);
        return;
    }
    if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
        throw std::bad_alloc();
}

std::expected<std::optional<RedisReply>, RedisReplyReader::Refusal> RedisReplyReader::next() {
    if (refusal_) return std::unexpected(*refusal_);
    void* found = nullptr;
    if (redisReaderGetReply(reader_.get(), &found) != REDIS_OK) {
        // Our functions give up where hiredis thinks of memory.
        const bool is_too_long = reader_->err == REDIS_ERR_OOM;
        return std::unexpected(refuse(is_too_long ? Refusal::too_long : Refusal::malformed));
    }
    if (found == nullptr) return std::nullopt;
    const std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(found));
    *elements_ = 0;
    bytes_ = reader_->len - reader_->pos;
    return std::move(*reply);
}

bool RedisReplyReader::is_empty() const { return bytes_ == 0; }

}  // namespace ballast::cluster
