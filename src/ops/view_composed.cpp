// Of ops/view.hpp: views that are made of others.
#include "src/ops/composed.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo movedim_info{"movedim", "x"}, unflatten_info{"unflatten", "x"};

}  // namespace

Tensor movedim(const Tensor& x, const Dims& from, const Dims& to, At at) {
  return ops::composed(movedim_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, from.ndim(), ==, to.ndim(), "each dimension moves to one place");
    if (from.empty()) return x;
    const Dims sources = normalize_dims(from, x.ndim()), places = normalize_dims(to, x.ndim());
    Dims order = Dims::filled(x.ndim(), -1);
    bool moved[max_dims] = {};
    for (int k = 0; k < sources.ndim(); ++k) {
      order[static_cast<int>(places[k])] = sources[k];
      moved[sources[k]] = true;
    }
    int next = 0;
    for (std::int64_t& d : order) {
      if (d >= 0) continue;
      while (moved[next]) ++next;
      d = next++;
    }
    return permute(x, order, at);
  });
}

Tensor unflatten(const Tensor& x, int dim, const Shape& sizes, At at) {
  return ops::composed(unflatten_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
    const int d = normalize_dim(dim, x.ndim());
    std::int64_t known = 1, inferred = -1;
    for (int i = 0; i < sizes.ndim(); ++i) {
      if (sizes[i] == -1 && inferred < 0) inferred = i;
      else known *= sizes[i];
    }
    Shape parts = sizes;
    if (inferred >= 0 && known > 0) parts[static_cast<int>(inferred)] = x.size(d) / known;
    if (parts.empty() || parts.numel() != x.size(d)) TASUKI_THROW(ShapeError, "expected  sizes whose product is x.size(", d, ") = ", x.size(d), "\nactual    ", sizes);
    Shape shape;
    for (int i = 0; i < d; ++i) shape.push_back(x.size(i));
    for (const std::int64_t size : parts) shape.push_back(size);
    for (int i = d + 1; i < x.ndim(); ++i) shape.push_back(x.size(i));
    return reshape(x, shape, at);
  });
}

}  // namespace tasuki
