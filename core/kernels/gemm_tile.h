// The tile of gemm.h for one instruction set. A source that includes this is compiled for that set
// and says before how many bytes a vector has and how much of C a tile holds:
//
//   #define TASKGRAD_VECTOR_BYTES 32
//   #define TASKGRAD_TILE_ROWS 4
//   #define TASKGRAD_TILE_VECTORS 3
//
// All of it has internal linkage, and nothing of the standard library is called: code for a better
// processor must not be taken for another source's.
#include <taskgrad/core/kernels/gemm.h>

#include <cstdint>
#include <utility>

namespace taskgrad::kernels {
namespace {

constexpr int kTileRows = TASKGRAD_TILE_ROWS;
constexpr int kTileVectors = TASKGRAD_TILE_VECTORS;
static_assert(kTileVectors >= 3, "else Panels makes one of a part of a vector behind others");

template <class T>
struct Vector {
  typedef T type __attribute__((vector_size(TASKGRAD_VECTOR_BYTES)));
  typedef T anywhere
      __attribute__((vector_size(TASKGRAD_VECTOR_BYTES), aligned(alignof(T)), may_alias));
  static constexpr std::int64_t kWidth = TASKGRAD_VECTOR_BYTES / sizeof(T);
};

template <class T>
typename Vector<T>::type load(const T* from) {
  return *reinterpret_cast<const typename Vector<T>::anywhere*>(from);
}
template <class T>
void store(T* to, const typename Vector<T>::type& value) {
  *reinterpret_cast<typename Vector<T>::anywhere*>(to) = value;
}

// The first `count` elements, and zeros behind them.
template <class T>
typename Vector<T>::type load(const T* from, std::int64_t count) {
  if (count == Vector<T>::kWidth) return load(from);
  typename Vector<T>::type value{};
  for (std::int64_t i = 0; i < count; ++i) value[i] = from[i];
  return value;
}
template <class T>
void store(T* to, const typename Vector<T>::type& value, std::int64_t count) {
  if (count == Vector<T>::kWidth) return store(to, value);
  for (std::int64_t i = 0; i < count; ++i) to[i] = value[i];
}

template <int Value>
struct Constant {
  constexpr operator int() const { return Value; }
};

// Calls f(0), f(1), ... with constants. A loop, unrolled or not, would leave the sums of a tile an
// array in memory, to be stored and read again before and behind the links.
template <int... Index, class F>
[[gnu::always_inline]] inline void each(std::integer_sequence<int, Index...>, const F& f) {
  (f(Constant<Index>()), ...);
}
template <int Count, class F>
[[gnu::always_inline]] inline void repeat(const F& f) {
  each(std::make_integer_sequence<int, Count>(), f);
}

// Rows x Vectors of C stay in registers while k runs: each link loads a row of the panel and one
// element of each row of A. The last vector ends with the last column: what it shares with the one
// before is made twice, with equal bits, which costs less than to treat a part of it. Only a panel
// narrower than a vector has one that is not full.
template <class T, int Rows, int Vectors, bool Started>
void run_tile(const Panel<T>& panel, std::int64_t first) {
  using V = typename Vector<T>::type;
  constexpr int kWidth = Vector<T>::kWidth;
  const std::int64_t full = Vectors > 1 ? kWidth : panel.columns;
  const std::int64_t last = Vectors > 1 ? panel.columns - kWidth : 0;
  const auto column = [=](int j) { return j == Vectors - 1 ? last : j * kWidth; };
  const std::int64_t start_row = panel.start_row, c_row = panel.c_row;
  const T* const from = panel.start + first * start_row;
  T* const to = panel.c + first * c_row;
  V sum[Rows][Vectors];
  repeat<Rows>([&](auto i) {
    repeat<Vectors>(
        [&](auto j) { sum[i][j] = Started ? load(from + i * start_row + column(j), full) : V{}; });
  });
  // What is written at the end is rarely in the cache before: it arrives while k runs.
  constexpr int kLine = 64 / TASKGRAD_VECTOR_BYTES;  // vectors in a cache line
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Vectors; j += kLine) {
      __builtin_prefetch(to + i * c_row + j * kWidth);
    }
  }
  const T* a = panel.a.data + first * panel.a.row;
  const T* b = panel.b;
  for (std::int64_t k = 0; k < panel.inner; ++k) {
    V row[Vectors];
    repeat<Vectors>([&](auto j) { row[j] = load(b + column(j)); });
    repeat<Rows>([&](auto i) {
      V element = a[i * panel.a.row] - V{};  // in every place; -0 stays -0
#if defined(__AVX512F__)
      // One of the first 16 registers: to spread an element into another one takes Zen 4 a
      // multiplier's time.
      asm("" : "+x"(element));
#endif
      repeat<Vectors>([&](auto j) { sum[i][j] += element * row[j]; });
    });
    a += panel.a.column;
    b += panel.b_row;
  }
  if (panel.relu) {
    repeat<Rows>([&](auto i) {
      repeat<Vectors>([&](auto j) { sum[i][j] = sum[i][j] <= V{} ? V{} : sum[i][j]; });
    });
  }
  repeat<Rows>([&](auto i) {
    repeat<Vectors>([&](auto j) { store(to + i * c_row + column(j), sum[i][j], full); });
  });
}

// The code for as many rows as there are.
template <class T, int Rows, int Vectors, bool Started>
void run_rows(const Panel<T>& panel, std::int64_t first, std::int64_t rows) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return run_rows<T, Rows - 1, Vectors, Started>(panel, first, rows);
  }
  run_tile<T, Rows, Vectors, Started>(panel, first);
}

// All tiles have about as many rows: a low one would keep too few sums in flight.
template <class T, int Vectors, bool Started>
void run_tiles(const Panel<T>& panel, std::int64_t first, std::int64_t last) {
  const std::int64_t tiles = (last - first + kTileRows - 1) / kTileRows;
  if (tiles == 0) return;
  const std::int64_t rows = (last - first) / tiles;
  const std::int64_t higher = (last - first) % tiles;  // tiles with one row more
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const std::int64_t here = rows + (tile < higher ? 1 : 0);
    run_rows<T, kTileRows, Vectors, Started>(panel, first, here);
    first += here;
  }
}

// Chooses the code by the panel's width.
template <class T, int Vectors = kTileVectors>
void run(const Panel<T>& panel, std::int64_t first, std::int64_t last) {
  if constexpr (Vectors > 1) {
    if (panel.columns <= (Vectors - 1) * Vector<T>::kWidth) {
      return run<T, Vectors - 1>(panel, first, last);
    }
  }
  panel.start != nullptr ? run_tiles<T, Vectors, true>(panel, first, last)
                         : run_tiles<T, Vectors, false>(panel, first, last);
}

// Four rows become four columns.
template <class T>
void transpose(const T* from, std::int64_t from_row, T* to, std::int64_t to_row) {
  typedef T Four __attribute__((vector_size(4 * sizeof(T))));
  typedef T Anywhere __attribute__((vector_size(4 * sizeof(T)), aligned(alignof(T)), may_alias));
  Four x[4];
  for (int i = 0; i < 4; ++i) x[i] = *reinterpret_cast<const Anywhere*>(from + i * from_row);
  const Four a = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
  const Four b = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
  const Four c = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
  const Four d = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
  const Four y[4] = {
      __builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
      __builtin_shufflevector(c, d, 0, 1, 4, 5), __builtin_shufflevector(c, d, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) *reinterpret_cast<Anywhere*>(to + i * to_row) = y[i];
}

// Rows of b, of at least a vector; the last vector ends with the row. Where rows are far apart the
// processor does not foresee the next ones.
template <class T>
void copy_rows(MatrixView<const T> b, std::int64_t inner, std::int64_t columns, T* panel,
               std::int64_t padded) {
  constexpr std::int64_t kWidth = Vector<T>::kWidth;
  constexpr std::int64_t kAhead = 16;
  constexpr std::int64_t kLine = 64 / sizeof(T);
  for (std::int64_t k = 0; k < inner; ++k) {
    const T* from = b.data + k * b.row;
    if (k + kAhead < inner) {
      for (std::int64_t j = 0; j < columns; j += kLine) {
        __builtin_prefetch(from + kAhead * b.row + j);
      }
    }
    T* to = panel + k * padded;
    for (std::int64_t j = 0; j < columns - kWidth; j += kWidth) store(to + j, load(from + j));
    store(to + columns - kWidth, load(from + columns - kWidth));
  }
}

// Rows of b lie along its memory: copied. Columns do: transposed, four by four as far as that goes.
template <class T>
void pack(MatrixView<const T> b, std::int64_t inner, std::int64_t columns, T* panel) {
  constexpr std::int64_t kWidth = Vector<T>::kWidth;
  const std::int64_t padded = (columns + kWidth - 1) / kWidth * kWidth;
  if (b.column == 1 && columns >= kWidth) return copy_rows(b, inner, columns, panel, padded);
  const std::int64_t fours = b.row == 1 ? inner / 4 * 4 : 0;
  const std::int64_t across = b.row == 1 ? columns / 4 * 4 : 0;
  if (columns < kWidth) {  // the zeros first
    for (std::int64_t k = 0; k < inner; ++k) store(panel + k * kWidth, typename Vector<T>::type{});
  }
  for (std::int64_t k = 0; k < fours; k += 4) {
    for (std::int64_t j = 0; j < across; j += 4) {
      transpose(b.data + j * b.column + k, b.column, panel + k * padded + j, padded);
    }
  }
  if (fours == inner && across == columns) return;
  for (std::int64_t k = 0; k < inner; ++k) {
    const T* from = b.data + k * b.row;
    T* to = panel + k * padded;
    for (std::int64_t j = k < fours ? across : 0; j < columns; ++j) to[j] = from[j * b.column];
  }
}

template <class T>
constexpr GemmCode<T> make_code(std::string_view name) {
  return {.name = name,
          .rows = kTileRows,
          .vectors = kTileVectors,
          .width = Vector<T>::kWidth,
          .run = run<T>,
          .pack = pack<T>};
}

}  // namespace
}  // namespace taskgrad::kernels
