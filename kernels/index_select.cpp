#include "kernels/index_select.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/gather.hpp"
#include "kernels/lines.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

namespace {

constexpr std::int64_t index_grain = 16384;  // elements

/// The indices as a view of the other operand's shape that repeats them along every dimension but `dim`.
struct SpreadIndex {
  std::int64_t strides[8] = {};
  View view;
  SpreadIndex(const View& index, int dim, const View& like) {
    strides[dim] = index.ndim == 1 ? index.strides[0] : 1;
    view = {index.data, like.shape, strides, like.numel, index.dtype, like.ndim, true, false};
  }
};

/// True when single elements are picked along the fastest dimension: whole slices are then no unit to work in.
bool picks_elements(const Lines& lines, std::int64_t skipped) { return lines.line_inside() && skipped == skip_none; }

template <class I, class Body>
void for_indices(const View& index, Body&& body) {
  const I* at = index.as<const I>();
  const std::int64_t stride = index.ndim == 1 ? index.strides[0] : 1;
  for (std::int64_t i = 0; i < index.numel; ++i) body(i, static_cast<std::int64_t>(at[i * stride]));
}

/// The list in order of rows and, within a row, of positions: a radix sort by bytes. `entries` and `other` have room for all.
IndexEntry* sort_by_row(const View& index, std::int64_t rows, std::int64_t skipped, IndexEntry* entries, IndexEntry* other, std::int64_t& count) {
  count = 0;
  visit_index(index.dtype, [&]<class I>(I) {
    for_indices<I>(index, [&](std::int64_t i, std::int64_t row) {
      if (row != skipped) entries[count++] = {row, i};
    });
  });
  const auto by_row = [](const IndexEntry& a, const IndexEntry& b) { return a.row < b.row; };
  if (std::is_sorted(entries, entries + count, by_row)) return entries;
  for (int shift = 0; (rows - 1) >> shift; shift += 8) {
    std::int64_t start[257] = {};
    for (std::int64_t i = 0; i < count; ++i) ++start[(entries[i].row >> shift & 255) + 1];
    for (int b = 0; b < 256; ++b) start[b + 1] += start[b];
    for (std::int64_t i = 0; i < count; ++i) other[start[entries[i].row >> shift & 255]++] = entries[i];
    std::swap(entries, other);
  }
  return entries;
}

template <class U>
void copy_slice(const U* from, std::int64_t from_stride, U* to, std::int64_t to_stride, std::int64_t n) {
  if (from_stride == 1 && to_stride == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(U));
  } else if (from_stride == 0 && to_stride == 1) {
    std::fill_n(to, n, *from);
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i * to_stride] = from[i * from_stride];
  }
}

}  // namespace

void select_slices(const View& x, int dim, const View& index, const View& out, std::int64_t skipped) {
  if (out.numel == 0) return;
  // Operand 1 is x with out's sizes: its strides alone matter, the line's is the step from slice to slice.
  const View* operands[] = {&out, &x};
  const Lines lines = lines_along(dim, operands, 2);
  if (picks_elements(lines, skipped)) return gather(x, dim, SpreadIndex(index, dim, out).view, out);
  const std::int64_t count = index.numel, step = index.ndim == 1 ? index.strides[0] : 1;
  const std::int64_t columns = std::min(lines.row.size, index_grain), parts = (lines.row.size + columns - 1) / columns;
  visit_size(x.dtype, [&]<class U>(U) {
    visit_index(index.dtype, [&]<class I>(I) {
      const I* rows = index.as<const I>();
      parallel_for(lines.outer_count * count * parts, std::max<std::int64_t>(1, index_grain / columns), [&](std::int64_t begin, std::int64_t end) {
        std::int64_t at[Lines::most_operands], part = begin % parts, i = begin / parts % count, outer = begin / parts / count;
        lines.locate(outer, at);
        for (std::int64_t job = begin; job < end; ++job) {
          const std::int64_t first = part * columns, n = std::min(columns, lines.row.size - first);
          const auto row = static_cast<std::int64_t>(rows[i * step]);
          U* to = out.as<U>() + at[0] + i * lines.line.stride[0] + first * lines.row.stride[0];
          if (row == skipped) {
            const U zero{};
            copy_slice(&zero, 0, to, lines.row.stride[0], n);
          } else {
            copy_slice(x.as<const U>() + at[1] + row * lines.line.stride[1] + first * lines.row.stride[1], lines.row.stride[1], to, lines.row.stride[0], n);
          }
          if (++part < parts) continue;
          part = 0;
          if (++i < count) continue;
          i = 0;
          lines.locate(++outer, at);  // one past the last is never used
        }
      });
    });
  });
}

void put_slices(const View& source, int dim, const View& index, const View& out) {
  if (source.numel == 0 || index.numel == 0) return;
  // As in select_slices, operand 1 lends its strides alone.
  const View* operands[] = {&out, &source};
  const Lines lines = lines_along(dim, operands, 2);
  const std::int64_t count = index.numel, step = index.ndim == 1 ? index.strides[0] : 1, to_step = lines.line.stride[0], from_step = lines.line.stride[1];
  visit_size(out.dtype, [&]<class U>(U) {
    visit_index(index.dtype, [&]<class I>(I) {
      const I* rows = index.as<const I>();
      // A job owns some of each slice's elements, so that the order of the indices holds on any number of threads.
      const bool inside = lines.line_inside();
      const std::int64_t columns = inside ? 1 : std::clamp<std::int64_t>(index_grain / count, 16, lines.row.size), parts = (lines.row.size + columns - 1) / columns;
      parallel_for(lines.outer_count * parts, std::max<std::int64_t>(1, index_grain / (columns * count)), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t job = begin; job < end; ++job) {
          std::int64_t at[Lines::most_operands];
          lines.locate(job / parts, at);
          const std::int64_t first = job % parts * columns, n = std::min(columns, lines.row.size - first);
          const U* from = source.as<const U>() + at[1] + first * lines.row.stride[1];
          U* to = out.as<U>() + at[0] + first * lines.row.stride[0];
          if (inside) {
            for (std::int64_t i = 0; i < count; ++i) to[rows[i * step] * to_step] = from[i * from_step];
          } else {
            for (std::int64_t i = 0; i < count; ++i) copy_slice(from + i * from_step, lines.row.stride[1], to + rows[i * step] * to_step, lines.row.stride[0], n);
          }
        }
      });
    });
  });
}

std::size_t add_slices_workspace(std::int64_t indices) { return 2 * sizeof(IndexEntry) * static_cast<std::size_t>(indices); }

void add_slices(const View& source, int dim, const View& index, const View& out, bool accumulate, void* workspace, std::int64_t skipped) {
  if (out.numel == 0) return;
  if (source.numel == 0) {
    if (!accumulate) zero_dense(out);
    return;
  }
  const View* operands[] = {&source, &out};
  const Lines lines = lines_along(dim, operands, 2);
  if (picks_elements(lines, skipped)) return scatter_add(source, dim, SpreadIndex(index, dim, source).view, out, accumulate);

  const std::int64_t rows = out.shape[dim];
  std::int64_t count = 0;
  auto* space = static_cast<IndexEntry*>(workspace);
  const IndexEntry* entries = sort_by_row(index, rows, skipped, space, space + index.numel, count);

  // A table that few indices name is zeroed in one go, which is faster than its gaps one by one.
  const bool sparse = !accumulate && count < rows / 2;
  if (sparse) zero_dense(out);
  // A job owns some columns of some rows, zeroes those that nobody names, and sums the others.
  const std::int64_t parts = (lines.row.size + most_columns - 1) / most_columns, columns = (lines.row.size + parts - 1) / parts;
  const std::int64_t rows_each = std::max<std::int64_t>(1, index_grain / columns), bands = (rows + rows_each - 1) / rows_each;
  const auto size = static_cast<std::int64_t>(size_of(out.dtype));
  const bool gapless = parts == 1 && lines.row.stride[1] == 1 && lines.line.stride[1] == lines.row.size;
  const auto sum = TASUKI_ON_ISA(sum_slices);
  parallel_for(lines.outer_count * parts * bands, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t job = begin; job < end; ++job) {
      std::int64_t at[Lines::most_operands];
      lines.locate(job / bands / parts, at);
      const std::int64_t first = job / bands % parts * columns, n = std::min(columns, lines.row.size - first);
      const std::int64_t from_row = job % bands * rows_each, to_row = std::min(rows, from_row + rows_each);
      char* target = out.as<char>() + (at[1] + first * lines.row.stride[1]) * size;
      SliceSum slice{source.as<const char>() + (at[0] + first * lines.row.stride[0]) * size, lines.line.stride[0], lines.row.stride[0], nullptr,
                     lines.row.stride[1], n, accumulate};
      const auto sum_row = [&](std::int64_t row, const IndexEntry* a, const IndexEntry* b) {
        slice.out = target + row * lines.line.stride[1] * size;
        sum(out.dtype, slice, a, b);
      };
      const IndexEntry* next = std::lower_bound(entries, entries + count, from_row, [](const IndexEntry& e, std::int64_t row) { return e.row < row; });
      std::int64_t done = from_row;
      while (done < to_row) {
        const std::int64_t row = next == entries + count ? to_row : std::min(next->row, to_row);
        if (!accumulate && !sparse) {
          if (gapless) std::memset(target + done * n * size, 0, static_cast<std::size_t>((row - done) * n * size));
          else
            for (; done < row; ++done) sum_row(done, nullptr, nullptr);
        }
        if (row == to_row) break;
        const IndexEntry* last = next;
        while (last != entries + count && last->row == row) ++last;
        sum_row(row, next, last);
        next = last;
        done = row + 1;
      }
    }
  });
}

}  // namespace tasuki::kernels::cpu
