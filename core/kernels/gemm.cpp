// The order of a product: which part of B is packed when, and which rows of A pass by it.
#include <taskgrad/core/kernels/gemm.h>

#include <algorithm>

namespace taskgrad::kernels {
namespace {

// A panel of B stays in the first cache while all rows of A pass by it.
constexpr std::int64_t kInner = 256;

// Rows further apart than this share few sets of the first cache.
constexpr std::int64_t kFarBytes = 2048;
template <class T>
bool is_far(std::int64_t step) {
  return step * static_cast<std::int64_t>(sizeof(T)) > kFarBytes;
}

// Of an A that is read across far rows, what stays in the second cache while all panels pass by.
constexpr std::int64_t kFarBlockBytes = 256 * 1024;
template <class T>
std::int64_t rows_at_a_time(const Gemm<T>& gemm) {
  if (!is_far<T>(gemm.a.column)) return gemm.rows;
  return kFarBlockBytes / static_cast<std::int64_t>(sizeof(T)) / std::min(kInner, gemm.inner);
}

// Columns of B that go by a tile together. All panels are about equally wide: a narrow one would
// keep too few sums in flight.
class Panels {
 public:
  template <class T>
  Panels(const GemmCode<T>& code, std::int64_t columns) : width_(code.width), columns_(columns) {
    const std::int64_t vectors = (columns + code.width - 1) / code.width;
    count_ = (vectors + code.vectors - 1) / code.vectors;
    vectors_ = vectors / count_;
    wider_ = vectors % count_;
  }

  std::int64_t count() const { return count_; }
  std::int64_t begin(std::int64_t panel) const {
    return (panel * vectors_ + std::min(panel, wider_)) * width_;
  }
  std::int64_t columns(std::int64_t panel) const {
    return std::min(columns_, begin(panel + 1)) - begin(panel);
  }
  std::int64_t padded(std::int64_t panel) const { return begin(panel + 1) - begin(panel); }

 private:
  std::int64_t width_, columns_;
  std::int64_t count_, vectors_, wider_;  // the first have one vector more
};

// A copy costs about as much as it saves two tiles.
template <class T>
bool worth_a_copy(const GemmCode<T>& code, const Gemm<T>& gemm) {
  return gemm.b.column != 1 || (is_far<T>(gemm.b.row) && gemm.rows > 2 * code.rows);
}

// Rows [k, k + inner) of a panel of B, packed or where they lie, and all rows of C.
template <class T>
Panel<T> prepare(const GemmCode<T>& code, const Gemm<T>& gemm, const Panels& panels,
                 std::int64_t index, std::int64_t k, T* scratch) {
  const bool begins = k == 0 && !gemm.add;
  const std::int64_t j = panels.begin(index);
  const std::int64_t inner = std::min(kInner, gemm.inner - k);
  const MatrixView<const T> part = gemm.b.from(k, j);
  Panel<T> panel{.inner = inner,
                 .columns = panels.columns(index),
                 .a = gemm.a.from(0, k),
                 .b = part.data,
                 .b_row = part.row,
                 .start = begins ? gemm.bias : gemm.c,
                 .start_row = begins ? 0 : gemm.c_row,
                 .c = gemm.c + j,
                 .c_row = gemm.c_row,
                 .relu = gemm.relu && k + inner == gemm.inner};
  if (panel.start != nullptr) panel.start += j;
  if (panel.columns >= code.width && !worth_a_copy(code, gemm)) return panel;
  code.pack(part, inner, panel.columns, scratch);
  panel.b = scratch;
  panel.b_row = panels.padded(index);
  return panel;
}

}  // namespace

template <class T>
std::int64_t gemm_scratch(const GemmCode<T>& code, const Gemm<T>& gemm) {
  const std::int64_t vectors = worth_a_copy(code, gemm) ? code.vectors : 1;
  return std::min(gemm.inner, kInner) * vectors * code.width;
}

template <class T>
void run_gemm(const GemmCode<T>& code, const Gemm<T>& gemm, std::int64_t first, std::int64_t last,
              T* scratch) {
  const Panels panels(code, gemm.columns);
  const std::int64_t block = rows_at_a_time(gemm);
  for (std::int64_t row = first; row < last; row += block) {
    const std::int64_t end = std::min(row + block, last);
    for (std::int64_t k = 0; k < gemm.inner; k += kInner) {
      for (std::int64_t index = 0; index < panels.count(); ++index) {
        code.run(prepare(code, gemm, panels, index, k, scratch), row, end);
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
