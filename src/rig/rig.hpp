#pragma once
// A Rig is the Hosts, Devices and Links of one concrete machine or cluster.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function_ref.hpp"
#include "base/result.hpp"
#include "catalog/catalog.hpp"

namespace rigcast::rig {

enum class Os { linux_os, windows, macos };

// What one kernel of an engine, as it is built here, reached on a Host: its processor, caches and compiler are in it already.
// One execution takes `start` + bytes / `bytes`, of experts `start` for each that is chosen.
struct KernelRate {
  std::string kernel, format;            // "matvec", "matmul", "experts", "attention", "layer"; "q4_k", of attention the cache's
  std::int64_t tokens = 1;               // at once
  int threads = 0;
  double bytes = 0, flop = 0;            // a second; of a layer bytes that its small operations write, 0: not told apart
  double start = 0;                      // s that no size explains: handing out, waiting, first misses; of a layer for each operation. 0: not told apart
  double sharing = 0;                    // attention: query heads that share a cache; experts of many tokens: of all, what a token chooses
};

struct Host {
  std::string name;                      // "epyc-7532", "generic"
  std::optional<catalog::Processor> processor;
  int sockets = 1;
  int channels = 0;                      // populated, all sockets
  std::string memory_type;               // "ddr4"
  double memory_mt_s = 0;
  Bytes memory{};                        // 0: unknown
  Bytes reserved{};                      // what the operating system and its programs keep
  Bytes available() const { return std::max(Bytes{}, memory - reserved); }   // 0: unknown
  Bandwidth bandwidth{};                 // theoretical peak, all sockets: what channels carry and cores can pull; 0: unknown
  std::optional<catalog::Fact<Bandwidth>> measured_bandwidth;
  std::vector<KernelRate> kernels;       // of ggml, where bench found it installed; empty: not measured
  int cores = 0;
  Os os = Os::linux_os;
  bool assumed = false;                  // the spec named no processor: the usual one is assumed and said so
  bool unnamed = false;                  // ... nor a host at all
};

// One chip that software sees as a device: a card of two chips gives two.
struct RigDevice {
  catalog::Device device;
  int index = 0;                         // as the engine numbers them
  int card = 0;                          // chips of one card share it
  int host = 0;
  Bytes memory{};                        // capacity after overrides (unified: the part the GPU may take)
  Bytes reserved{};                      // display, OS, other users: not ours
  std::optional<Watts> power_limit;      // user's cap of this chip: "@200w" of a card of two chips is 100 W each
};

// The LinkType of all Links that are alike, kept once: a thousand cards have half a million joints of one type.
class SharedLinkType {
 public:
  SharedLinkType(catalog::LinkType type) : type_(std::make_shared<const catalog::LinkType>(std::move(type))) {}
  const catalog::LinkType& operator*() const { return *type_; }
  const catalog::LinkType* operator->() const { return type_.get(); }

 private:
  std::shared_ptr<const catalog::LinkType> type_;
};

// A joint between two memories. `a`, `b`: device index, or -1-h for the memory of host h.
struct Link {
  int a = 0, b = 0;
  SharedLinkType type;
  bool peer_to_peer = false;             // device to device without passing host memory
};

// Devices each of which is joined to all others alike, peer to peer: the chips of one card. `count` of them from `first` on.
struct Mesh {
  int first = 0, count = 0;
  SharedLinkType type;
  bool holds(int device) const { return device >= first && device < first + count; }
};

struct Rig {
  std::string spec;                      // as the user wrote it; empty: no words name it
  std::vector<Host> hosts;
  std::vector<RigDevice> devices;
  std::vector<Link> links;               // but those of meshes
  std::vector<Mesh> meshes;
  std::vector<std::string> notes;        // what was assumed
  std::vector<std::string> idle;         // names of devices that only() left out
};

// The same machine without the devices that are not `taken`: they stay where they are, and idle. Those that are left are numbered anew.
Rig only(const Rig& rig, FunctionRef<bool(const RigDevice&)> taken);
// Cards of all its hosts; chips of one card count once.
std::int64_t cards_of(const Rig& rig);

// One way from the memory of `a` to that of `b` (device index or -1-h), the best path; bandwidth 0 when nothing joins them.
struct Path { Bandwidth bandwidth{}; Seconds latency{}; bool through_host = false; std::string name; };
Path path_between(const Rig& rig, int a, int b);

// `memory` of a unified Device: the part of the host's memory that the GPU may take by the operating system's own rule.
Bytes gpu_share(const catalog::Device& device, Bytes host_memory, Os os);

// The Device that a spec of one group names, by the rules that parse_rig reads it with: "2x 4060ti 16g" is the card of 16 GB. For those who
// ask about a card and not about a machine. Errors: as of Catalog::device.
Result<catalog::Device> device_named(const catalog::Catalog& catalog, std::string_view name);

// "2x3090", "4xmi50-32g@200w; host=epyc-7532:8xddr4-3200:512g", "3090-ti+4090", "8xh200 nvlink", "host=epyc-7532:8xddr4-3200:512g"
// (CPU only), or the path of a rig TOML file. Grammar and options are in docs/rig-spec.md.
// Errors name the column and the nearest device, processor or link; impossible rigs (NVLink on a 4090) are infeasible.
Result<Rig> parse_rig(const catalog::Catalog& catalog, std::string_view spec);

}  // namespace rigcast::rig
