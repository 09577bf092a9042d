#pragma once
// Ends what avx2.hpp or avx512.hpp begins.

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
