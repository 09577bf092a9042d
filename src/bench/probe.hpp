#pragma once
// probe: what is in this machine, as Findings and as a Rig that every verb accepts as `here`.

#include "base/result.hpp"
#include "bench/findings.hpp"
#include "bench/world.hpp"
#include "catalog/catalog.hpp"
#include "rig/rig.hpp"

namespace rigcast::bench {

// How far to look. Vulkan and OpenCL drivers take a good part of a second to start, so `here` asks them only when nothing else
// explains a display device.
enum class Depth { quick, full };

// Never fails: what cannot be read is named in `unread`, and the rest goes on.
Findings probe(const World& world, Depth depth);

// A device nobody in the catalogue knows, as a data file to complete and put into the overlay folder.
struct Stub {
  std::string key;        // "unknown-10de-2204"
  std::string file_name;  // "devices/unknown-10de-2204.toml"
  std::string text;
};

struct Here {
  rig::Rig rig;
  std::vector<int> found;          // per Rig device: index into Findings::devices
  std::vector<Stub> stubs;
  std::vector<std::string> notes;  // how names were decided, what was left out and why
};

// Looks the Findings up in the catalogue. Memory size decides between Devices that print the same name.
Here to_rig(const catalog::Catalog& catalog, const Findings& findings);

// Puts a measured read bandwidth into the host: engines' efficiencies are shares of the theoretical peak, of which a plain read reaches
// kReadShare in the mean, so the peak becomes measured / kReadShare. 0: nothing was measured, nothing changes.
inline constexpr double kReadShare = 0.88;
void use_measured(Here& here, Bandwidth read);
void use_measured(Here& here, std::vector<rig::KernelRate> kernels);   // of the installed engine

std::string probe_date();   // ISO day

}  // namespace rigcast::bench
