#include "tasuki/io/module_io.hpp"

#include <string>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

namespace ts = tasuki;

TEST_CASE("loading copies by name into the tensors that are there, converting between floating types") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  ts::save_tensors({{"w", ts::tensor({1.0f, 2.0f})}, {"steps", ts::tensor({5})}}, path);
  const ts::Tensor w = ts::zeros({2}, {.dtype = ts::f64, .requires_grad = true}), steps = ts::zeros({1}, {.dtype = ts::i64});
  const ts::LoadReport report = ts::load_state({{"w", w}, {"steps", steps}}, path);
  CHECK(report.missing.empty());
  CHECK(report.unexpected.empty());
  CHECK(w.to_vector<double>() == std::vector<double>{1, 2});
  CHECK(w.requires_grad());
  CHECK(steps.item<std::int64_t>() == 5);
}

TEST_CASE("a strict load lists everything that does not fit, and copies nothing") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  ts::save_tensors({{"a", ts::tensor({1.0f})}, {"b", ts::tensor({1.0f, 2.0f})}, {"old", ts::tensor({1})}}, path);
  const ts::Tensor a = ts::zeros({1}), b = ts::zeros({3}), c = ts::zeros({2});
  std::string message;
  try {
    ts::load_state({{"a", a}, {"b", b}, {"c", c}}, path);
  } catch (const ts::FileError& error) {
    message = error.what();
  }
  CHECK(message == "FileError: " + path +
                       " does not fit the module\n"
                       "  missing in the file (1):\n    c\n"
                       "  unexpected in the file (1):\n    old\n"
                       "  of another shape or type (1):\n    b: expected f32[3], the file has f32[2]");
  CHECK(a.item<float>() == 0);
}

TEST_CASE("a load that is not strict takes what fits and reports the rest") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  ts::save_tensors({{"a", ts::tensor({1.0f})}, {"old", ts::tensor({1})}}, path);
  const ts::Tensor a = ts::zeros({1}), c = ts::full({2}, 3);
  const ts::LoadReport report = ts::load_state({{"a", a}, {"c", c}}, path, {.strict = false});
  CHECK(report.missing == std::vector<std::string>{"c"});
  CHECK(report.unexpected == std::vector<std::string>{"old"});
  CHECK(a.item<float>() == 1);
  CHECK(c.to_vector<float>() == std::vector<float>{3, 3});
  CHECK_THROWS_AS(ts::load_state({{"a", ts::zeros({2})}}, path, {.strict = false}), ts::FileError);
}

TEST_CASE("a shared tensor is found under any of its names") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  ts::save_tensors({{"head.weight", ts::tensor({1.0f})}}, path);
  const ts::Tensor shared = ts::zeros({1});
  CHECK(ts::load_state({{"embedding.weight", shared}, {"head.weight", shared}}, path).missing.empty());
  CHECK(shared.item<float>() == 1);
}
