#include "bench/cpu/cpu_device.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/cpu/kernels.hpp"
#include "bench/cpu/machine.hpp"
#include "bench/cpu/model_run.hpp"
#include "bench/detail/probes.hpp"
#include "bench/format.hpp"
#include "bench/reference.hpp"

namespace rigcast::bench {
namespace {

// ---- read, copy, triad, launch
class Streams : public Prepared {
 public:
  static Result<std::unique_ptr<Prepared>> make(Machine& machine, const Case& c) {
    auto self = std::unique_ptr<Streams>(new Streams(machine, c));
    const int arrays = c.kind == KernelKind::read ? 1 : c.kind == KernelKind::copy ? 2 : c.kind == KernelKind::triad ? 3 : 0;
    for (int i = 0; i < arrays; ++i) {
      RC_ASSIGN(memory, Memory::get(static_cast<std::size_t>(c.shape.bytes)));
      self->arrays_.push_back(std::move(memory));
    }
    self->touch();
    return self;
  }

  Result<Sample> run(int runs) override {
    return timed(machine_, runs, case_.kind != KernelKind::launch, [&](int) {
      machine_.pool.run([&](int thread) { part(thread); });
    });
  }

  Result<double> error() override {
    const std::int64_t words = case_.shape.bytes / 8;
    if (case_.kind == KernelKind::read) {   // word i holds i + 1
      std::uint64_t sum = 0;
      for (const std::uint64_t partial : sums_) sum += partial;
      const auto n = static_cast<std::uint64_t>(words);
      return sum == (n % 2 == 0 ? n / 2 * (n + 1) : (n + 1) / 2 * n) ? 0.0 : 1.0;
    }
    if (case_.kind == KernelKind::copy) return std::memcmp(arrays_[0].get(), arrays_[1].get(), static_cast<std::size_t>(case_.shape.bytes)) == 0 ? 0.0 : 1.0;
    double worst = 0;
    for (std::int64_t i = 0; case_.kind == KernelKind::triad && i < case_.shape.bytes / 4; i += 997) {
      float a;
      std::memcpy(&a, arrays_[0].get() + 4 * i, 4);
      worst = std::max(worst, std::fabs(static_cast<double>(a) - (value(1, i) + 0.5 * value(2, i))));
    }
    return worst;
  }

 private:
  Streams(Machine& machine, const Case& c) : machine_(machine), case_(c), sums_(static_cast<std::size_t>(machine.pool.threads())) {}

  static float value(int array, std::int64_t i) { return static_cast<float>((i * (array + 3)) % 64) / 64.0f; }

  Range bytes_of(int thread) const { return share(case_.shape.bytes, thread, machine_.pool.threads(), 4096); }

  void touch() {
    machine_.pool.run([&](int thread) {
      const Range range = bytes_of(thread);
      for (std::size_t array = 0; array < arrays_.size(); ++array) {
        std::byte* const at = arrays_[array].get();
        for (std::int64_t i = range.first / 8; case_.kind != KernelKind::triad && i < range.last / 8; ++i) {
          const std::uint64_t word = array == 0 && case_.kind == KernelKind::copy ? 0 : static_cast<std::uint64_t>(i) + 1;
          std::memcpy(at + 8 * i, &word, 8);
        }
        for (std::int64_t i = range.first / 4; case_.kind == KernelKind::triad && i < range.last / 4; ++i) {
          const float f = array == 0 ? 0.0f : value(static_cast<int>(array), i);
          std::memcpy(at + 4 * i, &f, 4);
        }
      }
    });
  }

  void part(int thread) {
    const Range range = bytes_of(thread);
    const auto bytes = static_cast<std::size_t>(range.last - range.first);
    const CpuKernels& k = *machine_.kernels;
    const auto at = [&](std::size_t array) { return arrays_[array].get() + range.first; };
    switch (case_.kind) {
      case KernelKind::read: sums_[static_cast<std::size_t>(thread)] = k.read(at(0), bytes); break;
      case KernelKind::copy: k.copy(at(0), at(1), bytes); break;
      case KernelKind::triad: k.triad(reinterpret_cast<float*>(at(0)), reinterpret_cast<const float*>(at(1)), reinterpret_cast<const float*>(at(2)), 0.5f, bytes / 4); break;
      default: break;   // launch: waking and joining is all
    }
  }

  Machine& machine_;
  Case case_;
  std::vector<Memory> arrays_;
  std::vector<std::uint64_t> sums_;
};

// ---- matvec, matmul, experts
class Weights : public Prepared {
 public:
  static Result<std::unique_ptr<Prepared>> make(Machine& machine, const Case& c) {
    auto self = std::unique_ptr<Weights>(new Weights(machine, c));
    RC_TRY(self->allocate());
    return self;
  }

  Result<Sample> run(int runs) override {
    return timed(machine_, runs, work_of(case_).bytes.value() > kLong, [&](int) { once(); });
  }

  Result<double> error() override {
    const std::vector<float> x = rounded(values_, format_.activation);
    const auto columns = static_cast<std::size_t>(case_.shape.columns);
    double worst = 0;
    for (std::size_t used = 0; used < last_.size(); ++used)
      for (std::int64_t sample = 0; sample < 48; ++sample) {
        const std::int64_t row = sample == 0 ? 0 : sample == 1 ? case_.shape.rows - 1 : sample * 7919 % case_.shape.rows;
        const auto token = static_cast<std::size_t>(sample * 31 % case_.shape.tokens);
        const Product want = reference_row(tile_, last_[used] * blocks_per_matrix_, row, std::span(x).subspan(token * columns, columns));
        const float got = out_[(used * static_cast<std::size_t>(case_.shape.tokens) + token) * static_cast<std::size_t>(case_.shape.rows) + static_cast<std::size_t>(row)];
        const double difference = std::fabs(static_cast<double>(got) - want.value) / want.magnitude;
        worst = std::isnan(difference) ? 1.0 : std::max(worst, difference);
      }
    return worst;
  }

 private:
  Weights(Machine& machine, const Case& c)
      : machine_(machine), case_(c), format_(*find_format(c.format)), tile_(make_tile(format_)), row_bytes_(c.shape.columns / format_.block * format_.bytes),
        blocks_per_matrix_(c.shape.rows * c.shape.columns / format_.block) {}

  // As many matrices as it takes to be four times larger than the caches, run one after the other, as decoding reads layer after layer.
  Result<void> allocate() {
    const Shape& s = case_.shape;
    matrix_bytes_ = s.rows * row_bytes_;
    const auto matrix = static_cast<double>(matrix_bytes_);
    const double wanted = std::min(machine_.cold.value(), machine_.available.value() / 2);
    const bool cold = case_.kind != KernelKind::matmul;   // a matrix product works from the caches anyway
    matrices_ = case_.kind == KernelKind::experts ? s.experts : 1;
    if (cold) matrices_ = std::max<std::int64_t>(matrices_, static_cast<std::int64_t>(std::ceil(wanted / matrix)));
    RC_ASSIGN(memory, Memory::get(static_cast<std::size_t>(matrices_ * matrix_bytes_)));
    memory_ = std::move(memory);
    for (std::int64_t m = 0; m < matrices_; ++m)   // each thread fills the rows it will read
      machine_.pool.run([&](int thread) {
        const Range rows = share(s.rows, thread, machine_.pool.threads(), 1);
        fill(tile_, m * blocks_per_matrix_ + rows.first * (s.columns / format_.block),
             {memory_.get() + m * matrix_bytes_ + rows.first * row_bytes_, static_cast<std::size_t>((rows.last - rows.first) * row_bytes_)});
      });
    values_ = activations(7, s.tokens * s.columns);
    out_.resize(static_cast<std::size_t>(s.rows * s.tokens * std::max(1, s.used)));
    return {};
  }

  void once() {
    const Shape& s = case_.shape;
    machine_.kernels->arrange(format_, values_, s.columns, x_);   // rounding the activations is part of the work
    last_.clear();
    for (int used = 0; used < std::max(1, s.used); ++used) {
      // Experts: spread over all of them without repeating within a token.
      const std::int64_t m = s.experts > 0 ? (next_ * s.used * 17 + used * (matrices_ / s.used)) % matrices_ : next_ % matrices_;
      last_.push_back(m);
    }
    ++next_;
    for (std::size_t used = 0; used < last_.size(); ++used)
      multiply(machine_, {&format_, s.rows, s.columns, memory_.get() + last_[used] * matrix_bytes_}, x_, out_.data() + static_cast<std::int64_t>(used) * s.rows * s.tokens);
  }

  Machine& machine_;
  Case case_;
  const Format& format_;
  Tile tile_;
  std::int64_t row_bytes_, blocks_per_matrix_, matrix_bytes_ = 0, matrices_ = 1, next_ = 0;
  Memory memory_;
  std::vector<float> values_, out_;
  Activations x_;
  std::vector<std::int64_t> last_;   // matrices the last run used
};

// ---- attention
class Attention : public Prepared {
 public:
  static Result<std::unique_ptr<Prepared>> make(Machine& machine, const Case& c) {
    auto self = std::unique_ptr<Attention>(new Attention(machine, c));
    RC_TRY(self->allocate());
    return self;
  }

  Result<Sample> run(int runs) override {
    return timed(machine_, runs, work_of(case_).bytes.value() > kLong, [&](int) { once(); });
  }

  Result<double> error() override {
    const Shape& s = case_.shape;
    const auto dim = static_cast<std::size_t>(s.head_dim), elements = static_cast<std::size_t>(s.depth) * dim;
    double worst = 0;
    for (const int head : {0, s.heads - 1}) {
      const int kv = head / (s.heads / s.kv_heads);
      const std::size_t first = static_cast<std::size_t>(head) * dim;
      worst = std::max(worst, attention_difference(std::span(q_).subspan(first, dim), {at(0, kv), elements}, {at(1, kv), elements}, std::span(out_).subspan(first, dim)));
    }
    return worst;
  }

 private:
  Attention(Machine& machine, const Case& c) : machine_(machine), case_(c) {}

  std::uint16_t* at(int which, int kv_head) const {
    const Shape& s = case_.shape;
    const std::int64_t elements = s.depth * s.head_dim;
    return reinterpret_cast<std::uint16_t*>(memory_.get()) + ((now_ * 2 + which) * s.kv_heads + kv_head) * elements;
  }

  Result<void> allocate() {
    const Shape& s = case_.shape;
    const std::int64_t elements = 2 * s.kv_heads * s.depth * s.head_dim;
    const double wanted = std::min(machine_.cold.value(), machine_.available.value() / 2);
    layers_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(wanted / (2.0 * static_cast<double>(elements)))));
    RC_ASSIGN(memory, Memory::get(static_cast<std::size_t>(layers_ * elements * 2)));
    memory_ = std::move(memory);
    const Tile tile = make_tile(format_of(FormatId::f16));
    machine_.pool.run([&](int thread) {
      const Range range = share(layers_ * elements, thread, machine_.pool.threads(), 2048);
      fill(tile, range.first, {memory_.get() + 2 * range.first, static_cast<std::size_t>(2 * (range.last - range.first))});
    });
    q_ = activations(9, static_cast<std::int64_t>(s.heads) * s.head_dim);
    out_.resize(q_.size());
    return {};
  }

  void once() {
    now_ = next_++ % layers_;
    attend(machine_, case_.shape, q_.data(), at(0, 0), at(1, 0), partial_, out_.data());
  }

  Machine& machine_;
  Case case_;
  std::int64_t layers_ = 1, next_ = 0, now_ = 0;
  Memory memory_;
  std::vector<float> q_, out_, partial_;
};

// "6.8.0-45-acme" -> "6.8.0": what follows may name the owner.
std::string plain_version(const std::string& release) { return release.substr(0, release.find_first_not_of("0123456789.")); }

class CpuDevice : public Device {
 public:
  CpuDevice(const World& world, const Options& options, const CpuKernels& set) : machine_(cpus(options)), world_(world) {
    std::vector<std::string> unread;
    const FoundHost host = read_host(world, unread);
    machine_.kernels = &set;
    machine_.available = host.available;
    const Bytes cache = host.processor.caches.empty() ? Bytes() : host.processor.caches.rbegin()->second;
    machine_.cold = options.cold.value() > 0 ? options.cold : Bytes(std::max(4 * cache.value(), 512 * kMiB));
    info_ = {.id = "cpu", .backend = "cpu", .name = host.processor.name, .driver = host.os + " " + plain_version(host.os_version), .path = std::string(set.name),
             .pci_address = {}, .memory = host.available, .cache = cache, .units = machine_.pool.threads(), .in_software = false};
  }

  const DeviceInfo& info() const override { return info_; }

  bool can(KernelKind kind, std::string_view format) const override {
    if (kind <= KernelKind::triad || kind == KernelKind::launch) return format.empty();
    if (kind == KernelKind::attention) return format == "f16";
    return (kind == KernelKind::matvec || kind == KernelKind::matmul || kind == KernelKind::experts) && find_format(format);
  }

  Result<std::unique_ptr<Prepared>> prepare(const Case& c) override {
    RC_TRY(one_token_only(c));
    if (const double needed = memory_of(c).value(); needed > 0.8 * machine_.available.value())
      return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(needed)) + " wanted, " + print_gib(machine_.available) + " free");
    if (c.kind == KernelKind::attention) return Attention::make(machine_, c);
    if (!c.format.empty()) return Weights::make(machine_, c);
    return Streams::make(machine_, c);
  }

  Result<std::unique_ptr<Prepared>> prepare_model(const ModelCase& c) override { return make_model_run(machine_, c); }

  Conditions conditions() override {
    Conditions now;
    if (const auto khz = read_int(world_, "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")) now.clock_mhz = static_cast<double>(*khz) * 1e-3;
    return now;
  }

 private:
  static std::vector<int> cpus(const Options& options) {
    std::vector<int> chosen = choose_cpus(options.threads);
    if (!options.pin) std::fill(chosen.begin(), chosen.end(), -1);
    return chosen;
  }

  Machine machine_;
  World world_;
  DeviceInfo info_;
};

}  // namespace

Result<std::unique_ptr<Device>> open_cpu_set(const World& world, const Options& options, std::string_view set) {
  std::vector<std::string> names;
  for (const CpuKernels* candidate : cpu_kernels()) {
    if (!candidate->usable()) continue;
    if (set.empty() || candidate->name == set) return std::make_unique<CpuDevice>(world, options, *candidate);
    names.emplace_back(candidate->name);
  }
  return fail(ErrorKind::not_found, "this processor has no '" + std::string(set) + "' kernels; it has " + join(names, ", "));
}

Result<std::vector<std::unique_ptr<Device>>> open_cpu(const World& world, const Options& options) {
  std::vector<std::unique_ptr<Device>> devices;
  RC_ASSIGN(device, open_cpu_set(world, options, ""));
  devices.push_back(std::move(device));
  return devices;
}

}  // namespace rigcast::bench
