#include <taskgrad/core/fail.h>
#include <taskgrad/toy/files.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

namespace taskgrad::toy {
namespace {

/// An open file or directory. Its steps return whether they worked; errno says why not.
class Descriptor {
 public:
  explicit Descriptor(const std::filesystem::path& path, int flags)
      : number_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool is_open() const { return number_ >= 0; }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(number_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// To the end of the file.
  bool read(std::string& bytes) {
    char block[1 << 16];
    while (true) {
      const ssize_t count = ::read(number_, block, sizeof block);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return count == 0;
      bytes.append(block, static_cast<std::size_t>(count));
    }
  }
  bool flush() { return ::fsync(number_) == 0; }
  bool close() {
    const int number = std::exchange(number_, -1);
    return number < 0 || ::close(number) == 0;
  }

 private:
  int number_;
};

bool write_flushed(const std::filesystem::path& path, std::string_view bytes) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_TRUNC);
  return file.is_open() && file.write(bytes) && file.flush() && file.close();
}

/// A rename is on the disk when its directory is.
void flush_directory(const std::filesystem::path& path) {
  Descriptor directory(path.has_parent_path() ? path.parent_path() : ".", O_RDONLY | O_DIRECTORY);
  if (directory.is_open()) directory.flush();  // not every file system can: the file is there
}

}  // namespace

void replace_file(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::path aside = path;
  aside += kAside;
  if (write_flushed(aside, bytes) && ::rename(aside.c_str(), path.c_str()) == 0) {
    return flush_directory(path);
  }
  const int error = errno;
  ::unlink(aside.c_str());
  fail<IoError>("{}: could not be written: {}", path.string(), std::strerror(error));
}

std::string read_file(const std::filesystem::path& path) {
  Descriptor file(path, O_RDONLY);
  std::string bytes;
  if (!file.is_open() || !file.read(bytes)) {
    fail<IoError>("{}: could not be read: {}", path.string(), std::strerror(errno));
  }
  return bytes;
}

DirectoryLock::DirectoryLock(const std::filesystem::path& directory)
    : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int error = errno;
  if (descriptor_ >= 0) ::close(descriptor_);
  if (error == EWOULDBLOCK) {
    fail<ConfigError>("{}: must not be in use: another program works there", directory.string());
  }
  fail<IoError>("{}: could not be locked: {}", directory.string(), std::strerror(error));
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

}  // namespace taskgrad::toy
