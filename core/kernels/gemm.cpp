// The blocks of a product: which part of B is packed when, and the tiles that use it.
#include <taskgrad/core/kernels/gemm.h>

#include <algorithm>
#include <array>

namespace taskgrad::kernels {
namespace {

// A block of B stays in a second cache of half a megabyte while all rows of A pass by it.
constexpr std::int64_t kInner = 256;
constexpr std::int64_t kPanels = 12;

// Rows further apart than this share few sets of the first cache.
constexpr std::int64_t kFarBytes = 2048;

// Columns of B that go by a tile together. All panels are about equally wide: a narrow one would
// keep too few sums in flight.
class Panels {
 public:
  template <class T>
  Panels(const GemmCode<T>& code, std::int64_t columns)
      : width_(code.width),
        columns_(columns),
        vectors_((columns + code.width - 1) / code.width),
        count_((vectors_ + code.vectors - 1) / code.vectors) {}

  std::int64_t count() const { return count_; }
  std::int64_t begin(std::int64_t panel) const { return panel * vectors_ / count_ * width_; }
  std::int64_t columns(std::int64_t panel) const {
    return std::min(columns_, begin(panel + 1)) - begin(panel);
  }
  std::int64_t padded(std::int64_t panel) const { return begin(panel + 1) - begin(panel); }
  /// What lies beyond the last column when a panel is read in whole vectors.
  std::int64_t beyond(std::int64_t panel) const {
    return std::max<std::int64_t>(begin(panel + 1) - columns_, 0);
  }

 private:
  std::int64_t width_, columns_, vectors_, count_;
};

// A copy costs about as much as it saves two tiles.
template <class T>
bool readable_in_place(const MatrixView<const T>& b, std::int64_t tiles) {
  return b.column == 1 && (tiles <= 2 || b.row * static_cast<std::int64_t>(sizeof(T)) <= kFarBytes);
}

// The first of `rows` rows behind which `beyond` elements of the later ones lie.
std::int64_t rows_before(std::int64_t rows, std::int64_t row, std::int64_t beyond) {
  if (beyond == 0) return rows;
  return row == 0 ? 0 : rows - (beyond + row - 1) / row;
}

// Rows [k, k + inner) of some panels of B, packed or where they lie.
struct Block {
  std::int64_t first, last;
  std::int64_t k, inner;
};

// What the tiles of a block have in common, a panel each; the first row of C is taken for all.
// In place, a row of B may be read in whole vectors as long as they end within B.
template <class T>
using Tiles = std::array<Tile<T>, kPanels>;
template <class T>
Tiles<T> prepare(const GemmCode<T>& code, const Gemm<T>& gemm, const Panels& panels,
                 const Block& block, T* scratch) {
  const bool in_place = readable_in_place(gemm.b, gemm_tiles(code, gemm.rows));
  const bool begins = block.k == 0 && !gemm.add;
  Tiles<T> tiles;
  for (std::int64_t panel = block.first; panel < block.last; ++panel) {
    const std::int64_t j = panels.begin(panel);
    const MatrixView<const T> part = gemm.b.from(block.k, j);
    Tile<T>& tile = tiles[static_cast<std::size_t>(panel - block.first)];
    tile = {.inner = block.inner,
            .columns = panels.columns(panel),
            .a = gemm.a.from(0, block.k),
            .b = part.data,
            .b_row = part.row,
            .padded = rows_before(gemm.inner, part.row, panels.beyond(panel)) - block.k,
            .start = begins ? gemm.bias : gemm.c,
            .start_row = begins ? 0 : gemm.columns,
            .c = gemm.c + j,
            .c_row = gemm.columns,
            .relu = gemm.relu && block.k + block.inner == gemm.inner};
    if (tile.start != nullptr) tile.start += j;
    if (in_place) continue;
    code.pack(part, block.inner, tile.columns, scratch);
    tile.b = scratch;
    tile.b_row = panels.padded(panel);
    tile.padded = block.inner;
    scratch += block.inner * tile.b_row;
  }
  return tiles;
}

}  // namespace

template <class T>
std::int64_t gemm_scratch(const GemmCode<T>& code, const Gemm<T>& gemm) {
  if (readable_in_place(gemm.b, gemm_tiles(code, gemm.rows))) return 0;
  const std::int64_t panels = std::min(Panels(code, gemm.columns).count(), kPanels);
  return std::min(gemm.inner, kInner) * panels * code.vectors * code.width;
}

template <class T>
void run_gemm(const GemmCode<T>& code, const Gemm<T>& gemm, std::int64_t first, std::int64_t last,
              T* scratch) {
  const Panels panels(code, gemm.columns);
  const std::int64_t tiles = gemm_tiles(code, gemm.rows);
  for (std::int64_t panel = 0; panel < panels.count(); panel += kPanels) {
    for (std::int64_t k = 0; k < gemm.inner; k += kInner) {
      const Block block{panel, std::min(panel + kPanels, panels.count()), k,
                        std::min(kInner, gemm.inner - k)};
      const Tiles<T> prepared = prepare(code, gemm, panels, block, scratch);
      for (std::int64_t tile = first; tile < last; ++tile) {
        const std::int64_t i = tile * gemm.rows / tiles;
        const std::int64_t rows = (tile + 1) * gemm.rows / tiles - i;
        for (std::int64_t at = 0; at < block.last - block.first; ++at) {
          code.run(prepared[static_cast<std::size_t>(at)], i, rows);
        }
      }
    }
  }
}

template std::int64_t gemm_scratch(const GemmCode<float>&, const Gemm<float>&);
template std::int64_t gemm_scratch(const GemmCode<double>&, const Gemm<double>&);
template void run_gemm(const GemmCode<float>&, const Gemm<float>&, std::int64_t, std::int64_t,
                       float*);
template void run_gemm(const GemmCode<double>&, const Gemm<double>&, std::int64_t, std::int64_t,
                       double*);

}  // namespace taskgrad::kernels
