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

  /// Calls f(place, element, count) for the places of each row whose element (row, column) of the
  /// window lies on the image: `count` places one after the other, whose elements are
  /// window.stride[1] apart. Places and elements count in row-major order.
  template <class F>
  void for_each_run(std::int64_t row, std::int64_t column, const F& f) const {
    const std::int64_t step = window.stride[1];
    const std::int64_t left = column * window.dilation[1] - window.padding[1];  // x of place 0
    const std::int64_t first = left < 0 ? (-left + step - 1) / step : 0;
    const std::int64_t last = left < width ? std::min(places[1], (width - 1 - left) / step + 1) : 0;
    if (first >= last) return;
    for (std::int64_t py = 0; py < places[0]; ++py) {
      const std::int64_t y = py * window.stride[0] - window.padding[0] + row * window.dilation[0];
      if (y < 0 || y >= height) continue;
      f(py * places[1] + first, y * width + left + first * step, last - first);
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

/// Copies what the windows hold of one plane to lines [window size, places]; what lies beyond the
/// border is left alone.
template <class T>
void read_windows(const Frame& frame, const T* plane, T* lines) {
  const std::int64_t step = frame.window.stride[1];
  for (std::int64_t k = 0; k < frame.window_size(); ++k) {
    T* line = lines + k * frame.place_count();
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
