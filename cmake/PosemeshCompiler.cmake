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
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)

# What makes a mistake harder to use, where the compiler has it (Debian 12's has all for its machine);
# tests/structure/hardening.py looks for it in the programs.
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
foreach(flag -fcf-protection=full -mbranch-protection=standard -fstack-clash-protection)
  string(MAKE_C_IDENTIFIER "POSEMESH_HAS${flag}" has_flag)
  set(CMAKE_REQUIRED_FLAGS -Werror) # clang knows other machines' flags, and says that it does not use them
  check_c_compiler_flag(${flag} ${has_flag})
  unset(CMAKE_REQUIRED_FLAGS)
  if(${has_flag})
    add_compile_options(${flag})
  endif()
endforeach()
# A program is marked for a shadow stack when all that is linked into it is; Debian's start files are not, but fit one. Not so for
# the other half of CET: they lack the marks of where a jump may land, so the programs cannot say that they have them all.
check_linker_flag(C -Wl,-z,shstk POSEMESH_HAS_SHADOW_STACK)
if(POSEMESH_HAS_fcf_protection_full AND POSEMESH_HAS_SHADOW_STACK)
  add_link_options(-Wl,-z,shstk)
endif()

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
  # A C library or compiler that does not know 3 says so, once for each file.
  check_c_source_compiles("#include <features.h>\n#if !__GLIBC_PREREQ(2, 34) || (!defined __clang__ && __GNUC__ < 12)\n#error\n#endif\nint main(void) {return 0;}"
    POSEMESH_HAS_FORTIFY_3)
  if(POSEMESH_HAS_FORTIFY_3)
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  else()
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()
if(POSEMESH_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(POSEMESH_CHAOS)
  add_compile_definitions(POSEMESH_CHAOS=1)
endif()
