#pragma once
#include <tasuki/tasuki.hpp>

#include <stdexcept>
#include <string>

/// Subjects of the program of this folder, each in a file of its own; run by all processes.
#define CHECK(condition) \
  if (!(condition)) throw std::runtime_error("failed: " #condition " (" __FILE__ ":" + std::to_string(__LINE__) + ")")

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const tasuki::Error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

void zero_equals_one_process(const tasuki::dist::World& world);
void batch_statistics(const tasuki::dist::World& world);
void spread_dropout(const tasuki::dist::World& world);
void compression(const tasuki::dist::World& world);
void shares(const tasuki::dist::World& world);
void collectives(const tasuki::dist::World& world);
void link_bytes(const tasuki::dist::World& world);
void damaged_checkpoints(const tasuki::dist::World& world);
void equality(const tasuki::dist::World& world);
void zero_memory(const tasuki::dist::World& world);
void zero_budget(const tasuki::dist::World& world);
void zero_checkpoint(const tasuki::dist::World& world);
void zero_checkpoint_memory(const tasuki::dist::World& world);
void zero_misuse(const tasuki::dist::World& world);
