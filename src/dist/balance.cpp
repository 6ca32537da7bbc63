#include "tasuki/dist/balance.hpp"

#include <cstdio>

#include "src/core/clock.hpp"

namespace tasuki::dist {

namespace {

struct Share {
  double samples, bytes, seconds;
};

}  // namespace

double jain_index(const std::vector<double>& x) {
  double sum = 0, squares = 0;
  for (const double v : x) {
    sum += v;
    squares += v * v;
  }
  return squares > 0 ? sum * sum / (static_cast<double>(x.size()) * squares) : 1;
}

std::string BalanceReport::to_string() const {
  char text[160];
  std::snprintf(text, sizeof text, "balance over %zu processes (Jain's index): samples %.4f, bytes %.4f, seconds %.4f", samples.size(), jain_index(samples),
                jain_index(bytes), jain_index(seconds));
  return text;
}

std::vector<double> BalanceReport::speeds() const {
  std::vector<double> speeds;
  double sum = 0, known = 0;
  for (std::size_t r = 0; r < samples.size(); ++r) {
    speeds.push_back(samples[r] > 0 && seconds[r] > 0 ? samples[r] / seconds[r] : 0);
    sum += speeds.back();
    known += speeds.back() > 0;
  }
  for (double& s : speeds)
    if (s == 0) s = known > 0 ? sum / known : 1;
  return speeds;
}

Balance::Balance(const World& world) : world_(world) { begin(); }

void Balance::begin() {
  samples_ = bytes_ = 0;
  started_ = now();
  waited_ = world_.waited_seconds();
}

void Balance::count(const data::Batch& batch) {
  samples_ += static_cast<double>(batch.x.size(0));
  bytes_ += static_cast<double>(batch.x.nbytes() + (batch.t.defined() ? batch.t.nbytes() : 0));
}

BalanceReport Balance::end_epoch() {
  const Share mine{samples_, bytes_, now() - started_ - (world_.waited_seconds() - waited_)};
  std::vector<Share> all(static_cast<std::size_t>(world_.size()));
  world_.post("balance", sizeof mine, [&](Communicator& c) { c.all_gather(&mine, sizeof mine, all.data()); }).wait();
  BalanceReport report;
  for (const Share& share : all) {
    report.samples.push_back(share.samples);
    report.bytes.push_back(share.bytes);
    report.seconds.push_back(share.seconds);
  }
  begin();
  return report;
}

}  // namespace tasuki::dist
