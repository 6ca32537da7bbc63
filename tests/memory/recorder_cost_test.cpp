#include <cstdlib>
#include <new>
#include <vector>

#include "src/memory/recorder.hpp"
#include "src/memory/signatures.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/tensor_impl.hpp"
#include "tests/catch.hpp"

namespace {
thread_local std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* block = std::malloc(bytes ? bytes : 1)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes ? bytes : 1);
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace ts = tasuki;
using ts::Tensor;

namespace {

/// A forward and a backward pass of `depth` ops, as records: op k reads storages k and k + 1, and writes k + 2.
class Repeated {
 public:
  explicit Repeated(std::size_t depth) {
    for (std::size_t i = 0; i < depth + 2; ++i) tensors_.push_back(ts::empty({64, 64}));
    for (std::size_t k = 0; k < depth; ++k) {
      Op& op = ops_.emplace_back();
      for (std::size_t i = 0; i < 3; ++i) op.operands[i] = {tensors_[k + i].impl()->view(), &tensors_[k + i].storage(), i < 2 ? ts::Access::read : ts::Access::write};
      op.record.op = &info;
      op.record.module = "";
      op.record.device = ts::Device::cpu();
      op.record.input_count = 2;
      op.record.output_count = 1;
    }
  }
  void run(tasuki::memory::StepRecorder& recorder, tasuki::memory::Signatures& signatures) {
    signatures.begin();
    for (Op& op : ops_) {
      op.record.inputs = op.operands;
      op.record.outputs = op.operands + 2;
      recorder.launch(op.record, 1e-3);
      signatures.advance(recorder.hash());
    }
    for (const Tensor& t : tensors_) recorder.released(t.storage());
    recorder.step_end();
    signatures.end(recorder.ended(), ts::Device::cpu());
  }

 private:
  static constexpr ts::OpInfo info{"scaled_product", "a, b"};
  struct Op {
    ts::LaunchOperand operands[3];
    ts::LaunchRecord record{};
  };
  std::vector<Tensor> tensors_;
  std::vector<Op> ops_;
};

}  // namespace

TEST_CASE("a step that repeats is recorded and known again without an allocation") {
  tasuki::memory::StepRecorder recorder(ts::runtime_of(ts::Device::cpu()));
  tasuki::memory::Signatures signatures;
  Repeated program(1000);
  for (int warm_up = 0; warm_up < 3; ++warm_up) program.run(recorder, signatures);
  const std::size_t before = allocations;
  for (int step = 0; step < 5; ++step) program.run(recorder, signatures);
  CHECK(allocations == before);
  CHECK(signatures.size() == 1);
}

TEST_CASE("two steps that alternate are recorded without an allocation") {
  tasuki::memory::StepRecorder recorder(ts::runtime_of(ts::Device::cpu()));
  tasuki::memory::Signatures signatures;
  Repeated small(100), large(300);
  const auto both = [&] {
    small.run(recorder, signatures);
    large.run(recorder, signatures);
  };
  for (int warm_up = 0; warm_up < 3; ++warm_up) both();
  const std::size_t before = allocations;
  for (int step = 0; step < 5; ++step) both();
  CHECK(allocations == before);
  CHECK(signatures.size() == 2);
}
