#pragma once
// Errors are values: what the user gave was wrong, where, and what the nearest right thing is.

#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <tl/expected.hpp>

namespace rigcast {

// A place in something the user wrote. Line and column count from 1; 0 means "not known". `file` may also name a text that is
// not a file: "--on", "--flags", "request body".
struct Where {
  std::string file;
  int line = 0;
  int column = 0;
};

// What kind of wrong it is; decides the exit code and the HTTP status, never the text.
enum class ErrorKind {
  input,        // the user's text, file or flag is wrong
  not_found,    // a name nobody knows
  unsupported,  // understood, but no rule says what it does: we fail closed rather than guess
  infeasible,   // understood and impossible on this rig
  system,       // a file, device or driver would not do it
};

const char* to_string(ErrorKind kind);   // "not_found"

// One line in the user's words, a place, and the field it concerns (for pages that show the message beside the field).
struct Error {
  ErrorKind kind = ErrorKind::input;
  std::string message;
  Where where = {};
  std::string field = {};
  std::string nearest = {};  // nearest valid choice, empty where there is none
};

// A T or the Error that prevented it; everything tl::expected offers (and_then, map, value_or, *, ->). Its own type only so that the
// compiler refuses a Result nobody looks at.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  Result(const Base& base) : Base(base) {}
  Result(Base&& base) : Base(std::move(base)) {}

  // As tl::expected's, for continuations that yield a Result.
  template <class F>
  auto and_then(F&& next) && { return chain(std::move(*this), std::forward<F>(next)); }
  template <class F>
  auto and_then(F&& next) const& { return chain(*this, std::forward<F>(next)); }

 private:
  template <class Self, class F>
  static auto chain(Self&& self, F&& next) {
    if constexpr (std::is_void_v<T>) {
      using Next = std::invoke_result_t<F>;
      return self ? Next(std::invoke(next)) : Next(tl::unexpected<Error>(std::forward<Self>(self).error()));
    } else {
      using Next = std::invoke_result_t<F, decltype(*std::forward<Self>(self))>;
      return self ? Next(std::invoke(next, *std::forward<Self>(self))) : Next(tl::unexpected<Error>(std::forward<Self>(self).error()));
    }
  }
};

// "devices.toml:4:7: unknown key 'memmory' (nearest: memory)"
std::string to_text(const Error& error);

template <class... Args>
tl::unexpected<Error> fail(ErrorKind kind, std::string message, Args&&... rest) {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::forward<Args>(rest)...});
}

// Returns from the enclosing function with the error of `expression`, else yields nothing. For Result<void> and for early outs.
#define RC_TRY(expression)                                                          \
  do {                                                                              \
    if (auto rc_result = (expression); !rc_result)                                  \
      return ::tl::unexpected<::rigcast::Error>(std::move(rc_result.error()));      \
  } while (false)

// Declares `name` with the value of `expression`, or returns its error.
#define RC_ASSIGN(name, expression)                                                 \
  auto rc_result_##name = (expression);                                             \
  if (!rc_result_##name)                                                            \
    return ::tl::unexpected<::rigcast::Error>(std::move(rc_result_##name.error())); \
  auto& name = *rc_result_##name

}  // namespace rigcast
