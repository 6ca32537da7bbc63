#pragma once

namespace tasuki::data {

/// The part of the data that one of several processes reads.
struct Shard {
  int rank = 0;
  int size = 1;
};

}  // namespace tasuki::data
