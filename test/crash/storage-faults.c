/*
 * Stands between a program and its disk (LD_PRELOAD), for the files below one folder: fails chosen calls, ends the program at chosen
 * calls, and keeps for each file how much of it was synced. It reads commands from, and reports results in, a control file that is
 * mapped by this program and read and written by the tests; storage-faults.ts has the same layout.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define RULES 8
#define FILES 8192
#define NAME 112
#define MATCH 32
#define DESCRIPTORS 65536

enum operation { OPERATION_CREATE = 1, OPERATION_WRITE = 2, OPERATION_SYNC = 4, OPERATION_RENAME = 8, OPERATION_UNLINK = 16 };
enum action { ACTION_FAIL = 1, ACTION_KILL_BEFORE = 2, ACTION_KILL_AFTER = 3, ACTION_FAIL_HALFWAY = 4, ACTION_KILL_HALFWAY = 5 };

struct rule {
  uint32_t armed;
  uint32_t operations;
  uint32_t action;
  int32_t error;
  /* Calls that pass before the first that is struck, and how many are struck then. */
  uint32_t skip;
  uint32_t times;
  uint32_t struck;
  uint32_t unused;
  /* Part of the file's name; empty is every file. */
  char match[MATCH];
};

struct file {
  /* 0 free, 1 there, 2 removed */
  uint32_t state;
  uint32_t unused;
  uint64_t written;
  uint64_t synced;
  /* Below the folder. */
  char name[NAME];
};

struct control {
  char magic[8];
  uint32_t file_count;
  uint32_t calls;
  struct rule rules[RULES];
  struct file files[FILES];
};

static struct control *control;
static char folder[PATH_MAX];
static size_t folder_length;
static int32_t file_of[DESCRIPTORS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void set_up(void) {
  const char *path = getenv("STORAGE_FAULTS_CONTROL");
  const char *below = getenv("STORAGE_FAULTS_FOLDER");
  for (int fd = 0; fd < DESCRIPTORS; fd += 1) file_of[fd] = -1;
  if (path == NULL || below == NULL) return;
  int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int fd = real_open(path, O_RDWR);
  if (fd < 0) return;
  void *memory = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  NEXT(close)(fd);
  if (memory == MAP_FAILED) return;
  snprintf(folder, sizeof folder, "%s/", below);
  folder_length = strlen(folder);
  control = memory;
}

/* The part of the path below the folder, or NULL. */
static const char *name_below(const char *path) {
  pthread_once(&once, set_up);
  if (control == NULL || path == NULL) return NULL;
  static __thread char whole[PATH_MAX * 2];
  if (path[0] != '/') {
    if (getcwd(whole, PATH_MAX) == NULL) return NULL;
    size_t length = strlen(whole);
    snprintf(whole + length, sizeof whole - length, "/%s", path);
    path = whole;
  }
  if (strncmp(path, folder, folder_length) != 0) return NULL;
  const char *name = path + folder_length;
  return strlen(name) < NAME ? name : NULL;
}

static int find_file(const char *name) {
  for (uint32_t index = 0; index < control->file_count; index += 1)
    if (control->files[index].state == 1 && strcmp(control->files[index].name, name) == 0) return (int)index;
  return -1;
}

static int add_file(const char *name) {
  int index = -1;
  /* A removed file may still be open: its place is taken only when there is no other. */
  if (control->file_count < FILES) index = (int)control->file_count++;
  for (uint32_t candidate = 0; candidate < FILES && index < 0; candidate += 1)
    if (control->files[candidate].state == 2) index = (int)candidate;
  if (index < 0) abort();
  struct file *file = &control->files[index];
  memset(file, 0, sizeof *file);
  strcpy(file->name, name);
  file->state = 1;
  return index;
}

/* What is to happen at this call. */
static struct rule *struck_by(uint32_t operation, const char *name) {
  struct rule *found = NULL;
  control->calls += 1;
  for (int index = 0; index < RULES && found == NULL; index += 1) {
    struct rule *rule = &control->rules[index];
    if (!rule->armed || (rule->operations & operation) == 0) continue;
    if (rule->match[0] != 0 && strstr(name, rule->match) == NULL) continue;
    if (rule->skip > 0) {
      rule->skip -= 1;
      continue;
    }
    if (rule->struck >= rule->times) continue;
    rule->struck += 1;
    found = rule;
  }
  return found;
}

static void end_here(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* 1 when the call is to fail with errno. */
static int before_call(struct rule *rule) {
  if (rule == NULL) return 0;
  if (rule->action == ACTION_KILL_BEFORE || rule->action == ACTION_KILL_HALFWAY) end_here();
  if (rule->action == ACTION_FAIL || rule->action == ACTION_FAIL_HALFWAY) {
    errno = rule->error;
    return 1;
  }
  return 0;
}

static void after_call(struct rule *rule) {
  if (rule != NULL && rule->action == ACTION_KILL_AFTER) end_here();
}

static int is_tracked(int fd) {
  pthread_once(&once, set_up);
  return control != NULL && fd >= 0 && fd < DESCRIPTORS && file_of[fd] >= 0;
}

static int open_tracked(const char *name, const char *path, int flags, mode_t mode, int (*call)(const char *, int, mode_t)) {
  int writes = (flags & O_ACCMODE) != O_RDONLY;
  pthread_mutex_lock(&lock);
  struct rule *rule = (flags & O_CREAT) != 0 && writes ? struck_by(OPERATION_CREATE, name) : NULL;
  if (before_call(rule)) {
    pthread_mutex_unlock(&lock);
    return -1;
  }
  int fd = call(path, flags, mode);
  if (fd >= 0 && fd < DESCRIPTORS && writes) {
    int index = find_file(name);
    struct stat now;
    if (index < 0) {
      index = add_file(name);
      /* It was there before anybody looked. */
      if (fstat(fd, &now) == 0) control->files[index].written = control->files[index].synced = (uint64_t)now.st_size;
    }
    if ((flags & O_TRUNC) != 0) control->files[index].written = control->files[index].synced = 0;
    file_of[fd] = index;
  } else if (fd >= 0 && fd < DESCRIPTORS) {
    file_of[fd] = -1;
  }
  after_call(rule);
  pthread_mutex_unlock(&lock);
  return fd;
}

static int plain_open(const char *path, int flags, mode_t mode) {
  return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open"))(path, flags, mode);
}

#define OPEN_BODY(path, flags)                                                   \
  mode_t mode = 0;                                                               \
  if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                  \
    va_list rest;                                                                \
    va_start(rest, flags);                                                       \
    mode = va_arg(rest, mode_t);                                                 \
    va_end(rest);                                                                \
  }                                                                              \
  const char *name = name_below(path);                                           \
  return name == NULL ? plain_open(path, (flags), mode) : open_tracked(name, path, (flags), mode, plain_open);

int open(const char *path, int flags, ...) { OPEN_BODY(path, flags) }
int open64(const char *path, int flags, ...) { OPEN_BODY(path, flags) }

int openat(int at, const char *path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  const char *name = at == AT_FDCWD || path[0] == '/' ? name_below(path) : NULL;
  if (name != NULL) return open_tracked(name, path, flags, mode, plain_open);
  return ((int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat"))(at, path, flags, mode);
}

int close(int fd) {
  if (is_tracked(fd)) file_of[fd] = -1;
  return NEXT(close)(fd);
}

/* A write that may be cut in the middle. */
#define WRITE_BODY(fd, whole, half)                                                        \
  if (!is_tracked(fd)) return whole;                                                       \
  pthread_mutex_lock(&lock);                                                               \
  struct file *file = &control->files[file_of[fd]];                                        \
  struct rule *rule = struck_by(OPERATION_WRITE, file->name);                              \
  ssize_t done = -1;                                                                       \
  if (rule != NULL && (rule->action == ACTION_FAIL_HALFWAY || rule->action == ACTION_KILL_HALFWAY)) { \
    done = half;                                                                           \
    if (done > 0) note_written(fd, file);                                                  \
    done = -1;                                                                             \
  }                                                                                        \
  if (!before_call(rule)) {                                                                \
    done = whole;                                                                          \
    if (done > 0) note_written(fd, file);                                                  \
  }                                                                                        \
  int saved = errno;                                                                       \
  after_call(rule);                                                                        \
  pthread_mutex_unlock(&lock);                                                             \
  errno = saved;                                                                           \
  return done;

/* Files of a log or a table only grow: their size is what was written. */
static void note_written(int fd, struct file *file) {
  struct stat now;
  if (fstat(fd, &now) == 0) file->written = (uint64_t)now.st_size;
}

ssize_t write(int fd, const void *data, size_t size) {
  WRITE_BODY(fd, NEXT(write)(fd, data, size), NEXT(write)(fd, data, size / 2))
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  WRITE_BODY(fd, NEXT(pwrite)(fd, data, size, at), NEXT(pwrite)(fd, data, size / 2, at))
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  WRITE_BODY(fd, NEXT(pwrite64)(fd, data, size, at), NEXT(pwrite64)(fd, data, size / 2, at))
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  WRITE_BODY(fd, NEXT(writev)(fd, parts, count), NEXT(write)(fd, parts[0].iov_base, parts[0].iov_len / 2))
}

static int sync_tracked(int fd, int (*call)(int)) {
  pthread_mutex_lock(&lock);
  struct file *file = &control->files[file_of[fd]];
  struct rule *rule = struck_by(OPERATION_SYNC, file->name);
  if (before_call(rule)) {
    pthread_mutex_unlock(&lock);
    return -1;
  }
  uint64_t written = file->written;
  pthread_mutex_unlock(&lock);
  int result = call(fd);
  int saved = errno;
  pthread_mutex_lock(&lock);
  if (result == 0 && written > file->synced) file->synced = written;
  after_call(rule);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

int fsync(int fd) { return is_tracked(fd) ? sync_tracked(fd, NEXT(fsync)) : NEXT(fsync)(fd); }
int fdatasync(int fd) { return is_tracked(fd) ? sync_tracked(fd, NEXT(fdatasync)) : NEXT(fdatasync)(fd); }

static int truncate_tracked(int fd, off64_t length) {
  int result = ((int (*)(int, off64_t))dlsym(RTLD_NEXT, "ftruncate64"))(fd, length);
  if (result == 0 && is_tracked(fd)) {
    struct file *file = &control->files[file_of[fd]];
    file->written = (uint64_t)length;
    if (file->synced > file->written) file->synced = file->written;
  }
  return result;
}
int ftruncate(int fd, off_t length) { return truncate_tracked(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncate_tracked(fd, length); }

int rename(const char *from, const char *to) {
  char from_name[NAME];
  const char *below = name_below(from);
  if (below == NULL) return NEXT(rename)(from, to);
  strcpy(from_name, below);
  const char *to_name = name_below(to);
  pthread_mutex_lock(&lock);
  struct rule *rule = struck_by(OPERATION_RENAME, to_name == NULL ? from_name : to_name);
  if (before_call(rule)) {
    pthread_mutex_unlock(&lock);
    return -1;
  }
  int result = NEXT(rename)(from, to);
  int saved = errno;
  if (result == 0) {
    int target = to_name == NULL ? -1 : find_file(to_name);
    if (target >= 0) control->files[target].state = 2;
    int source = find_file(from_name);
    if (source >= 0 && to_name != NULL) strcpy(control->files[source].name, to_name);
    else if (source >= 0) control->files[source].state = 2;
  }
  after_call(rule);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

static int unlink_tracked(const char *name, const char *path, int (*call)(const char *)) {
  pthread_mutex_lock(&lock);
  struct rule *rule = struck_by(OPERATION_UNLINK, name);
  if (before_call(rule)) {
    pthread_mutex_unlock(&lock);
    return -1;
  }
  int result = call(path);
  int saved = errno;
  int index = result == 0 ? find_file(name) : -1;
  if (index >= 0) control->files[index].state = 2;
  after_call(rule);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

int unlink(const char *path) {
  const char *name = name_below(path);
  return name == NULL ? NEXT(unlink)(path) : unlink_tracked(name, path, NEXT(unlink));
}
int remove(const char *path) {
  const char *name = name_below(path);
  return name == NULL ? NEXT(remove)(path) : unlink_tracked(name, path, NEXT(remove));
}

/*
 * LevelDB writes through streams of the C library, whose own calls nobody can stand between: such a stream is created again over a descriptor
 * that is known here.
 */
#define STREAMS 256
static struct stream {
  FILE *stream;
  int fd;
} streams[STREAMS];

static ssize_t stream_write(void *cookie, const char *data, size_t size) {
  struct stream *place = cookie;
  size_t done = 0;
  while (done < size) {
    ssize_t part = write(place->fd, data + done, size - done);
    if (part <= 0) break;
    done += (size_t)part;
  }
  return (ssize_t)done;
}

static int stream_close(void *cookie) {
  struct stream *place = cookie;
  int fd = place->fd;
  pthread_mutex_lock(&lock);
  place->stream = NULL;
  pthread_mutex_unlock(&lock);
  return close(fd);
}

static FILE *open_stream(const char *path, const char *mode, FILE *(*real)(const char *, const char *)) {
  const char *name = name_below(path);
  if (name == NULL || (mode[0] != 'w' && mode[0] != 'a')) return real(path, mode);
  int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (mode[0] == 'w' ? O_TRUNC : O_APPEND);
  int fd = open_tracked(name, path, flags, 0666, plain_open);
  if (fd < 0) return NULL;
  pthread_mutex_lock(&lock);
  struct stream *place = NULL;
  for (int index = 0; index < STREAMS && place == NULL; index += 1)
    if (streams[index].stream == NULL) place = &streams[index];
  if (place == NULL) abort();
  place->fd = fd;
  cookie_io_functions_t calls = {.write = stream_write, .close = stream_close};
  place->stream = fopencookie(place, mode, calls);
  FILE *stream = place->stream;
  pthread_mutex_unlock(&lock);
  return stream;
}

FILE *fopen(const char *path, const char *mode) { return open_stream(path, mode, NEXT(fopen)); }
FILE *fopen64(const char *path, const char *mode) { return open_stream(path, mode, NEXT(fopen64)); }

int fileno(FILE *stream) {
  for (int index = 0; index < STREAMS; index += 1)
    if (streams[index].stream == stream) return streams[index].fd;
  return NEXT(fileno)(stream);
}
