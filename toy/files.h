// Whole files: read at once, and replaced so that a reader finds the old or the new one.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace taskgrad::toy {

/// What names the file aside that replace_file() writes first: one left behind is worth nothing.
inline constexpr std::string_view kAside = ".tmp";

/// Writes to a file aside, flushes it to the disk and renames it: at every moment, also when the
/// program is killed or the disk is full, `path` has all of its old bytes or all of the new.
/// Throws IoError naming the path; the old file then stays.
void replace_file(const std::filesystem::path& path, std::string_view bytes);

/// Throws IoError naming the path.
std::string read_file(const std::filesystem::path& path);

/// While it lives, no other program or object locks the directory; a program that is killed locks
/// it no more.
class DirectoryLock {
 public:
  /// Throws ConfigError naming the directory when it is locked, IoError when it cannot be.
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace taskgrad::toy
