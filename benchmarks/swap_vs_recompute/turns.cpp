#include "benchmarks/swap_vs_recompute/turns.hpp"

#include <iostream>
#include <limits>
#include <sstream>

namespace tasuki::benchmark {

namespace {

constexpr const char* marker = "--takes-turns";
constexpr const char* does_not_fit = "does not fit";

/// What a process is told about its run, as one argument.
std::string to_text(const Task& t, const std::optional<memory::BudgetOptions>& budget) {
  std::ostringstream text;
  text << t.model << ' ' << t.batch << ' ' << t.size << ' ' << t.channels << ' ' << t.layers << ' ' << static_cast<int>(t.dtype) << ' ' << t.step_in_backward;
  if (budget) text << ' ' << budget->bytes << ' ' << static_cast<int>(budget->policy);
  return text.str();
}

Run begin(const std::string& text) {
  std::istringstream in(text);
  Task t;
  memory::BudgetOptions budget;
  int dtype = 0, policy = 0;
  in >> t.model >> t.batch >> t.size >> t.channels >> t.layers >> dtype >> t.step_in_backward;
  t.dtype = static_cast<DType>(dtype);
  if (!(in >> budget.bytes >> policy)) return Run(t, Device::cpu(), std::nullopt);
  budget.policy = static_cast<memory::Policy>(policy);
  return Run(t, Device::cpu(), budget);
}

void write(std::ostream& out, const Ran& r) {
  const Moved& m = r.moved;
  out.precision(std::numeric_limits<double>::max_digits10);
  out << r.fits << ' ' << r.bits << ' ' << r.peak << ' ' << r.predicted_seconds << ' ' << r.plan_seconds;
  for (double v : {m.bytes_out, m.bytes_in, m.bytes_dropped, m.replayed_ops, m.replay_seconds, m.exposed_seconds, m.forced_departures, m.plans}) out << ' ' << v;
  out << std::endl;
}

Ran read(const std::string& line) {
  std::istringstream in(line);
  Ran r;
  Moved& m = r.moved;
  in >> r.fits >> r.bits >> r.peak >> r.predicted_seconds >> r.plan_seconds;
  for (double* v : {&m.bytes_out, &m.bytes_in, &m.bytes_dropped, &m.replayed_ops, &m.replay_seconds, &m.exposed_seconds, &m.forced_departures, &m.plans}) in >> *v;
  if (!in) TASUKI_THROW(Error, "a process that ran steps has gone, or says \"", line, "\"");
  return r;
}

}  // namespace

Turns::Turns(const std::string& program, const Task& task, const std::optional<memory::BudgetOptions>& budget)
    : peer_(program, {marker, std::to_string(num_threads()), to_text(task, budget)}) {}

std::optional<Turns::Answer> Turns::ask(int steps, int settling) {
  const std::string answer = peer_.ask(std::to_string(steps) + " " + std::to_string(settling));
  if (answer == does_not_fit) return std::nullopt;
  if (answer.empty()) TASUKI_THROW(Error, "a process that ran steps has gone");
  const std::vector<double> told = numbers(answer);
  return Answer{static_cast<int>(told.at(0)), {told.begin() + 1, told.end()}};
}

std::optional<int> Turns::settle(int steps) {
  const auto answer = ask(steps, steps);
  return answer ? std::optional(answer->plans) : std::nullopt;
}
std::vector<double> Turns::take(int steps) { return ask(steps + 1, 1).value_or(Answer{}).seconds; }
Ran Turns::finish() { return read(peer_.ask("end")); }

std::optional<int> serve_turns(int argc, char** argv) {
  if (argc != 4 || std::string(argv[1]) != marker) return std::nullopt;
  set_num_threads(std::atoi(argv[2]));
  Run run = begin(argv[3]);
  for (std::string line; std::getline(std::cin, line) && line != "end";) {
    const std::vector<double> order = numbers(line);
    const std::size_t before = run.seconds().size();
    if (!run.steps(static_cast<int>(order.at(0)), static_cast<int>(order.at(1)))) {
      std::cout << does_not_fit << std::endl;
      continue;
    }
    std::cout.precision(9);
    std::cout << run.plans();
    for (std::size_t i = before; i < run.seconds().size(); ++i) std::cout << ' ' << run.seconds()[i];
    std::cout << std::endl;
  }
  write(std::cout, run.finish());
  return 0;
}

}  // namespace tasuki::benchmark
