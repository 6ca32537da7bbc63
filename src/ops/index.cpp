#include "tasuki/ops/index.hpp"

#include <limits>
#include <string>

#include "kernels/check_indices.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/linear_index.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/index_select.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

/// Where the elements that tensors name together lie among those of their dimensions, taken in row-major order.
struct LinearIndex final : Function {
  Shape sizes;  ///< of the dimensions, one for each tensor
  explicit LinearIndex(const Shape& s) : sizes(s) {}
  static constexpr OpInfo op{"index", "indices"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return Spec(in[0].shape(), DType::i64); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return locate(l);
      default: kernels::not_on(l.device(), op.name);
    }
  }

 private:
  void locate(Launch& l) const {
    std::int64_t step = 1;
    for (int k = sizes.ndim() - 1; k >= 0; --k) {
      const View& index = l.in(static_cast<std::size_t>(k));
      if (!kernels::cpu::linear_index(index, sizes[k], step, l.out(0), k < sizes.ndim() - 1))
        kernels::cpu::check_indices_from_both_ends(index, sizes[k], "index", sizes.ndim() == 1 ? "index" : ("indices[" + std::to_string(k) + "]").c_str());
      step *= sizes[k];
    }
  }
};

/// A list of indices, read.
struct Reading {
  Tensor part;                  ///< what the numbers, slices and new axes leave: a view of x
  std::vector<Tensor> tensors;  ///< the rest
  Dims dims;                    ///< the dimension of `part` that each is for
};

std::int64_t dims_of(const Index& entry) {
  switch (entry.kind()) {
    case Index::Kind::ellipsis:
    case Index::Kind::newaxis: return 0;
    case Index::Kind::tensor: return entry.tensor().defined() && entry.tensor().dtype() == bool_ ? entry.tensor().ndim() : 1;
    default: return 1;
  }
}

/// The mask over the dimensions from `dim` on becomes one list of numbers for each of them.
void read_mask(const Tensor& mask, int dim, Reading& r, At at) {
  if (mask.ndim() == 0) TASUKI_THROW(ShapeError, "expected  a mask of at least one dimension\nactual    ", mask.shape());
  for (int d = 0; d < mask.ndim(); ++d)
    if (mask.size(d) != r.part.size(dim + d))
      TASUKI_THROW(ShapeError, "expected  a mask of size ", r.part.size(dim + d), " in its dimension ", d, ", as x has there\nactual    ", mask.shape());
  const Tensor places = nonzero(mask, at);
  for (int d = 0; d < mask.ndim(); ++d) {
    r.tensors.push_back(select(places, 1, d, at));
    r.dims.push_back(dim + d);
  }
}

Reading read(const Tensor& x, const std::vector<Index>& indices, At at) {
  std::int64_t named = 0;
  int ellipses = 0;
  for (const Index& entry : indices) {
    named += dims_of(entry);
    ellipses += entry.kind() == Index::Kind::ellipsis;
  }
  if (named > x.ndim()) TASUKI_THROW(ShapeError, "expected  indices for at most ", x.ndim(), " dimensions\nactual    for ", named);
  if (ellipses > 1) TASUKI_THROW(ValueError, "expected  one ellipsis at most\nactual    ", ellipses);
  Reading r{x, {}, {}};
  int dim = 0;
  for (const Index& entry : indices) switch (entry.kind()) {
      case Index::Kind::number: r.part = select(r.part, dim, entry.number(), at); break;
      case Index::Kind::slice: {
        const Slice& s = entry.slice();
        if (s.begin || s.end || s.step != 1)
          r.part = slice(r.part, dim, s.begin.value_or(0), s.end.value_or(std::numeric_limits<std::int64_t>::max()), s.step, at);
        ++dim;
        break;
      }
      case Index::Kind::ellipsis: dim += static_cast<int>(x.ndim() - named); break;
      case Index::Kind::newaxis: r.part = unsqueeze(r.part, dim++, at); break;
      case Index::Kind::tensor: {
        const Tensor& t = entry.tensor();
        if (t.defined() && t.dtype() == bool_) {
          read_mask(t, dim, r, at);
          dim += t.ndim();
        } else {
          if (!t.defined() || (t.dtype() != i64 && t.dtype() != i32))
            TASUKI_THROW(DTypeError, "expected  indices of dtype i64 or i32, or masks of bool\nactual    ", t.describe());
          r.tensors.push_back(t);
          r.dims.push_back(dim++);
        }
        break;
      }
    }
  return r;
}

/// x with the dimensions that tensors are for as one, and which of its entries they name.
struct Flat {
  Dims from, to;            ///< their dimensions, and which they are of `x`, where they are neighbours
  Tensor x;
  Shape before, of, after;  ///< sizes of x: of those before, theirs, and behind
  Tensor numbers;           ///< i64, of the shape that the tensors broadcast to

  int dim() const { return before.ndim(); }
  Shape shape(const Shape& middle) const {
    Shape s = before;
    for (const std::int64_t n : middle) s.push_back(n);
    for (const std::int64_t n : after) s.push_back(n);
    return s;
  }
  Tensor flattened(At at) const { return reshape(x, shape({of.numel()}), at); }
  Tensor list(At at) const { return reshape(numbers, {numbers.numel()}, at); }
};

/// Where the tensors' shape stands: where their dimensions were if nothing but tensors without dimensions lies between, else first.
std::int64_t place_of_tensors(const Reading& r) {
  std::int64_t first = -1, last = -1, tensors_before = 0, tensors_between = 0;
  for (int k = 0; k < r.dims.ndim(); ++k)
    if (r.tensors[static_cast<std::size_t>(k)].ndim() > 0) {
      if (first < 0) first = r.dims[k];
      last = r.dims[k];
    }
  if (first < 0) return r.dims[0];
  for (const std::int64_t d : r.dims) {
    tensors_before += d < first;
    tensors_between += d >= first && d <= last;
  }
  return tensors_between == last - first + 1 ? first - tensors_before : 0;
}

Flat flatten(const Reading& r, At at) {
  Flat f;
  const std::int64_t place = place_of_tensors(r), behind = place + r.dims.ndim();
  f.from = r.dims;
  for (std::int64_t d = place; d < behind; ++d) f.to.push_back(d);
  f.x = f.from == f.to ? r.part : movedim(r.part, f.from, f.to, at);
  for (int d = 0; d < f.x.ndim(); ++d) (d < place ? f.before : d < behind ? f.of : f.after).push_back(f.x.size(d));
  Shape common = r.tensors[0].shape();
  for (const Tensor& t : r.tensors) common = broadcast_shapes(common, t.shape());
  std::vector<Tensor> tensors;
  for (const Tensor& t : r.tensors) tensors.push_back(expand(t, common, at));
  f.numbers = apply(LinearIndex(f.of), tensors, at);
  return f;
}

/// `part` of the reading with the elements that its tensors name replaced or added to.
Tensor with_values(const Reading& r, const Tensor& values, bool accumulate, At at) {
  const Flat f = flatten(r, at);
  const Tensor rows = reshape(expand(values, f.shape(f.numbers.shape()), at), f.shape({f.numbers.numel()}), at);
  const Tensor flat = f.flattened(at), list = f.list(at);
  const Tensor y = reshape(accumulate ? index_add(flat, f.dim(), list, rows, 1, at) : index_copy(flat, f.dim(), list, rows, at), f.x.shape(), at);
  return f.from == f.to ? y : movedim(y, f.to, f.from, at);
}

constexpr OpInfo index_info{"index", "x"}, index_put_info{"index_put", "x, values"}, index_put_in_place_info{"index_put_", "x, values"};

Tensor values_beside(const Tensor& x, const Operand& values) {
  if (!values.tensor()) return full({}, values.scalar(), {.dtype = x.dtype(), .device = x.device()}, values.at());
  ops::check_dtype(*values.tensor(), "values", x.dtype());
  return *values.tensor();
}

template <class Make>
auto put(const OpInfo& info, const Tensor& x, const Operand& values, Make&& make) {
  static const Tensor none;
  return ops::composed(info, {&x, values.tensor() ? values.tensor() : &none}, values.at(), [&] { return make(values_beside(x, values)); });
}

}  // namespace

Tensor index(const Tensor& x, const std::vector<Index>& indices, At at) {
  return ops::composed(index_info, {&x}, at, [&] {
    const Reading r = read(x, indices, at);
    if (r.tensors.empty()) return r.part;
    const Flat f = flatten(r, at);
    return reshape(index_select(f.flattened(at), f.dim(), f.list(at), at), f.shape(f.numbers.shape()), at);
  });
}

Tensor index_put(const Tensor& x, const std::vector<Index>& indices, Operand values, bool accumulate) {
  const At at = values.at();
  return put(index_put_info, x, values, [&](const Tensor& source) {
    const Reading r = read(x, indices, at);
    if (!r.tensors.empty() && r.part.is_same(x)) return with_values(r, source, accumulate, at);
    // A part of x: the numbers of its elements, from an x of numbers.
    const Tensor numbers = reshape(arange(x.numel(), {.device = x.device()}, at), x.shape(), at);
    const Tensor places = index(numbers, indices, at);
    const Tensor flat = reshape(x, {x.numel()}, at), list = reshape(places, {places.numel()}, at);
    const Tensor rows = reshape(expand(source, places.shape(), at), {places.numel()}, at);
    return reshape(accumulate ? scatter_add(flat, 0, list, rows, at) : scatter(flat, 0, list, rows, at), x.shape(), at);
  });
}

const Tensor& index_put_(const Tensor& x, const std::vector<Index>& indices, Operand values, bool accumulate) {
  const At at = values.at();
  put(index_put_in_place_info, x, values, [&](const Tensor& source) {
    const Reading r = read(x, indices, at);
    if (!r.tensors.empty()) r.part.copy_(with_values(r, source, accumulate, at), at);
    else if (accumulate) r.part.add_(Operand(source, at));
    else r.part.copy_(expand(source, r.part.shape(), at), at);
    return 0;
  });
  return x;
}

Tensor Tensor::index(const std::vector<Index>& indices, At at) const { return tasuki::index(*this, indices, at); }
const Tensor& Tensor::index_put_(const std::vector<Index>& indices, Operand values, bool accumulate) const {
  return tasuki::index_put_(*this, indices, values, accumulate);
}

}  // namespace tasuki
