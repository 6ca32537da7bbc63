#include "kernels/embedding.hpp"

namespace tasuki::kernels::cpu {

namespace {

/// A row-major view whose leading dimensions are one.
class Rows {
 public:
  explicit Rows(const View& v) : shape_{v.size(-1) ? v.numel / v.size(-1) : 0, v.size(-1)}, strides_{v.size(-1), 1} {
    view_ = {v.data, shape_, strides_, v.numel, v.dtype, 2, true, true};
  }
  Rows(const Rows&) = delete;
  const View& view() const { return view_; }

 private:
  std::int64_t shape_[2], strides_[2];
  View view_;
};

}  // namespace

void embedding(const View& indices, const View& weight, const View& out, std::int64_t skipped) {
  select_slices(weight, 0, indices, Rows(out).view(), skipped);
}

void embedding_grad(const View& indices, const View& source, const View& grad, std::int64_t skipped, bool accumulate, void* workspace) {
  add_slices(Rows(source).view(), 0, indices, grad, accumulate, workspace, skipped);
}

}  // namespace tasuki::kernels::cpu
