#include "catalog/fact.hpp"

namespace rigcast::catalog {

const char* to_string(Basis basis) {
  switch (basis) {
    case Basis::measured: return "measured";
    case Basis::vendor: return "vendor";
    case Basis::derived: return "derived";
    case Basis::estimated: return "estimated";
  }
  return "";
}

}  // namespace rigcast::catalog
