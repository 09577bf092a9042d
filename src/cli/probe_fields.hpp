#pragma once
// The one list of fields of what a probe found.

#include "bench/probe.hpp"
#include "report/field.hpp"

namespace rigcast::cli {

report::Report fields(const bench::Findings& findings, const bench::Here& here);

}  // namespace rigcast::cli
