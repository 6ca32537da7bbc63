#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "tasuki/core/error.hpp"
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory {

namespace {

using nlohmann::ordered_json;

constexpr OwnerClass owners[] = {OwnerClass::activation, OwnerClass::parameter, OwnerClass::gradient, OwnerClass::optimizer,
                                 OwnerClass::buffer,     OwnerClass::input,     OwnerClass::temporary};
constexpr LaunchPhase phases[] = {LaunchPhase::forward, LaunchPhase::backward, LaunchPhase::replay};
constexpr Move moves[] = {Move::swap, Move::drop};
constexpr Tier tiers[] = {Tier::device, Tier::host, Tier::file};

const char* name_of(Move move) { return move == Move::swap ? "swap" : "drop"; }
const char* name_of(Tier tier) { return tier == Tier::device ? "device" : tier == Tier::host ? "host" : "file"; }

/// An object of a JSON text, with the way to it for errors.
class Reader {
 public:
  Reader(const ordered_json& value, std::string path) : value_(value), path_(std::move(path)) {
    if (!value_.is_object()) wrong(path_, "an object", value_);
  }

  std::string text(const char* key) const {
    const ordered_json& v = at(key);
    if (!v.is_string()) wrong(way_to(key), "a text", v);
    return v.get<std::string>();
  }
  bool flag(const char* key) const {
    const ordered_json& v = at(key);
    if (!v.is_boolean()) wrong(way_to(key), "true or false", v);
    return v.get<bool>();
  }
  double number(const char* key) const {
    const ordered_json& v = at(key);
    if (!v.is_number()) wrong(way_to(key), "a number", v);
    return v.get<double>();
  }
  template <class I>
  I integer(const char* key) const {
    return integer_of<I>(at(key), way_to(key));
  }
  template <class E, std::size_t n>
  E one_of(const char* key, const E (&known)[n]) const {
    const std::string name = text(key);
    std::string all;
    for (E e : known) {
      if (name == name_of(e)) return e;
      all += (all.empty() ? "" : ", ") + std::string(name_of(e));
    }
    TASUKI_THROW(ValueError, way_to(key), " is \"", name, "\"; there are ", all);
  }
  std::vector<int> integers(const char* key) const {
    std::vector<int> numbers;
    for_each(key, [&](const ordered_json& v, const std::string& path) { numbers.push_back(integer_of<int>(v, path)); });
    return numbers;
  }
  template <class F>
  void for_each(const char* key, F&& f) const {
    const ordered_json& v = at(key);
    if (!v.is_array()) wrong(way_to(key), "a list", v);
    for (std::size_t i = 0; i < v.size(); ++i) f(v[i], way_to(key) + "[" + std::to_string(i) + "]");
  }

 private:
  [[noreturn]] static void wrong(const std::string& path, const char* wanted, const ordered_json& found) {
    std::string text = found.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    if (text.size() > 40) text = text.substr(0, 37) + "...";
    TASUKI_THROW(ValueError, path, " must be ", wanted, ", not ", text);
  }
  std::string way_to(const char* key) const { return path_ + "." + key; }
  const ordered_json& at(const char* key) const {
    const auto it = value_.find(key);
    if (it == value_.end()) TASUKI_THROW(ValueError, path_, " has no \"", key, "\"");
    return *it;
  }
  template <class I>
  static I integer_of(const ordered_json& v, const std::string& path) {
    if (v.is_number_unsigned()) {
      const auto n = v.get<std::uint64_t>();
      if (n <= static_cast<std::uint64_t>(std::numeric_limits<I>::max())) return static_cast<I>(n);
    } else if (v.is_number_integer() && std::numeric_limits<I>::is_signed) {
      const auto n = v.get<std::int64_t>();
      if (n >= static_cast<std::int64_t>(std::numeric_limits<I>::min())) return static_cast<I>(n);
    }
    wrong(path, std::numeric_limits<I>::is_signed ? "an integer" : "an integer that is not negative", v);
  }

  const ordered_json& value_;
  std::string path_;
};

ordered_json parse(const std::string& text, const char* what, const char* format) {
  ordered_json value;
  try {
    value = ordered_json::parse(text);
  } catch (const ordered_json::exception& e) {
    TASUKI_THROW(ValueError, "not a ", what, " as JSON: ", e.what());
  }
  if (!value.is_object() || value.value("format", ordered_json()) != format) TASUKI_THROW(ValueError, "not a ", what, ": its \"format\" is not \"", format, "\"");
  return value;
}

std::string dump(const ordered_json& value) { return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace); }

constexpr const char* trace_format = "tasuki-trace-1";
constexpr const char* plan_format = "tasuki-plan-1";

}  // namespace

std::string to_json(const Trace& trace) {
  ordered_json json{{"format", trace_format}, {"device", trace.device}, {"base_bytes", trace.base_bytes}};
  ordered_json& storages = json["storages"] = ordered_json::array();
  for (const TraceStorage& s : trace.storages)
    storages.push_back({{"bytes", s.bytes}, {"owner", name_of(s.owner)}, {"at_start", s.at_start}, {"at_end", s.at_end}, {"released_after", s.released_after}, {"clean", s.clean}});
  ordered_json& launches = json["launches"] = ordered_json::array();
  for (const TraceLaunch& l : trace.launches)
    launches.push_back({{"op", l.op}, {"module", l.module}, {"phase", name_of(l.phase)}, {"seconds", l.seconds}, {"workspace", l.workspace},
                        {"reads", l.reads}, {"writes", l.writes}, {"flags", l.flags}, {"recorded", l.recorded}});
  return dump(json);
}

Trace trace_from_json(const std::string& text) {
  const ordered_json json = parse(text, "trace", trace_format);
  const Reader top(json, "trace");
  Trace trace;
  trace.device = top.text("device");
  trace.base_bytes = top.integer<std::size_t>("base_bytes");
  top.for_each("storages", [&](const ordered_json& v, const std::string& path) {
    const Reader r(v, path);
    trace.storages.push_back({r.integer<std::size_t>("bytes"), r.one_of("owner", owners), r.flag("at_start"), r.flag("at_end"), r.integer<int>("released_after"), r.flag("clean")});
  });
  top.for_each("launches", [&](const ordered_json& v, const std::string& path) {
    const Reader r(v, path);
    TraceLaunch l;
    l.op = r.text("op");
    l.module = r.text("module");
    l.phase = r.one_of("phase", phases);
    l.seconds = r.number("seconds");
    l.workspace = r.integer<std::size_t>("workspace");
    l.reads = r.integers("reads");
    l.writes = r.integers("writes");
    l.flags = r.integer<unsigned>("flags");
    l.recorded = r.flag("recorded");
    trace.launches.push_back(std::move(l));
  });
  return trace;
}

std::string to_json(const Plan& plan) {
  ordered_json json{{"format", plan_format},
                    {"feasible", plan.feasible},
                    {"blocked_launch", plan.blocked_launch},
                    {"smallest_budget", plan.smallest_budget},
                    {"budget_bytes", plan.budget_bytes},
                    {"peak_bytes", plan.peak_bytes},
                    {"seconds", plan.seconds},
                    {"keep_seconds", plan.keep_seconds},
                    {"exposed_seconds", plan.exposed_seconds},
                    {"replay_seconds", plan.replay_seconds},
                    {"bytes_out", plan.bytes_out},
                    {"bytes_in", plan.bytes_in},
                    {"bytes_dropped", plan.bytes_dropped},
                    {"planning_seconds", plan.planning_seconds}};
  ordered_json& decisions = json["decisions"] = ordered_json::array();
  for (const Decision& d : plan.decisions)
    decisions.push_back({{"storage", d.storage}, {"from", d.from}, {"to", d.to}, {"move", name_of(d.move)}, {"tier", name_of(d.tier)}, {"freed_before", d.freed_before}, {"issue_at", d.issue_at}});
  return dump(json);
}

Plan plan_from_json(const std::string& text) {
  const ordered_json json = parse(text, "plan", plan_format);
  const Reader top(json, "plan");
  Plan plan;
  plan.feasible = top.flag("feasible");
  plan.blocked_launch = top.integer<int>("blocked_launch");
  for (const auto& [key, field] : {std::pair<const char*, std::size_t Plan::*>{"smallest_budget", &Plan::smallest_budget}, {"budget_bytes", &Plan::budget_bytes},
                                   {"peak_bytes", &Plan::peak_bytes}, {"bytes_out", &Plan::bytes_out}, {"bytes_in", &Plan::bytes_in}, {"bytes_dropped", &Plan::bytes_dropped}})
    plan.*field = top.integer<std::size_t>(key);
  for (const auto& [key, field] : {std::pair<const char*, double Plan::*>{"seconds", &Plan::seconds}, {"keep_seconds", &Plan::keep_seconds}, {"exposed_seconds", &Plan::exposed_seconds},
                                   {"replay_seconds", &Plan::replay_seconds}, {"planning_seconds", &Plan::planning_seconds}})
    plan.*field = top.number(key);
  top.for_each("decisions", [&](const ordered_json& v, const std::string& path) {
    const Reader r(v, path);
    plan.decisions.push_back({r.integer<int>("storage"), r.integer<int>("from"), r.integer<int>("to"), r.one_of("move", moves), r.one_of("tier", tiers), r.integer<int>("freed_before"), r.integer<int>("issue_at")});
  });
  return plan;
}

}  // namespace tasuki::memory
