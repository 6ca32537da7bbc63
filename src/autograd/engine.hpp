#pragma once
#include <vector>

#include "tasuki/autograd/node.hpp"

namespace tasuki {

/// One backward pass. A single thread takes nodes off a heap, latest first: a node is made after everything it reads, so when it
/// comes up all its gradients have arrived.
class BackwardPass {
 public:
  BackwardPass(const BackwardOptions& options, SourceLocation at);
  ~BackwardPass();
  /// Starts from a gradient of `output`.
  void seed(const Tensor& output, const Tensor& gradient);
  /// Visits all that the seeds reach; after this nothing can fail for reasons of the tape.
  void survey();
  /// Restricts the pass to what leads to these tensors, whose gradients take() then returns; leaves are left alone.
  void capture(const std::vector<Tensor>& inputs);
  void run();
  Tensor take(const Tensor& input);

 private:
  void find_paths();
  bool wants(const Edge& edge) const;
  void process(Node& node);
  void run_fused(Node& node);
  void run_graph(Node& node);
  void apply_extras(Node& node);
  /// Counts a node or leaf in once, and keeps it until the pass ends.
  void reach(Node& node);
  void reach(LeafState& leaf);
  void deliver(const Edge& edge, Tensor gradient);
  /// Adds to a gradient; `leaf` when it is that leaf's own, which stays with the user.
  void add_to(Tensor& place, const LeafState* leaf, Tensor gradient);
  void finish_leaf(LeafState& leaf);
  void push(Node* node);
  static Tensor& place_of(const Edge& edge);

  bool retain_, create_, restricted_ = false;
  SourceLocation at_;
  std::uint64_t pass_;
  std::vector<Node*> heap_, visited_;
  std::vector<LeafState*> leaves_;
  std::vector<Tensor> roots_, leaf_seeds_;
  struct Captured {
    Node* node;
    std::uint8_t output;
    Tensor gradient;
  };
  std::vector<Captured> captured_;
};

}  // namespace tasuki
