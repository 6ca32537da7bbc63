#include "kernels/gather.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/check_indices.hpp"
#include "kernels/copy.hpp"
#include "kernels/lines.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

namespace {

/// Calls f(n, row position, line position, step[3], along_line) for each innermost run of a block, where step tells how the
/// operands advance in it.
template <class Run>
[[gnu::always_inline]] inline void for_runs(const Lines& lines, const LineBlock& block, Run&& run) {
  if (lines.line_inside()) {
    for (std::int64_t r = block.row_begin; r < block.row_end; ++r) run(block.line_end - block.line_begin, r, block.line_begin, lines.line.stride, true);
  } else {
    for (std::int64_t j = block.line_begin; j < block.line_end; ++j) run(block.row_end - block.row_begin, block.row_begin, j, lines.row.stride, false);
  }
}

enum Operand { moving, indices, table };  // operand numbers in Lines: what is read or written in order, and what is indexed

template <class T, class I>
bool gather_lines(const Lines& lines, const T* x, std::int64_t bound, std::int64_t step, const I* index, T* out) {
  bool all_valid = true;
  for_blocks(lines, true, lines.row.size, [&](const LineBlock& block) {
    bool valid = true;
    for_runs(lines, block, [&](std::int64_t n, std::int64_t r, std::int64_t j, const std::int64_t* advance, bool along_line) {
      const auto start = [&](int k) { return block.at[k] + r * lines.row.stride[k] + j * lines.line.stride[k]; };
      T* to = out + start(moving);
      const I* at = index + start(indices);
      const T* from = x + block.at[table] + r * lines.row.stride[table];  // the index alone says where along the line
      const std::int64_t from_step = along_line ? 0 : advance[table];
      valid = valid && all_inside(bound, at, advance[indices], n);
      if (!valid) return;
      if (along_line && step == 1 && advance[indices] == 1 && advance[moving] == 1) {
        for (std::int64_t i = 0; i < n; ++i) to[i] = from[at[i]];
      } else {
        for (std::int64_t i = 0; i < n; ++i) to[i * advance[moving]] = from[i * from_step + static_cast<std::int64_t>(at[i * advance[indices]]) * step];
      }
    });
    if (!valid) __atomic_store_n(&all_valid, false, __ATOMIC_RELAXED);
  });
  return all_valid;
}

/// put(place, element) straight in out, line by line in order.
template <class T, class I, class Put>
void put_in_place(const Lines& lines, const T* source, const I* index, T* out, std::int64_t step, Put put) {
  for_blocks(lines, false, lines.row.size, [&](const LineBlock& block) {
    for_runs(lines, block, [&](std::int64_t n, std::int64_t r, std::int64_t j, const std::int64_t* advance, bool along_line) {
      const auto start = [&](int k) { return block.at[k] + r * lines.row.stride[k] + j * lines.line.stride[k]; };
      const T* from = source + start(moving);
      const I* at = index + start(indices);
      T* to = out + block.at[table] + r * lines.row.stride[table];
      const std::int64_t to_step = along_line ? 0 : advance[table];
      if (along_line && step == 1 && advance[indices] == 1 && advance[moving] == 1) {
        for (std::int64_t i = 0; i < n; ++i) put(to[at[i]], from[i]);
      } else {
        for (std::int64_t i = 0; i < n; ++i)
          put(to[i * to_step + static_cast<std::int64_t>(at[i * advance[indices]]) * step], from[i * advance[moving]]);
      }
    });
  });
}

/// Adds straight into out: for the wide dtypes, and where no two addends meet.
template <class T, class I>
void add_in_place(const Lines& lines, const T* source, const I* index, T* out, std::int64_t step) {
  put_in_place(lines, source, index, out, step, [](T& place, T v) {
    if constexpr (sizeof(T) == 2) place = T(static_cast<float>(place) + static_cast<float>(v));
    else place += v;
  });
}

/// Adds few halves to long lines, by f32 sums of the elements that get any.
template <class T, class I>
void add_few_in_f32(const Lines& lines, const T* source, const I* index, T* out, std::int64_t step, std::int64_t length) {
  for_blocks(lines, false, std::clamp<std::int64_t>(16384 / lines.line.size, 1, lines.row.size), [&](const LineBlock& block) {
    std::vector<float> sums(static_cast<std::size_t>(length));
    for (std::int64_t r = block.row_begin; r < block.row_end; ++r) {
      const auto start = [&](int k) { return block.at[k] + r * lines.row.stride[k]; };
      const T* from = source + start(moving);
      const I* at = index + start(indices);
      T* to = out + start(table);
      const std::int64_t n = lines.line.size, from_step = lines.line.stride[moving], index_step = lines.line.stride[indices];
      const auto sum_of = [&](std::int64_t i) -> float& { return sums[static_cast<std::size_t>(at[i * index_step])]; };
      const auto place_of = [&](std::int64_t i) -> T& { return to[static_cast<std::int64_t>(at[i * index_step]) * step]; };
      for (std::int64_t i = 0; i < n; ++i) sum_of(i) = static_cast<float>(place_of(i));
      for (std::int64_t i = 0; i < n; ++i) sum_of(i) += static_cast<float>(from[i * from_step]);
      for (std::int64_t i = 0; i < n; ++i) place_of(i) = T(sum_of(i));
    }
  });
}

/// Adds in an f32 copy of each line, so that a sum of halves is rounded once.
template <class T, class I>
void add_in_f32(const Lines& lines, const T* source, const I* index, T* out, std::int64_t step, std::int64_t length, bool accumulate) {
  // Neighbouring lines share their cache lines, unless a line itself is contiguous.
  const std::int64_t most_rows = lines.row.stride[table] < step ? std::clamp<std::int64_t>(16384 / length, 1, 16) : 1;
  for_blocks(lines, false, most_rows, [&](const LineBlock& block) {
    const std::int64_t width = block.row_end - block.row_begin;
    std::vector<float> sums(static_cast<std::size_t>(length * width));
    // A single line at once, lines side by side by rows across them.
    const bool single = width == 1;
    const auto for_rows = [&](auto&& row) {
      T* line = out + block.at[table] + block.row_begin * lines.row.stride[table];
      if (single) return row(line, step, sums.data(), length);
      for (std::int64_t v = 0; v < length; ++v) row(line + v * step, lines.row.stride[table], sums.data() + v * width, width);
    };
    if (accumulate) for_rows([](const T* halves, std::int64_t halves_step, float* floats, std::int64_t n) { convert_row(halves, halves_step, floats, 1, n); });
    const auto start = [&](int k) { return block.at[k] + block.row_begin * lines.row.stride[k]; };
    const T* from = source + start(moving);
    const I* at = index + start(indices);
    constexpr std::int64_t most = 256;
    float addends[most];
    const std::int64_t runs = single ? 1 : lines.line.size, length_of_run = single ? lines.line.size : width;
    const std::int64_t from_step = (single ? lines.line : lines.row).stride[moving], index_step = (single ? lines.line : lines.row).stride[indices];
    for (std::int64_t j = 0; j < runs; ++j, from += lines.line.stride[moving], at += lines.line.stride[indices])
      for (std::int64_t begin = 0; begin < length_of_run; begin += most) {
        const std::int64_t n = std::min(most, length_of_run - begin);
        convert_row(from + begin * from_step, from_step, addends, 1, n);
        const I* where = at + begin * index_step;
        if (single) {
          for (std::int64_t i = 0; i < n; ++i) sums[static_cast<std::size_t>(where[i * index_step])] += addends[i];
        } else {
          for (std::int64_t i = 0; i < n; ++i) sums[static_cast<std::size_t>(static_cast<std::int64_t>(where[i * index_step]) * width + begin + i)] += addends[i];
        }
      }
    for_rows([](T* halves, std::int64_t halves_step, const float* floats, std::int64_t n) { convert_row(floats, 1, halves, halves_step, n); });
  });
}

std::int64_t step_of(const View& v, int dim) { return v.ndim ? v.strides[dim] : 0; }

}  // namespace

void zero_dense(const View& view) {
  constexpr std::int64_t grain = 1 << 18;  // bytes: some 10 us
  parallel_for(static_cast<std::int64_t>(view.bytes()), grain,
               [&](std::int64_t begin, std::int64_t end) { std::memset(view.as<char>() + begin, 0, static_cast<std::size_t>(end - begin)); });
}

void gather(const View& x, int dim, const View& index, const View& out) {
  if (out.numel == 0) return;
  const std::int64_t bound = size_along(x, dim);
  bool valid = bound > 0;
  if (valid) {
    const View* operands[] = {&out, &index, &x};
    const Lines lines = lines_along(dim, operands, 3);
    visit_size(x.dtype, [&]<class T>(T) {
      visit_index(index.dtype, [&]<class I>(I) { valid = gather_lines(lines, x.as<const T>(), bound, step_of(x, dim), index.as<const I>(), out.as<T>()); });
    });
  }
  if (!valid) check_indices(index, bound, "index", "index");
}

void scatter(const View& source, int dim, const View& index, const View& out) {
  if (index.numel == 0) return;
  const View* operands[] = {&source, &index, &out};
  const Lines lines = lines_along(dim, operands, 3);
  visit_size(out.dtype, [&]<class T>(T) {
    visit_index(index.dtype, [&]<class I>(I) {
      put_in_place(lines, source.as<const T>(), index.as<const I>(), out.as<T>(), step_of(out, dim), [](T& place, T v) { place = v; });
    });
  });
}

void scatter_add(const View& source, int dim, const View& index, const View& out, bool accumulate) {
  if (source.numel == 0) {
    if (!accumulate) zero_dense(out);
    return;
  }
  const View* operands[] = {&source, &index, &out};
  const Lines lines = lines_along(dim, operands, 3);
  const std::int64_t step = step_of(out, dim), length = size_along(out, dim);
  const bool in_f32 = size_of(source.dtype) == 2 && lines.line.size > 1, few = in_f32 && 64 * lines.line.size <= length;
  // Sums of whole lines of halves are written where every line gets some.
  const bool writes = in_f32 && !few && out.numel == source.numel / lines.line.size * length;
  if (!accumulate && !writes) zero_dense(out);
  visit_floating(source.dtype, [&]<class T>(T) {
    visit_index(index.dtype, [&]<class I>(I) {
      if constexpr (sizeof(T) == 2) {
        if (few) return add_few_in_f32(lines, source.as<const T>(), index.as<const I>(), out.as<T>(), step, length);
        if (in_f32) return add_in_f32(lines, source.as<const T>(), index.as<const I>(), out.as<T>(), step, length, accumulate || !writes);
      }
      add_in_place(lines, source.as<const T>(), index.as<const I>(), out.as<T>(), step);
    });
  });
}

}  // namespace tasuki::kernels::cpu
