#include "base/units.hpp"

void read_capacity() {
#ifdef MISTAKE
  rigcast::parse_bytes("24 GiB");
#else
  (void)rigcast::parse_bytes("24 GiB");
#endif
}
