#pragma once
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/support/report.hpp"

/// Another framework in a process of its own, driven line by line over pipes, so that its runs interleave with ours.
namespace tasuki::benchmark {

/// The Python to run peers with: --python, else $TASUKI_PYTHON, else python3.
inline std::string python_from(int argc, char** argv) {
  const char* environment = std::getenv("TASUKI_PYTHON");
  return option(argc, argv, "python", environment ? environment : "python3");
}

class Peer {
 public:
  /// `environment`: NAME=value pairs to add.
  Peer(const std::string& program, const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {}) {
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return;
    process_ = fork();
    if (process_ == 0) {
      dup2(to[0], 0);
      dup2(from[1], 1);
      for (int fd : {to[0], to[1], from[0], from[1]}) close(fd);
      for (const std::string& pair : environment) putenv(const_cast<char*>(pair.c_str()));
      std::vector<char*> argv{const_cast<char*>(program.c_str())};
      for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
      argv.push_back(nullptr);
      execvp(argv[0], argv.data());
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    to_ = fdopen(to[1], "w");
    from_ = fdopen(from[0], "r");
  }
  ~Peer() {
    if (to_) std::fclose(to_);  // end of input: the peer leaves
    if (from_) std::fclose(from_);
    if (process_ > 0) waitpid(process_, nullptr, 0);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Sends a line and waits for one; "" when the peer has gone.
  std::string ask(const std::string& line) {
    if (!to_ || !from_ || std::fprintf(to_, "%s\n", line.c_str()) < 0 || std::fflush(to_) != 0) return {};
    return answer();
  }
  std::string answer() {
    std::string text;
    for (int c; from_ && (c = std::fgetc(from_)) != EOF && c != '\n';) text += static_cast<char>(c);
    return text;
  }

 private:
  int process_ = -1;
  std::FILE *to_ = nullptr, *from_ = nullptr;
};

/// The numbers of a line "1.5 2 3".
inline std::vector<double> numbers(const std::string& line) {
  std::vector<double> values;
  const char* p = line.c_str();
  for (char* end; *p; p = end) {
    const double v = std::strtod(p, &end);
    if (end == p) break;
    values.push_back(v);
  }
  return values;
}

}  // namespace tasuki::benchmark
