#include "catalog/quant.hpp"

namespace rigcast::catalog {

Bytes quant_bytes(const Quant& quant, std::int64_t elements) {
  const std::int64_t blocks = elements / quant.block_elements + (elements % quant.block_elements != 0 ? 1 : 0);
  return Bytes(static_cast<double>(blocks) * static_cast<double>(quant.block_bytes));
}

double bits_per_weight(const Quant& quant) {
  return 8.0 * static_cast<double>(quant.block_bytes) / static_cast<double>(quant.block_elements);
}

}  // namespace rigcast::catalog
