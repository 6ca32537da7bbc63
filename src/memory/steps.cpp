#include "src/memory/steps.hpp"

#include <algorithm>
#include <climits>
#include <mutex>

#include "src/core/clock.hpp"
#include "src/memory/link_measurement.hpp"
#include "src/memory/manager.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/runtime/threads.hpp"

namespace tasuki::memory {

// ---- plans by launch

Schedule::Schedule(const Plan& plan, std::size_t launches) : points_(launches) {
  for (const Decision& d : plan.decisions) {
    const bool comes_back = static_cast<std::size_t>(d.issue_at) < launches;
    if (d.move == Move::swap) {
      points_[d.from].depart.push_back({d.storage, d.tier});
      points_[d.freed_before].free.push_back(d.storage);
      if (comes_back) points_[d.issue_at].arrive.push_back(d.storage);
    } else {
      points_[d.from].drop.push_back({d.storage, d.issue_at});
      if (comes_back) points_[d.issue_at].remake.push_back(d.storage);
    }
  }
  // Labels follow the order of first use, and so of the writers: what comes first is made again first.
  for (Point& p : points_) std::sort(p.remake.begin(), p.remake.end());
}

// ---- following

namespace {

/// Whether what copies compute is beside the kernels' work.
bool has_idle_core() { return num_threads() < static_cast<int>(std::thread::hardware_concurrency()); }

/// The links of the device to its lower tiers; measured once for a device and a file.
Machine machine_of(Manager& manager) {
  const BudgetOptions& options = manager.options();
  Machine m;
  m.name = "this machine";
  if (options.policy == Policy::keep || options.policy == Policy::recompute) return m;  // nothing is copied
  static std::mutex mutex;
  static std::map<std::string, Machine> known;
  const std::lock_guard lock(mutex);
  // What may not be used is not measured.
  const std::string key = manager.runtime().device().to_string() + (options.host_bytes ? " " : " no host ") + (options.file_bytes ? "" : "no file ") + options.file;
  auto it = known.find(key);
  if (it == known.end()) it = known.emplace(key, measure_machine(manager.runtime(), manager.tiers())).first;
  m = it->second;
  if (has_idle_core()) m.delay_per_byte = 0;
  if (options.host_bytes != automatic_bytes) m.host_bytes = std::min(m.host_bytes, options.host_bytes);
  if (options.file_bytes != automatic_bytes) m.file_bytes = std::min(m.file_bytes, options.file_bytes);
  return m;
}

/// Of steps that do the same by the same plan.
std::uint64_t kind_of(const Signature& s) { return s.id ^ (s.decisions.empty() ? 0 : s.decisions.back() * 0x9e3779b97f4a7c15u); }

}  // namespace

Steps::Steps(Manager& manager)
    : manager_(manager), thread_(std::this_thread::get_id()), machine_(machine_of(manager)), recorder_(manager.runtime()) {
  signatures_.begin();
  measured_ = manager.tiers().stats();
}

Residence* Steps::resolve(int label) const {
  const auto index = static_cast<std::size_t>(label);
  const auto& now = recorder_.current().storages;
  // What this step has not used yet is what the last step of this kind had under the label.
  const StorageHandle* handle = nullptr;
  if (index < now.size()) handle = &now[index].handle;
  else if (const Signature* s = signatures_.active(); s && index < s->storages.size()) handle = &s->storages[index];
  Storage* storage = handle ? recorder_.storage(*handle) : nullptr;
  return storage ? manager_.residence_of(*storage) : nullptr;
}

void Steps::choose_schedule() {
  schedule_ = nullptr;
  const Signature* s = signatures_.active();
  if (!s || !s->plan || !s->plan->feasible) return;
  if (schedules_.size() >= most_schedules) schedules_.clear();  // most are of steps that were forgotten
  const auto [it, fresh] = schedules_.try_emplace(s->id);
  if (fresh) it->second = Schedule(*s->plan, s->trace.launches.size());
  schedule_ = &it->second;
  planned_ = s;
  was_planned_ = true;
  due_.resize(s->trace.storages.size(), INT_MAX);
}

void Steps::begin_launch() {
  if (!is_ours()) return;
  // What ran without gradients ahead of a training step, such as an evaluation, was a step of its own.
  if (without_gradients_ && recorder_.launches() > 0 && grad_enabled()) manager_.end_step();
  if (recorder_.launches() == 0) step_began_ = now();
  if (!schedule_) return;
  finish_launch();
  const Schedule::Point* p = schedule_->at(recorder_.launches());
  if (!p) return;
  for (int label : p->free)
    if (Residence* r = resolve(label)) manager_.finish_departure(*r);
  for (int label : p->arrive) {
    Residence* r = resolve(label);
    if (r && manager_.has_room(r->bytes)) manager_.start_arrival(*r);
  }
  for (int label : p->remake) {
    Residence* r = resolve(label);
    if (r && r->storage->residency() == Residency::dropped) manager_.remake(*r);
  }
}

void Steps::launched(const LaunchRecord& record, double seconds) {
  if (!is_ours() || record.phase == LaunchPhase::replay) return;
  recorder_.launch(record, seconds, manager_.away_bytes(), manager_.kept_bytes());
  without_gradients_ = without_gradients_ && record.phase == LaunchPhase::forward && !grad_enabled();
  switch (signatures_.advance(recorder_.hash())) {
    case Signatures::Course::followed: break;
    case Signatures::Course::changed: choose_schedule(); break;
    case Signatures::Course::late:
    case Signatures::Course::unknown:
      schedule_ = nullptr;
      was_planned_ = false;
      break;
  }
}

/// What the plan asks for after the latest launch. It is done when the next one begins, because what the program lets go in between
/// is no source for replays.
void Steps::finish_launch() {
  const std::size_t launches = recorder_.launches();
  if (!schedule_ || launches == finished_) return;
  finished_ = launches;
  const Schedule::Point* p = launches ? schedule_->at(launches - 1) : nullptr;
  if (!p) return;
  for (const auto& [label, tier] : p->depart)
    if (Residence* r = resolve(label)) manager_.depart(*r, tier);
  for (const auto& [label, due] : p->drop)
    if (Residence* r = resolve(label); r && manager_.drop(*r)) due_[label] = due;
}

void Steps::released(const Storage& storage) noexcept { recorder_.released(storage); }

bool Steps::wants_back(const Residence& r) const {
  if (!schedule_) return true;
  const int label = recorder_.label_of(*r.storage);
  return label < 0 || static_cast<std::size_t>(label) >= due_.size() || due_[label] <= static_cast<int>(recorder_.launches());
}

// ---- between steps

void Steps::end_step() {
  if (!is_ours()) return;
  finish_launch();
  finished_ = 0;
  ++counts_.steps;
  counts_.planned += was_planned_;
  recorder_.step_end(manager_.away_bytes_beyond(recorder_));
  Signature* signature = signatures_.end(recorder_.ended(), manager_.runtime().device());
  const std::uint64_t forced = manager_.moves().forced - forced_before_;
  // A planned step that had to evict took more than its trace says: plan below the budget from now on. But not the first one under a
  // plan, which begins with what other steps have left.
  const bool follows = signature && was_planned_ && schedule_;
  const bool short_of_room = follows && followed_ == signature->id && forced > 0;
  followed_.reset();
  if (follows) followed_ = signature->id;
  const std::uint64_t ended = follows ? kind_of(*signature) : 0;
  if (short_of_room && counts_.margin_bytes < manager_.options().bytes / 8)
    counts_.margin_bytes += std::max<std::size_t>(manager_.options().bytes / 64, StorageList::listed_bytes);
  if (signature && (signature->needs_plan() || short_of_room) && signature->has_trace()) {
    Watched& watched = watch(*signature);
    watched.feedback = PlanFeedback();
    watched.plans_for_places = 0;
    Plan plan = find_plan(*signature, manager_.options().policy, watched.margin_bytes);
    if (!plan.feasible && watched.margin_bytes > 0) {
      watched.margin_bytes = 0;
      plan = find_plan(*signature, manager_.options().policy);
    }
    follow(*signature, watched, std::move(plan));
  } else if (follows && forced == 0 && !manager_.runtime().is_asynchronous() && !make_places(*signature)) {
    heed(*signature);
  }
  lacking_bytes_ = 0;
  signatures_.begin();
  was_planned_ = false;
  without_gradients_ = true;
  due_.clear();
  choose_schedule();
  manager_.runtime().next_step(ended, schedule_ ? kind_of(*signatures_.active()) : 0);
  forced_before_ = manager_.moves().forced;
  before_ = {0, manager_.moves().replay_seconds, manager_.moves().waited_seconds};
}

/// Blocks that have no places cost more in each step than what a plan for a little less memory moves.
bool Steps::make_places(Signature& signature) {
  constexpr int most_plans = 4;
  constexpr double dear = 1.1;  // what another plan may take: blocks without places cost about as much
  if (lacking_bytes_ == 0) return false;
  Watched& watched = watch(signature);
  // Another plan has other places, which may fit a little worse.
  const std::size_t margin = watched.margin_bytes + lacking_bytes_ + lacking_bytes_ / 4 + manager_.options().bytes / 128;
  if (watched.plans_for_places >= most_plans || margin > manager_.options().bytes / 4) return false;
  ++watched.plans_for_places;
  Plan other = find_plan(signature, policy_to_try(watched.feedback.tried()), margin);
  if (!other.feasible || other.seconds > dear * signature.plan->seconds) return false;
  watched.margin_bytes = margin;
  watched.feedback.begin_again();
  follow(signature, watched, std::move(other));
  return true;
}

/// What the step took, held against its plan.
void Steps::heed(Signature& signature) {
  const Policy policy = manager_.options().policy;
  if (policy != Policy::automatic && policy != Policy::swap) return;  // without links there is nothing that it could have got wrong
  PlanFeedback::Step step{0, manager_.moves().replay_seconds - before_.replay_seconds, manager_.moves().waited_seconds - before_.waited_seconds};
  for (const RecordedStep::Launch& l : recorder_.ended().launches) step.launch_seconds += l.seconds;
  step.wall_seconds = now() - step_began_;
  step.pace = signature.pace(recorder_.ended());
  Watched& watched = watch(signature);
  if (++watched.steps <= PlanFeedback::first_steps) return;
  PlanFeedback& feedback = watched.feedback;
  PlanFeedback::Advice advice = feedback.add(step, *signature.plan);
  for (; advice == PlanFeedback::Advice::try_another; advice = feedback.skip()) {
    calibrate();
    Plan other = find_plan(signature, policy_to_try(feedback.tried()), watched.margin_bytes);
    if (!other.feasible || other.seconds >= feedback.best_seconds() || other.decisions == signature.plan->decisions) continue;
    watched.plans_for_places = 0;
    return follow(signature, watched, std::move(other));
  }
  if (advice == PlanFeedback::Advice::go_back) follow(signature, watched, feedback.best());
}

Steps::Watched& Steps::watch(const Signature& signature) {
  if (feedback_.size() >= most_schedules) feedback_.clear();
  return feedback_[signature.id];
}

void Steps::follow(Signature& signature, Watched& watched, Plan plan) {
  set_plan(signature, std::move(plan));
  watched.steps = 0;
}

/// A mix first, with the links as they are known by then; what kernels and transfers take from each other no link tells, so that one
/// kind of move alone may do better than the best of mixes on paper.
Policy Steps::policy_to_try(int plan) const {
  const Policy chosen = manager_.options().policy;
  if (chosen != Policy::automatic || plan <= 2) return chosen;
  return plan == 3 ? Policy::recompute : Policy::swap;
}

/// Takes the links for what they have been since they were last measured. Whatever slowed the transfers down is in that, the other
/// direction included.
void Steps::calibrate() {
  const TierStats now = manager_.tiers().stats();
  constexpr std::uint64_t enough = std::uint64_t{4} << 20;
  const std::uint64_t out = now.file_out_bytes - measured_.file_out_bytes, in = now.file_in_bytes - measured_.file_in_bytes;
  if (out >= enough) machine_.out.bytes_per_s = static_cast<double>(out) / (now.file_out_seconds - measured_.file_out_seconds);
  if (in >= enough) machine_.in.bytes_per_s = static_cast<double>(in) / (now.file_in_seconds - measured_.file_in_seconds);
  machine_.duplex = 1;
  if (out + in >= enough && machine_.delay_per_byte > 0) machine_.delay_per_byte = compute_per_byte(measured_, now);
  measured_ = now;
}

Plan Steps::find_plan(const Signature& signature, Policy policy, std::size_t margin_bytes) {
  const BudgetOptions& options = manager_.options();
  Plan found = planner_(signature.trace, machine_, {.budget_bytes = options.bytes - counts_.margin_bytes - margin_bytes, .policy = policy, .seed = options.seed});
  ++counts_.plans;
  counts_.planning_seconds += found.planning_seconds;
  return found;
}

void Steps::set_plan(Signature& signature, Plan plan) {
  if (plan.feasible) manager_.tiers().prepare(Tier::host, plan.bytes_out);  // so that no step has to wait for the system's memory
  schedule_ = nullptr;
  followed_.reset();
  schedules_.erase(signature.id);
  signatures_.set_plan(signature, std::move(plan));
}

}  // namespace tasuki::memory
