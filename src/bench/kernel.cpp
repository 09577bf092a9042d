#include "bench/kernel.hpp"

#include <algorithm>
#include <vector>

#include "base/check.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/format.hpp"

namespace rigcast::bench {
namespace {

std::string spell_bytes(std::int64_t bytes) {
  constexpr std::int64_t kib = 1024;
  if (bytes % (kib * kib * kib) == 0 && bytes > 0) return std::to_string(bytes / (kib * kib * kib)) + "GiB";
  if (bytes % (kib * kib) == 0 && bytes > 0) return std::to_string(bytes / (kib * kib)) + "MiB";
  if (bytes % kib == 0 && bytes > 0) return std::to_string(bytes / kib) + "KiB";
  return std::to_string(bytes) + "B";
}

bool has_size(KernelKind kind) {
  return kind == KernelKind::read || kind == KernelKind::copy || kind == KernelKind::triad || kind >= KernelKind::copy_in;
}

tl::unexpected<Error> refuse(std::string_view text, std::string_view want) {
  return fail(ErrorKind::input, "'" + std::string(text) + "' is not a case of this kernel; expected " + std::string(want));
}

// "14336x4096", "8/128", "32/8x128@4096": numbers between the given separators, all positive.
bool read_numbers(std::string_view text, std::string_view separators, std::vector<std::int64_t>& out) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 40;
  for (std::size_t i = 0; i <= separators.size(); ++i) {
    const std::size_t end = i < separators.size() ? text.find(separators[i]) : text.size();
    if (end == std::string_view::npos) return false;
    const auto number = parse_int(text.substr(0, end));
    if (!number || *number <= 0 || *number > kLargest) return false;
    out.push_back(*number);
    text.remove_prefix(i < separators.size() ? end + 1 : end);
  }
  return true;
}

Result<Case> parse_sized(Case c, std::string_view text, std::string_view size) {
  std::string spaced(size);   // "64MiB" and "64 MiB" alike
  const std::size_t letter = spaced.find_first_not_of("0123456789.");
  if (letter != std::string::npos && spaced[letter] != ' ') spaced.insert(letter, " ");
  const auto bytes = parse_bytes(spaced);
  if (!bytes || bytes->value() < 64 || bytes->value() > 1e13) return refuse(text, "NAME:SIZE, such as " + std::string(kernel_of(c.kind).name) + ":1GiB");
  c.shape.bytes = static_cast<std::int64_t>(bytes->value()) / 64 * 64;
  return c;
}

// "8/128x16" or "32/8x128@4096x16": several tokens at once stand last; one where nothing stands there.
bool take_tokens(std::string_view& text, char before, std::int64_t& tokens) {
  const std::size_t at = text.find(before), x = at == std::string_view::npos ? at : text.find('x', at);
  if (x == std::string_view::npos) return true;
  const auto number = parse_int(text.substr(x + 1));
  text = text.substr(0, x);
  tokens = number.value_or(0);
  return tokens > 0 && tokens <= 1 << 16;
}

Result<Case> parse_shaped(Case c, std::string_view text, std::vector<std::string_view> parts) {
  std::vector<std::int64_t> n;
  Shape& s = c.shape;
  const bool attention = c.kind == KernelKind::attention;
  if ((attention || c.kind == KernelKind::experts) && !take_tokens(parts.back(), attention ? '@' : '/', s.tokens)) return refuse(text, "a number of tokens behind the last x");
  if (attention) {
    if (parts.size() != 3 || !read_numbers(parts[2], "/x@", n) || n[0] % n[1] != 0 || n[0] > 4096 || n[2] > 1024)
      return refuse(text, "attention:FORMAT:HEADS/KV_HEADSxDIM@DEPTH, such as attention:f16:32/8x128@4096");
    s.heads = static_cast<int>(n[0]), s.kv_heads = static_cast<int>(n[1]), s.head_dim = static_cast<int>(n[2]), s.depth = n[3];
    return c;
  }
  if (c.kind == KernelKind::layer) {
    if (parts.size() != 4 || !read_numbers(parts[2], "x", n) || !read_numbers(parts[3], "/x", n) || n[2] % n[3] != 0 || n[2] > 4096 || n[4] > 1024 || n[4] % 2 != 0)
      return refuse(text, "layer:f32:ROWSxCOLUMNS:HEADS/KV_HEADSxDIM, such as layer:f32:12288x4096:32/8x128");
    s.rows = n[0], s.columns = n[1], s.heads = static_cast<int>(n[2]), s.kv_heads = static_cast<int>(n[3]), s.head_dim = static_cast<int>(n[4]);
    return c;
  }
  const bool tokens = c.kind == KernelKind::matmul || c.kind == KernelKind::gemm, experts = c.kind == KernelKind::experts;
  if (parts.size() != (experts ? 4u : 3u) || !read_numbers(parts[2], tokens ? "xx" : "x", n) || (experts && !read_numbers(parts[3], "/", n)))
    return refuse(text, tokens ? std::string(kernel_of(c.kind).name) + ":FORMAT:ROWSxCOLUMNSxTOKENS" : experts ? "experts:FORMAT:ROWSxCOLUMNS:USED/EXPERTS" : "matvec:FORMAT:ROWSxCOLUMNS");
  s.rows = n[0], s.columns = n[1];
  if (tokens) s.tokens = n[2];
  if (experts) s.used = static_cast<int>(n[2]), s.experts = static_cast<int>(n[3]);
  if (experts && (s.used > s.experts || n[3] > 100000)) return refuse(text, "at most as many experts used as there are");
  const Format* format = find_format(c.format);
  if (s.columns % format->block != 0)
    return fail(ErrorKind::input, "'" + std::string(text) + "': " + std::to_string(s.columns) + " columns do not divide into " + c.format + " blocks of " + std::to_string(format->block));
  return c;
}

}  // namespace

const Kernel& kernel_of(KernelKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  RC_CHECK(index < kernels.size() && kernels[index].kind == kind, "the table has one row per kind, in order");
  return kernels[index];
}

Work work_of(const Case& c) {
  const Shape& s = c.shape;
  const double n = static_cast<double>(s.bytes), rows = static_cast<double>(s.rows), columns = static_cast<double>(s.columns);
  const Format* format = find_format(c.format);
  const double weights = format ? rows * columns / format->block * format->bytes : 0;
  switch (c.kind) {
    case KernelKind::read: return {Bytes(n), {}};
    case KernelKind::copy: return {Bytes(2 * n), {}};
    case KernelKind::triad: return {Bytes(3 * n), Flop(2 * n / 4)};
    case KernelKind::matvec: return {Bytes(weights + 4 * columns + 4 * rows), Flop(2 * rows * columns)};
    case KernelKind::matmul: {
      const double tokens = static_cast<double>(s.tokens);
      return {Bytes(weights + 4 * tokens * (columns + rows)), Flop(2 * rows * columns * tokens)};
    }
    case KernelKind::gemm: {
      const double tokens = static_cast<double>(s.tokens);
      return {Bytes(weights + tokens * (2 * columns + 4 * rows)), Flop(2 * rows * columns * tokens)};
    }
    case KernelKind::attention: {
      const double depth = static_cast<double>(s.depth) * s.head_dim;
      return {Bytes(2.0 * s.kv_heads * depth * 2), Flop(4.0 * s.heads * depth * static_cast<double>(s.tokens))};
    }
    case KernelKind::experts: {
      const double tokens = static_cast<double>(s.tokens), touched = std::min<double>(s.experts, tokens * s.used);
      return {Bytes(touched * weights + 4 * tokens * (s.used * rows + columns)), Flop(2.0 * tokens * s.used * rows * columns)};
    }
    case KernelKind::layer: return {Bytes(4 * (6 * columns + s.head_dim * (2.0 * s.heads + 3.0 * s.kv_heads) + rows)), {}};
    case KernelKind::launch: return {};
    case KernelKind::copy_in:
    case KernelKind::copy_out:
    case KernelKind::copy_peer:
    case KernelKind::all_reduce: return {Bytes(n), {}};
    case KernelKind::copy_both:
    case KernelKind::copy_peer_both: return {Bytes(2 * n), {}};
  }
  return {};
}

Bytes memory_of(const Case& c) {
  Case all = c;
  if (c.kind == KernelKind::experts) all.shape.used = all.shape.experts;
  return work_of(all).bytes;
}

std::string spell(const Case& c) {
  const Shape& s = c.shape;
  std::string text(kernel_of(c.kind).name);
  if (has_size(c.kind)) return text + ":" + spell_bytes(s.bytes);
  if (c.kind == KernelKind::launch) return text;
  text += ":" + c.format + ":";
  const std::string tokens = s.tokens > 1 ? "x" + std::to_string(s.tokens) : "";
  if (c.kind == KernelKind::attention)
    return text + std::to_string(s.heads) + "/" + std::to_string(s.kv_heads) + "x" + std::to_string(s.head_dim) + "@" + std::to_string(s.depth) + tokens;
  text += std::to_string(s.rows) + "x" + std::to_string(s.columns);
  if (c.kind == KernelKind::matmul || c.kind == KernelKind::gemm) text += "x" + std::to_string(s.tokens);
  if (c.kind == KernelKind::layer) text += ":" + std::to_string(s.heads) + "/" + std::to_string(s.kv_heads) + "x" + std::to_string(s.head_dim);
  if (c.kind == KernelKind::experts) text += ":" + std::to_string(s.used) + "/" + std::to_string(s.experts) + tokens;
  return text;
}

Result<void> one_token_only(const Case& c) {
  if (c.shape.tokens == 1 || c.kind == KernelKind::matmul || c.kind == KernelKind::gemm) return {};
  return fail(ErrorKind::unsupported, "this device has no such kernel for several tokens");
}

Result<Case> parse_case(std::string_view text) {
  const auto parts = split(text, ':');
  const Kernel* kernel = nullptr;
  std::vector<std::string> names;
  for (const Kernel& row : kernels) {
    names.emplace_back(row.name);
    if (row.name == parts[0]) kernel = &row;
  }
  if (!kernel) {
    const std::string nearest = nearest_name(parts[0], names);
    return fail(ErrorKind::input, "no kernel '" + std::string(parts[0]) + "'" + (nearest.empty() ? "" : " (nearest: " + nearest + ")") +
                                      "; there are " + join(names, ", "));
  }
  Case c{.kind = kernel->kind, .format = {}, .shape = {}};
  if (c.kind == KernelKind::launch) return parts.size() == 1 ? Result<Case>(c) : refuse(text, "launch");
  if (has_size(c.kind)) return parts.size() == 2 ? parse_sized(c, text, parts[1]) : refuse(text, "NAME:SIZE");
  if (parts.size() < 2 || !find_format(parts[1])) {
    std::vector<std::string> known;
    for (const Format& format : formats) known.emplace_back(format.name);
    return fail(ErrorKind::input, "'" + std::string(text) + "' names no format; there are " + join(known, ", "));
  }
  c.format = std::string(parts[1]);
  return parse_shaped(c, text, parts);
}

}  // namespace rigcast::bench
