/* A folder of its own for each test program, small files in it, and what every reader must bear. */
#ifndef KVOX_TESTS_IO_FILES_H
#define KVOX_TESTS_IO_FILES_H

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failing_heap.h"
#include "io/io.h"

/* The internal macros of the same meaning are the library's; tests assert. */
#undef KVOX_REQUIRE

static char folder[256];
static kvox_context *context;

static inline int make_folder(void **state) {
  (void)state;
  const char *root = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/kvox-io-XXXXXX", root != NULL ? root : "/tmp");
  if (mkdtemp(folder) == NULL) {
    return -1;
  }
  return kvox_context_create(NULL, &context) == KVOX_OK ? 0 : -1;
}

/* Files in the folder; each is removed where `clear`. */
static inline int count_files(bool clear) {
  int count = 0;
  DIR *list = opendir(folder);
  assert_non_null(list);
  for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
    char path[600];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
      continue;
    }
    count++;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (clear && unlink(path) != 0) {
      rmdir(path);
    }
  }
  closedir(list);
  return count;
}

static inline int remove_folder(void **state) {
  (void)state;
  count_files(true);
  rmdir(folder);
  kvox_context_destroy(context);
  return 0;
}

/* The path of a name in the folder; one of four, in turn. */
static inline const char *at(const char *name) {
  static char paths[4][400];
  static int next = 0;
  next = (next + 1) % 4;
  snprintf(paths[next], sizeof paths[next], "%s/%s", folder, name);
  return paths[next];
}

static inline void put_file(const char *name, const void *bytes, size_t size) {
  FILE *file = fopen(at(name), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

/* The whole file; free it. */
static inline unsigned char *get_file(const char *name, size_t *size) {
  FILE *file = fopen(at(name), "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = malloc(*size + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  bytes[*size] = 0;
  fclose(file);
  return bytes;
}

static inline kvox_array array_of(void *data, kvox_type type, int32_t rank, const int64_t *shape) {
  kvox_array array;
  assert_ok(kvox_array_init(&array, data, type, rank, shape));
  return array;
}

/* Bytes that are all different in small arrays, and no NaN in any type. */
static inline void fill(void *data, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    ((unsigned char *)data)[i] = (unsigned char)((i * 37 + i / 7) % 113);
  }
}

/* Equal shape, type and elements, whatever the strides. */
static inline void assert_same_samples(const kvox_array *a, const kvox_array *b) {
  assert_non_null(a);
  assert_int_equal(a->type, b->type);
  assert_int_equal(a->rank, b->rank);
  int64_t index[KVOX_MAX_RANK] = {0};
  for (int32_t d = 0; d < a->rank; d++) {
    assert_int_equal(a->shape[d], b->shape[d]);
  }
  for (;;) {
    const char *of_a = a->data, *of_b = b->data;
    for (int32_t d = 0; d < a->rank; d++) {
      of_a += index[d] * a->strides[d];
      of_b += index[d] * b->strides[d];
    }
    assert_memory_equal(of_a, of_b, kvox_type_size(a->type));
    int32_t d = a->rank - 1;
    while (d >= 0 && ++index[d] == a->shape[d]) {
      index[d--] = 0;
    }
    if (d < 0) {
      return;
    }
  }
}

/* Loads bytes as a file in memory, once as each kind that the format is read as; gives all back. */
static inline kvox_status load_bytes(kvox_context *of, const kvox_io_format *format, const void *bytes, size_t size) {
  kvox_status status = KVOX_OK;
  kvox_io_file file = kvox_io_file_in_memory(of, "file", bytes, (int64_t)size);
  if ((format->reads & KVOX_IO_VOLUME) != 0) {
    kvox_volume *volume = NULL;
    status = kvox_io_load_volume(format, &file, &volume);
    kvox_volume_destroy(volume);
  }
  if (status == KVOX_OK && (format->reads & KVOX_IO_ARRAY) != 0) {
    kvox_io_array *array = NULL;
    file.position = 0;
    status = kvox_io_load_array(format, &file, &array);
    kvox_io_array_destroy(array);
  }
  if (status == KVOX_OK && (format->reads & KVOX_IO_SCAN) != 0) {
    kvox_io_scan *scan = NULL;
    file.position = 0;
    status = kvox_io_load_scan(format, &file, &scan);
    kvox_io_scan_destroy(scan);
  }
  return status;
}

/* Every shorter file fails with KVOX_ERROR_FORMAT and a sentence with its name, and gives its memory back. */
static inline void assert_truncation_fails(const kvox_io_format *format, const void *bytes, size_t size) {
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *counted = NULL;
  assert_ok(kvox_context_create(&options, &counted));
  const int64_t live = heap->live;
  assert_ok(load_bytes(counted, format, bytes, size));
  for (size_t length = 0; length < size; length++) {
    /* A copy of just that size, so that a sanitizer sees a read beyond it. */
    unsigned char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    const kvox_status status = load_bytes(counted, format, copy, length);
    if (status != KVOX_ERROR_FORMAT || strncmp(kvox_last_error(), "file: ", 6) != 0) {
      fail_msg("%zu of %zu bytes: %s (%s)", length, size, kvox_status_string(status), kvox_last_error());
    }
    assert_int_equal(heap->live, live);
    free(copy);
  }
  kvox_context_destroy(counted);
  failing_heap_destroy(heap);
}

/* Fails, and never asks for more than `most` bytes at once or together. */
static inline void assert_fails_small(const kvox_io_format *format, const void *bytes, size_t size, const char *words,
                                      int64_t most) {
  failing_heap *heap = failing_heap_create();
  const kvox_context_options options = failing_heap_options(heap);
  kvox_context *counted = NULL;
  assert_ok(kvox_context_create(&options, &counted));
  assert_fails(KVOX_ERROR_FORMAT, words, load_bytes(counted, format, bytes, size));
  assert_true(heap->most_bytes <= most);
  kvox_context_destroy(counted);
  failing_heap_destroy(heap);
}

/* Loads bytes with a context of these options: what failing_heap_try asks for. */
typedef struct load_scenario {
  const kvox_io_format *format;
  const void *bytes;
  size_t size;
} load_scenario;

static inline kvox_status load_with(const kvox_context_options *options, void *data) {
  const load_scenario *load = data;
  kvox_context *made = NULL;
  kvox_status status = kvox_context_create(options, &made);
  if (status == KVOX_OK) {
    status = load_bytes(made, load->format, load->bytes, load->size);
  }
  kvox_context_destroy(made);
  return status;
}

/* The path of real data, or NULL with a line that says why the test does nothing. */
static inline const char *real_data(const char *name) {
  static char path[600];
  const char *root = getenv("KVOX_DATA");
  if (root == NULL || root[0] == '\0') {
    printf("skipped: %s, because KVOX_DATA is not set\n", name);
    return NULL;
  }
  snprintf(path, sizeof path, "%s/%s", root, name);
  return path;
}

static const kvox_type all_types[] = {KVOX_U8,  KVOX_I8,  KVOX_U16, KVOX_I16, KVOX_U32,
                                      KVOX_I32, KVOX_F16, KVOX_F32, KVOX_F64, KVOX_C64};
enum { ALL_TYPES = sizeof all_types / sizeof all_types[0] };

#endif
