#include "src/memory/planner/search.hpp"

#include <algorithm>
#include <iterator>

namespace tasuki::memory::planner {

namespace {

constexpr double everything = 1e9;  // a price so high that nothing is swapped that can be dropped
constexpr int most_variations = 400, least_variations = 12;
constexpr double longest_replays = 3;  // steps

std::uint64_t hash_of(const Choices& choices) {
  std::uint64_t h = 14695981039346656037u;  // FNV-1a
  for (Choice c : choices) h = (h ^ static_cast<std::uint64_t>(c)) * 1099511628211u;
  return h;
}

}  // namespace

Search::Search(const StepModel& model, const Machine& machine, Policy policy, std::uint64_t seed)
    : model_(model), scheduler_(model, machine), greedy_(model, machine, scheduler_, allowed_by(policy)), rotor_(model), seed_(seed), random_(seed),
      variations_(std::clamp(static_cast<int>(model.gaps.size()), least_variations, most_variations)) {
  if (policy != Policy::keep && !model.gaps.empty()) rank_prices();
}

/// Prices of the link at which a tenth more of the bytes, each time, is worth swapping.
void Search::rank_prices() {
  std::vector<std::pair<double, double>> ratios;
  double total = 0;
  for (std::size_t g = 0; g < model_.gaps.size(); ++g) {
    if (!greedy_.can_drop(g) || !greedy_.can_swap(g) || greedy_.copy_seconds(g) <= 0) continue;
    const double bytes = static_cast<double>(model_.gaps[g].bytes);
    ratios.emplace_back(std::max(0.0, greedy_.replay_seconds(g) - greedy_.delay_seconds(g)) / greedy_.copy_seconds(g), bytes);
    total += bytes;
  }
  if (ratios.empty()) {
    prices_ = {1};
    return;
  }
  std::sort(ratios.begin(), ratios.end());
  prices_ = {0};
  double sum = 0;
  for (const auto& [ratio, bytes] : ratios) {
    if (sum + bytes >= total * 0.1 * static_cast<double>(prices_.size()) && ratio > prices_.back() * 1.02) prices_.push_back(ratio * (1 - 1e-9));
    sum += bytes;
  }
  prices_.push_back(everything);
}

std::uint64_t Search::random() {  // splitmix64
  std::uint64_t z = random_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::uint64_t Search::most_work() const {
  constexpr std::uint64_t plays = 8;  // of a variation
  return plays * static_cast<std::uint64_t>(variations_) * (static_cast<std::uint64_t>(model_.launches) + 2 * model_.gaps.size());
}

Candidate Search::at(std::size_t cap, std::uint64_t work, double good_enough) {
  cap_ = cap;
  Candidate found;
  for (const bool patient : {true, false}) {
    // Where a single look takes long, each way to find something still has its part of the work.
    const std::uint64_t begin = this->work(), part = work / 2;
    reset(patient);
    end_ = begin + part * 2 / 5;
    if (!start(false)) continue;
    end_ = begin + part * 7 / 10;
    use_link();
    end_ = begin + part;
    refine(good_enough);
    if (best_.outcome.better_than(found.outcome)) found = std::move(best_);
    if (found.outcome.seconds <= good_enough) break;
  }
  return found;
}

Candidate Search::smallest(std::uint64_t work) {
  Candidate found;
  end_ = this->work() + work;
  std::size_t low = model_.floor, high = model_.keep_peak;
  const auto works = [&](std::size_t cap) {
    cap_ = cap;
    reset(false);
    if (!start(true)) return false;
    found = std::move(best_);
    high = std::min(cap, found.outcome.peak);
    return true;
  };
  if (!moves_anything() || works(low)) return found;
  while (high > low + std::max<std::size_t>(model_.keep_peak / 512, 1) && this->work() < end_) {
    const std::size_t middle = low + (high - low) / 2;
    if (!works(middle)) low = middle;
  }
  return found;
}

void Search::reset(bool patient) {
  best_ = {};
  best_inputs_.clear();
  tried_.clear();
  random_ = seed_ ^ cap_;
  scheduler_.set_patient(patient);
  scheduler_.simulator().set_limit(longest_replays * model_.seconds);
}

/// Greedy choices at all prices; quick: until one works.
bool Search::start(bool quick) {
  if (prices_.empty()) return false;
  price_ = prices_[prices_.size() / 2];
  greedy_.set_inputs_of_replays({});
  // The ends, the middle, then what lies between.
  const std::size_t last = prices_.size() - 1;
  std::vector<std::size_t> order{last, 0, last / 2};
  for (std::size_t step = std::max<std::size_t>(last / 4, 1); !quick && order.size() <= 3 * last; step = std::max<std::size_t>(step / 2, 1)) {
    for (std::size_t p = step; p < last; p += step) order.push_back(p);
    if (step == 1) break;
  }
  for (std::size_t p : order)
    if (fresh(prices_[p]) && quick) return true;
  checkpoint(quick);
  if (quick || !best_.outcome.feasible || prices_.size() == 1) return best_.outcome.feasible;
  // Between the best price and its neighbours.
  const auto at = std::find(prices_.begin(), prices_.end(), price_);
  const double best = price_, lower = at == prices_.begin() ? 0 : at[-1], upper = at + 1 == prices_.end() || at[1] == everything ? 4 * best : at[1];
  for (double part : {0.25, 0.5, 0.75}) {
    fresh(best - part * (best - lower));
    if (best < everything) fresh(best + part * (upper - best));
  }
  return true;
}

/// What the dynamic programme keeps and drops with more or less of the memory for it, and greedy choices around its checkpoints.
void Search::checkpoint(bool quick) {
  const double spare = rotor_.droppable_bytes() - static_cast<double>(model_.keep_peak - cap_);
  std::size_t last_inputs = 0;
  for (const double part : {1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.12, 0.05}) {
    if (tired()) break;
    const double bytes = part * (spare > 0 ? spare : rotor_.droppable_bytes() / 2);
    Rotor::Checkpoints found = rotor_.within(bytes);
    if (found.choices.empty()) break;
    for (std::size_t g = 0; g < found.choices.size(); ++g)
      if (found.choices[g] == Choice::drop && !greedy_.can_drop(g)) found.choices[g] = Choice::keep;
    const auto inputs = static_cast<std::size_t>(std::count(found.inputs.begin(), found.inputs.end(), true));
    if (inputs != last_inputs) {
      last_inputs = inputs;
      greedy_.set_inputs_of_replays(found.inputs);
      for (const double price : {price_, everything})
        if (fresh(price) && quick) return;
    }
    if (!greedy_.fill(found.choices, cap_, price_)) continue;
    if (consider(found.choices) && quick) return;
    greedy_.undo(found.choices, cap_, price_);
    consider(std::move(found.choices));
  }
  greedy_.set_inputs_of_replays(best_inputs_);
}

bool Search::fresh(double price) {
  if (tired()) return true;
  Choices choices(model_.gaps.size(), Choice::keep);
  if (!greedy_.fill(choices, cap_, price)) return false;
  bool better = consider(choices);
  greedy_.undo(choices, cap_, price);
  better |= consider(std::move(choices));
  if (better) price_ = price;
  return best_.outcome.feasible;
}

bool Search::consider(Choices choices) {
  if (!tried_.insert(hash_of(choices)).second || !scheduler_.tiers_have_room(choices)) return false;
  Outcome outcome = scheduler_.schedule(choices, cap_);
  if (!outcome.better_than(best_.outcome)) return false;
  best_ = {std::move(choices), std::move(outcome)};
  best_inputs_ = greedy_.inputs_of_replays();
  // With time to settle, the schedule of other choices replays less than at first.
  scheduler_.simulator().set_limit(3 * (best_.outcome.seconds - model_.seconds) + 0.3 * model_.seconds);
  return true;
}

/// Variations of the best so far, until that much work is done.
void Search::refine(double good_enough) {
  for (int i = 0; i < variations_ && !tired() && best_.outcome.seconds > good_enough; ++i) {
    Choices changed = best_.choices;
    if (random() % 2 ? free_some(changed) : exchange_moves(changed)) consider(std::move(changed));
  }
}

/// Swaps what is dropped, the dearest to replay and the longest away first, as long as the link can hide it.
void Search::use_link() {
  struct Drop {
    double dearness;
    std::size_t gap;
  };
  std::vector<Drop> drops;
  for (std::size_t g : moving())
    if (best_.choices[g] == Choice::drop && greedy_.can_swap(g)) drops.push_back({greedy_.replay_seconds(g) / static_cast<double>(model_.gaps[g].bytes), g});
  std::stable_sort(drops.begin(), drops.end(), [](const Drop& a, const Drop& b) { return a.dearness > b.dearness * (1 + 1e-9); });
  std::size_t block = 1;
  for (std::size_t i = 0; i < drops.size() && !tired();) {
    Choices changed = best_.choices;
    const std::size_t end = std::min(drops.size(), i + block);
    for (std::size_t n = i; n < end; ++n) changed[drops[n].gap] = Choice::swap;
    if (consider(std::move(changed))) {
      i = end;
      block *= 2;
    } else if (block > 1) {
      block /= 2;
    } else {
      ++i;
    }
  }
}

std::vector<std::size_t> Search::moving() const {
  std::vector<std::size_t> gaps;
  for (std::size_t g = 0; g < best_.choices.size(); ++g)
    if (best_.choices[g] != Choice::keep) gaps.push_back(g);
  return gaps;
}

/// Keeps some of what leaves, lets the greedy choice make up for it at another price, and undoes what is too much then.
bool Search::free_some(Choices& choices) {
  const std::vector<std::size_t> gaps = moving();
  if (gaps.empty()) return false;
  const std::size_t count = 1 + below(1 + gaps.size() / 6);
  const bool neighbours = random() % 2;  // gaps are in the order of storages, which is nearly that of the step
  const std::size_t first = below(gaps.size() - std::min(count, gaps.size()) + 1);
  for (std::size_t i = 0; i < std::min(count, gaps.size()); ++i) choices[neighbours ? gaps[first + i] : gaps[below(gaps.size())]] = Choice::keep;
  static constexpr double factors[] = {0.5, 0.8, 1, 1.25, 2};
  const double price = price_ * factors[below(std::size(factors))];
  if (!greedy_.fill(choices, cap_, price)) return false;
  greedy_.undo(choices, cap_, price);
  return true;
}

/// Swaps some of what is dropped, of a few the dearest to replay, or the other way round the cheapest.
bool Search::exchange_moves(Choices& choices) {
  const Choice from = random() % 3 ? Choice::drop : Choice::swap, to = from == Choice::drop ? Choice::swap : Choice::drop;
  std::vector<std::size_t> candidates;
  for (std::size_t g : moving())
    if (choices[g] == from && (to == Choice::swap ? greedy_.can_swap(g) : greedy_.can_drop(g))) candidates.push_back(g);
  if (candidates.empty()) return false;
  const auto dearness = [&](std::size_t g) { return greedy_.replay_seconds(g) / static_cast<double>(model_.gaps[g].bytes); };
  for (std::size_t n = 1 + below(3); n > 0; --n) {
    std::size_t chosen = candidates[below(candidates.size())];
    for (int i = 0; i < 2; ++i)
      if (const std::size_t other = candidates[below(candidates.size())]; to == Choice::swap ? dearness(other) > dearness(chosen) : dearness(other) < dearness(chosen)) chosen = other;
    choices[chosen] = to;
  }
  if (random() % 2) greedy_.undo(choices, cap_, price_);
  return true;
}

}  // namespace tasuki::memory::planner
