// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cassert>
#include <concepts>

/// Structs of config.h without their types, so that one kind of setting serves all of them and its
/// code is compiled once.
namespace ballast::config {

/// The address of this object stands for the type `S`.
template <typename S>
inline constexpr char type_mark = 0;

/// A member of type `T` of some struct; `at` makes it.
template <typename T>
struct Member {
    const T& (*in)(const void* values) = nullptr;
    const char* type = nullptr;  ///< of the struct: its `type_mark`
};

template <typename M>
struct MemberPointer;
template <typename S, typename T>
struct MemberPointer<T S::*> {
    using Struct = S;
    using Type = T;
};

/// `at<&Log::file>`. For an inherited member, name the struct too.
template <auto Pointer, typename S = MemberPointer<decltype(Pointer)>::Struct>
inline constexpr Member<typename MemberPointer<decltype(Pointer)>::Type> at = {
    [](const void* values) -> const auto& { return static_cast<const S*>(values)->*Pointer; },
    &type_mark<S>};

/// Refers to a struct that must outlive it. Using a member of another struct is a bug.
class ConstRecord {
public:
    template <typename S>
    explicit ConstRecord(const S& values)
        requires(!std::derived_from<S, ConstRecord>)
        : values_(&values), type_(&type_mark<S>) {}

    template <typename T>
    [[nodiscard]] const T& operator[](const Member<T>& member) const {
        assert(member.type == type_);
        return member.in(values_);
    }
    [[nodiscard]] bool is_like(const ConstRecord& other) const { return type_ == other.type_; }

private:
    const void* values_;
    const char* type_;
};

/// The same for a mutable struct.
class Record : public ConstRecord {
public:
    template <typename S>
    explicit Record(S& values)
        requires(!std::derived_from<S, ConstRecord>)
        : ConstRecord(values) {}

    template <typename T>
    [[nodiscard]] T& operator[](const Member<T>& member) const {
        return const_cast<T&>(ConstRecord::operator[](member));
    }
};

}  // namespace ballast::config
