# SPDX-License-Identifier: Apache-2.0
# A layer is one folder of src/ and one static library, recap_FOLDER. What it may use is what it
# links: a target that is not linked is not on the include path of nobody's promise but of the style
# test's (tests/style), which checks #includes against the same arrows.
#
#   recap_layer(targets SOURCES a.cc b.cc LINKS recap_run Boost::headers TESTS a_test.cc)
#
# CORE layers (base, linux, run, engine) are built twice: hosted, for callers and tests, and
# freestanding (recap_FOLDER_free), for the keeper, which has no libc.

set(RECAP_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
    -Wimplicit-fallthrough -Wformat=2 -Wundef -Wcast-align)
# False alarms of g++ 12 inside std::string and std::expected (GCC bugs 105329, 105562).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  list(APPEND RECAP_WARNINGS -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(RECAP_WERROR)
  list(APPEND RECAP_WARNINGS -Werror)
endif()

add_library(recap_flags INTERFACE)
target_compile_options(recap_flags INTERFACE ${RECAP_WARNINGS})
# By quote only: as -I, our own linux/ would stand before the kernel's <linux/...>.
set(RECAP_INCLUDES "SHELL:-iquote ${CMAKE_SOURCE_DIR}/src" "SHELL:-iquote ${CMAKE_BINARY_DIR}/generated")
target_compile_options(recap_flags INTERFACE ${RECAP_INCLUDES})
if(RECAP_SANITIZE)
  target_compile_options(recap_flags INTERFACE -fsanitize=${RECAP_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(recap_flags INTERFACE -fsanitize=${RECAP_SANITIZE})
endif()

# No libc, no heap, no exceptions; no stack protector, for its canary lives in libc's TLS.
add_library(recap_freestanding INTERFACE)
target_compile_options(recap_freestanding INTERFACE ${RECAP_WARNINGS} -Os -ffreestanding
    -fno-exceptions -fno-rtti -fno-stack-protector -fno-threadsafe-statics -fno-pie
    -fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections
    -U_FORTIFY_SOURCE -U_GLIBCXX_ASSERTIONS)
target_compile_options(recap_freestanding INTERFACE ${RECAP_INCLUDES})

function(recap_layer NAME)
  cmake_parse_arguments(L "CORE" "" "SOURCES;LINKS;TESTS" ${ARGN})
  if(L_SOURCES)
    add_library(recap_${NAME} STATIC ${L_SOURCES})
    target_link_libraries(recap_${NAME} PUBLIC recap_flags ${L_LINKS})
    if(L_CORE)
      add_library(recap_${NAME}_free STATIC ${L_SOURCES})
      set(free_links ${L_LINKS})
      list(TRANSFORM free_links APPEND _free)
      target_link_libraries(recap_${NAME}_free PUBLIC recap_freestanding ${free_links})
    endif()
  else()
    add_library(recap_${NAME} INTERFACE)
    target_link_libraries(recap_${NAME} INTERFACE recap_flags ${L_LINKS})
    if(L_CORE)
      add_library(recap_${NAME}_free INTERFACE)
      target_link_libraries(recap_${NAME}_free INTERFACE recap_freestanding)
    endif()
  endif()
  if(RECAP_TESTS AND L_TESTS)
    add_executable(${NAME}_tests ${L_TESTS})
    target_link_libraries(${NAME}_tests PRIVATE recap_${NAME} GTest::gtest_main)
    add_test(NAME unit.${NAME} COMMAND ${NAME}_tests)
    set_tests_properties(unit.${NAME} PROPERTIES LABELS unit)
  endif()
endfunction()
