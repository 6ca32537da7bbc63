#pragma once
// How far an epoch is: a bar that redraws itself on a terminal, nothing in a log.
#include <unistd.h>

#include <cstdio>
#include <string>

namespace support {

class ProgressBar {
 public:
  ProgressBar(std::string title, long long total) : title_(std::move(title)), total_(total), shown_(isatty(STDOUT_FILENO) != 0) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;

  void update(long long done, double loss) {
    const int percent = static_cast<int>(100 * done / total_);
    if (!shown_ || percent == percent_) return;
    percent_ = percent;
    std::string bar(static_cast<std::size_t>(percent * columns / 100), '#');
    bar.resize(columns, '.');
    std::printf("\r%s  [%s] %3d %%  loss %.4f", title_.c_str(), bar.c_str(), percent, loss);
    std::fflush(stdout);
  }
  /// Leaves an empty line for what is printed next.
  void clear() {
    if (!shown_ || percent_ < 0) return;
    std::printf("\r\033[K");
    std::fflush(stdout);
    percent_ = -1;
  }

 private:
  static constexpr std::size_t columns = 30;
  std::string title_;
  long long total_;
  bool shown_;
  int percent_ = -1;
};

}  // namespace support
