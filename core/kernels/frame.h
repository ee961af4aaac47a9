// Images under a sliding window. Private to the kernels.
#pragma once

#include <taskgrad/core/kernels.h>
#include <taskgrad/core/memory.h>

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

  /// An element of the window: where it lies on the image, seen from place (0, 0), and the places
  /// at which it lies there at all.
  struct Element {
    std::int64_t offset;
    Range down, across;
  };
  /// Those of the window in row-major order, to be made once for all images; none without an image.
  List<Element> elements() const {
    List<Element> all;
    if (images * channels == 0) return all;
    all.reserve(static_cast<std::size_t>(window_size()));
    for (std::int64_t row = 0; row < window.size[0]; ++row) {
      for (std::int64_t column = 0; column < window.size[1]; ++column) {
        const std::int64_t y = row * window.dilation[0] - window.padding[0];
        const std::int64_t x = column * window.dilation[1] - window.padding[1];
        all.push_back({y * width + x, places_of(0, row), places_of(1, column)});
      }
    }
    return all;
  }

  /// The places at which an element lies on the image: `rows` times `count` of them, from `place`
  /// on, whose element is at `position`. Both count in row-major order.
  struct Patch {
    std::int64_t rows, count, place, position;
  };
  Patch patch_of(const Element& element) const {
    const auto& [offset, down, across] = element;
    return {.rows = std::max<std::int64_t>(down.last - down.first, 0),
            .count = std::max<std::int64_t>(across.last - across.first, 0),
            .place = down.first * places[1] + across.first,
            .position = offset + down.first * row_step() + across.first * window.stride[1]};
  }
  /// From a place's position to that of the one below.
  std::int64_t row_step() const { return window.stride[0] * width; }

  std::int64_t place_count() const { return places[0] * places[1]; }
  std::int64_t window_size() const { return window.size[0] * window.size[1]; }
  std::int64_t area() const { return height * width; }
  /// Whether every element of a window lies on the image wherever it stands.
  bool covers() const { return window.padding[0] == 0 && window.padding[1] == 0; }

  Window window;
  Window::Pair places;
  std::int64_t images, channels, height, width;
};

/// Copies rows of numbers that lie side by side. They are short: calls and what is left of a vector
/// would take longer than copying the end twice.
template <class T>
void copy_rows(std::int64_t rows, std::int64_t count, const T* from, std::int64_t from_step, T* to,
               std::int64_t to_step) {
  constexpr std::int64_t kPiece = 32 / sizeof(T);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (count < kPiece) {
      for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
    } else {
      for (std::int64_t i = 0; i < count - kPiece; i += kPiece) std::memcpy(to + i, from + i, 32);
      std::memcpy(to + count - kPiece, from + count - kPiece, 32);
    }
    from += from_step;
    to += to_step;
  }
}

/// Copies what the windows hold of one plane as that element to a line [places]; what lies beyond
/// the border is left alone.
template <class T>
void read_element(const Frame& frame, const Frame::Element& element, const T* plane, T* line) {
  const auto [rows, count, place, position] = frame.patch_of(element);
  if (rows == 0 || count == 0) return;
  const T* from = plane + position;
  T* to = line + place;
  const std::int64_t step = frame.window.stride[1];
  if (step == 1) return copy_rows(rows, count, from, frame.row_step(), to, frame.places[1]);
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i * step];
    from += frame.row_step();
    to += frame.places[1];
  }
}

/// The adjoint: adds a line to the plane.
template <class T>
void add_element(const Frame& frame, const Frame::Element& element, const T* line, T* plane) {
  const auto [rows, count, place, position] = frame.patch_of(element);
  if (rows == 0 || count == 0) return;
  const T* from = line + place;
  T* to = plane + position;
  const std::int64_t step = frame.window.stride[1];
  for (std::int64_t row = 0; row < rows; ++row) {
    if (step == 1) {
      for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
    } else {
      for (std::int64_t i = 0; i < count; ++i) to[i * step] += from[i];
    }
    from += frame.places[1];
    to += frame.row_step();
  }
}

/// Calls f(element, plane, row) for rows [first, last) of [channels x elements of the window], with
/// the number of the row and where its channel's plane begins.
template <class F>
void for_each_row(const Frame& frame, const List<Frame::Element>& elements, std::int64_t first,
                  std::int64_t last, const F& f) {
  if (first >= last) return;
  const auto size = static_cast<std::int64_t>(elements.size());
  std::int64_t plane = first / size * frame.area();
  std::int64_t k = first % size;
  for (std::int64_t row = first; row < last; ++row) {
    f(elements[static_cast<std::size_t>(k)], plane, row);
    if (++k == size) {
      k = 0;
      plane += frame.area();
    }
  }
}

/// Rows [first, last) of im2col [channels x elements of the window, places].
template <class T>
void read_windows(const Frame& frame, const List<Frame::Element>& elements, std::int64_t first,
                  std::int64_t last, const T* planes, T* columns) {
  for_each_row(frame, elements, first, last,
               [&](const Frame::Element& element, std::int64_t plane, std::int64_t row) {
                 read_element(frame, element, planes + plane, columns + row * frame.place_count());
               });
}

/// The adjoint: adds those rows to the planes.
template <class T>
void add_windows(const Frame& frame, const List<Frame::Element>& elements, std::int64_t first,
                 std::int64_t last, const T* columns, T* planes) {
  for_each_row(frame, elements, first, last,
               [&](const Frame::Element& element, std::int64_t plane, std::int64_t row) {
                 add_element(frame, element, columns + row * frame.place_count(), planes + plane);
               });
}

}  // namespace taskgrad::kernels
