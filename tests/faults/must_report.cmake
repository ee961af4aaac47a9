# cmake -DCOMMAND=... -DREPORT=regex -P must_report.cmake: passes when the command fails and its error
# output has the report. Both: ctest judges every other test by the exit code alone.
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE error)
if(code EQUAL 0)
  message(FATAL_ERROR "must fail: exit code 0\n${output}${error}")
endif()
if(NOT error MATCHES "${REPORT}")
  message(FATAL_ERROR "must report '${REPORT}': exit code ${code}\n${output}${error}")
endif()
