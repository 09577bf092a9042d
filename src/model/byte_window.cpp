#include "model/byte_window.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/check.hpp"
#include "base/text.hpp"

namespace rigcast::model {

Result<ByteWindow> ByteWindow::open(const std::filesystem::path& file) {
  std::error_code problem;
  const auto kind = std::filesystem::status(file, problem).type();
  const std::string name = file.string();
  if (kind == std::filesystem::file_type::not_found) return fail(ErrorKind::not_found, "no such file", Where{name});
  if (kind != std::filesystem::file_type::regular) return fail(ErrorKind::input, "is not a regular file", Where{name});
  ByteWindow window;
  window.name_ = name;
  window.size_ = std::filesystem::file_size(file, problem);
  if (problem) return fail(ErrorKind::system, "cannot tell its size: " + problem.message(), Where{name});
  // Our own window is the only buffer.
  window.file_.rdbuf()->pubsetbuf(nullptr, 0);
  window.file_.open(file, std::ios::binary);
  if (!window.file_) return fail(ErrorKind::input, "cannot be opened for reading", Where{name});
  window.buffer_.resize(kWindow);
  return window;
}

ByteWindow ByteWindow::over(std::string_view bytes, std::uint64_t size, std::string name) {
  RC_CHECK(size >= bytes.size(), "a file is at least as long as what is known of it");
  ByteWindow window;
  window.name_ = std::move(name);
  window.size_ = size;
  window.bytes_ = bytes;
  return window;
}

tl::unexpected<Error> ByteWindow::fail_at(std::uint64_t offset, std::string message) const {
  return fail(ErrorKind::input, "byte " + std::to_string(offset) + ": " + std::move(message), Where{name_});
}

tl::unexpected<Error> ByteWindow::fail_short(std::uint64_t count, std::string_view what) const {
  return fail_here("the file ends at byte " + std::to_string(size_) + " within " + std::string(what) + " (" + std::to_string(count) +
                   " bytes wanted): incomplete download or damaged header");
}

// Makes `count` bytes from the cursor readable.
Result<void> ByteWindow::refill(std::uint64_t count, std::string_view what) {
  if (count > left() || !file_.is_open()) return fail_short(count, what);
  const std::uint64_t here = offset();
  if (here > kLongestHeader) return fail_here("a header of more than 1 GiB: no model has one");
  const auto wanted = static_cast<std::streamsize>(std::min<std::uint64_t>(buffer_.size(), size_ - here));
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(here));
  file_.read(buffer_.data(), wanted);
  const auto got = static_cast<std::uint64_t>(file_.gcount());
  start_ = here;
  at_ = 0;
  bytes_ = std::string_view(buffer_.data(), got);
  if (got < count) return fail_short(count, what);
  return {};
}

Result<std::string_view> ByteWindow::take(std::uint64_t count, std::string_view what) {
  RC_CHECK(count <= kWindow, "asked for more than the window holds");
  if (at_ > bytes_.size() || count > bytes_.size() - at_) RC_TRY(refill(count, what));
  const std::string_view out = bytes_.substr(at_, count);
  at_ += count;
  return out;
}

Result<std::string> ByteWindow::read(std::uint64_t count, std::string_view what) {
  RC_CHECK(count <= kLongestHeader, "asked for more than any header holds");
  if (count > left()) return fail_short(count, what);
  std::string out;
  // Grows with what is really there, not with what was promised.
  while (out.size() < count) {
    RC_ASSIGN(piece, take(std::min(kWindow, count - out.size()), what));
    out += piece;
  }
  return out;
}

Result<void> ByteWindow::skip(std::uint64_t count, std::string_view what) {
  if (count > left()) return fail_short(count, what);
  at_ += count;
  return {};
}

Result<void> ByteWindow::skip_strings(std::uint64_t count, std::string_view what) {
  if (count > left() / sizeof(std::uint64_t)) return fail_short(count, what);
  while (count > 0) {
    // Strings that lie whole within the window cost two additions each; a vocabulary has hundreds of thousands.
    for (; count > 0 && at_ <= bytes_.size() && bytes_.size() - at_ >= sizeof(std::uint64_t); --count) {
      std::uint64_t length = 0;
      std::memcpy(&length, bytes_.data() + at_, sizeof length);
      if (length > bytes_.size() - at_ - sizeof length) break;
      at_ += sizeof length + length;
    }
    if (count == 0) break;
    RC_ASSIGN(length, number<std::uint64_t>(what));
    RC_TRY(skip(length, what));
    --count;
  }
  return {};
}

}  // namespace rigcast::model
