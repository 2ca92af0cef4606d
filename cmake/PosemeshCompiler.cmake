# Language level, warnings and the build flavours that CMakePresets.json names.
option(POSEMESH_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(POSEMESH_COVERAGE "Build for coverage with gcov" OFF)
option(POSEMESH_CHAOS "Compile crash points in" OFF)
option(POSEMESH_FUZZ "Build the fuzz targets of tests/fuzz; needs clang" OFF)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Without NDEBUG: an assertion that stops a node early costs less than one that runs on wrong.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

add_compile_definitions(_GNU_SOURCE POSEMESH_VERSION="${PROJECT_VERSION}")
add_compile_options(
  -Wall -Wextra -Werror -Wconversion -Wsign-conversion -Wshadow -Wpointer-arith -Wcast-qual -Wwrite-strings
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough
  -Wnull-dereference -Wdouble-promotion -fno-common -fstack-protector-strong)
add_link_options(-Wl,-z,relro,-z,now,--as-needed)

if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wduplicated-cond -Wduplicated-branches -Wlogical-op)
endif()

if(POSEMESH_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(POSEMESH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  add_link_options(-fsanitize=fuzzer-no-link,address,undefined)
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-D_FORTIFY_SOURCE=2)
endif()
if(POSEMESH_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(POSEMESH_CHAOS)
  add_compile_definitions(POSEMESH_CHAOS=1)
endif()
