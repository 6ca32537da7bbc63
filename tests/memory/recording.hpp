#pragma once
#include <set>
#include <string>
#include <vector>

#include "src/memory/recorder.hpp"
#include "src/memory/residence.hpp"
#include "src/memory/signatures.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/runtime/residency.hpp"
#include "tasuki/runtime/runtime.hpp"

/// Feeds a StepRecorder and its Signatures with what the cpu really launches and releases, as the residency manager does, and moves
/// nothing.
class Recording final : public tasuki::ResidencyManager, public tasuki::LaunchListener {
 public:
  Recording() {
    runtime().set_manager(this);
    add_listener(*this);
    signatures.begin();
  }
  ~Recording() override {
    remove_listener(*this);
    runtime().set_manager(nullptr);
    for (tasuki::Storage* s : watched_) s->set_residence(nullptr);
  }
  static tasuki::DeviceRuntime& runtime() { return tasuki::runtime_of(tasuki::Device::cpu()); }

  tasuki::memory::StepRecorder recorder{runtime()};
  tasuki::memory::Signatures signatures;
  std::vector<std::uint64_t> hashes, ended_hashes;  ///< after each launch of the step under way, and of the last one
  std::string courses, ended_courses;               ///< what the signatures said: f(ollowed), c(hanged), l(ate), u(nknown)
  tasuki::memory::Signature* seen = nullptr;        ///< what the last step was
  double next_seconds = 1;                          ///< that launches seem to take

  tasuki::memory::Trace trace() const { return trace_of(recorder.ended(), tasuki::Device::cpu()); }
  void end() {
    recorder.step_end();
    ended_hashes = std::move(hashes);
    hashes.clear();
    ended_courses = std::move(courses);
    courses.clear();
    seen = signatures.end(recorder.ended(), tasuki::Device::cpu());
    signatures.begin();
  }

  void begin_launch() override {}
  void pin(tasuki::Storage& storage, bool) override {
    storage.hold();
    if (storage.bytes() < tasuki::memory::StepRecorder::labelled_bytes || !watched_.insert(&storage).second) return;
    storage.set_residence(&unmoved_);
  }
  void reserve(std::size_t) override {}
  void end_step() override { end(); }
  bool make_room(std::size_t) override { return false; }
  void released(tasuki::Storage& storage) noexcept override {
    watched_.erase(&storage);
    storage.set_residence(nullptr);
    recorder.released(storage);
  }
  void after_launch(const tasuki::LaunchRecord& record) override {
    const std::size_t before = recorder.launches();
    recorder.launch(record, next_seconds);
    if (recorder.launches() == before) return;
    hashes.push_back(recorder.hash());
    courses += "fclu"[static_cast<int>(signatures.advance(recorder.hash()))];
  }

 private:
  std::set<tasuki::Storage*> watched_;
  tasuki::memory::Residence unmoved_;  ///< of all of them
};

/// A trace as a text that can be compared by eye:
///
///     linear.forward* r 0 1 w 2            launches: op and phase, * where the tape can run it again, storages read and written
///     0: 32768 parameter start end clean   storages: bytes, owner, when they are there
///     2: 32768 activation after 7
inline std::string text_of(const tasuki::memory::Trace& trace) {
  std::string text;
  const auto list = [&](const char* name, const std::vector<int>& labels) {
    if (labels.empty()) return;
    text += name;
    for (const int label : labels) text += " " + std::to_string(label);
  };
  for (const tasuki::memory::TraceLaunch& l : trace.launches) {
    text += l.op + "." + name_of(l.phase) + (l.recorded ? "*" : "");
    list(" r", l.reads);
    list(" w", l.writes);
    text += "\n";
  }
  for (std::size_t i = 0; i < trace.storages.size(); ++i) {
    const tasuki::memory::TraceStorage& s = trace.storages[i];
    text += std::to_string(i) + ": " + std::to_string(s.bytes) + " " + tasuki::name_of(s.owner) + (s.at_start ? " start" : "");
    text += s.at_end ? " end" : " after " + std::to_string(s.released_after);
    text += s.clean ? " clean\n" : "\n";
  }
  return text;
}
