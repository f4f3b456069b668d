# SPDX-License-Identifier: Apache-2.0

# A folder of src/ as a static library. USES are rooms, LIBRARIES come from outside.
#   ballast_room(NAME SOURCES FILE... [USES ROOM...] [LIBRARIES TARGET...])
# Do not list headers; tools/check_headers.py compiles each of them alone.
function(ballast_room name)
    cmake_parse_arguments(PARSE_ARGV 1 ROOM "" "" "SOURCES;USES;LIBRARIES")
    if(ROOM_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "ballast_room(${name}): what is ${ROOM_UNPARSED_ARGUMENTS}?")
    endif()
    set(room ballast_${name})
    if(ROOM_SOURCES)
        set(reach PUBLIC)
        add_library(${room} STATIC ${ROOM_SOURCES})
    else()
        set(reach INTERFACE)
        add_library(${room} INTERFACE)
    endif()
    file(GLOB headers CONFIGURE_DEPENDS "*.h")
    target_sources(${room} ${reach}
        FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${headers})
    list(TRANSFORM ROOM_USES PREPEND ballast_)
    target_link_libraries(${room} ${reach} ${ROOM_USES} ${ROOM_LIBRARIES} fmt::fmt Threads::Threads)
    if(ROOM_SOURCES)
        target_precompile_headers(${room} REUSE_FROM ballast_precompiled)
    endif()
endfunction()

# What almost every file includes, parsed once for all rooms. Files still include what they use:
# the headers are compiled alone without it.
set(BALLAST_PRECOMPILED
    <algorithm> <array> <atomic> <cassert> <chrono> <coroutine> <cstddef> <cstdint> <exception>
    <expected> <functional> <initializer_list> <map> <memory> <mutex> <optional> <span> <string>
    <string_view> <system_error> <utility> <variant> <vector> <fmt/format.h>)
function(ballast_precompile_headers)
    file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cpp "")
    add_library(ballast_precompiled OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
    target_link_libraries(ballast_precompiled PRIVATE fmt::fmt Threads::Threads)
    target_precompile_headers(ballast_precompiled PRIVATE ${BALLAST_PRECOMPILED})
endfunction()

# The rooms that exist, in the order of src/layers.txt.
function(ballast_add_rooms)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/layers.txt)
    file(GLOB ignored CONFIGURE_DEPENDS src/*/CMakeLists.txt)
    file(STRINGS src/layers.txt lines REGEX "^room ")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "^room ([a-z]+):.*" "\\1" name "${line}")
        if(EXISTS ${PROJECT_SOURCE_DIR}/src/${name}/CMakeLists.txt)
            add_subdirectory(src/${name})
        endif()
    endforeach()
endfunction()

# Links the rooms whose headers these files include, and the folder's support library if they use it:
# BALLAST_SUPPORT, or that of the unit tests.
function(ballast_link_included target)
    set(rooms)
    foreach(file IN LISTS ARGN)
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
        file(STRINGS ${file} includes REGEX "^#include \"[a-z]+/")
        foreach(include IN LISTS includes)
            string(REGEX REPLACE "^#include \"([a-z]+)/.*" "\\1" room "${include}")
            list(APPEND rooms ${room})
        endforeach()
    endforeach()
    list(REMOVE_DUPLICATES rooms)
    foreach(room IN LISTS rooms)
        if(room STREQUAL "support")
            set(library test_support)
            if(BALLAST_SUPPORT)
                set(library ${BALLAST_SUPPORT})
            endif()
        else()
            set(library ballast_${room})
        endif()
        # A target must not link itself. Support that has only headers is not a library.
        if(TARGET ${library} AND NOT library STREQUAL target)
            target_link_libraries(${target} PRIVATE ${library})
        endif()
    endforeach()
endfunction()
