#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace tasuki::benchmark {

/// What the model knows of a cluster. A message of n bytes takes alpha + n beta; a node's network is shared by its GPUs.
struct Cluster {
  std::string name;
  int gpus_per_node;
  double images_per_second;            ///< one GPU alone, forward and backward
  int batch;                           ///< images per GPU and step
  double alpha_inside, beta_inside;    ///< seconds, and seconds per byte between GPUs of a node
  double alpha_between, beta_between;  ///< between nodes; beta for all of a node's GPUs together
  double bytes_per_gradient;           ///< on the wire
  double jitter;                       ///< standard deviation of a GPU's time for a step, relative
  bool overlapped;                     ///< gradients are summed while backward goes on
};

enum class Algorithm { ring, tree, hierarchical, torus };
inline constexpr Algorithm all_algorithms[] = {Algorithm::ring, Algorithm::tree, Algorithm::hierarchical, Algorithm::torus};
inline const char* name_of(Algorithm a) {
  constexpr const char* names[] = {"ring", "double tree", "hierarchical", "2-D torus"};
  return names[static_cast<int>(a)];
}

/// A message of a collective: from one rank to another, after the round before it.
struct Message {
  int from, to;
  double bytes;
};
using Round = std::vector<Message>;

/// Seconds of a round on a cluster, message by message: those inside a node go side by side, those that leave a node share its network,
/// and so do those that arrive.
inline double seconds_of(const Round& round, const Cluster& c, std::vector<double>& out, std::vector<double>& in) {
  double longest = 0;
  std::fill(out.begin(), out.end(), 0.0);
  std::fill(in.begin(), in.end(), 0.0);
  for (const Message& m : round) {
    const int a = m.from / c.gpus_per_node, b = m.to / c.gpus_per_node;
    if (a == b) {
      longest = std::max(longest, c.alpha_inside + m.bytes * c.beta_inside);
      continue;
    }
    out[static_cast<std::size_t>(a)] += m.bytes;
    in[static_cast<std::size_t>(b)] += m.bytes;
    longest = std::max(longest, c.alpha_between + std::max(out[static_cast<std::size_t>(a)], in[static_cast<std::size_t>(b)]) * c.beta_between);
  }
  return longest;
}

/// Rounds that follow each other `times` times.
struct Phase {
  Round round;
  double times;
};

/// Sums of `bytes` over P ranks as phases. Reduce-scatter and all-gather of a ring are rounds of the same shape, so one stands for all.
inline std::vector<Phase> phases_of(Algorithm algorithm, int P, double bytes, const Cluster& c) {
  std::vector<Phase> phases;
  const int g = std::min(P, c.gpus_per_node), nodes = (P + g - 1) / g;
  /// `groups` rings of `length` ranks, of which ring q has rank first(q, i) at place i.
  const auto rings = [&](int groups, int length, double n, auto rank) {
    if (length < 2) return;
    Round round;
    for (int q = 0; q < groups; ++q)
      for (int i = 0; i < length; ++i) round.push_back({rank(q, i), rank(q, (i + 1) % length), n / length});
    phases.push_back({std::move(round), 2.0 * (length - 1)});
  };
  switch (algorithm) {
    case Algorithm::ring:
      rings(1, P, bytes, [](int, int i) { return i; });
      break;
    case Algorithm::hierarchical:  // within nodes, then between those of the same place in each node, a slice each
      rings(nodes, g, bytes, [&](int q, int i) { return q * g + i; });
      rings(g, nodes, bytes / g, [&](int q, int i) { return i * g + q; });
      break;
    case Algorithm::torus: {  // as above, with the nodes in a grid: along rows, then along columns
      rings(nodes, g, bytes, [&](int q, int i) { return q * g + i; });
      int rows = static_cast<int>(std::sqrt(static_cast<double>(nodes)));
      while (nodes % rows) --rows;
      const int columns = nodes / rows;
      rings(g * rows, columns, bytes / g, [&](int q, int i) { return (q / g * columns + i) * g + q % g; });
      rings(g * columns, rows, bytes / g / columns, [&](int q, int i) { return (i * columns + q / g) * g + q % g; });
      break;
    }
    case Algorithm::tree: {
      // Two binary trees over the nodes with half of the bytes each, in pieces: up and down again. A node sends and receives all
      // bytes about once in each direction, and a piece passes log2 nodes twice.
      rings(nodes, g, bytes, [&](int q, int i) { return q * g + i; });
      if (nodes < 2) break;
      const double depth = std::ceil(std::log2(static_cast<double>(nodes))), n = bytes;
      const double pieces = std::max(1.0, std::round(std::sqrt(2 * depth * n * c.beta_between / c.alpha_between)));
      phases.push_back({{{0, g, n / pieces}}, 2 * (depth + pieces - 1)});
      break;
    }
  }
  return phases;
}

/// Seconds of an all-reduce.
inline double all_reduce_seconds(Algorithm algorithm, int P, double bytes, const Cluster& c) {
  if (P < 2) return 0;
  std::vector<double> out(static_cast<std::size_t>((P + c.gpus_per_node - 1) / c.gpus_per_node)), in(out.size());
  double seconds = 0;
  for (const Phase& phase : phases_of(algorithm, P, bytes, c)) seconds += phase.times * seconds_of(phase.round, c, out, in);
  return seconds;
}

}  // namespace tasuki::benchmark
