# SPDX-License-Identifier: Apache-2.0
# Chooses the compiler and its options. The first macro runs before project().

macro(ballast_choose_compiler)
    if(NOT CMAKE_CXX_COMPILER AND NOT DEFINED ENV{CXX})
        find_program(BALLAST_CLANG clang++-19)
        if(BALLAST_CLANG)
            set(CMAKE_CXX_COMPILER "${BALLAST_CLANG}")
        endif()
    endif()
endmacro()

function(ballast_refuse_compilers)
    set(version ${CMAKE_CXX_COMPILER_VERSION})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND version VERSION_LESS 13)
        message(FATAL_ERROR "g++ ${version} compiles coroutines into wrong code without a word. "
            "Use clang++-19 (./run setup installs it) or g++ 13 and newer.")
    elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND version VERSION_LESS 19)
        message(FATAL_ERROR "clang++ ${version} has no std::expected with libstdc++. "
            "Use clang++-19: ./run setup installs it.")
    endif()
endfunction()

function(ballast_compile_options)
    set(CMAKE_CXX_STANDARD 23 PARENT_SCOPE)
    set(CMAKE_CXX_STANDARD_REQUIRED ON PARENT_SCOPE)
    set(CMAKE_CXX_EXTENSIONS OFF PARENT_SCOPE)

    add_compile_options(
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wswitch
        -Wnon-virtual-dtor -Wold-style-cast -Werror)
    # Asserts stay in the release: no build defines NDEBUG.
    set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g" PARENT_SCOPE)
    add_compile_definitions(_GLIBCXX_ASSERTIONS)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON PARENT_SCOPE)

    if(BALLAST_SANITIZE STREQUAL "address")
        # fuzzer-no-link: the same libraries serve the tests and the fuzzers.
        set(sanitizers -fsanitize=address,undefined,fuzzer-no-link)
        add_compile_options(-fno-sanitize-recover=all)
    elseif(BALLAST_SANITIZE STREQUAL "thread")
        set(sanitizers -fsanitize=thread)
    elseif(BALLAST_SANITIZE)
        message(FATAL_ERROR "BALLAST_SANITIZE is ${BALLAST_SANITIZE}: use address or thread")
    endif()
    if(NOT BALLAST_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
        # Equal bytes in whatever folder it is built.
        add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
        # What Debian asks of its programs. Code that is not optimised must undo the first one.
        add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection)
        add_link_options(-Wl,-z,relro,-z,now)
    endif()

    if(BALLAST_SANITIZE)
        set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -gline-tables-only" PARENT_SCOPE)
        add_compile_options(${sanitizers} -fno-omit-frame-pointer)
        add_link_options(${sanitizers})
    endif()

    # Linker options must not be on a compile line: clang reports them as unused there.
    find_program(BALLAST_LLD NAMES ld.lld-19)
    if(BALLAST_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
        add_link_options(-fuse-ld=lld)
    endif()
    find_program(BALLAST_CCACHE ccache)
    if(BALLAST_CCACHE)
        # ccache's manual: without these it cannot use what was compiled with precompiled headers.
        add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
        set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
            CCACHE_SLOPPINESS=pch_defines,time_macros "${BALLAST_CCACHE}" PARENT_SCOPE)
    endif()
endfunction()
