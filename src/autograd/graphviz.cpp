#include <map>
#include <set>
#include <string>
#include <vector>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/node.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki {

namespace {

std::string quoted(const std::string& text) {
  std::string q = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') q += '\\';
    if (c == '\n') q += "\\n";
    else q += c;
  }
  return q + '"';
}

std::string name_of(const Node& n) { return "n" + std::to_string(n.sequence()); }

}  // namespace

std::string graphviz(const Tensor& output) {
  if (!output.defined() || !output.impl()->grad_node)
    TASUKI_THROW(AutogradError, "only a tensor that a recorded op computed has a tape to draw, not ", output.describe());
  std::string text = "digraph tape {\n  rankdir=BT;\n  node [fontname=\"Helvetica\", fontsize=10];\n";
  std::set<const Node*> seen{output.impl()->grad_node};
  std::map<const LeafState*, std::size_t> leaves;  // numbered as met, so that the text is the same from run to run
  std::vector<Node*> stack{output.impl()->grad_node};
  while (!stack.empty()) {
    Node& n = *stack.back();
    stack.pop_back();
    std::string label = n.info().name;
    if (*n.module()) label += std::string("\n") + n.module();
    if (const std::string a = n.function().attributes(); !a.empty()) label += "\n" + a;
    const TensorImpl& y = *n.outputs()[0].record;
    label += std::string("\n") + tasuki::name_of(y.dtype) + y.shape.to_string();
    text += "  " + name_of(n) + " [label=" + quoted(label) + (n.is_view ? ", style=dashed" : "") + "];\n";
    for (std::size_t i = 0; i < n.input_count(); ++i) {
      const Edge& edge = n.edges()[i];
      if (edge.node) {
        text += "  " + name_of(*edge.node) + " -> " + name_of(n) + ";\n";
        if (seen.insert(edge.node).second) stack.push_back(edge.node);
      } else if (edge.leaf) {
        const auto [found, first] = leaves.emplace(edge.leaf, leaves.size());
        const std::string leaf = "leaf" + std::to_string(found->second);
        const TensorImpl& x = *n.inputs()[i].record;
        if (first) text += "  " + leaf + " [shape=box, label=" + quoted(std::string("leaf\n") + tasuki::name_of(x.dtype) + x.shape.to_string()) + "];\n";
        text += "  " + leaf + " -> " + name_of(n) + ";\n";
      }
    }
  }
  return text + "}\n";
}

}  // namespace tasuki
