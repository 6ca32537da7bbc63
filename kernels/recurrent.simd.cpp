#include "kernels/recurrent.hpp"

#include "kernels/math.hpp"
#include "kernels/parallel.hpp"
#include "kernels/vectorize.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

using namespace functors::TASUKI_ISA;

constexpr std::int64_t elements_per_chunk = 8192;

bool takes_part(const RecurrentStep& s, std::int64_t row, std::int64_t step) { return !s.lengths || step < s.lengths[row]; }

template <class T>
T* row_of(T* matrix, std::int64_t row, std::int64_t columns) {
  return matrix ? matrix + row * columns : nullptr;
}
template <class T>
const T* row_of(const void* matrix, std::int64_t row, std::int64_t columns) {
  return row_of(static_cast<const T*>(matrix), row, columns);
}
template <class T>
T* row_of(void* matrix, std::int64_t row, std::int64_t columns) {
  return row_of(static_cast<T*>(matrix), row, columns);
}

template <class T>
void fill(T* p, std::int64_t n, T value) {
  for (std::int64_t j = 0; j < n; ++j) p[j] = value;
}

// ---- forward. x and s are the products of the input and of the state; h (and c) change in place.

template <class T, bool rectified>
void plain_row(std::int64_t n, const T* x, const T* s, T* h, T* y) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t j = 0; j < n; ++j) {
    const T a = x[j] + s[j];
    const T value = rectified ? (a < T(0) ? T(0) : a) : hyperbolic_tangent(a);
    h[j] = value;
    y[j] = value;
  }
}

template <class T, bool keep>
void lstm_row(std::int64_t n, const T* x, const T* s, T* h, T* c, T* y, T* kept, T* cells) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t j = 0; j < n; ++j) {
    const T i = logistic(x[j] + s[j]), f = logistic(x[n + j] + s[n + j]);
    const T g = hyperbolic_tangent(x[2 * n + j] + s[2 * n + j]), o = logistic(x[3 * n + j] + s[3 * n + j]);
    const T cell = f * c[j] + i * g, value = o * hyperbolic_tangent(cell);
    c[j] = cell;
    h[j] = value;
    y[j] = value;
    if constexpr (keep) {
      kept[j] = i;
      kept[n + j] = f;
      kept[2 * n + j] = g;
      kept[3 * n + j] = o;
      cells[j] = cell;
    }
  }
}

template <class T, bool keep>
void gru_row(std::int64_t n, const T* x, const T* s, T* h, T* y, T* kept) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t j = 0; j < n; ++j) {
    const T r = logistic(x[j] + s[j]), z = logistic(x[n + j] + s[n + j]), q = s[2 * n + j];
    const T candidate = hyperbolic_tangent(x[2 * n + j] + r * q), value = candidate + z * (h[j] - candidate);
    h[j] = value;
    y[j] = value;
    if constexpr (keep) {
      kept[j] = r;
      kept[n + j] = z;
      kept[2 * n + j] = candidate;
      kept[3 * n + j] = q;
    }
  }
}

template <class T>
void ended_row(const RecurrentForward& f, std::int64_t row) {
  const std::int64_t n = f.hidden;
  fill(row_of<T>(f.y, row, n), n, T(0));
  if (T* kept = row_of<T>(f.kept, row, 4 * n)) {
    fill(kept, 4 * n, T(0));
    fill(kept + n, n, T(1));
  }
  if (T* cells = row_of<T>(f.cells, row, n)) fill(cells, n, T(0));
}

template <class T>
void forward_row(const RecurrentForward& f, std::int64_t row) {
  if (!takes_part(f, row, f.step)) return ended_row<T>(f, row);
  const std::int64_t n = f.hidden, gates = gates_of(f.cell) * n;
  const T *x = row_of<T>(f.from_input, row, gates), *s = row_of<T>(f.from_state, row, gates);
  T *h = row_of<T>(f.h, row, n), *c = row_of<T>(f.c, row, n), *y = row_of<T>(f.y, row, n);
  T *kept = row_of<T>(f.kept, row, 4 * n), *cells = row_of<T>(f.cells, row, n);
  switch (f.cell) {
    case RecurrentCell::tanh: return plain_row<T, false>(n, x, s, h, y);
    case RecurrentCell::relu: return plain_row<T, true>(n, x, s, h, y);
    case RecurrentCell::lstm: return kept ? lstm_row<T, true>(n, x, s, h, c, y, kept, cells) : lstm_row<T, false>(n, x, s, h, c, y, kept, cells);
    case RecurrentCell::gru: return kept ? gru_row<T, true>(n, x, s, h, y, kept) : gru_row<T, false>(n, x, s, h, y, kept);
  }
}

// ---- backward. a holds gradients of the products, dh (and dc) change in place.

template <class T, bool rectified>
void plain_row_backward(std::int64_t n, const T* y, T* dh, T* a) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t j = 0; j < n; ++j) {
    a[j] = rectified ? (y[j] > T(0) ? dh[j] : T(0)) : dh[j] * (T(1) - y[j] * y[j]);
    dh[j] = T(0);
  }
}

// dkept: what came for the kept gates, with `extra`.
template <class T, bool extra>
void lstm_row_backward(std::int64_t n, const T* kept, const T* cells, const T* before, const T* dkept, T* dh, T* dc, T* a) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t j = 0; j < n; ++j) {
    const T i = kept[j], f = kept[n + j], g = kept[2 * n + j], o = kept[3 * n + j], t = hyperbolic_tangent(cells[j]);
    const T d = dc[j] + dh[j] * o * (T(1) - t * t);
    T di = d * g, df = d * before[j], dg = d * i, d_o = dh[j] * t;
    if constexpr (extra) {
      di += dkept[j];
      df += dkept[n + j];
      dg += dkept[2 * n + j];
      d_o += dkept[3 * n + j];
    }
    a[j] = di * i * (T(1) - i);
    a[n + j] = df * f * (T(1) - f);
    a[2 * n + j] = dg * (T(1) - g * g);
    a[3 * n + j] = d_o * o * (T(1) - o);
    dc[j] = d * f;
    dh[j] = T(0);
  }
}

template <class T, bool extra>
void gru_row_backward(std::int64_t n, const T* kept, const T* before, const T* dkept, T* dh, T* x, T* a) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t j = 0; j < n; ++j) {
    const T r = kept[j], z = kept[n + j], candidate = kept[2 * n + j], q = kept[3 * n + j];
    T dz = dh[j] * (before[j] - candidate), dn = dh[j] * (T(1) - z);
    if constexpr (extra) {
      dz += dkept[n + j];
      dn += dkept[2 * n + j];
    }
    const T inner = dn * (T(1) - candidate * candidate);
    T dr = inner * q, dq = inner * r;
    if constexpr (extra) {
      dr += dkept[j];
      dq += dkept[3 * n + j];
    }
    x[j] = a[j] = dr * r * (T(1) - r);
    x[n + j] = a[n + j] = dz * z * (T(1) - z);
    x[2 * n + j] = inner;
    a[2 * n + j] = dq;
    dh[j] *= z;
  }
}

template <class T>
void add_row(T* to, const T* from, std::int64_t n) {
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t j = 0; j < n; ++j) to[j] += from[j];
}

template <class T>
void copy_row(T* to, const T* from, std::int64_t n) {
  __builtin_memcpy(to, from, static_cast<unsigned long>(n) * sizeof(T));
}

template <class T>
void backward_row(const RecurrentBackward& b, std::int64_t row) {
  const std::int64_t n = b.hidden, gates = gates_of(b.cell) * n;
  T *x = row_of<T>(b.grad_from_input, row, gates), *a = row_of<T>(b.grad_from_state, row, gates), *h_row = row_of<T>(b.h_rows, row, n);
  if (!takes_part(b, row, b.step)) {
    if (x) fill(x, gates, T(0));
    fill(a, gates, T(0));
    return fill(h_row, n, T(0));
  }
  const bool started = b.h_before && takes_part(b, row, b.step_before);
  const T* h_before = row_of<T>(started ? b.h_before : b.h_first, row, n);
  T *dh = row_of<T>(b.grad_h, row, n), *dc = row_of<T>(b.grad_c, row, n);
  const T *kept = row_of<T>(b.kept, row, 4 * n), *dkept = row_of<T>(b.grad_kept, row, 4 * n);
  copy_row(h_row, h_before, n);
  if (b.grad_y) add_row(dh, row_of<T>(b.grad_y, row, n), n);
  switch (b.cell) {
    case RecurrentCell::tanh: plain_row_backward<T, false>(n, row_of<T>(b.y, row, n), dh, a); break;
    case RecurrentCell::relu: plain_row_backward<T, true>(n, row_of<T>(b.y, row, n), dh, a); break;
    case RecurrentCell::lstm: {
      const T *cells = row_of<T>(b.cells, row, n), *c_before = row_of<T>(started ? b.c_before : b.c_first, row, n);
      if (b.grad_cells) add_row(dc, row_of<T>(b.grad_cells, row, n), n);
      dkept ? lstm_row_backward<T, true>(n, kept, cells, c_before, dkept, dh, dc, a) : lstm_row_backward<T, false>(n, kept, cells, c_before, dkept, dh, dc, a);
      break;
    }
    case RecurrentCell::gru:
      dkept ? gru_row_backward<T, true>(n, kept, h_before, dkept, dh, x, a) : gru_row_backward<T, false>(n, kept, h_before, dkept, dh, x, a);
      return;
  }
  if (x) copy_row(x, a, gates);
}

template <class F>
void each_row(const RecurrentStep& s, F f) {
  parallel_for(s.batch, 1 + elements_per_chunk / (s.hidden + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) f(row);
  });
}

template <class T>
void add_sums(const T* rows, std::int64_t count, std::int64_t columns, T* sums) {
  parallel_for(columns, 1 + 8 * elements_per_chunk / (count + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = 0; i < count; ++i) add_row(sums + begin, rows + i * columns + begin, end - begin);
  });
}

}  // namespace

void recurrent_forward(const RecurrentForward& f) {
  if (f.dtype == DType::f64) each_row(f, [&](std::int64_t row) { forward_row<double>(f, row); });
  else each_row(f, [&](std::int64_t row) { forward_row<float>(f, row); });
}

void recurrent_backward(const RecurrentBackward& b) {
  if (b.dtype == DType::f64) each_row(b, [&](std::int64_t row) { backward_row<double>(b, row); });
  else each_row(b, [&](std::int64_t row) { backward_row<float>(b, row); });
}

void add_row_sums(DType dtype, const void* rows, std::int64_t count, std::int64_t columns, void* sums) {
  if (dtype == DType::f64) add_sums(static_cast<const double*>(rows), count, columns, static_cast<double*>(sums));
  else add_sums(static_cast<const float*>(rows), count, columns, static_cast<float*>(sums));
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
