// What a user reads after a mistake with a tensor itself, word for word.
#include "tasuki/core/device.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/tensor.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using Catch::Contains;
using ts::Tensor;

TEST_CASE("item of several elements, or as a type that cannot hold it") {
  const Tensor pair = to_tensor({2}, {1, 2}), half = to_tensor({1}, {0.5}), big = to_tensor({1}, {300}, ts::i64);
  expect_error([&] { pair.item<float>(); },
               "ShapeError: item\n"
               "  expected  a tensor of one element\n"
               "  actual    2 elements\n"
               "  use to_vector, or index it first\n"
               "  x: f32[2] cpu\n"
               "  called at <here>");
  expect_error([&] { half.item<std::int64_t>(); },
               "DTypeError: item\n"
               "  expected  item<float>() or item<double>() of a f32 tensor\n"
               "  actual    item of an integer type\n"
               "  cast first: .to(ts::i64).item<std::int64_t>()\n"
               "  x: f32[1] cpu\n"
               "  called at <here>");
  CHECK_THAT(error_text([&] { big.item<unsigned char>(); }), Contains("the value 300 does not fit u8"));
}

TEST_CASE("to_vector as another type") {
  const Tensor x = to_tensor({2}, {1, 2});
  const std::string text = error_text([&] { x.to_vector<double>(); });
  CHECK_THAT(text, Contains("DTypeError: to_vector") && Contains("expected  the C++ type of f32") && Contains("cast first: .to(ts::f64)") && Contains("called at <here>"));
}

TEST_CASE("the elements of a tensor that is not contiguous") {
  const Tensor x = to_tensor({2, 2}, {1, 2, 3, 4}).transpose(0, 1);
  const std::string text = error_text([&] { x.data<float>(); });
  CHECK_THAT(text, Contains("contiguous") && Contains("called at <here>"));
}

TEST_CASE("an undefined tensor") {
  const Tensor nothing;
  CHECK_THAT(error_text([&] { nothing.shape(); }), Contains("ValueError") && Contains("undefined"));
  CHECK_THAT(error_text([&] { nothing.sum(); }), Contains("sum") && Contains("undefined") && Contains("called at <here>"));
  CHECK_THAT(error_text([&] { nothing + 1; }), Contains("add") && Contains("undefined") && Contains("called at <here>"));
  CHECK_THAT(error_text([&] { to_tensor({1}, {1}) + nothing; }), Contains("add") && Contains("undefined"));
  CHECK_THAT(error_text([&] { nothing.backward(); }), Contains("backward") && Contains("undefined"));
}

TEST_CASE("dimensions and indices out of range") {
  const Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK_THAT(error_text([&] { x.size(2); }), Contains("IndexError") && Contains("2"));
  CHECK_THAT(error_text([&] { x.select(0, 2); }), Contains("IndexError: select") && Contains("x: f32[2, 3] cpu") && Contains("called at <here>"));
  CHECK_THAT(error_text([&] { x.transpose(0, 5); }), Contains("IndexError: transpose") && Contains("5") && Contains("called at <here>"));
  CHECK_THAT(error_text([&] { x.permute({0, 0}); }), Contains("permute") && Contains("called at <here>"));
}

TEST_CASE("shapes that cannot be reshaped, viewed or expanded to") {
  const Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK_THAT(error_text([&] { x.reshape({4, 2}); }), Contains("ShapeError: reshape") && Contains("[4, 2]") && Contains("called at <here>"));
  CHECK_THAT(error_text([&] { x.reshape({-1, -1}); }), Contains("reshape") && Contains("-1"));
  CHECK_THAT(error_text([&] { x.transpose(0, 1).view({6}); }), Contains("ShapeError: view") && Contains("called at <here>"));
  CHECK_THAT(error_text([&] { x.expand({4, 3}); }), Contains("ShapeError: expand") && Contains("called at <here>"));
}

TEST_CASE("more than eight dimensions") {
  CHECK_THAT(error_text([&] { ts::Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}); }), Contains("ShapeError") && Contains("8"));
}

TEST_CASE("a device that this build does not have") {
  CHECK_THAT(error_text([&] { ts::Device::parse("tpu"); }), Contains("DeviceError") && Contains("tpu") && Contains("cpu"));
  CHECK_THAT(error_text([&] { to_tensor({1}, {1}).to(ts::Device(ts::DeviceKind::cuda, 0)); }), Contains("DeviceError") && Contains("cuda:0"));
}

TEST_CASE("an allocation past the limit says what was asked and what there is") {
  using namespace ts::literals;
  ts::memory::release_cached(ts::Device::cpu());
  ts::memory::set_byte_limit(ts::Device::cpu(), ts::memory::stats(ts::Device::cpu()).reserved_bytes + 1_MiB);
  const std::string text = error_text([&] { ts::zeros({1024, 1024}); });
  ts::memory::set_byte_limit(ts::Device::cpu(), 0);
  CHECK_THAT(text, Contains("OutOfMemory") && Contains("4194304") && Contains("called at <here>"));
}
