# Everything under data/ is read, checked and indexed by the catalog room's own code at build time and goes into the program as one
# pack; a fault in a data file fails the build with file:line:column.
file(GLOB_RECURSE data_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/data/*.toml ${CMAKE_SOURCE_DIR}/data/*.csv ${CMAKE_SOURCE_DIR}/data/*.po)
set(RIGCAST_PACK ${CMAKE_BINARY_DIR}/data.pack)

# The tool takes the readers from the room's archive without asking for the embedded pack that it is there to make.
add_executable(pack_data ${CMAKE_SOURCE_DIR}/tools/pack_data.cpp)
add_dependencies(pack_data rc_catalog)
target_link_libraries(pack_data PRIVATE $<TARGET_FILE:rc_catalog> rc_base)
set_target_properties(pack_data PROPERTIES LINK_DEPENDS $<TARGET_FILE:rc_catalog>)
target_include_directories(pack_data PRIVATE ${CMAKE_SOURCE_DIR}/src)

add_custom_command(OUTPUT ${RIGCAST_PACK}
  COMMAND pack_data ${CMAKE_SOURCE_DIR}/data ${RIGCAST_PACK}
  DEPENDS pack_data ${data_files} VERBATIM COMMENT "Packing data/")
configure_file(${CMAKE_SOURCE_DIR}/cmake/embedded.cpp.in ${CMAKE_BINARY_DIR}/embedded.cpp @ONLY)
set_source_files_properties(${CMAKE_BINARY_DIR}/embedded.cpp PROPERTIES OBJECT_DEPENDS ${RIGCAST_PACK})
add_library(rc_data STATIC ${CMAKE_BINARY_DIR}/embedded.cpp)
target_include_directories(rc_data PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(rc_catalog INTERFACE rc_data)
