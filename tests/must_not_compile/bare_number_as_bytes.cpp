#include "base/quantity.hpp"

#ifdef MISTAKE
rigcast::Bytes bytes = 24.0;
#else
rigcast::Bytes bytes{24.0};
#endif
