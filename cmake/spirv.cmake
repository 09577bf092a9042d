# rigcast_spirv(TARGET FILE): the Vulkan kernels of FILE become `std::string_view rigcast::bench::spirv(name)` in TARGET. Without
# glslangValidator there are none, and the program says so when it is asked for Vulkan.
function(rigcast_spirv target file)
  find_program(RIGCAST_GLSLANG glslangValidator)
  set(lines "")
  set(declared "")
  if(RIGCAST_GLSLANG)
    set(kernels sum_words copy_words triad nothing attention_part attention_join)
    foreach(format f32 f16 bf16 q8_0 q4_0 mxfp4 q4_k q6_k)
      list(APPEND kernels matvec_${format} matmul_${format})
    endforeach()
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/spirv)
    foreach(kernel ${kernels})
      set(flags -DKERNEL_${kernel})
      if(kernel MATCHES "^(matvec|matmul)_(.*)$")
        set(flags -DKERNEL_${CMAKE_MATCH_1} -DDECODE_${CMAKE_MATCH_2})
      endif()
      set(binary ${CMAKE_BINARY_DIR}/spirv/${kernel}.spv)
      add_custom_command(OUTPUT ${binary} DEPENDS ${file} VERBATIM
                         COMMAND ${RIGCAST_GLSLANG} -V --quiet --target-env vulkan1.1 ${flags} -S comp ${file} -o ${binary})
      rigcast_embed(${target} spirv_${kernel} ${binary})
      string(APPEND declared "std::string_view embedded_spirv_${kernel}();\n")
      string(APPEND lines "  if (kernel == \"${kernel}\") return embedded_spirv_${kernel}();\n")
    endforeach()
  else()
    message(STATUS "glslangValidator is not installed: bench is built without Vulkan")
  endif()
  set(source ${CMAKE_BINARY_DIR}/spirv/spirv.cpp)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [==[// The Vulkan kernels by name.
#include "bench/gpu/spirv.hpp"

namespace rigcast {
@declared@
namespace bench {

std::string_view spirv([[maybe_unused]] std::string_view kernel) {
@lines@  return {};
}

}  // namespace bench
}  // namespace rigcast
]==])
  target_sources(${target} PRIVATE ${source})
endfunction()
