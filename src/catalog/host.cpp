#include "catalog/host.hpp"

namespace rigcast::catalog {

Bandwidth peak_bandwidth(const Processor& processor, double mt_s) {
  const double rate = mt_s > 0 ? mt_s : processor.memory_mt_s;
  return Bandwidth(processor.channels * processor.channel_bits / 8.0 * rate * 1e6);
}

}  // namespace rigcast::catalog
