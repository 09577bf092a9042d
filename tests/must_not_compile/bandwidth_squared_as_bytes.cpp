#include "base/quantity.hpp"

#ifdef MISTAKE
rigcast::Bytes bytes = rigcast::Bandwidth(2) * rigcast::Bandwidth(3);
#else
rigcast::Bytes bytes = rigcast::Bandwidth(2) * rigcast::Seconds(3);
#endif
