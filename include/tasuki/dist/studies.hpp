#pragma once
#include <cstdint>

/// For tests and studies: a job whose link is slower than what really carries its bytes, or one in which something goes wrong. Called
/// after init, by all processes, with nothing under way; both may be called, and stay until the process ends.
namespace tasuki::dist {

struct EmulatedLink {
  double seconds = 0;              ///< latency of a message (alpha)
  double bytes_per_second = 0;     ///< of each process' link, each way (1 / beta); 0: no limit
  /// Makes a single process the first of so many, of which the others contribute nothing. 0: as many as there are.
  int processes = 0;
};
/// Every operation takes at least what the alpha-beta model says: on P processes 2 (P - 1) (alpha + n beta / P) for an all-reduce of n bytes
/// (a ring), half of that for reduce_scatter and for a gathering of n bytes in all, ceil(log2 P) alpha + n beta for a broadcast, alpha + n
/// beta for a message. The communication thread sleeps meanwhile, as it would while a network card works. Called again, it changes the link.
void emulate_link(const EmulatedLink& link);

struct Fault {
  enum class Kind : std::uint8_t {
    drop,   ///< the operation never comes to an end, on this process
    delay,  ///< it begins late
    die     ///< the process ends without a word
  };
  Kind kind = Kind::drop;
  int rank = 0;                ///< whom it befalls
  std::int64_t operation = 1;  ///< counted from the call on, from 1
  double seconds = 0;          ///< of delay
};
void inject_fault(const Fault& fault);

}  // namespace tasuki::dist
