#pragma once
// The Pack that the build put into the program (cmake/data.cmake).

#include <string_view>

namespace rigcast::catalog {

std::string_view embedded_pack();

}  // namespace rigcast::catalog
