#include "src/cpu/linalg.hpp"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/LU>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/orthogonalize.hpp"
#include "kernels/parallel.hpp"
#include "kernels/triangular.hpp"
#include "src/cpu/isa_scope.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::cpu {
namespace {

TASUKI_USE_ISA

/// Whatever the dtype, matrices are factorized in f64: they are small, and one instantiation of Eigen's templates is enough.
using Matrix = Eigen::MatrixXd;
using Rows = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;
template <class T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using Stored = Eigen::Map<RowMajor<T>>;

/// A matrix of a batch: rows and columns are the last dimensions.
Matrix matrix(const View& v, std::int64_t number) {
  const std::int64_t rows = v.size(-2), columns = v.size(-1), at = number * rows * columns;
  if (v.dtype == DType::f64) return Stored<double>(v.as<double>() + at, rows, columns);
  return Stored<float>(v.as<float>() + at, rows, columns).cast<double>();
}
template <class M>
void store(const View& v, std::int64_t number, const M& m) {
  const std::int64_t at = number * m.size();
  if (v.dtype == DType::f64) Stored<double>(v.as<double>() + at, m.rows(), m.cols()) = m;
  else Stored<float>(v.as<float>() + at, m.rows(), m.cols()) = m.template cast<float>();
}

/// Calls f(number) for each matrix of the batch.
template <class F>
void for_matrices(const View& a, F&& f) {
  std::int64_t count = 1;
  for (int d = 0; d < a.ndim - 2; ++d) count *= a.shape[d];
  const std::int64_t work = std::max<std::int64_t>(a.size(-2) * a.size(-1) * std::min(a.size(-2), a.size(-1)), 1);
  kernels::parallel_for(count, std::max<std::int64_t>(1, 65536 / work), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

[[noreturn]] void refuse_matrix(const char* what, std::int64_t number) { TASUKI_THROW(ValueError, "expected  ", what, "\nactual    matrix ", number, " of the batch is not"); }

void check_pivots(const Matrix& upper, std::int64_t number) {
  if ((upper.diagonal().array() == 0).any()) refuse_matrix("invertible matrices", number);
}
/// The LU factors of a matrix that has an inverse.
Eigen::PartialPivLU<Matrix> invertible(const Matrix& a, std::int64_t number) {
  Eigen::PartialPivLU<Matrix> lu(a);
  check_pivots(lu.matrixLU(), number);
  return lu;
}

/// Such a matrix, as the gradient of qr has, is the upper one of its own LU factors.
bool is_upper_triangle(const Eigen::Ref<const Matrix>& m) {
  for (Eigen::Index j = 0; j < m.cols(); ++j)
    for (Eigen::Index i = j + 1; i < m.rows(); ++i)
      if (!(m(i, j) == 0)) return false;  // NaN is not
  return true;
}

/// The largest element (by magnitude) of a column is negative.
bool is_turned(const Matrix& m, std::int64_t column) {
  Eigen::Index largest;
  m.col(column).cwiseAbs().maxCoeff(&largest);
  return !(m(largest, column) > 0);
}

struct SingularValues {
  Matrix u, v, s;  // s: one row
};

SingularValues singular_values(const Matrix& given, double tolerance) {
  const std::int64_t m = given.rows(), n = given.cols(), k = std::min(m, n);
  // One-sided Jacobi: rotations make the columns of the taller side orthogonal; their lengths are the singular values. Below each
  // column stands that of the identity, which the rotations turn into the other factor.
  const auto padded = [](std::int64_t rows) { return (rows + 7) / 8 * 8; };
  const std::int64_t longer = std::max(m, n), rows = padded(longer);
  Matrix both = Matrix::Zero(rows + padded(k), k);
  auto columns = both.topRows(longer);
  auto turns = both.middleRows(rows, k);
  if (m >= n) columns = given;
  else columns = given.transpose();
  turns.setIdentity();
  TASUKI_ON_ISA(orthogonalize_columns)(both.data(), rows, both.rows(), k, tolerance);
  std::vector<std::int64_t> order(static_cast<std::size_t>(k));
  std::iota(order.begin(), order.end(), 0);
  const Eigen::VectorXd lengths = columns.colwise().norm();
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t x, std::int64_t y) { return lengths[x] > lengths[y]; });
  Matrix tall(columns.rows(), k), square(k, k), values(1, k);
  const double smallest = lengths.maxCoeff() * static_cast<double>(std::max(m, n)) * 1e-16;
  for (std::int64_t j = 0; j < k; ++j) {
    const std::int64_t from = order[static_cast<std::size_t>(j)];
    values(0, j) = lengths[from];
    tall.col(j) = columns.col(from);
    square.col(j) = turns.col(from);
    if (lengths[from] > smallest) {
      tall.col(j) /= lengths[from];
      continue;
    }
    // A direction of the null space: the unit vector that is least in what is there already, made orthogonal to it.
    Eigen::VectorXd rest = Eigen::VectorXd::Zero(tall.rows());
    for (std::int64_t unit = 0; unit < tall.rows() && rest.norm() < 0.5 / std::sqrt(static_cast<double>(tall.rows())); ++unit) {
      rest = Eigen::VectorXd::Unit(tall.rows(), unit);
      for (int twice = 0; twice < 2; ++twice)
        for (std::int64_t c = 0; c < j; ++c) rest -= tall.col(c).dot(rest) * tall.col(c);
    }
    tall.col(j) = rest.normalized();
  }
  SingularValues result{m >= n ? tall : square, m >= n ? square : tall, values};
  for (std::int64_t j = 0; j < k; ++j)
    if (is_turned(result.u, j)) {
      result.u.col(j) = -result.u.col(j);
      result.v.col(j) = -result.v.col(j);
    }
  return result;
}

/// Cosines below which columns count as orthogonal.
double tolerance_for(const View& a) { return a.dtype == DType::f64 ? 1e-15 : 1e-9; }

}  // namespace

namespace {

constexpr Eigen::Index largest_small = 64;  ///< a matrix that stays in the first cache, where blocks would only cost

/// Replaces such a matrix by its factor, column by column, as LLT does without blocks; false unless it is positive definite.
bool factor_small(Matrix& m) {
  const Eigen::Index n = m.rows();
  for (Eigen::Index k = 0; k < n; ++k) {
    double* const column = m.data() + k * n;
    std::fill_n(column, k, 0.0);
    if (column[k] <= 0) return false;
    column[k] = std::sqrt(column[k]);
    for (Eigen::Index i = k + 1; i < n; ++i) column[i] /= column[k];
    for (Eigen::Index j = k + 1; j < n; ++j) {
      double* const later = m.data() + j * n;
      const double factor = column[j];
      for (Eigen::Index i = j; i < n; ++i) later[i] -= factor * column[i];
    }
  }
  return true;
}

}  // namespace

void cholesky(const View& a, const View& out) {
  if (a.numel == 0) return;
  for_matrices(a, [&](std::int64_t i) {
    Matrix given = matrix(a, i);
    if (given.rows() <= largest_small) {
      if (!factor_small(given)) refuse_matrix("positive definite matrices", i);
      return store(out, i, given);
    }
    const Eigen::LLT<Matrix> llt(given);
    if (llt.info() != Eigen::Success) refuse_matrix("positive definite matrices", i);
    store(out, i, Matrix(llt.matrixL()));
  });
}

void factorize(const View& a, const View& factors, const View& order) {
  if (a.numel == 0) return;
  const std::int64_t n = a.size(-1);
  for_matrices(a, [&](std::int64_t i) {
    const Matrix given = matrix(a, i);
    Eigen::Map<Matrix> to(factors.as<double>() + i * n * n, n, n);
    Eigen::Map<Rows> rows(order.as<std::int64_t>() + i * n, n);
    if (is_upper_triangle(given)) {
      check_pivots(given, i);
      to = given;
      rows.setLinSpaced(n, 0, n - 1);
    } else {
      const Eigen::PartialPivLU<Matrix> lu = invertible(given, i);
      to = lu.matrixLU();
      rows = lu.permutationP().indices().cast<std::int64_t>();
    }
  });
}

void lu(const View& a, const View& factors, const View& pivots, const View& places) {
  if (places.numel == 0) return;
  const std::int64_t m = a.size(-2), n = a.size(-1), k = std::min(m, n);
  for_matrices(a, [&](std::int64_t i) {
    Matrix given = matrix(a, i);
    std::vector<std::int64_t> exchanged(static_cast<std::size_t>(k)), order(static_cast<std::size_t>(m));  // row j of l u is row order[j] of a
    TASUKI_ON_ISA(factorize_columns)(given.data(), m, n, exchanged.data());
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t j = 0; j < k; ++j) {
      const std::int64_t with = exchanged[static_cast<std::size_t>(j)];
      std::swap(order[static_cast<std::size_t>(j)], order[static_cast<std::size_t>(with)]);
      pivots.as<std::int32_t>()[i * k + j] = static_cast<std::int32_t>(with + 1);
    }
    for (std::int64_t j = 0; j < m; ++j) places.as<std::int64_t>()[i * m + order[static_cast<std::size_t>(j)]] = j;
    if (k > 0) store(factors, i, given);
  });
}

void solve(const View& factors, const View& order, const View& b, const View& x, bool transposed) {
  if (x.numel == 0) return;
  const std::int64_t n = factors.size(-1);
  for_matrices(factors, [&](std::int64_t i) {
    const Eigen::Map<const Matrix> lu(factors.as<const double>() + i * n * n, n, n);
    const Eigen::Map<const Rows> rows(order.as<const std::int64_t>() + i * n, n);
    const bool has_lower = !is_upper_triangle(lu);
    const Matrix given = matrix(b, i);
    Matrix y(given.rows(), given.cols());
    if (!transposed) {
      for (std::int64_t r = 0; r < n; ++r) y.row(rows[r]) = given.row(r);
      if (has_lower) lu.triangularView<Eigen::UnitLower>().solveInPlace(y);
      lu.triangularView<Eigen::Upper>().solveInPlace(y);
      return store(x, i, y);
    }
    y = given;
    lu.transpose().triangularView<Eigen::Lower>().solveInPlace(y);
    if (has_lower) lu.transpose().triangularView<Eigen::UnitUpper>().solveInPlace(y);
    Matrix solution(y.rows(), y.cols());
    for (std::int64_t r = 0; r < n; ++r) solution.row(r) = y.row(rows[r]);
    store(x, i, solution);
  });
}

/// Stores the inverse of a small matrix, whose factors take its place.
void store_inverse(const View& out, std::int64_t number, Matrix& given) {
  const std::int64_t n = given.rows(), columns = (n + 7) / 8 * 8;
  std::vector<std::int64_t> exchanged(static_cast<std::size_t>(n));
  TASUKI_ON_ISA(factorize_columns)(given.data(), n, n, exchanged.data());
  check_pivots(given, number);
  RowMajor<double> x = RowMajor<double>::Identity(n, columns);
  for (std::int64_t j = 0; j < n; ++j) x.row(j).swap(x.row(exchanged[static_cast<std::size_t>(j)]));
  TASUKI_ON_ISA(solve_rows)(given.data(), n, x.data(), columns);
  store(out, number, x.leftCols(n));
}

void inverse(const View& a, const View& out) {
  constexpr std::int64_t most_by_rows = 96;  // of larger ones Eigen keeps blocks in the cache
  if (a.numel == 0) return;
  for_matrices(a, [&](std::int64_t i) {
    Matrix given = matrix(a, i);
    const bool upper = is_upper_triangle(given);
    if (!upper && !is_upper_triangle(given.transpose())) {
      if (given.rows() <= most_by_rows) return store_inverse(out, i, given);
      return store(out, i, Matrix(invertible(given, i).inverse()));
    }
    check_pivots(given, i);
    Matrix result(given.rows(), given.cols());
    TASUKI_ON_ISA(invert_triangle)(given.data(), result.data(), given.rows(), upper);
    store(out, i, result);
  });
}

void determinant(const View& a, const View& out) {
  if (out.numel == 0) return;
  for_matrices(a, [&](std::int64_t i) {
    const double value = a.size(-1) == 0 ? 1 : Eigen::PartialPivLU<Matrix>(matrix(a, i)).determinant();
    store(out, i, Matrix::Constant(1, 1, value));
  });
}

void qr(const View& a, const View& q, const View& r) {
  if (a.numel == 0) return;
  const std::int64_t k = r.size(-2);
  for_matrices(a, [&](std::int64_t i) {
    const Eigen::HouseholderQR<Matrix> factors(matrix(a, i));
    Matrix columns = factors.householderQ() * Matrix::Identity(a.size(-2), k);
    Matrix rows = factors.matrixQR().topRows(k).triangularView<Eigen::Upper>();
    for (std::int64_t j = 0; j < k; ++j)
      if (rows(j, j) < 0) {
        rows.row(j) = -rows.row(j);
        columns.col(j) = -columns.col(j);
      }
    store(q, i, columns);
    store(r, i, rows);
  });
}

void svd(const View& a, const View& u, const View& s, const View& v) {
  if (a.numel == 0) return;
  for_matrices(a, [&](std::int64_t i) {
    const SingularValues factors = singular_values(matrix(a, i), tolerance_for(a));
    store(u, i, factors.u);
    store(v, i, factors.v);
    store(s, i, factors.s);
  });
}

void pinv(const View& a, double rcond, const View& out) {
  if (a.numel == 0) return;
  for_matrices(a, [&](std::int64_t i) {
    const SingularValues factors = singular_values(matrix(a, i), tolerance_for(a));
    const double least = rcond * factors.s(0, 0);
    Matrix scaled = factors.v;
    for (Eigen::Index j = 0; j < scaled.cols(); ++j) scaled.col(j) *= factors.s(0, j) > least ? 1 / factors.s(0, j) : 0;
    store(out, i, Matrix(scaled * factors.u.transpose()));
  });
}

void eigh(const View& a, const View& values, const View& vectors) {
  if (a.numel == 0) return;
  for_matrices(a, [&](std::int64_t i) {
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(matrix(a, i));
    Matrix columns = solver.eigenvectors();
    for (Eigen::Index j = 0; j < columns.cols(); ++j)
      if (is_turned(columns, j)) columns.col(j) = -columns.col(j);
    store(vectors, i, columns);
    store(values, i, solver.eigenvalues().transpose());
  });
}

void slogdet(const View& a, const View& sign, const View& logarithm) {
  if (sign.numel == 0) return;
  for_matrices(a, [&](std::int64_t i) {
    double positive = 1, total = 0;
    if (a.size(-1) > 0) {
      const Eigen::PartialPivLU<Matrix> lu(matrix(a, i));
      positive = static_cast<double>(lu.permutationP().determinant());
      for (const double pivot : lu.matrixLU().diagonal()) {
        positive *= pivot > 0 ? 1 : pivot < 0 ? -1 : pivot;  // NaN stays
        total += std::log(std::abs(pivot));
      }
    }
    store(sign, i, Matrix::Constant(1, 1, positive));
    store(logarithm, i, Matrix::Constant(1, 1, total));
  });
}

}  // namespace tasuki::cpu
