# Under valgrind: the tests of core and autograd, one process each, since every start costs seconds.
add_executable(small_tests main.cpp ${core_tests} ${autograd_tests})
target_link_libraries(small_tests PRIVATE
  $<TARGET_OBJECTS:taskgrad> taskgrad doctest::doctest fmt::fmt-header-only
  nlohmann_json::nlohmann_json taskgrad_flags)
target_include_directories(small_tests SYSTEM PRIVATE ${RANDOM123_INCLUDE_DIR})

add_test(NAME small.core COMMAND small_tests --source-file=*tests/core/*)
add_test(NAME small.autograd COMMAND small_tests --source-file=*tests/autograd/*)
set_tests_properties(small.core small.autograd PROPERTIES
                     TIMEOUT 900 ENVIRONMENT OMP_WAIT_POLICY=passive)
