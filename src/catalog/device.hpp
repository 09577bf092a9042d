#pragma once
// A Device is one card, SoC or accelerator as sold: a 4090 48G is its own Device.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catalog/fact.hpp"

namespace rigcast::catalog {

// What a Device is to a planner.
enum class DeviceKind {
  gpu,          // graphics card with its own memory
  accelerator,  // server module or card without display (H100 SXM, MI300X, Gaudi)
  npu,          // Ascend, RKNN, Hexagon ...: own runtime
  soc,          // CPU + GPU on one memory (Apple, GB10)
  apu,          // x86 CPU with a large integrated GPU on the host's memory (Strix Halo)
};
const char* to_string(DeviceKind kind);

// PCIe and the like: how the Device reaches its host and its peers. Rates are one way.
struct DeviceLink {
  int pcie_generation = 0;   // 0: not PCIe or unknown
  int pcie_lanes = 0;
  std::optional<Fact<Bandwidth>> nvlink;  // one-way bandwidth to a peer over NVLink / xGMI / HCCS / fabric, all lanes of the Device
  int nvlink_peers = 0;      // how many Devices such a link joins at most (3090 bridge: 2; H100 NVSwitch: 8)
  std::string name;          // "NVLink 3", "xGMI", "HCCS"; empty without one: the name of a LinkType
  bool built_in = false;     // its boards always join them (SXM, OAM modules); else a bridge does, where there is one
  std::string host_link;     // LinkType to its host where that is not PCIe: "NVLink-C2C", "USB4"
  std::string host_processor;  // the processor it is always sold with (GH200: Grace)
  bool reads_peers = false;  // drivers let it read another's memory over PCIe: NVIDIA's do but for GeForce and CMP, AMD's for Instinct and Radeon Pro
};

struct Form {
  double length_mm = 0, height_mm = 0, slots = 0;  // 0: unknown or not a card
  std::string cooler;                              // "open", "blower", "passive", ...
  std::vector<std::string> connectors;
  bool display = false;
};

// All memory and rate figures are PER CHIP: a card of two chips (Atlas 300I Duo, K80, B60 Dual, MI250X) has chips = 2, shows up
// as two devices of the Rig, and pools nothing. Rates are dense, never sparse.
struct Device {
  std::string key;                     // "rtx-3090": unique, folded
  std::string name;                    // "GeForce RTX 3090"
  std::vector<std::string> aliases;    // exact names under which it is printed or asked for
  DeviceKind kind = DeviceKind::gpu;
  std::string vendor;                  // "nvidia", "amd", "intel", "apple", "huawei", "moore-threads", ...
  std::string architecture;            // "ampere", "rdna3", "cdna3", "gcn5.1", "m3", "ascend-310p", ...: the chip family of the calibration
  std::string capability;              // "8.6", "gfx906", "310P3": what kernels are chosen by; empty unknown
  std::string release;                 // "2020-09"
  bool modified = false;               // sold with memory the vendor never fitted (2080 Ti 22G, 4090 48G)
  std::string base_device;             // key of the Device it was made from
  bool soldered = false;               // part of a laptop: nobody buys one more
  // Boards of one chip compute alike whatever memory they carry, and read alike where it is as fast: architecture, single precision in
  // Tflop/s and GB/s, "hopper:66.9" and "hopper:66.9:3350". The key where its rate is unknown. See name_chip.
  std::string chip, chip_and_memory;
  int chips = 1;
  std::optional<Fact<Bandwidth>> inter_chip;  // one-way, where chips > 1

  std::string memory_type;             // "GDDR6X", "HBM2e", "LPDDR5X"
  Fact<Bytes> memory;                  // capacity a program could see before the driver takes its part
  std::optional<Fact<Bytes>> usable_memory;  // what an allocator was seen to get at most, where known
  std::optional<Fact<Bandwidth>> bandwidth;            // data sheet
  std::optional<Fact<Bandwidth>> measured_bandwidth;   // what a copy or read kernel was seen to reach
  std::vector<Bytes> memory_sizes;     // configurations sold, where there are several (unified memory); memory is the largest
  int bus_bits = 0;
  double data_rate_gbps = 0;           // per pin
  bool unified = false;                // memory is the host's memory
  bool ecc = false;

  // Dense rate by number format: "fp32", "tf32", "fp16", "bf16", "fp8", "fp4", "int8", "int4" as matrix hardware where there is
  // one, with FP32 accumulate; "fp16_acc16", "fp8_acc16" with FP16 accumulate; "*_vector" from the plain ALUs. Absent: no such path
  // or unknown.
  std::map<std::string, Fact<FlopRate>> rates;
  std::map<std::string, Fact<FlopRate>> measured_rates;  // what a peak-rate program reached, by the same names
  std::string rates_note;              // how to read them
  bool sparse_quoted = false;          // its vendor usually prints the doubled sparse figure

  DeviceLink link;
  std::optional<Fact<Watts>> power;    // board or module limit (per card, all chips)
  std::optional<Fact<Watts>> idle;
  Form form;
  int cores = 0;                       // shader cores (SM x cores) or AI cores
  double boost_mhz = 0;
  std::map<std::string, double> caches_mb;  // "L2", "infinity_cache", "sram"
  int process_nm = 0;                  // 0: unknown

  std::vector<std::string> runs;       // runtimes known to work: "cuda", "rocm", "vulkan", "metal", "cann", "musa", ...
  std::string first_version, last_version;  // of its main runtime, where one ended: "ROCm 6.3"
  std::vector<std::string> software_notes;
  std::vector<std::string> caveats;    // one sentence each, sourced by the table's source
  std::map<std::string, std::string> tolerated;  // check -> why this Device is right to fail it ("rates.fp16": "Pascal runs FP16 at 1/64")
  std::vector<Disputed> disputed;
  std::vector<Source> sources;
  std::string confidence;              // "high", "medium", "low"
  std::string file;                    // data file it was read from
  int line = 0;
};

// Sets chip and chip_and_memory from the key, the rates and the bandwidth.
void name_chip(Device& device);

// Memory of the whole card, all chips.
Bytes card_memory(const Device& device);

}  // namespace rigcast::catalog
