/* Between a process and the system's files: records changes of files in one folder, and makes one call fail.
 *
 * TRUST_FOLDER   the folder
 * TRUST_LOG      a file for the record: for each call a line `op path offset length`, and after `write` its bytes
 * TRUST_FAIL     the number of the call that fails, counted from 1; 0 or nothing for none
 * TRUST_ERRNO    its error; 0 for a write that is cut in the middle, and then for a full disk
 * TRUST_COUNT    a file for the number of calls
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int record = -1, fail_at, fail_errno, calls, is_full;
#define REAL(name) static __typeof__(name) *real_##name; if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
  folder = getenv("TRUST_FOLDER");
  const char *at = getenv("TRUST_FAIL"), *error = getenv("TRUST_ERRNO"), *log = getenv("TRUST_LOG");
  fail_at = at ? atoi(at) : 0;
  fail_errno = error ? atoi(error) : EIO;
  REAL(open);
  if (log) record = real_open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

__attribute__((destructor)) static void end(void) {
  const char *file = getenv("TRUST_COUNT");
  if (!file) return;
  FILE *out = fopen(file, "w");
  if (!out) return;
  fprintf(out, "%d", calls);
  fclose(out);
}

/* The path within the folder; null for any other file. The log's index isn't data. */
static const char *inside(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  if (!length || strncmp(path, folder, length) || (path[length] && path[length] != '/')) return NULL;
  const char *name = path[length] ? path + length + 1 : ".";
  size_t named = strlen(name);
  return named > 4 && !strcmp(name + named - 4, "-shm") ? NULL : name;
}

static const char *named(int fd, char *buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, PATH_MAX - 1);
  if (length < 0) return NULL;
  buffer[length] = 0;
  return inside(buffer);
}

static void note(const char *op, const char *name, off_t offset, const void *bytes, size_t length) {
  if (record < 0) return;
  char line[PATH_MAX + 80];
  int size = snprintf(line, sizeof line, "%s %s %lld %zu\n", op, name, (long long)offset, length);
  struct iovec parts[2] = {{line, size}, {(void *)bytes, bytes ? length : 0}};
  REAL(writev);
  if (real_writev(record, parts, 2) != size + (ssize_t)(bytes ? length : 0)) abort();
}

/* Whether this call fails. With the lock held. */
static int fails(const char *name, int grows) {
  if (!strcmp(name, "acknowledged")) return 0;
  calls++;
  if (is_full && grows) { errno = ENOSPC; return 1; }
  if (calls != fail_at) return 0;
  if (!fail_errno) { is_full = 1; errno = ENOSPC; return grows ? 2 : 0; }
  errno = fail_errno;
  return 1;
}

static ssize_t change(int fd, const void *bytes, size_t length, off_t at, int moves) {
  REAL(write);
  REAL(pwrite64);
  char path[PATH_MAX];
  const char *name = named(fd, path);
  if (!name) return moves ? real_write(fd, bytes, length) : real_pwrite64(fd, bytes, length, at);
  pthread_mutex_lock(&lock);
  off_t offset = at;
  if (moves) offset = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
  int failure = fails(name, 1);
  ssize_t written = -1;
  if (failure == 2) length /= 2;
  if (failure != 1 && length) {
    written = moves ? real_write(fd, bytes, length) : real_pwrite64(fd, bytes, length, at);
    if (written > 0) note("write", name, offset, bytes, written);
  }
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t write(int fd, const void *bytes, size_t length) { return change(fd, bytes, length, 0, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return change(fd, bytes, length, at, 0); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return change(fd, bytes, length, at, 0); }

static int cut(int fd, off_t length) {
  REAL(ftruncate64);
  char path[PATH_MAX];
  const char *name = named(fd, path);
  if (!name) return real_ftruncate64(fd, length);
  pthread_mutex_lock(&lock);
  int result = fails(name, 0) ? -1 : real_ftruncate64(fd, length);
  if (!result) note("cut", name, length, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

static int synced(int fd, int (*sync)(int)) {
  char path[PATH_MAX];
  const char *name = named(fd, path);
  if (!name) return sync(fd);
  pthread_mutex_lock(&lock);
  int result = fails(name, 0) ? -1 : sync(fd);
  if (!result) note("sync", name, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int fsync(int fd) { REAL(fsync); return synced(fd, real_fsync); }
int fdatasync(int fd) { REAL(fdatasync); return synced(fd, real_fdatasync); }

int unlink(const char *path) {
  REAL(unlink);
  const char *name = inside(path);
  if (!name) return real_unlink(path);
  pthread_mutex_lock(&lock);
  int result = fails(name, 0) ? -1 : real_unlink(path);
  if (!result) note("unlink", name, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

static ssize_t got(const char *name, ssize_t (*act)(int, void *, size_t), int fd, void *bytes, size_t length) {
  if (!name) return act(fd, bytes, length);
  pthread_mutex_lock(&lock);
  int failure = fails(name, 0);
  pthread_mutex_unlock(&lock);
  return failure ? -1 : act(fd, bytes, length);
}

ssize_t read(int fd, void *bytes, size_t length) {
  REAL(read);
  char path[PATH_MAX];
  return got(named(fd, path), real_read, fd, bytes, length);
}

static int opened(const char *path, int flags, mode_t mode) {
  REAL(open64);
  const char *name = inside(path);
  if (!name || !(flags & O_CREAT)) return real_open64(path, flags, mode);
  pthread_mutex_lock(&lock);
  int is_new = access(path, F_OK);
  int result = fails(name, 1) ? -1 : real_open64(path, flags, mode);
  if (result >= 0 && is_new) note("make", name, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return result;
}

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = va_arg(list, mode_t);
  va_end(list);
  return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = va_arg(list, mode_t);
  va_end(list);
  return opened(path, flags, mode);
}
