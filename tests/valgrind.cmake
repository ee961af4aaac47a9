# Under valgrind: the small tests, those of core, autograd and the op table, in a few processes, since
# every start costs a second. Each test there is runs under the other tools.
add_executable(small_tests main.cpp ${core_tests} ${autograd_tests})
target_link_libraries(small_tests PRIVATE
  $<TARGET_OBJECTS:taskgrad> taskgrad doctest::doctest fmt::fmt-header-only
  nlohmann_json::nlohmann_json taskgrad_flags)
target_include_directories(small_tests SYSTEM PRIVATE ${RANDOM123_INCLUDE_DIR})

# Too long, in seconds under valgrind, for what the others do not reach, or not meant for it:
set(skipped
  "grad: a chain of a million nodes*"  # 80
  "elementary: within*"                # valgrind's long double is a double, no measure for one
  "laws: *"                            # the op table's ops again, on hundreds of shapes
  "graph text: a deep graph*")         # another long chain
list(JOIN skipped "," skipped)

function(small_test program part)
  add_test(NAME small.${program}.${part}
           COMMAND ${program} --source-file=*tests/${part}/* --test-case-exclude=${skipped})
  set_tests_properties(small.${program}.${part} PROPERTIES
                       TIMEOUT 900 ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()
foreach(part core autograd)
  small_test(small_tests ${part})
endforeach()
foreach(part core autograd ops)
  small_test(op_tests ${part})
endforeach()
