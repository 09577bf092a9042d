#include "base/quantity.hpp"

#ifdef MISTAKE
rigcast::Joules energy = rigcast::Watts(350);
#else
rigcast::Joules energy = rigcast::Watts(350) * rigcast::Seconds(2);
#endif
