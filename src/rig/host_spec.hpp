#pragma once
// Hosts: from "host=2xepyc-7532:16xddr4-3200:512g" or from nothing to a Host.

#include "rig/rig.hpp"
#include "rig/spec.hpp"

namespace rigcast::rig {

struct MemoryConfig {
  int channels = 0;
  std::string type;   // "ddr4"
  double mt_s = 0;
};

// `value` of host=: [SOCKETSx]PROCESSOR[:CHANNELSxTYPE-RATE][:MEMORY]; where no processor is named the usual one
// on such memory is assumed and noted.
Result<Host> read_host(const catalog::Catalog& catalog, const Option& option, std::vector<std::string>& notes);

// Whether a piece of that value is the memory: "512g", "1.5t".
bool is_memory_size(std::string_view text);

// The host that such devices usually sit in; says so in `notes`.
Result<Host> assume_host(const catalog::Catalog& catalog, const std::vector<catalog::Device>& devices, std::vector<std::string>& notes);

// The host that a SoC or APU is.
Host host_of_chip(const catalog::Catalog& catalog, const catalog::Device& device, Bytes memory);

Result<Os> read_os(const Option& option);

// What the operating system and the programs around a model keep of the host's memory.
Bytes host_reserve(Os os);

}  // namespace rigcast::rig
