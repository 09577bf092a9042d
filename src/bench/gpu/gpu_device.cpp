// What is measured on a graphics card: memory, launches, and checks against the reference, on top of any Gpu.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/format.hpp"
#include "bench/gpu/gpu.hpp"
#include "bench/reference.hpp"

namespace rigcast::bench {
namespace {

constexpr std::size_t kPiece = std::size_t{32} << 20;   // bytes put at once
constexpr std::int64_t kTileRows = 64;                  // rows and tokens of a group's part of a matrix product
constexpr std::int64_t kTensorTile = 128;               // the same on tensor cores
constexpr int kHeads = 4;                               // query heads that one group of attention serves
constexpr double kColdFactor = 4;                       // weights are spread over so many times the last cache
constexpr std::int64_t kMostCold = std::int64_t{1} << 30;

// Memory of one case, given back when the case ends.
class Held {
 public:
  explicit Held(Gpu& gpu) : gpu_(gpu) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { for (const Buffer buffer : buffers_) gpu_.release(buffer); }
  Result<Buffer> get(std::int64_t bytes) {
    RC_ASSIGN(buffer, gpu_.allocate(static_cast<std::size_t>((bytes + 255) / 256 * 256)));
    buffers_.push_back(buffer);
    return buffer;
  }

 private:
  Gpu& gpu_;
  std::vector<Buffer> buffers_;
};

class GpuCase : public Prepared {
 public:
  GpuCase(Gpu& gpu, const Case& c) : gpu_(gpu), case_(c), held_(gpu), format_(find_format(c.format)) {}

  Result<void> allocate() {
    switch (case_.kind) {
      case KernelKind::read: case KernelKind::copy: case KernelKind::triad: case KernelKind::launch: return allocate_streams();
      case KernelKind::matvec: case KernelKind::matmul: case KernelKind::gemm: case KernelKind::experts: return allocate_weights();
      case KernelKind::attention: return allocate_cache();
      default: return {};
    }
  }

  Result<Sample> run(int runs) override {
    if (const auto way = way_of(case_.kind)) {
      RC_ASSIGN(seconds, gpu_.transfer(*way, static_cast<std::size_t>(case_.shape.bytes), runs));
      return Sample{.seconds = seconds, .runs = runs};
    }
    if (case_.kind == KernelKind::gemm) {
      RC_ASSIGN(seconds, gpu_.gemm({case_.format, buffers_[0], buffers_[1], buffers_[2], case_.shape.rows, case_.shape.columns, case_.shape.tokens}, runs));
      return Sample{.seconds = seconds, .runs = runs};
    }
    std::vector<Launch> launches;
    for (int r = 0; r < runs; ++r) add_launches(launches);
    RC_ASSIGN(seconds, gpu_.run(launches));
    return Sample{.seconds = seconds, .runs = runs};
  }

  Result<double> error() override {
    switch (case_.kind) {
      case KernelKind::read: return error_of_read();
      case KernelKind::copy: return error_of_copy();
      case KernelKind::triad: return error_of_triad();
      case KernelKind::matvec: case KernelKind::matmul: case KernelKind::gemm: case KernelKind::experts: return error_of_weights();
      case KernelKind::attention: return error_of_attention();
      default: return 0.0;
    }
  }

 private:
  static std::optional<Way> way_of(KernelKind kind) {
    if (kind == KernelKind::copy_in) return Way::in;
    if (kind == KernelKind::copy_out) return Way::out;
    if (kind == KernelKind::copy_both) return Way::both;
    return std::nullopt;
  }

  // Fills a buffer piece by piece with what `make(first byte, piece)` writes.
  template <class Make>
  Result<void> fill_buffer(Buffer buffer, std::int64_t bytes, std::int64_t grain, const Make& make) {
    const std::int64_t piece_bytes = std::max<std::int64_t>(grain, static_cast<std::int64_t>(kPiece) / grain * grain);
    std::vector<std::byte> piece(static_cast<std::size_t>(std::min(bytes, piece_bytes)));
    for (std::int64_t at = 0; at < bytes; at += piece_bytes) {
      const std::span<std::byte> part = std::span(piece).first(static_cast<std::size_t>(std::min(piece_bytes, bytes - at)));
      make(at, part);
      RC_TRY(gpu_.put(buffer, static_cast<std::size_t>(at), part));
    }
    return {};
  }
  Result<void> put_floats(Buffer buffer, const std::vector<float>& values) { return gpu_.put(buffer, 0, std::as_bytes(std::span(values))); }
  template <class T>
  Result<std::vector<T>> get_values(Buffer buffer, std::int64_t first, std::int64_t count) {
    std::vector<T> values(static_cast<std::size_t>(count));
    RC_TRY(gpu_.get(buffer, static_cast<std::size_t>(first) * sizeof(T), std::as_writable_bytes(std::span(values))));
    return values;
  }

  static float stream_value(int array, std::int64_t i) { return static_cast<float>((i * (array + 3)) % 64) / 64.0f; }
  static std::uint32_t word(std::int64_t i) { return static_cast<std::uint32_t>(i * 2654435761 + 12345); }

  Result<void> allocate_streams() {
    const int arrays = case_.kind == KernelKind::read ? 1 : case_.kind == KernelKind::copy ? 2 : case_.kind == KernelKind::triad ? 3 : 0;
    groups_ = std::clamp<std::int64_t>(gpu_.info().units * 32, 64, 16384);
    for (int a = 0; a < arrays; ++a) {
      RC_ASSIGN(buffer, held_.get(case_.shape.bytes));
      buffers_.push_back(buffer);
      if (a > 0 && case_.kind == KernelKind::copy) continue;
      if (a == 2) continue;   // the result of triad
      RC_TRY(fill_buffer(buffer, case_.shape.bytes, 4, [&](std::int64_t at, std::span<std::byte> part) {
        for (std::size_t i = 0; i < part.size() / 4; ++i) {
          const std::int64_t element = at / 4 + static_cast<std::int64_t>(i);
          const float f = stream_value(a, element);
          const std::uint32_t w = word(element);
          std::memcpy(part.data() + 4 * i, case_.kind == KernelKind::triad ? static_cast<const void*>(&f) : &w, 4);
        }
      }));
    }
    if (case_.kind == KernelKind::read || case_.kind == KernelKind::launch) {
      RC_ASSIGN(out, held_.get(4 * groups_));
      buffers_.push_back(out);
    }
    return {};
  }

  bool product() const { return case_.kind == KernelKind::matmul || case_.kind == KernelKind::gemm; }
  std::string tensor_kernel() const { return "tensor_matmul_" + case_.format; }
  bool on_tensor_cores() const { return case_.kind == KernelKind::matmul && gpu_.has(tensor_kernel()); }

  // How this kernel rounds the activations.
  Activation rounding() const {
    if (case_.kind == KernelKind::gemm) return case_.format == "bf16" ? Activation::bf16 : Activation::exact;
    if (case_.kind == KernelKind::matmul) return case_.format == "i8" ? Activation::int8 : Activation::exact;
    return format_->block == 1 ? Activation::exact : Activation::q8_32;
  }
  // And how it wants them: 32-bit floats, the maker's library 16-bit ones, whole bytes, or bytes with a scale for 32 after them.
  std::vector<std::byte> laid_out(const std::vector<float>& values) const {
    std::vector<std::byte> out;
    const auto add = [&](auto value) { const auto bytes = std::as_bytes(std::span(&value, 1)); out.insert(out.end(), bytes.begin(), bytes.end()); };
    if (case_.kind == KernelKind::gemm) {
      for (const float value : values) add(case_.format == "bf16" ? float_to_bf16(value) : float_to_half(value));
    } else if (rounding() == Activation::int8) {
      for (const float value : rounded(values, Activation::int8)) add(static_cast<std::int8_t>(value));
    } else if (rounding() == Activation::q8_32) {
      const std::vector<float> near = rounded(values, Activation::q8_32);
      std::vector<float> scales;
      for (std::size_t first = 0; first < values.size(); first += 32) {
        float largest = 0;
        for (std::size_t i = first; i < first + 32; ++i) largest = std::max(largest, std::fabs(values[i]));
        scales.push_back(largest / 127.0f);
        for (std::size_t i = first; i < first + 32; ++i) add(static_cast<std::int8_t>(scales.back() > 0 ? std::nearbyint(near[i] / scales.back()) : 0.0f));
      }
      for (const float scale : scales) add(scale);
    } else {
      for (const float value : values) add(value);
    }
    return out;
  }

  // As many matrices as it takes that caches do not help, used in turn.
  Result<void> allocate_weights() {
    const Shape& s = case_.shape;
    row_bytes_ = s.columns / format_->block * format_->bytes;
    blocks_ = s.rows * s.columns / format_->block;
    const std::int64_t matrix = s.rows * row_bytes_;
    matrices_ = std::max(1, s.experts);
    const double room = gpu_.info().memory.value() / 4, cold = std::min(kColdFactor * gpu_.info().cache.value(), static_cast<double>(kMostCold));
    if (!product() && !gpu_.info().in_software)
      matrices_ = std::max<std::int64_t>(matrices_, static_cast<std::int64_t>(std::ceil(std::min(cold, room) / static_cast<double>(matrix))));
    const Tile tile = make_tile(*format_);
    RC_ASSIGN(weights, held_.get(matrices_ * matrix));
    RC_TRY(fill_buffer(weights, matrices_ * matrix, format_->bytes, [&](std::int64_t at, std::span<std::byte> part) { fill(tile, at / format_->bytes, part); }));
    RC_ASSIGN(x, held_.get(4 * s.tokens * (s.columns + s.columns / 32)));
    RC_TRY(gpu_.put(x, 0, laid_out(activations(7, s.tokens * s.columns))));
    RC_ASSIGN(y, held_.get(4 * s.rows * s.tokens * std::max(1, s.used)));
    buffers_ = {weights, x, y};
    return {};
  }

  std::int64_t attention_groups() const { return case_.shape.kv_heads * ((case_.shape.heads / case_.shape.kv_heads + kHeads - 1) / kHeads); }

  Result<void> allocate_cache() {
    const Shape& s = case_.shape;
    const std::int64_t bytes = 4 * s.kv_heads * s.depth * s.head_dim;
    matrices_ = gpu_.info().in_software ? 1 : std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(std::min(kColdFactor * gpu_.info().cache.value(), static_cast<double>(kMostCold)) / static_cast<double>(bytes))));
    parts_ = std::clamp<std::int64_t>(s.depth / 128, 1, std::max<std::int64_t>(1, gpu_.info().units * 16 / attention_groups() + 1));
    const Tile tile = make_tile(format_of(FormatId::f16));
    RC_ASSIGN(cache, held_.get(matrices_ * bytes));
    RC_TRY(fill_buffer(cache, matrices_ * bytes, 2, [&](std::int64_t at, std::span<std::byte> part) { fill(tile, at / 2, part); }));
    RC_ASSIGN(q, held_.get(4 * s.heads * s.head_dim));
    RC_TRY(put_floats(q, activations(9, s.heads * s.head_dim)));
    RC_ASSIGN(partial, held_.get(4 * s.heads * parts_ * (s.head_dim + 2)));
    RC_ASSIGN(out, held_.get(4 * s.heads * s.head_dim));
    buffers_ = {cache, q, partial, out};
    return {};
  }

  void add_launches(std::vector<Launch>& to) {
    const Shape& s = case_.shape;
    const std::int64_t units = s.columns / 32;
    switch (case_.kind) {
      case KernelKind::read: to.push_back({"sum_words", groups_, 1, buffers_, {s.bytes / 16}}); break;
      case KernelKind::copy: to.push_back({"copy_words", groups_, 1, buffers_, {s.bytes / 16}}); break;
      case KernelKind::triad: to.push_back({"triad", groups_, 1, buffers_, {s.bytes / 4}}); break;
      case KernelKind::launch: to.push_back({"nothing", 1, 1, buffers_, {0}}); break;
      case KernelKind::matvec:
        first_ = next_ % matrices_;
        to.push_back({"matvec_" + case_.format, s.rows, 1, buffers_, {s.rows, units, first_, 0, matrices_}});
        break;
      case KernelKind::experts:   // spread over all of them without repeating within a token
        first_ = next_ * s.used * 17 % matrices_;
        to.push_back({"matvec_" + case_.format, s.rows, s.used, buffers_, {s.rows, units, first_, matrices_ / s.used, matrices_}});
        break;
      case KernelKind::matmul:
        if (on_tensor_cores())
          to.push_back({tensor_kernel(), (s.rows + kTensorTile - 1) / kTensorTile, (s.tokens + kTensorTile - 1) / kTensorTile, buffers_, {s.rows, units, s.tokens}, kTensorGroup});
        else
          to.push_back({"matmul_" + case_.format, (s.rows + kTileRows - 1) / kTileRows, (s.tokens + kTileRows - 1) / kTileRows, buffers_, {s.rows, units, s.tokens}});
        break;
      case KernelKind::attention:
        first_ = next_ % matrices_;
        to.push_back({"attention_part", attention_groups(), parts_, {buffers_[0], buffers_[1], buffers_[2]}, {s.heads, s.kv_heads, s.head_dim, s.depth, parts_, first_}});
        to.push_back({"attention_join", s.heads, 1, {buffers_[2], buffers_[3]}, {s.head_dim, parts_}});
        break;
      default: break;
    }
    ++next_;
  }

  Result<double> error_of_read() {
    RC_ASSIGN(partial, get_values<std::uint32_t>(buffers_[1], 0, groups_));
    std::uint32_t got = 0, want = 0;
    for (const std::uint32_t part : partial) got += part;
    for (std::int64_t i = 0; i < case_.shape.bytes / 4; ++i) want += word(i);
    return got == want ? 0.0 : 1.0;
  }
  Result<double> error_of_copy() {
    const std::int64_t words = case_.shape.bytes / 4, piece = std::min<std::int64_t>(words, 16384);
    for (const std::int64_t first : {std::int64_t{0}, (words - piece) / 2, words - piece}) {
      RC_ASSIGN(values, get_values<std::uint32_t>(buffers_[1], first, piece));
      for (std::int64_t i = 0; i < piece; ++i)
        if (values[static_cast<std::size_t>(i)] != word(first + i)) return 1.0;
    }
    return 0.0;
  }
  Result<double> error_of_triad() {
    const std::int64_t count = case_.shape.bytes / 4, piece = std::min<std::int64_t>(count, 16384);
    double worst = 0;
    for (const std::int64_t first : {std::int64_t{0}, count - piece}) {
      RC_ASSIGN(values, get_values<float>(buffers_[2], first, piece));
      for (std::int64_t i = 0; i < piece; ++i)
        worst = std::max(worst, std::fabs(static_cast<double>(values[static_cast<std::size_t>(i)]) - (stream_value(0, first + i) + 0.5 * stream_value(1, first + i))));
    }
    return worst;
  }
  Result<double> error_of_weights() {
    const Shape& s = case_.shape;
    const Tile tile = make_tile(*format_);
    const std::vector<float> x = rounded(activations(7, s.tokens * s.columns), rounding());
    double worst = 0;
    for (std::int64_t used = 0; used < std::max(1, s.used); ++used) {
      const std::int64_t matrix = product() ? 0 : (first_ + used * (s.used > 0 ? matrices_ / s.used : 0)) % matrices_;
      for (std::int64_t sample = 0; sample < 48; ++sample) {
        const std::int64_t row = sample == 0 ? 0 : sample == 1 ? s.rows - 1 : sample * 7919 % s.rows, token = sample * 31 % s.tokens;
        const Product want = reference_row(tile, matrix * blocks_, row, std::span(x).subspan(static_cast<std::size_t>(token * s.columns), static_cast<std::size_t>(s.columns)));
        RC_ASSIGN(got, get_values<float>(buffers_[2], (used * s.tokens + token) * s.rows + row, 1));
        const double difference = std::fabs(static_cast<double>(got[0]) - want.value) / want.magnitude;
        worst = std::isnan(difference) ? 1.0 : std::max(worst, difference);
      }
    }
    return worst;
  }
  Result<double> error_of_attention() {
    const Shape& s = case_.shape;
    const std::vector<float> q = activations(9, s.heads * s.head_dim);
    const Tile tile = make_tile(format_of(FormatId::f16));
    RC_ASSIGN(out, get_values<float>(buffers_[3], 0, s.heads * s.head_dim));
    double worst = 0;
    for (const int head : {0, s.heads - 1}) {
      const std::int64_t elements = s.depth * s.head_dim, kv = head / (s.heads / s.kv_heads);
      std::vector<std::uint16_t> keys(static_cast<std::size_t>(elements)), values(keys.size());
      fill(tile, (first_ * 2 * s.kv_heads + kv) * elements, std::as_writable_bytes(std::span(keys)));
      fill(tile, ((first_ * 2 + 1) * s.kv_heads + kv) * elements, std::as_writable_bytes(std::span(values)));
      const auto dim = static_cast<std::size_t>(s.head_dim), at = static_cast<std::size_t>(head) * dim;
      worst = std::max(worst, attention_difference(std::span(q).subspan(at, dim), keys, values, std::span(out).subspan(at, dim)));
    }
    return worst;
  }

  Gpu& gpu_;
  Case case_;
  Held held_;
  const Format* format_;
  std::vector<Buffer> buffers_;
  std::int64_t groups_ = 1, row_bytes_ = 0, blocks_ = 0, matrices_ = 1, parts_ = 1, next_ = 0, first_ = 0;
};

class GpuDevice : public Device {
 public:
  GpuDevice(std::unique_ptr<Gpu> gpu, std::function<Conditions()> sensors) : gpu_(std::move(gpu)), sensors_(std::move(sensors)) {}
  const DeviceInfo& info() const override { return gpu_->info(); }

  bool can(KernelKind kind, std::string_view format) const override {
    switch (kind) {
      case KernelKind::read: case KernelKind::copy: case KernelKind::triad: case KernelKind::launch: case KernelKind::copy_in: case KernelKind::copy_out: case KernelKind::copy_both:
        return format.empty();
      case KernelKind::attention: return format == "f16";
      case KernelKind::matvec: case KernelKind::experts: return find_format(format) && format != "i8";
      case KernelKind::matmul: return find_format(format) && (format != "i8" || gpu_->has("tensor_matmul_i8"));
      case KernelKind::gemm: return info().backend == "cuda" && (format == "f16" || format == "bf16");
      case KernelKind::copy_peer: case KernelKind::copy_peer_both: case KernelKind::all_reduce: return format.empty() && gpu_->shares(kind);
      case KernelKind::layer: return false;   // an engine's
    }
    return false;
  }

  bool lost() const override { return gpu_->lost(); }
  Conditions conditions() override { return sensors_ ? sensors_() : Conditions{}; }

  Result<std::unique_ptr<Prepared>> prepare(const Case& c) override {
    RC_TRY(one_token_only(c));
    constexpr std::int64_t kMostGroups = 65535;   // what every interface grants in one dimension
    if (c.shape.rows > kMostGroups) return fail(ErrorKind::unsupported, "at most " + std::to_string(kMostGroups) + " rows");
    if (!c.format.empty() && c.kind != KernelKind::attention && c.shape.columns % 32 != 0) return fail(ErrorKind::unsupported, "columns must be a multiple of 32");
    if (c.kind == KernelKind::attention && (c.shape.head_dim > 4 * kGroup || c.shape.head_dim % 8 != 0)) return fail(ErrorKind::unsupported, "heads of at most 256 elements, a multiple of 8");
    if (const double needed = work_of(c).bytes.value(); needed > 0.9 * info().memory.value())
      return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(needed)) + " wanted, the device has " + print_gib(info().memory));
    if (gpu_->shares(c.kind)) return gpu_->prepare_shared(c);
    auto made = std::make_unique<GpuCase>(*gpu_, c);
    RC_TRY(made->allocate());
    return std::unique_ptr<Prepared>(std::move(made));
  }

 private:
  std::unique_ptr<Gpu> gpu_;
  std::function<Conditions()> sensors_;
};

}  // namespace

std::unique_ptr<Device> gpu_device(std::unique_ptr<Gpu> gpu, std::function<Conditions()> sensors) { return std::make_unique<GpuDevice>(std::move(gpu), std::move(sensors)); }

}  // namespace rigcast::bench
