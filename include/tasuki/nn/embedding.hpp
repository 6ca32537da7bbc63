#pragma once
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/embedding.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki::nn {

struct EmbeddingOptions {
  std::int64_t padding_idx = -1;  ///< the row that starts at zero and receives no gradient; none when negative
  DType dtype = DType::f32;
};

/// Rows of a table: indices of any shape (i64 or i32) give [..., dim]. weight [count, dim] starts normal with variance 1; options that PyTorch has besides: see ts::embedding.
///
///     ts::nn::Embedding tokens{this, "tokens", 50257, 768};
class Embedding : public Module {
 public:
  Parameter weight{this, "weight"};

  Embedding(std::int64_t count, std::int64_t dim, const EmbeddingOptions& options = {}) : options_(options) { create(count, dim); }
  Embedding(Module* parent, std::string_view name, std::int64_t count, std::int64_t dim, const EmbeddingOptions& options = {})
      : Module(parent, name), options_(options) {
    create(count, dim);
  }
  Tensor operator()(const Tensor& indices, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(embedding(s.enter(indices), weight, {.padding_idx = options_.padding_idx}, at));
  }
  ModulePtr clone() const override {
    return clone_as(*this, weight.size(0), weight.size(1), EmbeddingOptions{.padding_idx = options_.padding_idx, .dtype = weight.dtype()});
  }

 private:
  void create(std::int64_t count, std::int64_t dim) {
    TASUKI_CHECK(ValueError, count >= 0 && dim >= 0, "Embedding was asked for ", count, " rows of ", dim);
    TASUKI_CHECK_OP(IndexError, options_.padding_idx, <, count, "padding_idx is a row of the table");
    weight = empty({count, dim}, {.dtype = options_.dtype});
    init::normal_(weight);
    if (options_.padding_idx >= 0) init::zeros_(select(weight.detach(), 0, options_.padding_idx));
  }
  EmbeddingOptions options_;
};

}  // namespace tasuki::nn
