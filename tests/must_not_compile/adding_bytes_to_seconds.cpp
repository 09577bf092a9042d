#include "base/quantity.hpp"

#ifdef MISTAKE
auto sum = rigcast::Bytes(1) + rigcast::Seconds(1);
#else
auto sum = rigcast::Bytes(1) + rigcast::Bytes(1);
#endif
