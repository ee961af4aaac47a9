# Under valgrind: the small tests, those of core and autograd, in a few processes, since every start
# costs a second. Each test there is runs under the other tools.
add_executable(small_tests main.cpp op_table_test.cpp ${core_tests} ${autograd_tests})
target_link_libraries(small_tests PRIVATE
  $<TARGET_OBJECTS:taskgrad> taskgrad doctest::doctest fmt::fmt-header-only
  nlohmann_json::nlohmann_json taskgrad_flags)
target_include_directories(small_tests SYSTEM PRIVATE ${RANDOM123_INCLUDE_DIR})

# Too long, in seconds under valgrind, for what the others do not reach:
set(skipped
  "grad: a chain of a million nodes*")  # 80
list(JOIN skipped "," skipped)

foreach(part core autograd op_table)
  add_test(NAME small.${part}
           COMMAND small_tests --source-file=*tests/${part}* --test-case-exclude=${skipped})
  set_tests_properties(small.${part} PROPERTIES
                       TIMEOUT 900 ENVIRONMENT OMP_WAIT_POLICY=passive)
endforeach()
