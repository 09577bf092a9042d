// What the devices of one driver do together: copies from one to the next, and sums over all of them.

#include <algorithm>
#include <cmath>

#include "bench/gpu/driver.hpp"

namespace rigcast::bench {
namespace {

constexpr std::size_t kPieceOfAll = std::size_t{32} << 20;   // bytes put at once

float value_of(std::size_t device, std::int64_t i) { return static_cast<float>((i * static_cast<std::int64_t>(device + 3)) % 64) / 64.0f; }

// One device's memory for a case, given back at its end.
struct Part {
  DriverGpu* gpu;
  Buffer data = 0, scratch = 0;
  Part(DriverGpu* device, Buffer held, Buffer spare) : gpu(device), data(held), scratch(spare) {}
  Part(Part&& other) noexcept : gpu(other.gpu), data(std::exchange(other.data, 0)), scratch(std::exchange(other.scratch, 0)) {}
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;
  Part& operator=(Part&&) = delete;
  ~Part() { gpu->release(data), gpu->release(scratch); }
};

// Memory filled with what value_of() gives this device.
Result<Part> make_part(DriverGpu* gpu, std::size_t device, std::int64_t bytes, std::int64_t spare) {
  RC_ASSIGN(data, gpu->allocate(static_cast<std::size_t>(bytes)));
  Part part(gpu, data, 0);
  if (spare > 0) {
    RC_ASSIGN(scratch, gpu->allocate(static_cast<std::size_t>(spare)));
    part.scratch = scratch;
  }
  std::vector<float> piece;
  for (std::int64_t first = 0; first < bytes / 4; first += static_cast<std::int64_t>(kPieceOfAll / 4)) {
    piece.resize(static_cast<std::size_t>(std::min<std::int64_t>(static_cast<std::int64_t>(kPieceOfAll / 4), bytes / 4 - first)));
    for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = value_of(device, first + static_cast<std::int64_t>(i));
    RC_TRY(gpu->put(data, static_cast<std::size_t>(first) * 4, std::as_bytes(std::span(piece))));
  }
  return part;
}

// The largest difference of sampled elements to what `want(element)` says.
template <class Want>
Result<double> difference(Part& part, std::int64_t bytes, const Want& want) {
  const std::int64_t count = bytes / 4, piece = std::min<std::int64_t>(count, 4096);
  double worst = 0;
  for (const std::int64_t first : {std::int64_t{0}, (count - piece) / 2, (count - piece) / 3, count - piece}) {
    std::vector<float> got(static_cast<std::size_t>(piece));
    RC_TRY(part.gpu->get(part.data, static_cast<std::size_t>(first) * 4, std::as_writable_bytes(std::span(got))));
    for (std::int64_t i = 0; i < piece; ++i) {
      const double off = std::fabs(static_cast<double>(got[static_cast<std::size_t>(i)]) - want(first + i));
      worst = std::isnan(off) ? 1.0 : std::max(worst, off);
    }
  }
  return worst;
}

// From this device to the next, or both ways at once.
class PeerCopy : public Prepared {
 public:
  PeerCopy(Part from, Part to, std::int64_t bytes, bool both) : from_(std::move(from)), to_(std::move(to)), bytes_(bytes), both_(both) {}
  Result<Sample> run(int runs) override {
    DriverGpu &a = *from_.gpu, &b = *to_.gpu;
    const auto half = static_cast<std::size_t>(bytes_);
    RC_TRY(a.queue_begin());
    if (both_) RC_TRY(b.wait_for(a));
    for (int r = 0; r < runs; ++r) {
      RC_TRY(a.queue_copy(from_.data, 0, b, to_.scratch, 0, half));
      if (both_) RC_TRY(b.queue_copy(to_.data, 0, a, from_.scratch, 0, half));
    }
    if (both_) RC_TRY(a.wait_for(b));
    RC_ASSIGN(seconds, a.elapsed());
    return Sample{.seconds = seconds, .runs = runs};
  }
  Result<double> error() override {
    std::swap(to_.data, to_.scratch);   // what arrived
    auto off = difference(to_, bytes_, [](std::int64_t i) { return value_of(0, i); });
    std::swap(to_.data, to_.scratch);
    if (!off || !both_) return off;
    std::swap(from_.data, from_.scratch);
    auto back = difference(from_, bytes_, [](std::int64_t i) { return value_of(1, i); });
    std::swap(from_.data, from_.scratch);
    return back ? Result<double>(std::max(*off, *back)) : back;
  }

 private:
  Part from_, to_;
  std::int64_t bytes_;
  bool both_;
};

// Every device ends with the sum of all, round a ring: n - 1 times each device hands one n-th to the next, which adds it; then n - 1 times
// the finished parts go round. Each sends 2 (n - 1) / n of the bytes.
class AllReduce : public Prepared {
 public:
  AllReduce(std::vector<Part> parts, std::int64_t bytes) : parts_(std::move(parts)), bytes_(bytes) {}
  Result<Sample> run(int runs) override {
    RC_TRY(parts_.front().gpu->queue_begin());
    RC_TRY(meet());
    for (int r = 0; r < runs; ++r) {
      RC_TRY(go_round(true));
      RC_TRY(meet());
      RC_TRY(go_round(false));
      RC_TRY(meet());
    }
    RC_ASSIGN(seconds, parts_.front().gpu->elapsed());
    return Sample{.seconds = seconds, .runs = runs};
  }
  Result<double> error() override {
    double worst = 0;
    for (Part& part : parts_) {
      RC_ASSIGN(off, difference(part, bytes_, [&](std::int64_t i) {
        double sum = 0;
        for (std::size_t d = 0; d < parts_.size(); ++d) sum += value_of(d, i);
        return sum;
      }));
      worst = std::max(worst, off);
    }
    return worst;
  }

 private:
  std::int64_t chunk() const { return bytes_ / 4 / static_cast<std::int64_t>(parts_.size()); }   // floats; bytes_ divides
  // All wait until all have done what is queued: everyone for the first, the first for everyone.
  Result<void> meet() {
    for (std::size_t d = 1; d < parts_.size(); ++d) RC_TRY(parts_.front().gpu->wait_for(*parts_[d].gpu));
    for (std::size_t d = 1; d < parts_.size(); ++d) RC_TRY(parts_[d].gpu->wait_for(*parts_.front().gpu));
    return {};
  }
  Result<void> go_round(bool add) {
    const std::size_t n = parts_.size(), bytes = static_cast<std::size_t>(4 * chunk());
    for (std::size_t step = 0; step + 1 < n; ++step) {
      const auto which = [&](std::size_t d) { return (d + 2 * n + (add ? 0 : 1) - step) % n; };   // the part that device d hands on
      if (!add && step > 0) RC_TRY(after_the_last());
      for (std::size_t d = 0; d < n; ++d) {
        Part& to = parts_[(d + 1) % n];
        RC_TRY(parts_[d].gpu->queue_copy(parts_[d].data, which(d) * bytes, *to.gpu, add ? to.scratch : to.data, (add ? step : which(d)) * bytes, bytes));
      }
      if (!add) continue;
      RC_TRY(after_the_last());
      for (std::size_t d = 0; d < n; ++d) {
        Part& to = parts_[(d + 1) % n];
        RC_TRY(to.gpu->start());
        RC_TRY(to.gpu->queue({"add", std::clamp<std::int64_t>(chunk() / (4 * kGroup), 1, 1024), 1, {to.data, to.scratch}, {static_cast<std::int64_t>(which(d)) * chunk(), static_cast<std::int64_t>(step) * chunk(), chunk()}}));
      }
    }
    return {};
  }
  // Each waits for what the device before it has sent.
  Result<void> after_the_last() {
    for (std::size_t d = 0; d < parts_.size(); ++d) RC_TRY(parts_[(d + 1) % parts_.size()].gpu->wait_for(*parts_[d].gpu));
    return {};
  }

  std::vector<Part> parts_;
  std::int64_t bytes_;
};

}  // namespace

bool DriverGpu::shares(KernelKind kind) const {
  const bool first = !fellows().empty() && fellows().front() == this;   // a sum is one measurement, however many take part
  return fellows().size() > 1 && (kind == KernelKind::copy_peer || kind == KernelKind::copy_peer_both || (kind == KernelKind::all_reduce && first));
}

Result<std::unique_ptr<Prepared>> DriverGpu::prepare_shared(const Case& c) {
  if (fellows().size() < 2) return fail(ErrorKind::unsupported, "there is only one device of this driver");
  const std::int64_t bytes = c.shape.bytes;
  if (c.kind == KernelKind::all_reduce) {
    const auto n = static_cast<std::int64_t>(fellows().size());
    const std::int64_t even = std::max<std::int64_t>(1, bytes / (64 * n)) * 64 * n;   // divides among all
    std::vector<Part> parts;
    for (std::size_t d = 0; d < fellows().size(); ++d) {
      RC_TRY(fellows()[d]->reach(*fellows()[(d + 1) % fellows().size()]));
      RC_ASSIGN(part, make_part(fellows()[d], d, even, even));
      parts.push_back(std::move(part));
    }
    return std::unique_ptr<Prepared>(std::make_unique<AllReduce>(std::move(parts), even));
  }
  const auto here = std::find(fellows().begin(), fellows().end(), this);
  DriverGpu& next = here + 1 == fellows().end() ? *fellows().front() : **(here + 1);
  RC_TRY(reach(next));
  RC_ASSIGN(from, make_part(this, 0, bytes, bytes));
  RC_ASSIGN(to, make_part(&next, 1, bytes, bytes));
  return std::unique_ptr<Prepared>(std::make_unique<PeerCopy>(std::move(from), std::move(to), bytes, c.kind == KernelKind::copy_peer_both));
}

}  // namespace rigcast::bench
