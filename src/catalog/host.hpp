#pragma once
// Host processors and the memory and links that boards offer.

#include <optional>
#include <string>
#include <vector>

#include "catalog/fact.hpp"

namespace rigcast::catalog {

// A processor as a place where models run: its memory channels, cores and instruction sets.
struct Processor {
  std::string key;                  // "epyc-7532"
  std::string name;
  std::vector<std::string> aliases;
  std::string vendor;
  std::string architecture;         // "zen2", "cascade-lake", "neoverse-n1"
  int cores = 0;                    // physical
  double base_ghz = 0, boost_ghz = 0;
  std::vector<std::string> instruction_sets;  // "avx2", "avx512", "vnni", "amx", "neon", "sve", "dotprod", "i8mm"
  int channels = 0;                 // memory channels per socket
  int channel_bits = 64;            // width of one: 64 for DDR (two halves of DDR5 count as one), 32 or 16 on small boards
  std::string memory_type;          // "ddr4", "ddr5", "lpddr5x"
  double memory_mt_s = 0;           // highest rate officially supported
  std::optional<Bytes> most_memory; // of one socket, where the data know it: boards with soldered memory
  int max_sockets = 1;
  int pcie_generation = 0, pcie_lanes = 0;
  std::optional<Fact<Bandwidth>> measured_bandwidth;  // one socket, read, best configuration
  std::optional<Fact<Bandwidth>> core_bandwidth;      // most its cores pull from memory, whatever the modules (chiplet links)
  std::optional<Fact<Watts>> power;
  std::string soc_device;           // key of the Device whose memory it shares ("apple-m1-max")
  std::vector<std::string> caveats;
  std::string confidence;           // "high", "medium", "low"
  std::vector<Source> sources;
  std::string file;
  int line = 0;
};

// Theoretical peak of one socket with all its channels at `mt_s` (0: the highest official rate).
Bandwidth peak_bandwidth(const Processor& processor, double mt_s = 0);

// What joins two memories. Bandwidth is one way and usable (after encoding and packet overhead).
struct LinkType {
  std::string key;                  // "pcie4x16", "nvlink3-pair", "usb4", "10gbe"
  std::string name;
  std::vector<std::string> aliases;
  Fact<Bandwidth> bandwidth;
  Fact<Seconds> latency;            // one message, software included
  double usable_share = 1;          // device fabrics: share of the Device's own peer_bandwidth that a copy gets
  bool between_hosts = false;
  std::vector<std::string> caveats;
  std::string file;
  int line = 0;
};

}  // namespace rigcast::catalog
