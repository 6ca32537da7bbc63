// docs/ops.md is made from the cases of all ops and from what a run of each puts on the tape. It is written, instead of compared,
// where TASUKI_WRITE_DOCS is set: `./run docs` does that.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/autograd/node.hpp"
#include "tests/support/op_checks.hpp"

using namespace tasuki;
using namespace tasuki::testing;

namespace {

/// The ops that a run launches forward, in order. A view launches nothing.
class Launched : public LaunchListener {
 public:
  Launched() { add_listener(*this); }
  ~Launched() override { remove_listener(*this); }
  void before_launch(const LaunchRecord& record) override {
    if (std::find(ops.begin(), ops.end(), record.op) == ops.end()) ops.push_back(record.op);
  }
  std::vector<const OpInfo*> ops;
};

/// The nodes that lead to some outputs, the first op's first.
std::vector<Node*> nodes_behind(const std::vector<Tensor>& outputs) {
  std::set<Node*> seen;
  std::vector<Node*> nodes;
  for (const Tensor& y : outputs)
    if (Node* n = y.impl()->grad_node; n && seen.insert(n).second) nodes.push_back(n);
  for (std::size_t next = 0; next < nodes.size(); ++next)
    for (std::size_t i = 0; i < nodes[next]->input_count(); ++i)
      if (Node* n = nodes[next]->edges()[i].node; n && seen.insert(n).second) nodes.push_back(n);
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->sequence() < b->sequence(); });
  return nodes;
}

std::vector<std::string> operand_names(const OpInfo& info) {
  std::vector<std::string> names;
  std::istringstream list(info.operands);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name.substr(name.find_first_not_of(' ')));
  return names;
}

std::string joined(const std::vector<std::string>& parts, const char* separator) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : separator) + part;
  return text;
}

void add_new(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

/// What a node keeps for backward: operands by name, the result as "y", hidden outputs by dtype and shape.
std::vector<std::string> saved_by(Node& n) {
  std::vector<std::string> saved;
  const auto names = operand_names(n.info());
  for (std::size_t i = 0; i < n.input_count(); ++i)
    if (n.saves_input(i)) add_new(saved, names.empty() ? "inputs" : names[std::min(i, names.size() - 1)]);
  for (std::size_t j = 0; j < n.output_count(); ++j)
    if (n.saves_output(j)) {
      const TensorImpl& y = *n.outputs()[j].record;
      saved.push_back(j == 0 ? "y" : name_of(y.dtype) + y.shape.to_string());
    }
  return saved;
}

/// One line of the table.
struct TableRow {
  std::string operands, dtypes, gradient, saved, bits;
};

TableRow row_of(const std::vector<OpCase>& cases) {
  // The plainest differentiable case stands for the op.
  const OpCase& c = *std::min_element(cases.begin(), cases.end(), [](const OpCase& a, const OpCase& b) {
    const auto rank = [](const OpCase& x) { return std::make_pair((x.flags & no_gradient) != 0, x.variant); };
    return rank(a) < rank(b);
  });
  const Instance instance{c, c.inputs, true};
  const DType dtype = c.dtypes.front();
  std::vector<Tensor> bases = make_bases(instance.inputs, Layout::contiguous, dtype);
  if (!(c.flags & no_gradient))
    for (std::size_t i = 0; i < bases.size(); ++i)
      if (wants_gradient(instance.inputs[i], dtype)) bases[i].requires_grad_();

  TableRow row;
  Launched launched;
  const Outputs outputs = instance.run(bases, Layout::contiguous);
  const auto nodes = nodes_behind(outputs);
  std::vector<const OpInfo*> ops = launched.ops;
  for (Node* n : nodes)
    if (n->is_view) ops.push_back(&n->info());

  std::vector<std::string> made_of, saved, dtypes;
  unsigned flags = 0;
  for (const OpInfo* op : ops) {
    add_new(made_of, op->name);
    flags |= op->flags;
  }
  for (DType d : {f32, f64, bf16, f16, i64, i32, u8, bool_})
    if (std::any_of(cases.begin(), cases.end(), [&](const OpCase& x) { return std::find(x.dtypes.begin(), x.dtypes.end(), d) != x.dtypes.end(); }))
      dtypes.push_back(name_of(d));
  bool fused = !nodes.empty(), view = !nodes.empty();
  for (Node* n : nodes) {
    for (const std::string& item : saved_by(*n)) add_new(saved, item);
    fused = fused && (n->is_view || n->function().has_fused_backward());
    view = view && n->is_view;
  }

  row.operands = ops.size() == 1 ? ops[0]->operands : "of " + joined(made_of, ", ");
  row.dtypes = joined(dtypes, " ");
  const bool differentiable = std::any_of(cases.begin(), cases.end(), [](const OpCase& x) { return !(x.flags & no_gradient); });
  const bool once = std::any_of(cases.begin(), cases.end(), [](const OpCase& x) { return x.flags & no_double_backward; });
  row.gradient = !differentiable ? "none" : std::string(once ? "first" : "any order") + (view ? ", a view" : fused ? ", fused" : ", in ops");
  row.saved = saved.empty() ? "" : joined(saved, ", ");
  row.bits = flags & op_random ? "by seed" : flags & op_nondeterministic ? "vary" : "fixed";
  return row;
}

std::string table() {
  std::map<std::string, std::vector<OpCase>> by_op;
  for (OpCase& c : all_cases()) by_op[c.op].push_back(std::move(c));
  std::string text =
      "# Ops\n\n"
      "Made by `./run docs` from the test cases of the ops and from what a run of each puts on the tape; a test keeps it current. The\n"
      "contract of an op (formula, shapes, errors) stands in its header under `include/tasuki/ops` or `include/tasuki/tensor`.\n\n"
      "- **gradient**: \"any order\" ops can be differentiated again (`create_graph`), \"first\" ones once. \"fused\": a kernel of its own\n"
      "  computes the first derivative; \"in ops\": it is made of other ops; \"a view\": shares memory with its operand, no kernel runs.\n"
      "- **saved for backward**: operands by name, `y` the result; statistics, indices and masks by dtype and the shape that\n"
      "  they have in the test's case.\n"
      "- **bits**: \"fixed\": the same operands give the same bits, also on replay; kernels of Tasuki's own do so for any number of\n"
      "  threads, those of oneDNN for a fixed number. \"by seed\": a function of the generator's state, the same on replay.\n\n"
      "| op | operands | dtypes | gradient | saved for backward | bits |\n"
      "| --- | --- | --- | --- | --- | --- |\n";
  for (const auto& [op, cases] : by_op) {
    const TableRow row = row_of(cases);
    text += "| `" + op + "` | " + row.operands + " | " + row.dtypes + " | " + row.gradient + " | " + row.saved + " | " + row.bits + " |\n";
  }
  return text;
}

}  // namespace

TEST_CASE("docs/ops.md is the table of the ops as they are", "[op_table]") {
  const char* root = std::getenv("TASUKI_SOURCE_DIR");
  if (!root) FAIL("TASUKI_SOURCE_DIR names the source tree; ctest sets it");
  const std::string path = std::string(root) + "/docs/ops.md", made = table();
  if (std::getenv("TASUKI_WRITE_DOCS")) {
    std::ofstream(path, std::ios::binary) << made;
    SUCCEED();
    return;
  }
  std::stringstream there;
  there << std::ifstream(path, std::ios::binary).rdbuf();
  INFO("docs/ops.md is not current: run ./run docs, and commit what it writes");
  CHECK(there.str() == made);
}
