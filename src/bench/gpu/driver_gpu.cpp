#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "bench/gpu/driver.hpp"

namespace rigcast::bench {
namespace {

constexpr unsigned kNonBlocking = 1;   // streams that do not wait for the default one
constexpr DriverCode kOutOfMemory = 2;

// After these the context is dead: an address outside memory, a kernel that hung or faulted, an uncorrectable error, a device that left the
// bus. The two interfaces number them alike.
bool is_final(DriverCode code) {
  constexpr std::array codes = {4, 46, 214, 220, 226, 700, 702, 709, 714, 715, 716, 717, 718, 719, 999};
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

#define RC_DRIVER(what, call) RC_TRY(done(what, (call)))

}  // namespace

std::string Driver::missing() const {
  const std::pair<bool, const char*> all[] = {
      {attribute, "device attributes"}, {synchronize, "waiting"}, {load && unload && function, "modules"}, {allocate && free, "memory"},
      {allocate_host && free_host, "page-locked memory"}, {to_device && to_host, "copies"}, {to_device_async && to_host_async, "copies in streams"},
      {launch != nullptr, "launches"}, {make_stream && end_stream && wait_event, "streams"}, {make_event && end_event && record && elapsed, "events"},
      {retain && make_current && give_back, "contexts"}};
  for (const auto& [present, what] : all)
    if (!present) return what;
  return {};
}

tl::unexpected<Error> Driver::trouble(const std::string& what, DriverCode code) const {
  const std::string said = text ? text(code) : std::string();
  return fail(ErrorKind::system, what + ": " + (said.empty() ? "unknown error" : said) + " (" + name + " " + std::to_string(code) + ")");
}

DriverGpu::DriverGpu(Parts parts) : parts_(std::move(parts)), driver_(parts_.driver.get()) { parts_.fellows->push_back(this); }

DriverGpu::~DriverGpu() {
  std::erase(*parts_.fellows, this);
  if (!context_) return;
  driver_->make_current(context_, parts_.device);
  driver_->synchronize();
  matrix_.reset();
  for (const auto& [id, pointer] : memory_) driver_->free(pointer);
  for (void* const host : pinned_) if (host) driver_->free_host(host);
  for (DriverHandle event : events_) if (event) driver_->end_event(event);
  for (DriverHandle stream : streams_) if (stream) driver_->end_stream(stream);
  for (const auto& [begins, module] : modules_) driver_->unload(module);
  driver_->give_back(parts_.device);
}

Result<void> DriverGpu::done(const std::string& what, DriverCode code) {
  if (code == 0) return {};
  lost_ = lost_ || is_final(code);
  return driver_->trouble(what, code);
}

bool DriverGpu::has(std::string_view kernel) const {
  constexpr std::string_view prefix = "tensor_matmul_";
  return kernel.starts_with(prefix) && std::find(parts_.tensor_formats.begin(), parts_.tensor_formats.end(), kernel.substr(prefix.size())) != parts_.tensor_formats.end();
}

Result<void> DriverGpu::start() {
  if (started_) return done("the device's context", driver_->make_current(context_, parts_.device));
  if (!context_) RC_DRIVER("the device's context", driver_->retain(context_, parts_.device));
  RC_DRIVER("the device's context", driver_->make_current(context_, parts_.device));
  for (DriverHandle& stream : streams_) if (!stream) RC_DRIVER("a stream", driver_->make_stream(&stream, kNonBlocking));
  for (DriverHandle& event : events_) if (!event) RC_DRIVER("an event", driver_->make_event(&event, 0));
  RC_ASSIGN(programs, parts_.programs());
  for (const auto& [begins, text] : programs)
    if (!modules_.contains(begins)) {
      DriverHandle module = nullptr;
      RC_DRIVER("the driver cannot translate the kernels", driver_->load(&module, text.c_str()));   // ends with a zero, as the driver wants it
      modules_[begins] = module;
    }
  started_ = true;
  return {};
}

Result<Buffer> DriverGpu::allocate(std::size_t bytes) {
  RC_TRY(start());
  DriverPointer pointer = 0;
  const DriverCode code = driver_->allocate(&pointer, bytes);
  if (code == kOutOfMemory) return fail(ErrorKind::system, "out of memory: " + print_gib(Bytes(static_cast<double>(bytes))) + " wanted");
  RC_DRIVER("memory of the device", code);
  memory_[++last_] = pointer;
  return last_;
}

void DriverGpu::release(Buffer buffer) {
  const auto found = memory_.find(buffer);
  if (found == memory_.end()) return;
  driver_->make_current(context_, parts_.device);
  driver_->free(found->second);
  memory_.erase(found);
}

Result<void> DriverGpu::put(Buffer buffer, std::size_t offset, std::span<const std::byte> from) {
  RC_TRY(start());
  return done("a copy to the device", driver_->to_device(at(buffer, offset), from.data(), from.size()));
}

Result<void> DriverGpu::get(Buffer buffer, std::size_t offset, std::span<std::byte> to) {
  RC_TRY(start());
  return done("a copy from the device", driver_->to_host(to.data(), at(buffer, offset), to.size()));
}

Result<void> DriverGpu::queue(const Launch& launch) {
  RC_ASSIGN(function, function_named(launch.kernel));
  std::array<std::uint64_t, 16> values{};   // device pointers and 64-bit numbers alike
  std::array<void*, 16> arguments{};
  std::size_t n = 0;
  for (const Buffer buffer : launch.buffers) values[n++] = at(buffer);
  for (const std::int64_t number : launch.numbers) values[n++] = static_cast<std::uint64_t>(number);
  for (std::size_t i = 0; i < n; ++i) arguments[i] = &values[i];
  return done(launch.kernel, driver_->launch(function, static_cast<unsigned>(launch.groups_x), static_cast<unsigned>(launch.groups_y), 1,
                                             static_cast<unsigned>(launch.threads), 1, 1, 0, streams_[0], arguments.data(), nullptr));
}

Result<double> DriverGpu::run(std::span<const Launch> launches) {
  RC_TRY(queue_begin());
  for (const Launch& launch : launches) RC_TRY(queue(launch));
  return elapsed();
}

Result<double> DriverGpu::gemm(const Product16& product, int runs) {
  RC_TRY(start());
  if (!matrix_) {
    RC_ASSIGN(opened, parts_.open_matrix(streams_[0]));
    matrix_ = std::move(opened);
  }
  RC_TRY(queue_begin());
  for (int r = 0; r < runs; ++r) RC_DRIVER("the maker's matrix library", matrix_->multiply(product, at(product.weights), at(product.x), at(product.y)));
  return elapsed();
}

Result<void> DriverGpu::queue_begin() {
  RC_TRY(start());
  return done("an event", driver_->record(events_[0], streams_[0]));
}

Result<double> DriverGpu::elapsed() {
  RC_TRY(start());
  RC_DRIVER("an event", driver_->record(events_[1], streams_[0]));
  RC_DRIVER("the device", driver_->synchronize());   // what a kernel did wrong shows here
  float milliseconds = 0;
  RC_DRIVER("the device's clock", driver_->elapsed(&milliseconds, events_[0], events_[1]));
  return std::max(1e-9, static_cast<double>(milliseconds) * 1e-3);
}

Result<double> DriverGpu::transfer(Way way, std::size_t bytes, int runs) {
  RC_TRY(start());
  RC_TRY(prepare_transfer(bytes));
  RC_TRY(queue_begin());
  RC_DRIVER("an event", driver_->wait_event(streams_[1], events_[0], 0));
  for (int r = 0; r < runs; ++r) {
    if (way != Way::out) RC_DRIVER("a copy to the device", driver_->to_device_async(at(moved_[0]), pinned_[0], bytes, streams_[0]));
    if (way != Way::in) RC_DRIVER("a copy from the device", driver_->to_host_async(pinned_[1], at(moved_[1]), bytes, streams_[way == Way::both ? 1 : 0]));
  }
  RC_DRIVER("an event", driver_->record(events_[2], streams_[1]));
  RC_DRIVER("an event", driver_->wait_event(streams_[0], events_[2], 0));
  return elapsed();
}

Result<DriverHandle> DriverGpu::function_named(const std::string& name) {
  if (const auto found = functions_.find(name); found != functions_.end()) return found->second;
  const std::string* begins = nullptr;   // the longest beginning names the program
  for (const auto& [prefix, module] : modules_)
    if (name.starts_with(prefix) && (!begins || prefix.size() > begins->size())) begins = &prefix;
  if (!begins) return fail(ErrorKind::unsupported, "there is no kernel " + name);
  DriverHandle function = nullptr;
  RC_DRIVER(name, driver_->function(&function, modules_.at(*begins), name.c_str()));
  functions_[name] = function;
  return function;
}

Result<void> DriverGpu::prepare_transfer(std::size_t bytes) {
  if (moved_bytes_ == bytes) return {};
  moved_bytes_ = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    if (moved_[i]) release(moved_[i]), moved_[i] = 0;
    if (pinned_[i]) driver_->free_host(pinned_[i]), pinned_[i] = nullptr;
    RC_ASSIGN(on_device, allocate(bytes));
    moved_[i] = on_device;
    RC_DRIVER("page-locked memory", driver_->allocate_host(&pinned_[i], bytes));
  }
  moved_bytes_ = bytes;
  return {};
}

Result<void> DriverGpu::reach(DriverGpu& other) {
  for (const auto& [from, to] : {std::pair(this, &other), std::pair(&other, this)}) {
    if (from->reached_[to]) continue;
    RC_TRY(to->start());
    RC_TRY(from->start());
    int possible = 0;
    // Where they cannot, the driver copies through host memory: slower, and worth knowing, but no error.
    if (driver_->can_access && driver_->can_access(&possible, from->parts_.device, to->parts_.device) == 0 && possible == 1) {
      constexpr DriverCode kAlready = 704;   // enabled by somebody before
      const DriverCode code = driver_->enable_peer(to->context_, to->parts_.device);
      if (code != kAlready) RC_TRY(from->done("reaching the other device's memory", code));
    }
    from->reached_[to] = true;
  }
  return {};
}

Result<void> DriverGpu::queue_copy(Buffer from, std::size_t from_offset, DriverGpu& other, Buffer to, std::size_t to_offset, std::size_t bytes) {
  RC_TRY(start());
  const Driver::Place source{at(from, from_offset), context_, parts_.device}, target{other.at(to, to_offset), other.context_, other.parts_.device};
  return done("a copy between devices", driver_->copy_peer(target, source, bytes, streams_[0]));
}

Result<void> DriverGpu::wait_for(DriverGpu& other) {
  RC_TRY(other.start());
  RC_TRY(other.done("an event", driver_->record(other.events_[3], other.streams_[0])));
  RC_TRY(start());
  return done("an event", driver_->wait_event(streams_[0], other.events_[3], 0));
}

}  // namespace rigcast::bench
