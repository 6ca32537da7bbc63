#include "src/dist/operation_log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "src/dist/signal_safe_text.hpp"
#include "tasuki/tasuki.hpp"
#include "tests/catch.hpp"

using tasuki::dist::OperationLog;
using tasuki::dist::SignalSafeText;

namespace {

/// What is written to a file descriptor.
template <class F>
std::string written(const F& write) {
  std::FILE* file = std::tmpfile();
  write(::fileno(file));
  std::string text(static_cast<std::size_t>(std::ftell((std::fseek(file, 0, SEEK_END), file))), '\0');
  std::rewind(file);
  CHECK(std::fread(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
  return text;
}

}  // namespace

TEST_CASE("the log has the last 256 operations, the step of each, and how far each came") {
  OperationLog log;
  CHECK(log.last().number == 0);
  CHECK(written([&](int file) { log.write(file); }).empty());
  CHECK(log.recent(8).empty());
  {
    const tasuki::Tensor p = tasuki::ones({1}).requires_grad_();
    tasuki::optim::SGD opt{{p}, {.lr = 0.1}};
    for (int step = 0; step < 300; ++step) {
      const auto number = log.issue("gradients", static_cast<std::uint64_t>(100 + step));
      CHECK(number == static_cast<std::uint64_t>(step + 1));
      if (step < 299) log.begin(number);
      if (step < 298) log.end(number);
      opt.step();
    }
  }
  const OperationLog::Entry last = log.last();
  CHECK(last.number == 300);
  CHECK(last.bytes == 399);
  CHECK(last.step == 299);
  CHECK(last.begun == 0);
  CHECK(log.recent(2) == "\n  299 gradients of 398 bytes\n  300 gradients of 399 bytes");
  const std::string text = written([&](int file) { log.write(file); });
  CHECK(std::count(text.begin(), text.end(), '\n') == 256);
  CHECK(text.find("operation 45  step 44  gradients  144 bytes  issued ") == 0);
  const std::string tail = text.substr(text.rfind("operation 299"));
  CHECK(tail.find("  begun ") < tail.find("operation 300"));
  CHECK(tail.find("  ended ") == std::string::npos);
}

TEST_CASE("text for signal handlers") {
  const auto text_of = [](auto&& fill) {
    SignalSafeText text;
    fill(text);
    return written([&](int file) { text.write(file); });
  };
  CHECK(text_of([](SignalSafeText& t) { t << "a " << std::uint64_t{0} << " " << ~std::uint64_t{0}; }) == "a 0 18446744073709551615");
  CHECK(text_of([](SignalSafeText& t) { t.seconds(0); }) == "0.000000");
  CHECK(text_of([](SignalSafeText& t) { t.seconds(12.000305); }) == "12.000305");
  CHECK(text_of([](SignalSafeText& t) { t.seconds(1.25); }) == "1.250000");
  CHECK(text_of([](SignalSafeText& t) { t << std::string(3000, 'x').c_str() << "more"; }) == std::string(1024, 'x'));
}
