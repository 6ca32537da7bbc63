#include "kernels/rearrange.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/copy.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"
#include "tasuki/core/shape.hpp"

namespace tasuki::kernels::cpu {
namespace {

/// A box of a view, with a shape and strides of its own.
class Part {
 public:
  explicit Part(const View& v) : shape_(v.shape, v.ndim), strides_(v.strides, v.ndim), view_(v) {}
  Part(const Part&) = delete;
  void narrow(int d, std::int64_t begin, std::int64_t length) {
    skip(begin * strides_[d]);
    shape_[d] = length;
  }
  void reverse(int d) {
    skip((shape_[d] - 1) * strides_[d]);
    strides_[d] = -strides_[d];
  }
  View view() {
    view_.shape = shape_.data();
    view_.strides = strides_.data();
    view_.numel = shape_.numel();
    view_.contiguous = true;
    std::int64_t expected = 1;
    for (int d = shape_.ndim() - 1; d >= 0; expected *= shape_[d--]) view_.contiguous = view_.contiguous && (shape_[d] == 1 || strides_[d] == expected);
    return view_;
  }

 private:
  void skip(std::int64_t elements) { view_.data = view_.as<char>() + elements * static_cast<std::int64_t>(size_of(view_.dtype)); }
  Shape shape_;
  Strides strides_;
  View view_;
};

/// Calls row(source, target) for each run along the last dimension, several runs at a time on a thread.
template <class T, class Row>
void for_rows(const View& x, const View& out, Row&& row) {
  const std::int64_t columns = x.size(-1);
  parallel_for(x.numel / columns, std::max<std::int64_t>(1, 65536 / columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t number = begin; number < end; ++number) {
      const T* from = x.as<const T>();
      T* to = out.as<T>();
      std::int64_t rest = number;
      for (int d = x.ndim - 2; d >= 0; --d) {
        from += rest % x.shape[d] * x.strides[d];
        to += rest % x.shape[d] * out.strides[d];
        rest /= x.shape[d];
      }
      row(number, from, to);
    }
  });
}

}  // namespace

void flip(const View& x, std::uint32_t dims, const View& out) {
  if (out.numel == 0) return;
  Part from(x);
  for (int d = 0; d < x.ndim; ++d)
    if (dims >> d & 1u) from.reverse(d);
  const View reversed = from.view();
  if (x.ndim == 0 || reversed.stride(-1) != -1 || out.stride(-1) != 1) return copy(reversed, out);
  const std::int64_t columns = out.size(-1);
  visit_size(out.dtype, [&]<class T>(T) {
    for_rows<T>(reversed, out, [&](std::int64_t, const T* last, T* to) { TASUKI_ON_ISA(reverse_row)(last - (columns - 1), to, columns, sizeof(T)); });
  });
}

void roll(const View& x, const std::int64_t* shifts, const View& out) {
  if (out.numel == 0) return;
  // Each dimension that moves is cut in two, and all combinations of the pieces are copied.
  for (unsigned piece = 0; piece < 1u << x.ndim; ++piece) {
    Part from(x), to(out);
    bool empty = false;
    for (int d = 0; d < x.ndim && !empty; ++d) {
      const std::int64_t size = x.shape[d], shift = shifts[d];
      const bool wraps = piece >> d & 1u;
      empty = wraps && shift == 0;
      if (empty || shift == 0) continue;
      from.narrow(d, wraps ? size - shift : 0, wraps ? shift : size - shift);
      to.narrow(d, wraps ? 0 : shift, wraps ? shift : size - shift);
    }
    if (!empty) copy(from.view(), to.view());
  }
}

namespace {

/// Rows of a few vectors, which a call of memcpy would take longer to begin than to copy.
inline void copy_row_bytes(char* to, const char* from, std::int64_t bytes) {
  if (bytes > 512) {
    std::memcpy(to, from, static_cast<std::size_t>(bytes));
    return;
  }
  for (; bytes >= 16; bytes -= 16, to += 16, from += 16) std::memcpy(to, from, 16);
  for (; bytes > 0; --bytes) *to++ = *from++;
}

}  // namespace

void pad_constant(const View& x, const std::int64_t* before, double value, const View& out) {
  if (out.numel == 0) return;
  const ScalarView filler(value, out.dtype);
  // Planes of the last two dimensions are filled, and then get what of x lies in them.
  const int outer = std::max(0, out.ndim - 2);
  const bool has_rows = out.ndim > 1;
  const std::int64_t columns = out.size(-1), length = x.size(-1), step = x.stride(-1), front = before[x.ndim - 1];
  const std::int64_t rows = has_rows ? out.size(-2) : 1, height = has_rows ? x.size(-2) : 1, row_step = has_rows ? x.stride(-2) : 0, top = has_rows ? before[x.ndim - 2] : 0;
  visit_size(out.dtype, [&]<class T>(T) {
    const T fill = *filler.view().as<const T>();
    const bool zero = fill == T{};
    parallel_for(out.numel / (rows * columns), std::max<std::int64_t>(1, 65536 / (rows * columns)), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t plane = begin; plane < end; ++plane) {
        T* to = out.as<T>() + plane * rows * columns;
        if (zero) std::memset(to, 0, static_cast<std::size_t>(rows * columns) * sizeof(T));
        else std::fill(to, to + rows * columns, fill);
        bool inside = true;
        const T* from = x.as<const T>();
        for (std::int64_t rest = plane, d = outer - 1; d >= 0; rest /= out.shape[d--]) {
          const std::int64_t at = rest % out.shape[d] - before[d];
          inside = inside && at >= 0 && at < x.shape[d];
          from += at * x.strides[d];
        }
        if (!inside) continue;
        to += top * columns + front;
        for (std::int64_t r = 0; r < height; ++r, to += columns, from += row_step) {
          if (step == 1) copy_row_bytes(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from), length * static_cast<std::int64_t>(sizeof(T)));
          else
            for (std::int64_t j = 0; j < length; ++j) to[j] = from[j * step];
        }
      }
    });
  });
}

void triangle(const View& x, std::int64_t offset, bool upper, const View& out) {
  if (out.numel == 0) return;
  const std::int64_t rows = x.size(-2), columns = x.size(-1), x_step = x.stride(-1), out_step = out.stride(-1);
  visit_size(x.dtype, [&]<class T>(T) {
    for_rows<T>(x, out, [&](std::int64_t row, const T* from, T* to) {
      const std::int64_t edge = std::clamp<std::int64_t>(row % rows + offset + (upper ? 0 : 1), 0, columns);
      const std::int64_t first = upper ? edge : 0, last = upper ? columns : edge;  // of what stays
      if (x_step == 1 && out_step == 1) {
        std::memset(to, 0, static_cast<std::size_t>(first) * sizeof(T));
        std::memcpy(to + first, from + first, static_cast<std::size_t>(last - first) * sizeof(T));
        std::memset(to + last, 0, static_cast<std::size_t>(columns - last) * sizeof(T));
      } else {
        for (std::int64_t j = 0; j < columns; ++j) to[j * out_step] = j >= first && j < last ? from[j * x_step] : T{};
      }
    });
  });
}

}  // namespace tasuki::kernels::cpu
