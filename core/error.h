// What the library throws, and the assert it uses for its own mistakes.
//
// Texts read `where: what must hold: what was given [hint]`. A mistake of the caller throws before
// anything visible has changed; nothing throws inside a parallel region.
#pragma once

#include <stdexcept>

namespace taskgrad {

/// Base of everything this library throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes, ranks or axes do not fit the operation.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// Element types are mixed, or not the one that was asked for.
class DTypeError : public Error {
 public:
  using Error::Error;
};

/// A gradient was asked for that the graph cannot give.
class GraphError : public Error {
 public:
  using Error::Error;
};

/// A value is NaN, infinite or outside the domain of the method.
class NumericError : public Error {
 public:
  using Error::Error;
};

/// An option, a name or a size is not one of those allowed.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A file could not be read or written, or its contents are malformed.
class IoError : public Error {
 public:
  using Error::Error;
};

namespace internal {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace internal

}  // namespace taskgrad

/// Checks a condition that only a defect of this library can break; aborts when it does not hold.
#if defined(TASKGRAD_ASSERTS)
#define TASKGRAD_ASSERT(condition) \
  ((condition) ? void(0) : ::taskgrad::internal::assertion_failed(#condition, __FILE__, __LINE__))
#else
#define TASKGRAD_ASSERT(condition) void(0)
#endif
