#include "kernels/attention.hpp"

#include <algorithm>

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void attention(const AttentionForward&))
TASUKI_PER_ISA(void attention_backward(const AttentionBackward&))

void attention(const AttentionForward& f) {
  if (f.log_sum.numel) TASUKI_ON_ISA(attention)(f);
}
void attention_backward(const AttentionBackward& b) { TASUKI_ON_ISA(attention_backward)(b); }

AttentionChunks attention_chunks(const View& q, const View& k, const View& v, bool backward) {
  constexpr double enough = 4e6;  // floating point operations that are worth a thread
  const std::int64_t queries = q.size(2), keys = k.size(2), width = q.size(3), value_width = v.size(3);
  const std::int64_t blocks = (queries + attention_queries - 1) / attention_queries, group = k.size(1) ? q.size(1) / k.size(1) : 1;
  AttentionChunks c;
  c.tasks = backward ? k.size(0) * k.size(1) : q.size(0) * q.size(1) * blocks;
  const auto rows = static_cast<double>(backward ? queries * group : std::min(queries, attention_queries));
  const double work = rows * static_cast<double>(keys * (width + value_width)) * (backward ? 5 : 2);
  // Slots are memory: many small ones forward, few of a whole sequence backward.
  const std::int64_t most = backward ? 16 : 64;
  c.tasks_per_chunk = std::max((c.tasks + most - 1) / most, static_cast<std::int64_t>(enough / std::max(work, 1.0)));
  c.tasks_per_chunk = std::clamp<std::int64_t>(c.tasks_per_chunk, 1, std::max<std::int64_t>(c.tasks, 1));
  c.count = (c.tasks + c.tasks_per_chunk - 1) / c.tasks_per_chunk;
  const auto padded = [](std::int64_t n) { return (n + 15) / 16 * 16; };
  const std::int64_t panels = attention_queries * (padded(width) + padded(value_width)), tile = attention_queries * attention_keys;
  const std::int64_t inputs = attention_keys * (padded(width) + padded(value_width));
  const std::int64_t forward_elements = panels + tile + inputs + 4 * attention_queries;
  const std::int64_t backward_elements = 2 * panels + attention_queries * padded(width) + 3 * tile + inputs + 4 * attention_queries +
                                         keys * (padded(width) + padded(value_width));
  c.slot_elements = static_cast<std::size_t>(backward ? backward_elements : forward_elements);
  return c;
}

std::size_t attention_workspace(const View& q, const View& k, const View& v, bool backward) {
  const AttentionChunks c = attention_chunks(q, k, v, backward);
  return static_cast<std::size_t>(c.count) * c.slot_elements * size_of(accumulate_type(q.dtype));
}

}  // namespace tasuki::kernels::cpu
