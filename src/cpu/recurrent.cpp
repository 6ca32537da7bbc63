#include "src/cpu/recurrent.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/copy.hpp"
#include "src/cpu/gemm.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::cpu {
namespace {

using kernels::cpu::RecurrentBackward;
using kernels::cpu::RecurrentForward;
using kernels::cpu::RecurrentStep;

/// [m, k] [k, n], row-major or transposed.
GemmProblem product(const Recurrence& r, std::int64_t m, std::int64_t n, std::int64_t k, bool transpose_a, bool transpose_b, bool has_bias = false) {
  GemmProblem p;
  p.dtype = r.weight_dtype;
  p.wide_result = r.rounds_products();
  p.m = m;
  p.n = n;
  p.k = k;
  p.a = transpose_a ? GemmProblem::Matrix{1, m} : GemmProblem::Matrix{k, 1};
  p.b = transpose_b ? GemmProblem::Matrix{1, k} : GemmProblem::Matrix{n, 1};
  p.c = {n, 1};
  p.has_bias = has_bias;
  return p;
}

PlanPtr<GemmPlan> forward_plan(const Recurrence& r, bool has_bias) { return gemm_plan(product(r, r.batch, r.gates(), r.hidden, false, true, has_bias)); }
PlanPtr<GemmPlan> state_plan(const Recurrence& r) { return gemm_plan(product(r, r.batch, r.hidden, r.gates(), false, false)); }
PlanPtr<GemmPlan> weight_plan(const Recurrence& r, std::int64_t steps) {
  return gemm_plan(product(r, r.gates(), r.hidden, steps * r.batch, true, false));
}

/// The weight's gradient is a product over so many steps at a time: enough rows for a fast one, few enough to stay in a cache.
std::int64_t steps_per_block(const Recurrence& r) {
  return std::clamp<std::int64_t>((511 + r.batch) / std::max<std::int64_t>(r.batch, 1), 1, std::max<std::int64_t>(r.steps, 1));
}

/// Consecutive pieces of a block of memory, each on a cache line of its own.
class Pieces {
 public:
  explicit Pieces(void* from) : at_(static_cast<char*>(from)) {}
  void* take(std::size_t bytes) { return std::exchange(at_, at_ + rounded(bytes)); }
  static std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

 private:
  char* at_;
};

struct Bytes {
  std::size_t element, state, gates, kept;  // of a matrix with a row per sample
  std::size_t multiplied_state, multiplied_gates, weight;  // as the products take them; of the weight's gradient before it is rounded
  explicit Bytes(const Recurrence& r)
      : element(size_of(r.dtype)), state(element * static_cast<std::size_t>(r.batch * r.hidden)), gates(element * static_cast<std::size_t>(r.batch * r.gates())),
        kept(element * static_cast<std::size_t>(r.batch * r.kept())), multiplied_state(state / element * size_of(r.weight_dtype)),
        multiplied_gates(gates / element * size_of(r.weight_dtype)), weight(element * static_cast<std::size_t>(r.gates() * r.hidden)) {}
};

/// The operand of a product: `from` itself, or its rounded copy in `to`.
const void* rounded_to_weight(const Recurrence& r, const void* from, void* to, std::int64_t elements) {
  if (!r.rounds_products()) return from;
  kernels::cpu::convert_row(r.dtype, from, 1, r.weight_dtype, to, 1, elements);
  return to;
}

/// Matrix t of a sequence of matrices of `bytes` each; null where the sequence is absent.
void* at_step(const View& sequence, std::int64_t t, std::size_t bytes) {
  return sequence ? static_cast<char*>(sequence.data) + static_cast<std::size_t>(t) * bytes : nullptr;
}

RecurrentStep step_of(const Recurrence& r, const View& lengths, std::int64_t t) {
  return {r.cell, r.dtype, r.batch, r.hidden, lengths ? lengths.as<const std::int64_t>() : nullptr, t};
}

void check_lengths(const View& lengths, std::int64_t steps) {
  for (std::int64_t i = 0; lengths && i < lengths.numel; ++i)
    if (const std::int64_t n = lengths.as<const std::int64_t>()[i]; n < 0 || n > steps)
      TASUKI_THROW(ValueError, "expected  0 <= length <= ", steps, ", the steps of x\nactual    ", n, " at lengths[", i, "]");
}

/// Also of no bytes, which may have no address.
void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (bytes) std::memcpy(to, from, bytes);
}
void clear_bytes(void* to, std::size_t bytes) {
  if (bytes) std::memset(to, 0, bytes);
}

/// The running gradient of a state: where it is wanted, in its place, else in scratch memory.
void* running(const View& wanted, Pieces& pieces, const View& last, std::size_t bytes) {
  void* place = wanted ? wanted.data : pieces.take(bytes);
  if (last) copy_bytes(place, last.data, bytes);
  else clear_bytes(place, bytes);
  return place;
}

void clear_unless(bool keep, const View& v) {
  if (v && !keep) clear_bytes(v.data, static_cast<std::size_t>(v.numel) * size_of(v.dtype));
}

}  // namespace

std::size_t recurrent_workspace(const Recurrence& r, bool has_bias) {
  const Bytes bytes(r);
  return Pieces::rounded(bytes.gates) + (r.rounds_products() ? Pieces::rounded(bytes.multiplied_state) : 0) + forward_plan(r, has_bias)->workspace_bytes(false);
}

void recurrent(const Recurrence& r, const RecurrentOperands& o) {
  check_lengths(o.lengths, r.steps);
  const Bytes bytes(r);
  copy_bytes(o.h_last.data, o.h.data, bytes.state);
  if (o.c_last) copy_bytes(o.c_last.data, o.c.data, bytes.state);
  if (r.batch == 0 || r.hidden == 0) return;
  const auto plan = forward_plan(r, bool(o.bias));
  Pieces pieces(o.workspace);
  void* from_state = pieces.take(bytes.gates);
  void* h_rounded = r.rounds_products() ? pieces.take(bytes.multiplied_state) : nullptr;
  void* scratch = pieces.take(0);
  for (std::int64_t k = 0; k < r.steps; ++k) {
    const std::int64_t t = r.reverse ? r.steps - 1 - k : k;
    plan->run(rounded_to_weight(r, o.h_last.data, h_rounded, r.batch * r.hidden), o.weight.data, o.bias.data, from_state, false, scratch);
    RecurrentForward f{step_of(r, o.lengths, t)};
    f.from_input = at_step(o.products, t, bytes.gates);
    f.from_state = from_state;
    f.h = o.h_last.data;
    f.c = o.c_last.data;
    f.y = at_step(o.y, t, bytes.state);
    f.kept = at_step(o.kept, t, bytes.kept);
    f.cells = at_step(o.cells, t, bytes.state);
    kernels::cpu::recurrent_forward(f);
  }
}

std::size_t recurrent_backward_workspace(const Recurrence& r) {
  const Bytes bytes(r);
  const std::int64_t block = steps_per_block(r);
  std::size_t scratch = state_plan(r)->workspace_bytes(true);
  for (const std::int64_t steps : {block, r.steps % block})
    for (const bool add : {false, true}) scratch = std::max(scratch, weight_plan(r, steps)->workspace_bytes(add));
  const auto rows = static_cast<std::size_t>(block);
  const std::size_t of_rounding = r.rounds_products() ? Pieces::rounded(bytes.gates) + Pieces::rounded(bytes.state) + Pieces::rounded(bytes.weight) : 0;
  return Pieces::rounded(rows * bytes.multiplied_gates) + Pieces::rounded(rows * bytes.multiplied_state) + Pieces::rounded(bytes.gates) +
         2 * Pieces::rounded(bytes.state) + of_rounding + scratch;
}

void recurrent_backward(const Recurrence& r, const RecurrentBackwardOperands& o) {
  clear_unless(o.add_to_weight, o.grad_weight);
  clear_unless(o.add_to_bias, o.grad_bias);
  const Bytes bytes(r);
  const std::int64_t block = steps_per_block(r);
  Pieces pieces(o.workspace);
  char* block_gates = static_cast<char*>(pieces.take(static_cast<std::size_t>(block) * bytes.multiplied_gates));
  char* block_states = static_cast<char*>(pieces.take(static_cast<std::size_t>(block) * bytes.multiplied_state));
  void* unwanted_products = pieces.take(bytes.gates);
  void* grad_h = running(o.grad_h, pieces, o.grad_h_last, bytes.state);
  void* grad_c = o.c ? running(o.grad_c, pieces, o.grad_c_last, bytes.state) : nullptr;
  const bool rounds = r.rounds_products();
  void* exact_gates = rounds ? pieces.take(bytes.gates) : nullptr;
  void* exact_state = rounds ? pieces.take(bytes.state) : nullptr;
  void* grad_weight = o.grad_weight.data;
  if (rounds) clear_bytes(grad_weight = pieces.take(bytes.weight), bytes.weight);
  void* scratch = pieces.take(0);
  if (r.batch == 0 || r.hidden == 0) return;

  const auto state = state_plan(r);
  std::int64_t filled = 0;  // of the block
  for (std::int64_t k = r.steps - 1; k >= 0; --k) {
    const std::int64_t t = r.reverse ? r.steps - 1 - k : k, before = r.reverse ? t + 1 : t - 1;
    char* const gates = block_gates + static_cast<std::size_t>(filled) * bytes.multiplied_gates;
    char* const states = block_states + static_cast<std::size_t>(filled) * bytes.multiplied_state;
    RecurrentBackward b{step_of(r, o.lengths, t)};
    b.grad_y = at_step(o.grad_y, t, bytes.state);
    b.grad_kept = at_step(o.grad_kept, t, bytes.kept);
    b.grad_cells = at_step(o.grad_cells, t, bytes.state);
    b.y = at_step(o.y, t, bytes.state);
    b.kept = at_step(o.kept, t, bytes.kept);
    b.cells = at_step(o.cells, t, bytes.state);
    b.h_before = k > 0 ? at_step(o.y, before, bytes.state) : nullptr;
    b.c_before = k > 0 ? at_step(o.cells, before, bytes.state) : nullptr;
    b.step_before = before;
    b.h_first = o.h.data;
    b.c_first = o.c.data;
    b.grad_h = grad_h;
    b.grad_c = grad_c;
    b.grad_from_input = o.grad_products ? at_step(o.grad_products, t, bytes.gates) : unwanted_products;
    b.grad_from_state = rounds ? exact_gates : gates;
    b.h_rows = rounds ? exact_state : states;
    kernels::cpu::recurrent_backward(b);
    rounded_to_weight(r, b.grad_from_state, gates, r.batch * r.gates());
    rounded_to_weight(r, b.h_rows, states, r.batch * r.hidden);
    if (o.grad_bias) kernels::cpu::add_row_sums(r.dtype, b.grad_from_state, r.batch, r.gates(), o.grad_bias.data);
    state->run(gates, o.weight.data, nullptr, grad_h, true, scratch);
    if (++filled < block && k > 0) continue;
    if (o.grad_weight) weight_plan(r, filled)->run(block_gates, block_states, nullptr, grad_weight, true, scratch);
    filled = 0;
  }
  if (!rounds || !o.grad_weight) return;
  View exact = o.grad_weight;
  exact.data = grad_weight;
  exact.dtype = r.dtype;
  kernels::cpu::copy(exact, o.grad_weight);
}

}  // namespace tasuki::cpu
