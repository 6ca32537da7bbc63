#pragma once
#include <tasuki/tasuki.hpp>

#include <optional>
#include <vector>

#include "src/core/sanitized.hpp"

/// Programs that train, to be run with and without a budget and compared bit by bit.
namespace testing_memory {

/// Collects what a program computes.
class Notes {
 public:
  void add(const tasuki::Tensor& t);
  void add(tasuki::nn::Module& module);  ///< parameters, their gradients, buffers
  std::vector<float> numbers;
};

using Program = void (*)(tasuki::Device device, Notes& notes);

struct Run {
  std::vector<float> numbers;
  std::size_t peak = 0;         ///< of the device, counted from before the program began
  std::size_t moved_bytes = 0;  ///< that left, or were dropped
  tasuki::memory::Report report;
};

/// Runs a program with the same seed each time; the budget is in force from the start.
Run run(Program program, tasuki::Device device, const std::optional<tasuki::memory::BudgetOptions>& budget);

void deep_network(tasuki::Device device, Notes& notes);
void convolutional_network(tasuki::Device device, Notes& notes);
void views_and_writes(tasuki::Device device, Notes& notes);
void accumulation_and_evaluation(tasuki::Device device, Notes& notes);
void changing_batches(tasuki::Device device, Notes& notes);
void retained_graph(tasuki::Device device, Notes& notes);
void gradient_penalty(tasuki::Device device, Notes& notes);
void kept_handles(tasuki::Device device, Notes& notes);
void exception_in_forward(tasuki::Device device, Notes& notes);
void state_beyond_budget(tasuki::Device device, Notes& notes);
void steps_in_backward(tasuki::Device device, Notes& notes);
void steps_after_backward(tasuki::Device device, Notes& notes);  ///< the same training

bool cpu_manager_is_gone();

/// The part of its peak that a program gets. The CPU's peak counts cached blocks, so that less can do, where blocks are cached.
inline double part_of_peak(tasuki::Device device, double on_cpu, double elsewhere) {
  return device.is_cpu() && !tasuki::address_sanitized ? on_cpu : elsewhere;
}

}  // namespace testing_memory
