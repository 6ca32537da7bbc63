#pragma once
// Catch2 under one name: version 2 (Debian 12) is a single header, version 3 (Debian 13) is a library.
// Either way `Approx` is in scope and `Catch::Contains` looks for a part of a text, as version 2 names it.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
namespace Catch {
inline auto Contains(const std::string& text) { return Matchers::ContainsSubstring(text); }
}  // namespace Catch
#else
#include <catch2/catch.hpp>
#endif
