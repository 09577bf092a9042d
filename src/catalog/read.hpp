#pragma once
// From the text of one data file to Devices, Processors, LinkTypes and Quants. A file is a [defaults] table followed by entries
// ([[device]], [[processor]], [[link]], [[quant]]); data/README.md shows the keys.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/device.hpp"
#include "catalog/host.hpp"
#include "catalog/quant.hpp"

namespace rigcast::catalog {

Result<std::vector<Device>> read_devices(std::string_view text, const std::string& file);
Result<std::vector<Processor>> read_processors(std::string_view text, const std::string& file);
Result<std::vector<LinkType>> read_links(std::string_view text, const std::string& file);
Result<std::vector<Quant>> read_quants(std::string_view text, const std::string& file);

}  // namespace rigcast::catalog
