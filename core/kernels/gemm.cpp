// The blocks of a product: which part of B is packed when, and the tiles that use it.
#include <taskgrad/core/kernels/gemm.h>

#include <algorithm>

namespace taskgrad::kernels {
namespace {

// A panel of B stays in the first cache while all rows of A pass by it.
constexpr std::int64_t kInner = 256;

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

 private:
  std::int64_t width_, columns_, vectors_, count_;
};

// A copy costs about as much as it saves two tiles.
template <class T>
bool readable_in_place(const GemmCode<T>& code, const Gemm<T>& gemm) {
  const bool near = gemm.b.row * static_cast<std::int64_t>(sizeof(T)) <= kFarBytes;
  return gemm.b.column == 1 && gemm.columns >= code.width &&
         (near || gemm_tiles(code, gemm.rows) <= 2);
}

// Rows [k, k + inner) of a panel of B, packed or where they lie, and all rows of C.
template <class T>
Tile<T> prepare(const GemmCode<T>& code, const Gemm<T>& gemm, const Panels& panels,
                std::int64_t panel, std::int64_t k, T* scratch) {
  const bool begins = k == 0 && !gemm.add;
  const std::int64_t j = panels.begin(panel);
  const std::int64_t inner = std::min(kInner, gemm.inner - k);
  const MatrixView<const T> part = gemm.b.from(k, j);
  Tile<T> tile{.inner = inner,
               .columns = panels.columns(panel),
               .a = gemm.a.from(0, k),
               .b = part.data,
               .b_row = part.row,
               .start = begins ? gemm.bias : gemm.c,
               .start_row = begins ? 0 : gemm.columns,
               .c = gemm.c + j,
               .c_row = gemm.columns,
               .relu = gemm.relu && k + inner == gemm.inner};
  if (tile.start != nullptr) tile.start += j;
  if (readable_in_place(code, gemm)) return tile;
  code.pack(part, inner, tile.columns, scratch);
  tile.b = scratch;
  tile.b_row = panels.padded(panel);
  return tile;
}

}  // namespace

template <class T>
std::int64_t gemm_scratch(const GemmCode<T>& code, const Gemm<T>& gemm) {
  if (readable_in_place(code, gemm)) return 0;
  return std::min(gemm.inner, kInner) * code.vectors * code.width;
}

template <class T>
void run_gemm(const GemmCode<T>& code, const Gemm<T>& gemm, std::int64_t first, std::int64_t last,
              T* scratch) {
  const Panels panels(code, gemm.columns);
  const std::int64_t tiles = gemm_tiles(code, gemm.rows);
  for (std::int64_t panel = 0; panel < panels.count(); ++panel) {
    for (std::int64_t k = 0; k < gemm.inner; k += kInner) {
      const Tile<T> prepared = prepare(code, gemm, panels, panel, k, scratch);
      for (std::int64_t tile = first; tile < last; ++tile) {
        const std::int64_t i = tile * gemm.rows / tiles;
        code.run(prepared, i, (tile + 1) * gemm.rows / tiles - i);
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
