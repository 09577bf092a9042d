// What CHOLMOD calls of METIS, for programs that link CHOLMOD in (cmake/ceres.cmake): nothing, since Ceres 2.1 has it order by AMD and
// nothing else (suitesparse.cc sets one method).

#include "base/check.hpp"

extern "C" {
int METIS_NodeND() { RC_CHECK(false, "Ceres orders by AMD"); }
int METIS_ComputeVertexSeparator() { RC_CHECK(false, "Ceres orders by AMD"); }
}
