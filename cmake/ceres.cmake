# Ceres with all it stands on linked in: finding its twenty shared objects (BLAS, LAPACK, SuiteSparse, glog and theirs) took two thirds of
# a short answer, and only a fit calls them. METIS, of which Debian has no archive, is never asked (src/calibration/no_metis.cpp); the
# archive of libunwind is no position-independent code. Where an archive is missing, the shared objects serve.
find_package(Ceres REQUIRED)
set(ceres_archives "")
foreach(name libglog libgflags libunwind liblzma libcholmod libamd libcamd libccolamd libcolamd libsuitesparseconfig libcxsparse
             atlas/liblapack atlas/libblas libatlas libgomp libgfortran libquadmath)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${name}.a OUTPUT_VARIABLE archive OUTPUT_STRIP_TRAILING_WHITESPACE)
  list(APPEND ceres_archives ${archive})
  if(NOT IS_ABSOLUTE "${archive}")
    message(STATUS "Ceres from shared objects: there is no ${name}.a")
    set(ceres_shared TRUE)
  endif()
endforeach()
if(ceres_shared)
  set_property(TARGET Ceres::ceres APPEND PROPERTY INTERFACE_LINK_LIBRARIES gomp)   # src/calibration/fit.cpp calls it
else()
  set_target_properties(Ceres::ceres PROPERTIES INTERFACE_LINK_LIBRARIES "Eigen3::Eigen;Threads::Threads;${ceres_archives}" INTERFACE_LINK_OPTIONS -no-pie)
endif()
