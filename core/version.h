// The version of the library, as CMakeLists.txt reads it too.
#pragma once

#include <string_view>

namespace taskgrad {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace taskgrad
