#pragma once
// The words of a rig spec, before anything is looked up: who is there and what was said about it, each with its place.
// docs/rig-spec.md has the grammar; a rig file in TOML becomes the same words.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.hpp"
#include "base/result.hpp"

namespace rigcast::rig {

// "nvlink" (name nvlink), "pcie=4x8" (name pcie, value 4x8), "@200w" (name power, value 200w).
struct Option {
  std::string name, value;
  Where where;
};

struct DeviceGroup {
  int count = 1;
  std::string name;
  std::vector<Option> options;  // behind '@'
  Where where;
  bool modified = false;        // said to be: "modded 4090"
};

// One host with what sits in it.
struct Part {
  std::vector<DeviceGroup> groups;
  std::vector<Option> options;
};

struct Spec {
  std::vector<Part> parts;
  std::vector<Option> options;  // of the whole: net, nodes
};

constexpr int kMostDevices = 4096;      // in a rig
constexpr int kMostOnHost = 1024;       // devices of one host, which may have a link for each pair; and hosts of a rig, which have
constexpr int kMostOfAKind = 999;       // in a group
constexpr int kMostUnlike = 256;        // in a rig whose devices are not all alike: whoever lays a model out looks at each of them

Result<Spec> read_spec(std::string_view text);
Result<Spec> read_rig_file(std::string_view text, const std::string& file);

// A count as people write it around a name: "双3090", "两张3090", "8卡H20", "2 3090", "dual 3090", "x2 3090", "1000x3090"; "3090x2", "3090 ×2", "3090 2x", "3090 两张". Many names
// look like that ("MLU370-X8"), so whoever asks has looked for the whole first. "3090x2" may be 2 of one and 3090 of another: all readings.
struct Counted {
  std::int64_t count = 0;
  std::string name;
};
std::vector<Counted> split_counts(std::string_view name);
// "x2", "2张": a count without a name.
std::optional<std::int64_t> count_alone(std::string_view text);

// The same with the signs of the grammar in place of those that people write: what a comma separates is an option or the host's memory, '&', "and" or
// 和 join devices; brackets and full-width signs. As long as before, so that places of errors hold.
std::string in_own_signs(std::string_view text);

// What joins a card to its host instead of a slot, as options that stand alone.
inline constexpr std::array<std::string_view, 7> kTunnels = {"usb4", "tb3", "tb4", "tb5", "oculink", "oculink-8i", "egpu"};

// Options that stand alone: "nvlink", "riser".
const std::vector<std::string>& standing_alone();
// Options of a device, of a part and of the whole; for errors and for the reader of words.
const std::vector<std::string>& device_options();
const std::vector<std::string>& part_options();
const std::vector<std::string>& rig_options();

// "24g", "24gb", "24 GiB", "1.5t" -> bytes: memory is counted in binary units whatever people write.
Result<Bytes> read_memory(const Option& option);

}  // namespace rigcast::rig
