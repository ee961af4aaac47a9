// Images under a sliding window. Private to the kernels.
#pragma once

#include <taskgrad/core/kernels.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace taskgrad::kernels {

/// Images [n, c, h, w] under a window.
struct Frame {
  Frame(std::string_view where, const Shape& image, const Window& sliding)
      : window(sliding), places(sliding.places(where, image)) {
    images = image[0];
    channels = image[1];
    height = image[2];
    width = image[3];
  }

  /// [first, last)
  struct Range {
    std::int64_t first, last;
  };
  /// The places along an axis, 0 down and 1 across, at which an element of the window lies on the
  /// image.
  Range places_of(std::size_t axis, std::int64_t element) const {
    const std::int64_t step = window.stride[axis];
    const std::int64_t at = element * window.dilation[axis] - window.padding[axis];  // in place 0
    const std::int64_t extent = axis == 0 ? height : width;
    return {at < 0 ? (-at + step - 1) / step : 0,
            at < extent ? std::min(places[axis], (extent - 1 - at) / step + 1) : 0};
  }

  /// Calls f(place, element, count) for the places of each row whose element (row, column) of the
  /// window lies on the image: `count` places one after the other, whose elements are
  /// window.stride[1] apart. Places and elements count in row-major order.
  template <class F>
  void for_each_run(std::int64_t row, std::int64_t column, const F& f) const {
    const Range down = places_of(0, row);
    const Range across = places_of(1, column);
    if (across.first >= across.last) return;
    const std::int64_t y =
        down.first * window.stride[0] - window.padding[0] + row * window.dilation[0];
    const std::int64_t x =
        across.first * window.stride[1] - window.padding[1] + column * window.dilation[1];
    const std::int64_t count = across.last - across.first;
    const std::int64_t place_step = places[1], element_step = window.stride[0] * width;
    std::int64_t place = down.first * place_step + across.first;
    std::int64_t element = y * width + x;
    for (std::int64_t py = down.first; py < down.last; ++py) {
      f(place, element, count);
      place += place_step;
      element += element_step;
    }
  }

  std::int64_t place_count() const { return places[0] * places[1]; }
  std::int64_t window_size() const { return window.size[0] * window.size[1]; }
  std::int64_t area() const { return height * width; }
  /// Whether every element of a window lies on the image wherever it stands.
  bool covers() const { return window.padding[0] == 0 && window.padding[1] == 0; }

  Window window;
  Window::Pair places;
  std::int64_t images, channels, height, width;
};

/// A run is short: a call would take longer than it saves.
template <class T>
void copy_run(const T* from, std::int64_t count, T* to) {
  constexpr std::int64_t kPiece = 32 / sizeof(T);
  std::int64_t i = 0;
  for (; i + kPiece <= count; i += kPiece) std::memcpy(to + i, from + i, 32);
  for (; i < count; ++i) to[i] = from[i];
}

/// Copies what the windows hold of one plane as their element k to a line [places]; what lies
/// beyond the border is left alone.
template <class T>
void read_element(const Frame& frame, const T* plane, std::int64_t k, T* line) {
  const std::int64_t step = frame.window.stride[1];
  frame.for_each_run(k / frame.window.size[1], k % frame.window.size[1],
                     [&](std::int64_t place, std::int64_t element, std::int64_t count) {
                       if (step == 1) {
                         copy_run(plane + element, count, line + place);
                       } else {
                         for (std::int64_t i = 0; i < count; ++i) {
                           line[place + i] = plane[element + i * step];
                         }
                       }
                     });
}

/// The adjoint: adds lines to the plane.
template <class T>
void add_windows(const Frame& frame, const T* lines, T* plane) {
  const std::int64_t step = frame.window.stride[1];
  for (std::int64_t k = 0; k < frame.window_size(); ++k) {
    const T* line = lines + k * frame.place_count();
    frame.for_each_run(k / frame.window.size[1], k % frame.window.size[1],
                       [&](std::int64_t place, std::int64_t element, std::int64_t count) {
                         T* to = plane + element;
                         const T* from = line + place;
                         if (step == 1) {
                           for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
                         } else {
                           for (std::int64_t i = 0; i < count; ++i) to[i * step] += from[i];
                         }
                       });
  }
}

}  // namespace taskgrad::kernels
