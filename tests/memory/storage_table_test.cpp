#include "src/memory/storage_table.hpp"

#include <map>
#include <random>

#include "tests/catch.hpp"

using tasuki::Storage;
using tasuki::memory::StorageTable;

// Only addresses count; nothing is ever read there.
static const Storage* address(std::uintptr_t number) { return reinterpret_cast<const Storage*>(64 * (number + 1)); }

TEST_CASE("the table agrees with a map over random insertions and erasures") {
  std::mt19937 random(7);
  StorageTable table;
  std::map<const Storage*, std::uint64_t> model;
  std::uint64_t latest = 0;
  for (int i = 0; i < 100000; ++i) {
    const Storage* key = address(random() % 512);
    StorageTable::Entry* found = table.find(key);
    const auto known = model.find(key);
    REQUIRE((found != nullptr) == (known != model.end()));
    if (found) {
      REQUIRE(found->birth == known->second);
      if (random() % 2) {
        table.erase(*found);
        model.erase(known);
      }
    } else if (random() % 2) {
      const std::uint64_t birth = table.insert(key).birth;
      REQUIRE(birth > latest);
      latest = birth;
      model[key] = birth;
    }
    REQUIRE(table.size() == model.size());
  }
}

TEST_CASE("an empty table finds nothing, and a cleared one is empty") {
  StorageTable table;
  CHECK(table.find(address(1)) == nullptr);
  table.insert(address(1));
  const std::uint64_t birth = table.find(address(1))->birth;
  table.clear();
  CHECK(table.find(address(1)) == nullptr);
  CHECK(table.insert(address(1)).birth > birth);
}
