#include "tasuki/nn/loss.hpp"

#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/nn/shape.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;

TEST_CASE("A loss module computes its function with the options it was given, and so does its clone") {
  const ts::Tensor x = ts::tensor({0.0f, 3.0f}), t = ts::tensor({0.5f, 1.0f});
  CHECK(nn::L1Loss{}(x, t).item<float>() == 1.25f);
  CHECK(nn::L1Loss{ts::Reduction::sum}(x, t).item<float>() == 2.5f);
  const nn::SmoothL1Loss loss{{.beta = 0.25, .reduction = ts::Reduction::none}};
  CHECK(loss(x, t).to_vector<float>() == std::vector<float>{0.375f, 1.875f});
  const nn::ModulePtr copy = loss.clone();
  CHECK(static_cast<const nn::SmoothL1Loss&>(*copy)(x, t).to_vector<float>() == loss(x, t).to_vector<float>());
  CHECK(copy->type_name() == "SmoothL1Loss");
  CHECK(nn::CrossEntropyLoss{}(ts::zeros({3, 4}), ts::tensor({0, 1, 2})).item<float>() == Approx(1.386294));
}

TEST_CASE("Losses of several operands are modules too") {
  const ts::Tensor a = ts::tensor({{1.0f, 0.0f}, {0.0f, 2.0f}}), b = ts::tensor({{0.0f, 1.0f}, {0.0f, 1.0f}}), signs = ts::tensor({1.0f, -1.0f});
  CHECK(nn::CosineSimilarity{}(a, b).to_vector<float>() == std::vector<float>{0, 1});
  CHECK(nn::PairwiseDistance{{.p = 1, .eps = 0}}(a, b).to_vector<float>() == std::vector<float>{2, 1});
  CHECK(nn::CosineEmbeddingLoss{{.reduction = ts::Reduction::sum}}(a, b, signs).item<float>() == Approx(2));
  CHECK(nn::TripletMarginLoss{{.margin = 1}}(a, a, b).item<float>() == ts::triplet_margin_loss(a, a, b).item<float>());
  const nn::MarginRankingLoss ranking{{.margin = 3}};
  const ts::Tensor left = ts::tensor({1.0f, 2.0f}), right = ts::tensor({3.0f, 1.0f});
  CHECK(ranking(left, right, signs).item<float>() == 4.5f);  // of 5 and 4
  CHECK(nn::clone(ranking)(left, right, signs).item<float>() == 4.5f);
  CHECK(nn::GaussianNLLLoss{}(left, right, ts::ones({2})).item<float>() == 1.25f);
  const ts::Tensor scores = ts::log_softmax(ts::zeros({4, 1, 3}), 2), labels = ts::tensor({{1, 2}}), steps = ts::tensor({4}), lengths = ts::tensor({2});
  CHECK(nn::CTCLoss{{.reduction = ts::Reduction::sum}}(scores, labels, steps, lengths).item<float>() ==
        ts::ctc_loss(scores, labels, steps, lengths, {.reduction = ts::Reduction::sum}).item<float>());
}

TEST_CASE("Dropouts do something in training alone, and keep their probability in a clone") {
  nn::Sequential net{nn::Dropout2d{1.0}, nn::DropPath{0.0}, nn::AlphaDropout{0.0}};
  const ts::Tensor x = ts::ones({2, 3, 2, 2});
  CHECK(net(x).abs().sum().item<float>() == 0);
  net.eval();
  CHECK(net(x).is_same(x));
  CHECK(static_cast<const nn::DropPath&>(*nn::DropPath{0.25}.clone()).p() == 0.25);
}

TEST_CASE("Padding and pixel shuffling as modules") {
  nn::Sequential net{nn::Pad{{1, 0}, {.value = 7}}, nn::PixelShuffle{2}};
  const ts::Tensor y = net(ts::zeros({1, 4, 1, 1}));
  CHECK(y.shape() == ts::Shape{1, 1, 2, 4});
  CHECK(y.to_vector<float>() == std::vector<float>{7, 7, 0, 0, 7, 7, 0, 0});
}
