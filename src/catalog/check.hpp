#pragma once
// The known ways in which hardware facts go wrong, checked on every entry that is read: sparse rates quoted as dense, TOPS as
// TFLOPS, GB as GiB, the sum of two chips as one, bandwidth that its bus cannot carry, rates that its cores cannot reach.
//
// A Device that is right to be an outlier says so in its [device.tolerated] table, check name -> reason.

#include <string>
#include <string_view>
#include <vector>

#include "catalog/device.hpp"
#include "catalog/host.hpp"

namespace rigcast::catalog {

struct DataFault {
  std::string check;    // name to use under [device.tolerated]
  std::string field;    // "memory", "rates": where in the entry
  std::string message;
};

std::vector<DataFault> check_device(const Device& device);
std::vector<DataFault> check_processor(const Processor& processor);

// The names under which rates are kept ("fp16", "int8", "fp16_acc16", "fp16_vector" ...).
bool is_rate_name(std::string_view name);
std::string nearest_rate_name(std::string_view name);

}  // namespace rigcast::catalog
