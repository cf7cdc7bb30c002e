# Read by ctest, once per test executable: lists the executable's suites and adds one test for each.
# Set by the including file: executable, prefix, label, directory.
if(NOT EXISTS ${executable})
  add_test(${prefix}_NOT_BUILT ${executable})
  return()
endif()
execute_process(COMMAND ${executable} --gtest_list_tests OUTPUT_VARIABLE listing
                RESULT_VARIABLE failed ERROR_VARIABLE complaint)
if(failed)
  message(FATAL_ERROR "${executable} --gtest_list_tests failed: ${complaint}")
endif()
# A suite whose name begins with Slow is labelled slow, whatever the executable's label.
# Suites stand at the line start and end with a full stop; a parameterised one is "Name/Suite.".
string(REGEX MATCHALL "(^|\n)[A-Za-z_][A-Za-z0-9_/]*\\." suites "${listing}")
foreach(suite ${suites})
  string(REGEX REPLACE "[\n.]" "" suite "${suite}")
  set(suite_label ${label})
  if(suite MATCHES "^Slow")
    set(suite_label slow)
  endif()
  add_test("${prefix}.${suite}" ${executable} "--gtest_filter=${suite}.*" --gtest_brief=1)
  set_tests_properties("${prefix}.${suite}" PROPERTIES LABELS ${suite_label} TIMEOUT 1200
                       WORKING_DIRECTORY ${directory} ENVIRONMENT UBSAN_OPTIONS=print_stacktrace=1)
endforeach()
