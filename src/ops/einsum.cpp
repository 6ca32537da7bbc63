#include "tasuki/ops/einsum.hpp"

#include <algorithm>

#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo einsum_info{"einsum", "operands"}, bmm_info{"bmm", "a, b"}, outer_info{"outer", "a, b"}, kron_info{"kron", "a, b"};

/// One character for each dimension; those of "..." get '0' to '7', counted from the last.
using Names = std::string;

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool has(const Names& names, char c) { return names.find(c) != Names::npos; }

/// A part of the equation with its "..." replaced by `wide` names.
Names expanded(const std::string& part, int wide) {
  Names names;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part.compare(i, 3, "...") == 0) {
      if (!names.empty() && std::any_of(names.begin(), names.end(), [](char c) { return !is_name(c); })) TASUKI_THROW(ValueError, "expected  one ... in a part of the equation\nactual    ", part);
      for (int k = wide; k-- > 0;) names.push_back(static_cast<char>('0' + k));
      i += 2;
    } else if (is_name(part[i])) {
      names.push_back(part[i]);
    } else {
      TASUKI_THROW(ValueError, "expected  letters, ... and commas in the equation\nactual    ", part);
    }
  }
  return names;
}

struct Equation {
  std::vector<Names> operands;
  Names result;
};

Equation parse(const std::string& text, const std::vector<Tensor>& operands) {
  std::string compact;
  for (const char c : text)
    if (c != ' ') compact.push_back(c);
  const std::size_t arrow = compact.find("->");
  std::vector<std::string> parts{""};
  for (const char c : compact.substr(0, arrow)) {
    if (c == ',') parts.emplace_back();
    else parts.back().push_back(c);
  }
  if (parts.size() != operands.size()) TASUKI_THROW(ValueError, "expected  an equation for ", operands.size(), " operands\nactual    ", text);
  Equation equation;
  int widest = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t dots = parts[i].find("...");
    const int named = static_cast<int>(parts[i].size()) - (dots == std::string::npos ? 0 : 3), wide = dots == std::string::npos ? 0 : operands[i].ndim() - named;
    if (wide < 0 || named + wide != operands[i].ndim())
      TASUKI_THROW(ShapeError, "expected  ", named, " dimensions", dots == std::string::npos ? "" : " or more", " for ", parts[i], "\nactual    ", operands[i].shape());
    equation.operands.push_back(expanded(parts[i], wide));
    widest = std::max(widest, wide);
  }
  if (arrow != std::string::npos) {
    equation.result = expanded(compact.substr(arrow + 2), widest);
    for (const char c : equation.result)
      if (std::count(equation.result.begin(), equation.result.end(), c) != 1 ||
          (is_name(c) && std::none_of(equation.operands.begin(), equation.operands.end(), [&](const Names& n) { return has(n, c); })))
        TASUKI_THROW(ValueError, "expected  a result that names each dimension once, and only those of operands\nactual    ", text);
    return equation;
  }
  equation.result = expanded("...", widest);
  Names all;
  for (const Names& names : equation.operands) all += names;
  for (char c = 'A'; c <= 'z'; ++c)
    if (is_name(c) && std::count(all.begin(), all.end(), c) == 1) equation.result.push_back(c);
  return equation;
}

/// A tensor whose dimensions have names.
struct Named {
  Tensor tensor;
  Names names;

  std::int64_t size(char c) const { return tensor.size(static_cast<int>(names.find(c))); }
  /// In a given order of its names.
  Tensor ordered(const Names& order, At at) const {
    Dims dims;
    for (const char c : order) dims.push_back(static_cast<std::int64_t>(names.find(c)));
    return order == names ? tensor : tensor.permute(dims, at);
  }
  /// Names that occur twice become one.
  void take_diagonals(At at) {
    for (std::size_t i = 0; i < names.size();) {
      const std::size_t j = names.find(names[i], i + 1);
      if (j == Names::npos) {
        ++i;
        continue;
      }
      if (tensor.size(static_cast<int>(i)) != tensor.size(static_cast<int>(j)))
        TASUKI_THROW(ShapeError, "expected  equal sizes of dimension ", std::string(1, names[i]), "\nactual    ", tensor.shape());
      const char name = names[i];
      tensor = tensor.diagonal(0, static_cast<int>(i), static_cast<int>(j), at);  // goes to the end
      names.erase(j, 1);
      names.erase(i, 1);
      names.push_back(name);
    }
  }
  void sum_unless(const Names& wanted, At at) {
    Dims gone;
    Names kept;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (has(wanted, names[i])) kept.push_back(names[i]);
      else gone.push_back(static_cast<std::int64_t>(i));
    }
    if (gone.empty()) return;
    tensor = sum(tensor, gone, false, at);
    names = kept;
  }
};

std::int64_t joint_size(const Named& x, const Names& names) {
  std::int64_t n = 1;
  for (const char c : names) n *= x.size(c);
  return n;
}

/// Dimensions of size 1 that the other operand has larger are left to broadcasting: they leave the names.
void drop_ones(Named& x, const Named& other, At at) {
  for (std::size_t i = x.names.size(); i-- > 0;)
    if (x.tensor.size(static_cast<int>(i)) == 1 && has(other.names, x.names[i]) && other.size(x.names[i]) != 1) {
      x.tensor = x.tensor.squeeze(static_cast<int>(i), at);
      x.names.erase(i, 1);
    }
}

/// The product of two, without the names that nobody wants any more.
Named contracted(Named a, Named b, const Names& wanted, At at) {
  drop_ones(a, b, at);
  drop_ones(b, a, at);
  a.sum_unless(wanted + b.names, at);
  b.sum_unless(wanted + a.names, at);
  Names batch, left, right, inner;
  for (const char c : a.names) {
    if (!has(b.names, c)) left.push_back(c);
    else if (has(wanted, c)) batch.push_back(c);
    else inner.push_back(c);
    if (has(b.names, c) && a.size(c) != b.size(c))
      TASUKI_THROW(ShapeError, "expected  equal sizes of dimension ", std::string(1, c), "\nactual    ", a.size(c), " and ", b.size(c));
  }
  for (const char c : b.names)
    if (!has(a.names, c)) right.push_back(c);
  Shape shape;
  for (const char c : batch + left) shape.push_back(a.size(c));
  for (const char c : right) shape.push_back(b.size(c));
  const std::int64_t batches = joint_size(a, batch), m = joint_size(a, left), n = joint_size(b, right), k = joint_size(a, inner);
  const Tensor rows = a.ordered(batch + left + inner, at).reshape({batches, m, k}, at);
  const Tensor columns = b.ordered(batch + inner + right, at).reshape({batches, k, n}, at);
  // Nothing to sum: the broadcast product is what is left.
  const Tensor product = inner.empty() ? rows.mul({columns, at}) : matmul(rows, columns, at);
  return {product.reshape(shape, at), batch + left + right};
}

}  // namespace

Tensor einsum(const std::string& text, const std::vector<Tensor>& operands, At at) {
  if (operands.empty()) TASUKI_THROW(ValueError, "expected  at least one operand of einsum\nactual    none");
  return ops::composed(einsum_info, {&operands[0]}, at, [&] {
    for (const Tensor& x : operands) {
      ops::check_floating(x, "operands");
      ops::check_dtype(x, "operands", operands[0].dtype());
    }
    const Equation equation = parse(text, operands);
    Named product;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      Named next{operands[i], equation.operands[i]};
      next.take_diagonals(at);
      Names wanted = equation.result;
      for (std::size_t later = i + 1; later < operands.size(); ++later) wanted += equation.operands[later];
      if (i == 0) product = next;
      else product = contracted(product, next, wanted, at);
    }
    product.sum_unless(equation.result, at);
    return product.ordered(equation.result, at);
  });
}

Tensor bmm(const Tensor& a, const Tensor& b, At at) {
  return ops::composed(bmm_info, {&a, &b}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, a.ndim(), ==, 3);
    TASUKI_CHECK_OP(ShapeError, b.ndim(), ==, 3);
    TASUKI_CHECK_OP(ShapeError, a.size(0), ==, b.size(0));
    TASUKI_CHECK_OP(ShapeError, a.size(2), ==, b.size(1));
    return matmul(a, b, at);
  });
}

Tensor outer(const Tensor& a, const Tensor& b, At at) {
  return ops::composed(outer_info, {&a, &b}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, a.ndim(), ==, 1);
    TASUKI_CHECK_OP(ShapeError, b.ndim(), ==, 1);
    return a.unsqueeze(1, at).mul({b, at});
  });
}

Tensor kron(const Tensor& a, const Tensor& b, At at) {
  return ops::composed(kron_info, {&a, &b}, at, [&] {
    ops::check_dtype(b, "b", a.dtype());
    const int n = std::max(a.ndim(), b.ndim());
    if (n > 4) TASUKI_THROW(ShapeError, "expected  operands of at most 4 dimensions\nactual    ", n);
    Shape wide_a, wide_b, shape;  // [a0, 1, a1, 1, ...] and [1, b0, 1, b1, ...]
    for (int d = 0; d < n; ++d) {
      const int own_a = d - (n - a.ndim()), own_b = d - (n - b.ndim());
      const std::int64_t rows = own_a < 0 ? 1 : a.size(own_a), columns = own_b < 0 ? 1 : b.size(own_b);
      for (const std::int64_t size : {rows, std::int64_t{1}}) wide_a.push_back(size);
      for (const std::int64_t size : {std::int64_t{1}, columns}) wide_b.push_back(size);
      shape.push_back(rows * columns);
    }
    Tensor left = a.reshape(wide_a, at), right = b.reshape(wide_b, at);
    if (n > 0 && a.numel() > 0 && b.numel() > 0) {  // rows of the result rather than of b: both sides repeat along them
      const std::int64_t many = wide_a[2 * n - 2], few = wide_b[2 * n - 1];
      const auto rows = [&](const Tensor& t, Shape wide) {
        wide[2 * n - 2] = many;
        wide[2 * n - 1] = few;
        const Tensor repeated = t.expand(wide, at).contiguous(MemoryFormat::contiguous, at);
        wide[2 * n - 2] = many * few;
        wide[2 * n - 1] = 1;
        return repeated.reshape(wide, at);
      };
      left = rows(left, wide_a);
      right = rows(right, wide_b);
    }
    return left.mul({right, at}).reshape(shape, at);
  });
}

}  // namespace tasuki
