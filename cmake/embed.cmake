# rigcast_embed(TARGET NAME FILE): the bytes of FILE become `std::string_view rigcast::embedded_NAME()` in TARGET, and follow it when it changes.
function(rigcast_embed target name file)
  set(EMBED_NAME ${name})
  set(EMBED_FILE ${file})
  set(source ${CMAKE_BINARY_DIR}/embedded/${name}.cpp)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/embed.cpp.in ${source} @ONLY)
  set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES OBJECT_DEPENDS ${file} SKIP_PRECOMPILE_HEADERS ON SKIP_UNITY_BUILD_INCLUSION ON)
  target_sources(${target} PRIVATE ${source})
endfunction()
