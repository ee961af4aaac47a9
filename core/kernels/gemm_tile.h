// The tile of gemm.h for one instruction set. A source that includes this is compiled for that set
// and says before how many bytes a vector has and how much of C a tile holds:
//
//   #define TASKGRAD_VECTOR_BYTES 32
//   #define TASKGRAD_TILE_ROWS 6
//   #define TASKGRAD_TILE_VECTORS 4
//
// All of it has internal linkage, and nothing of the standard library is called: code for a better
// processor must not be taken for another source's.
#include <taskgrad/core/kernels/gemm.h>

#include <cstdint>

namespace taskgrad::kernels {
namespace {

constexpr int kTileRows = TASKGRAD_TILE_ROWS;
constexpr int kTileVectors = TASKGRAD_TILE_VECTORS;

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

// Rows x Vectors of C stay in registers while k runs: each link loads a row of the panel and one
// element of each row of A. The last vector may not be full.
template <class T, int Rows, int Vectors, bool Started>
void run_sized(const Tile<T>& tile, std::int64_t first) {
  using V = typename Vector<T>::type;
  constexpr int kWidth = Vector<T>::kWidth;
  constexpr int kLast = (Vectors - 1) * kWidth;
  const std::int64_t rest = tile.columns - kLast;
  const T* const from = tile.start + first * tile.start_row;
  T* const to = tile.c + first * tile.c_row;
  V sum[Rows][Vectors];
  for (int i = 0; i < Rows; ++i) {
    const T* start = from + i * tile.start_row;
    for (int j = 0; j < Vectors - 1; ++j) sum[i][j] = Started ? load(start + j * kWidth) : V{};
    sum[i][Vectors - 1] = Started ? load(start + kLast, rest) : V{};
  }
  // What is written at the end is rarely in the cache before: it arrives while k runs.
  constexpr int kLine = 64 / TASKGRAD_VECTOR_BYTES;  // vectors in a cache line
  for (int i = 0; i < Rows; ++i) {
    for (int j = 0; j < Vectors; j += kLine) {
      __builtin_prefetch(to + i * tile.c_row + j * kWidth);
    }
  }
  const T* a = tile.a.data + first * tile.a.row;
  const T* b = tile.b;
  for (std::int64_t k = 0; k < tile.inner; ++k) {
    V row[Vectors];
    for (int j = 0; j < Vectors - 1; ++j) row[j] = load(b + j * kWidth);
    row[Vectors - 1] = load(b + kLast, k < tile.padded ? kWidth : rest);
    for (int i = 0; i < Rows; ++i) {
      const V element = a[i * tile.a.row] - V{};  // in every place; -0 stays -0
      for (int j = 0; j < Vectors; ++j) sum[i][j] += element * row[j];
    }
    a += tile.a.column;
    b += tile.b_row;
  }
  if (tile.relu) {
    for (int i = 0; i < Rows; ++i) {
      for (int j = 0; j < Vectors; ++j) sum[i][j] = sum[i][j] <= V{} ? V{} : sum[i][j];
    }
  }
  for (int i = 0; i < Rows; ++i) {
    T* c = to + i * tile.c_row;
    for (int j = 0; j < Vectors - 1; ++j) store(c + j * kWidth, sum[i][j]);
    store(c + kLast, sum[i][Vectors - 1], rest);
  }
}

// Chooses the code by the tile's size.
template <class T, int Rows = kTileRows, int Vectors = kTileVectors>
void run(const Tile<T>& tile, std::int64_t first, std::int64_t rows) {
  if constexpr (Vectors > 1) {
    if (tile.columns <= (Vectors - 1) * Vector<T>::kWidth) {
      return run<T, Rows, Vectors - 1>(tile, first, rows);
    }
  }
  if constexpr (Rows > 1) {
    if (rows < Rows) return run<T, Rows - 1, Vectors>(tile, first, rows);
  }
  tile.start != nullptr ? run_sized<T, Rows, Vectors, true>(tile, first)
                        : run_sized<T, Rows, Vectors, false>(tile, first);
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

// Rows of b lie along its memory: copied. Columns do: transposed, four by four as far as that goes.
template <class T>
void pack(MatrixView<const T> b, std::int64_t inner, std::int64_t columns, T* panel) {
  constexpr std::int64_t kWidth = Vector<T>::kWidth;
  const std::int64_t padded = (columns + kWidth - 1) / kWidth * kWidth;
  const std::int64_t fours = b.row == 1 ? inner / 4 * 4 : 0;
  const std::int64_t across = b.row == 1 ? columns / 4 * 4 : 0;
  // Zeros first, where the last columns will leave some.
  if (columns < padded) {
    for (std::int64_t k = 0; k < inner; ++k) {
      store(panel + (k + 1) * padded - kWidth, typename Vector<T>::type{});
    }
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
