#include "tasuki/tensor/print.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "src/tensor/print_numbers.hpp"
#include "tasuki/core/half.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

/// The positions of a dimension that are shown, and whether something between them is not.
struct Shown {
  std::vector<std::int64_t> indices;
  bool summarized = false;
};

/// Writes one tensor: first a pass over the shown elements fixes the style, then they are laid out.
class Printer {
 public:
  Printer(const Tensor& tensor, const PrintOptions& options) : view_(tensor.impl()->view()), options_(options) {
    for (int d = 0; d < view_.ndim; ++d) dims_.push_back(shown(view_.shape[d], view_.numel > options.threshold));
  }

  std::string text() {
    if (view_.ndim == 0) return scalar();
    if (view_.numel == 0) return "[]";
    choose_style();
    return write(0, 0, " ", options_.line_width);
  }

 private:
  Shown shown(std::int64_t size, bool summarize) const {
    Shown s;
    const std::int64_t edge = std::max<std::int64_t>(options_.edge_items, 0);
    s.summarized = summarize && 2 * edge < size;
    for (std::int64_t i = 0; i < size; ++i) {
      if (s.summarized && i == edge) i = size - edge;
      if (i < size) s.indices.push_back(i);
    }
    return s;
  }

  double number(std::int64_t offset) const {
    switch (view_.dtype) {
      case DType::f32: return static_cast<double>(view_.as<float>()[offset]);
      case DType::f64: return view_.as<double>()[offset];
      case DType::bf16: return static_cast<double>(static_cast<float>(view_.as<bfloat16>()[offset]));
      default: return static_cast<double>(static_cast<float>(view_.as<float16>()[offset]));
    }
  }
  std::int64_t integer(std::int64_t offset) const {
    switch (view_.dtype) {
      case DType::i64: return view_.as<std::int64_t>()[offset];
      case DType::i32: return view_.as<std::int32_t>()[offset];
      default: return view_.as<std::uint8_t>()[offset];
    }
  }
  bool truth(std::int64_t offset) const { return view_.as<std::uint8_t>()[offset] != 0; }

  std::string scalar() const {
    if (is_floating(view_.dtype)) return detail::scalar_text(number(0), view_.dtype);
    if (view_.dtype == DType::boolean) return truth(0) ? "True" : "False";
    return std::to_string(integer(0));
  }

  template <class F>
  void visit(int dim, std::int64_t offset, F&& f) const {
    if (dim == view_.ndim) return f(offset);
    for (const std::int64_t i : dims_[static_cast<std::size_t>(dim)].indices) visit(dim + 1, offset + i * view_.strides[dim], f);
  }

  void choose_style() {
    if (is_floating(view_.dtype)) {
      std::vector<double> values;
      visit(0, 0, [&](std::int64_t offset) { values.push_back(number(offset)); });
      floats_.emplace(values, view_.dtype, options_.precision, options_.suppress_small);
    } else if (view_.dtype == DType::boolean) {
      width_ = 5;
    } else {
      visit(0, 0, [&](std::int64_t offset) { width_ = std::max(width_, std::to_string(integer(offset)).size()); });
    }
  }

  std::string element(std::int64_t offset) const {
    if (floats_) return (*floats_)(number(offset));
    std::string text = view_.dtype == DType::boolean ? (truth(offset) ? "True" : "False") : std::to_string(integer(offset));
    return text.insert(0, width_ - std::min(width_, text.size()), ' ');
  }

  /// The last dimension: elements side by side, wrapped where the line is full.
  std::string row(std::int64_t offset, const std::string& indent, int width) const {
    const Shown& dim = dims_.back();
    std::string done, line = indent;
    const auto extend = [&](const std::string& word) {
      if (static_cast<int>(line.size() + word.size()) > width - 1 && line.size() > indent.size()) {
        line.erase(line.find_last_not_of(' ') + 1);
        done += line + "\n";
        line = indent;
      }
      line += word;
    };
    const auto leading = dim.summarized ? dim.indices.size() / 2 : dim.indices.size();
    for (std::size_t i = 0; i < dim.indices.size(); ++i) {
      if (i == leading) {
        extend("...");
        line += ' ';
      }
      extend(element(offset + dim.indices[i] * view_.strides[view_.ndim - 1]));
      if (i + 1 < dim.indices.size()) line += ' ';
    }
    if (dim.indices.empty()) line += "...";
    return done + line;
  }

  std::string write(int dim, std::int64_t offset, const std::string& indent, int width) const {
    std::string text;
    if (dim == view_.ndim - 1) {
      text = row(offset, indent, width);
    } else {
      const Shown& shown = dims_[static_cast<std::size_t>(dim)];
      const std::string between(static_cast<std::size_t>(view_.ndim - dim - 1), '\n');
      const auto leading = shown.summarized ? shown.indices.size() / 2 : shown.indices.size();
      for (std::size_t i = 0; i < shown.indices.size(); ++i) {
        if (i == leading) text += indent + "..." + between;
        text += indent + write(dim + 1, offset + shown.indices[i] * view_.strides[dim], indent + ' ', width - 1);
        if (i + 1 < shown.indices.size()) text += between;
      }
      if (shown.indices.empty()) text += indent + "...";
    }
    return '[' + text.substr(indent.size()) + ']';
  }

  const View view_;
  const PrintOptions& options_;
  std::vector<Shown> dims_;
  std::optional<detail::FloatStyle> floats_;
  std::size_t width_ = 0;
};

}  // namespace

std::string to_string(const Tensor& tensor, const PrintOptions& options, SourceLocation at) {
  if (!tensor.defined()) return "undefined";
  const Tensor host = tensor.detach().cpu(at);
  return Printer(host, options).text();
}

std::string Tensor::to_string() const { return tasuki::to_string(*this); }

}  // namespace tasuki
